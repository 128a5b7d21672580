"""The script's types, which stand in its comments, as TypeScript checks them."""

import shutil
import subprocess
from pathlib import Path

import pytest


def test_typescript_finds_nothing_wrong(tmp_path):
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are missing")
    fetch = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tmp_path), "typescript@5.9"]
    try:
        subprocess.run(fetch, check=True, capture_output=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("npm cannot fetch typescript")
    compiler = tmp_path / "node_modules" / "typescript" / "bin" / "tsc"
    found = subprocess.run([node, compiler, "-p", Path(__file__).with_name("tsconfig.json")], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
