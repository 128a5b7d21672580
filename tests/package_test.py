"""The wheel and the source archive: what they hold, and that the installed commands work away from a checkout.

`make package-check` does the same with a true installation and runs a search.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.limits import HANG_SECONDS
from tfcollide import __version__
from tfcollide.cli import PROGRAMS

ROOT = Path(__file__).resolve().parents[1]
NEEDED = (
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "MANIFEST.in",
    "CHANGELOG.md",
    "CITATION.cff",
    "bin/check_proof",
)
DATA = {"py.typed", "recipes/flagfiles/mnist.flags", "report/explore/assets/page.html"}


def run(*words, cwd, code=0):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([*map(str, words)], cwd=cwd, env=env, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert done.returncode == code, done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The wheel and the source archive, made from a copy, so that nothing is left in the checkout."""
    place = tmp_path_factory.mktemp("package")
    copy = place / "copy"
    shutil.copytree(ROOT / "tfcollide", copy / "tfcollide", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    run(sys.executable, "setup.py", "-q", "sdist", "-d", place, "bdist_wheel", "-d", place, cwd=copy)
    return next(place.glob("*.whl")), next(place.glob("*.tar.gz"))


def test_both_hold_every_module_and_file_of_data(made):
    wheel, source = made
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "tfcollide").rglob("*.py")}
    wanted = modules | {f"tfcollide/{name}" for name in DATA}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "tfcollide" / "recipes" / "flagfiles").iterdir()}
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert wanted <= inside and any(name.endswith("LICENSE") for name in inside)
    assert {name.split("/")[0] for name in inside} == {
        "tfcollide",
        *(f"tfcollide-{__version__}.{of}" for of in ("data", "dist-info")),
    }
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert wanted | set(NEEDED) <= names


def test_the_installed_commands_work_away_from_a_checkout(made, tmp_path):
    """In an environment that borrows the packages of this one, but for tfcollide itself."""
    place = tmp_path / "env"
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=tmp_path)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    install = (
        "-m",
        "pip",
        "--python",
        place / "bin" / "python",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
    )
    run(sys.executable, *install, made[0], cwd=tmp_path)
    assert {path.name for path in (place / "bin").glob("collide*")} == set(PROGRAMS.values())
    assert "PROOF.npz" in run(place / "bin" / "check_proof", "--help", cwd=tmp_path).stdout
    where = run(place / "bin" / "python", "-c", "import tfcollide; print(tfcollide.__file__)", cwd=tmp_path).stdout
    assert Path(where.strip()).is_relative_to(packages)
    assert run(place / "bin" / "collide", "--version", cwd=tmp_path).stdout == f"tfcollide {__version__}\n"
    assert "--recipe=mnist_exact" in run(place / "bin" / "collide", "--recipe=help", cwd=tmp_path).stdout
    refused = run(place / "bin" / "collide-audit", "--recipe=mnist", "--out=x", cwd=tmp_path, code=2).stderr
    assert refused.startswith("error: ") and len(refused.splitlines()) == 1


def test_the_interpreters_named_are_those_of_the_classifiers():
    text = (ROOT / "setup.py").read_text()
    assert all(f'"Programming Language :: Python :: 3.{minor}"' in text for minor in (11, 12, 13))
