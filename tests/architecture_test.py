"""Imports run one way, as the table in BUILD.md has it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tfcollide"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def read_floors() -> dict[str, float]:
    floors = {}
    for floor, modules in re.findall(r"^\| (\d+\.\d+) \| (.+) \|$", (ROOT / "BUILD.md").read_text(), re.MULTILINE):
        for name in re.findall(r"`([\w.]+)`", modules):
            full = name if name == "tfcollide" else f"tfcollide.{name}"
            assert full not in floors, f"{full} stands twice in BUILD.md"
            floors[full] = float(floor)
    return floors


FLOORS = read_floors()


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
    return {name for name in found if name.split(".")[0] == "tfcollide"}


def test_the_table_names_every_module_and_no_other():
    assert set(FLOORS) == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports_come_from_lower_floors(name):
    for other in imported(MODULES[name]):
        assert FLOORS[other] < FLOORS[name], f"{name} imports {other}, which is not below it"


def test_the_rule_would_notice_a_sibling(tmp_path):
    path = tmp_path / "sibling.py"
    path.write_text("from tfcollide.objectives import match\nimport tfcollide.cli\n")
    assert imported(path) == {"tfcollide.objectives.match", "tfcollide.cli"}
    assert not all(FLOORS[other] < FLOORS["tfcollide.objectives.corners"] for other in imported(path))


def test_only_the_command_line_reads_flags():
    readers = [name for name, path in MODULES.items() if re.search(r"\bfrom absl import .*\bflags\b", path.read_text())]
    assert readers == ["tfcollide.cli"]


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_listed_and_exist(name):
    tree = ast.parse(MODULES[name].read_text())
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    public = {n for n in defined if not n.startswith("_")}
    assert public <= set(listed[0]) if listed else not public, f"{name} defines public names that __all__ lacks"


def test_no_assert_on_user_input():
    for name, path in MODULES.items():
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text()))), name
