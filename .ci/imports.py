"""Checks that every module that the project imports comes from the environment of the interpreter that runs this."""

import ast
import importlib.util
import pathlib
import sys

# Benchmarks and tests that need one of these say so, and how to install it, where it is missing.
APART = {"apache_beam", "auto_LiRPA", "dask", "distributed", "maraboupy", "playwright", "torch"}
OURS = {"_typeshed", "tests", "tfcollide"}

root, prefix = pathlib.Path(__file__).resolve().parents[1], pathlib.Path(sys.prefix).resolve()
files = [path for folder in ("tfcollide", "tests", "benchmarks") for path in (root / folder).rglob("*.py")]
names = {
    (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
    for path in files
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
    for alias in node.names
}
beside = {path.stem for path in (root / "benchmarks").glob("*.py")}
for name in sorted(names - beside - set(sys.stdlib_module_names) - APART - OURS):
    spec = importlib.util.find_spec(name)
    places = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or [])]
    if not any(prefix in pathlib.Path(place).resolve().parents for place in places):
        sys.exit(f"error: {name} is imported, but setup.py does not install it")
