"""What README and the pages say can be typed: programs, flags, recipes, targets of make and scripts that exist."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from tfcollide.cli import PROGRAMS
from tfcollide.recipes.by_name import recipe_names
from tfcollide.settings import flags_of

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "BUILD.md")] + sorted((ROOT / "docs").rglob("*.md"))
SETTINGS = runpy.run_path(str(ROOT / "docs" / "flag_tables.py"))["SETTINGS"]
COMMANDS = {command: name for name, command in PROGRAMS.items()} | {f"bin/{name}": name for name in PROGRAMS}
EVERYWHERE = {"flagfile", "recipe", "out", "overwrite", "help", "helpfull", "helpshort", "version", "completion"}
# Of pip, TensorFlow Serving, Beam, verifiers and benchmarks.
OTHERS = {"config", "onnx_path", "vnnlib_path", "inplace", "no-ff", "data_dir", "steps", "sizes", "mixtures"}
OTHERS |= {
    "nondeterministic",
    "tf32",
    "options",
    "environments",
    "fuzz",
    "swaps",
    "name",
    "noname",
    "only",
    "proofs",
    "read",
    "record",
    "runs",
    "no_cache",
    "spacings",
    "turns",
}


def flags(program):
    """Every flag of a program, switches with their "no" too."""
    own = flags_of(SETTINGS[program])
    old = {one.old for one in getattr(SETTINGS[program], "OLD_SPELLINGS", ())}
    return EVERYWHERE | old | {one.name for one in own} | {f"no{one.name}" for one in own if one.kind is bool}


def blocks(text):
    """What stands in blocks of a page, fenced or indented, but for Python."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = re.findall(r"(?:^ {4,}\S.*\n?)+", outside, re.MULTILINE)
    return [block for kind, block in fenced if kind != "python"] + indented


def command_lines(text):
    """The words of each command of this project in the blocks of a page: the program's name, then the rest."""
    for line in re.sub(r"\\\n\s*", " ", "\n".join(blocks(text))).splitlines():
        words = line.split("#")[0].split(" | ")[0]
        try:
            found = shlex.split(words)
        except ValueError:  # prose with an apostrophe
            continue
        while found and (found[0].endswith("python") or re.match(r"[A-Z_]+=", found[0])):
            found = found[1:]
        if found:
            yield found


def all_lines():
    return [(page.name, *words) for page in PAGES for words in command_lines(page.read_text())]


def test_the_pages_are_full_of_commands():
    lines = all_lines()
    assert sum(line[1] in COMMANDS for line in lines) > 40
    assert {"collide", "collide-audit", "collide-index-patches", "bin/collide"} <= {line[1] for line in lines}


@pytest.mark.parametrize("line", [line for line in all_lines() if line[1] in COMMANDS], ids=" ".join)
def test_every_flag_of_a_command_exists(line):
    known = flags(COMMANDS[line[1]])
    for word in line[2:]:
        if word.startswith(">") or (word.isupper() and not word.startswith("-")):
            continue
        name, _, value = word.removeprefix("--").partition("=")
        assert word.startswith("--") and name in known, f"{word} of {line[1]}"
        if name == "recipe":
            assert value in {*recipe_names(), "help", "NAME"}


def test_every_flag_in_the_text_exists():
    known = set().union(*map(flags, SETTINGS)) | OTHERS
    for page in PAGES:
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))
        named = {name for span in spans for name in re.findall(r"(?:^|\s|\()--([a-z][\w-]*)", span)}
        assert named <= known, f"{page.name}: {sorted(named - known)}"


def test_targets_of_make_and_scripts_exist():
    made = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        asked = re.findall(r"`make ([\w-]+)`", text) + [line[1] for line in command_lines(text) if line[0] == "make"]
        assert set(asked) <= made, page.name
        for path in re.findall(r"\b((?:benchmarks|examples|docs)/[\w/-]+\.(?:py|sh|ipynb))\b", text):
            assert (ROOT / path).exists(), f"{page.name}: {path}"
