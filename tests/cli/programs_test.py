"""One list of programs: `cli.PROGRAMS`, `bin/`, the installed commands, the linter and the reference agree."""

import re
import tomllib

from tfcollide import cli

from .programs import ROOT


def test_every_program_is_a_function():
    assert set(cli.PROGRAMS) == set(cli.__all__) - {"main", "PROGRAMS"}


def test_bin_holds_one_script_each_all_alike():
    scripts = {path.name: path.read_text() for path in (ROOT / "bin").iterdir() if path.is_file()}
    assert scripts.pop("check_proof") == (ROOT / "tfcollide" / "polytope" / "proof" / "check_proof.py").read_text()
    assert set(scripts) == set(cli.PROGRAMS)
    bodies = {re.sub(r'""".*?"""', "", text, count=1).replace(f"cli.{name}()", "cli.NAME()") for name, text in scripts.items()}
    assert len(bodies) == 1
    assert all(f"`bin/{name} --help`" in text for name, text in scripts.items())


def test_the_installed_commands_are_those():
    entry = re.findall(r'"([\w-]+)=tfcollide\.cli:(\w+)"', (ROOT / "setup.py").read_text())
    assert {function: command for command, function in entry} == cli.PROGRAMS


def test_the_linter_reads_them():
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["extend-include"]
    assert set(included) == {f"bin/{name}" for name in cli.PROGRAMS}


def test_the_reference_lists_them():
    table = re.findall(r"`([\w-]+)` \| `(collide[\w-]*)`", (ROOT / "docs" / "reference" / "programs.md").read_text())
    assert dict(table) == cli.PROGRAMS
