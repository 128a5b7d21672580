"""Imports run one way, and public names are listed."""

import ast
import collections
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tfcollide"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text())


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of it."""
    return tuple(ast.walk(tree(path)))


@pytest.fixture(scope="module", autouse=True)
def forgotten():
    """Half a million nodes are none that the garbage collector should walk in later tests."""
    yield
    nodes.cache_clear()
    tree.cache_clear()


def test_imports_run_one_way():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_only_the_command_line_reads_flags():
    readers = [name for name, path in MODULES.items() if re.search(r"\bfrom absl import .*\bflags\b", path.read_text())]
    assert readers and all(name.startswith("tfcollide.cli.") for name in readers)


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_listed_and_exist(name):
    body = tree(MODULES[name]).body
    listed = [
        ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    defined = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    public = {n for n in defined if not n.startswith("_")}
    assert public <= set(listed[0]) if listed else not public, f"{name} defines public names that __all__ lacks"


def test_no_assert_on_user_input():
    for name, path in MODULES.items():
        assert not any(isinstance(node, ast.Assert) for node in nodes(path)), name


def test_what_checks_gives_nothing_back():
    """A function named check_* raises or does not; the program `check_served` gives its exit code."""
    for name, path in MODULES.items():
        functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]
        checks = [node for node in functions if re.match("_?check_", node.name) and "check_served" not in node.name]
        assert all(isinstance(node.returns, ast.Constant) and node.returns.value is None for node in checks), name


def test_no_two_files_have_one_name():
    """But the settings and the work of a program, which are `config.py` and `run.py` in each folder of `recipes`."""
    names = collections.Counter(path.name for path in MODULES.values())
    twice = {name for name, count in names.items() if count > 1} - {"__init__.py"}
    assert {path.name for path in MODULES.values() if path.name in twice and "recipes" not in path.parts} == set()
    assert twice <= {"config.py", "run.py"}


def test_no_file_has_the_name_of_a_folder():
    """But a variant, whose file has the name that its flag takes, and what the package itself is."""
    folders = {path.parent.name for path in MODULES.values() if path.parent != PACKAGE}
    files = {path.stem: path for path in MODULES.values() if path.name != "__init__.py"}
    assert {name for name in folders & set(files) if "VARIANT" not in files[name].read_text()} == set()


def test_no_two_classes_have_one_name():
    classes = collections.Counter(
        node.name
        for path in MODULES.values()
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in classes.items() if count > 1} == set()


def names_in(path: Path) -> set[str]:
    """What a module defines or imports, wherever in it."""
    found = set()
    for node in nodes(path):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def test_what_is_imported_exists():
    """In benchmarks, examples and late imports as well, which run rarely."""
    defined = {name: names_in(path) for name, path in MODULES.items()}
    lost = []
    for path in [
        *MODULES.values(),
        *(p for folder in ("benchmarks", "examples", "docs") for p in (ROOT / folder).rglob("*.py")),
    ]:
        for node in nodes(path):
            if (
                isinstance(node, ast.ImportFrom)
                and (node.module or "").split(".")[0] == "tfcollide"
                and node.module != "tfcollide"
            ):
                known = defined.get(node.module, set())
                named = [alias.name for alias in node.names]
                lost += [(path.name, node.module, n) for n in named if n not in known and f"{node.module}.{n}" not in MODULES]
    assert lost == []


BRITISH = r"colour|behaviour|neighbour|favour|\bcentre|grey|labelled|licence|judgement|artefact|catalogue|misspelt|modelling"
BRITISH += (
    "|(?:optim|minim|maxim|normal|recogn|initial|serial|summar|quant|organ|general|random|vector|standard)is(?:e|ing|ation)"
)


def test_spelling_is_american():
    texts = [*PACKAGE.rglob("*.py"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.py"), ROOT / "README.md"]
    found = {(path.name, word) for path in texts for word in re.findall(BRITISH, path.read_text(), re.IGNORECASE)}
    assert not found


def test_runs_are_read_by_their_records_alone():
    paths = [path for path in [*MODULES.values(), *(ROOT / "benchmarks").glob("*.py")] if path.name != "from_json.py"]
    texts = {path.name: path.read_text() for path in paths}
    assert not [name for name, text in texts.items() if "json.loads" in text and '"summary.json"' in text]


def test_few_parameters_can_be_anything():
    functions = [
        node for path in MODULES.values() for node in nodes(path) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    parameters = [
        argument
        for node in functions
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
        if argument is not None and argument.annotation is not None
    ]
    anything = [one for one in parameters if "Any" in {getattr(node, "id", "") for node in ast.walk(one.annotation)}]
    assert len(anything) < 40
