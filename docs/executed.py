"""Runs the pages that are notebooks as the site is built, and shows what each of their cells gives.

MkDocs calls `on_page_markdown` for every page. All notebooks run in one kernel, so that TensorFlow starts once.
"""

import base64
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

sys.path.insert(0, str(Path(__file__).parent))
from notebook import PAGES, parts

_ANSWER = "This page answers: "


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page, with outputs where it is a notebook."""
    name = page.file.src_uri
    return executed(name) if name in PAGES else markdown


def executed(page: str) -> str:
    """A notebook's page in Markdown, with outputs, and a sentence on where the notebook is."""
    cells = _run_all()[page]
    text, resources = MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    for name, data in resources["outputs"].items():
        text = text.replace(f"({name})", f"(data:image/png;base64,{base64.b64encode(data).decode()})")
    lines = text.split("\n")
    after = next(n for n, line in enumerate(lines) if line.startswith(_ANSWER) and not lines[n + 1]) + 1
    where = f"This is `examples/{PAGES[page]}` of a checkout; it was run as this site was built."
    return "\n".join([*lines[:after], "", where, *lines[after:]])


@functools.cache
def _run_all() -> dict[str, list[Any]]:
    """The cells of every page, run one page after the other."""
    new = {True: nbformat.v4.new_code_cell, False: nbformat.v4.new_markdown_cell}
    docs = Path(__file__).parent
    cells = {page: [new[is_code](text) for is_code, text in parts((docs / page).read_text(encoding="utf-8"))] for page in PAGES}
    together = nbformat.v4.new_notebook(cells=[cell for page in cells.values() for cell in page])
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(together, timeout=900, resources={"metadata": {"path": folder}}).execute(stderr=subprocess.DEVNULL)
    for cell in together.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if not _is_log(one)]
    left = iter(together.cells)
    return {page: [next(left) for _ in own] for page, own in cells.items()}


def _is_log(output: Any) -> bool:
    """What TensorFlow logs, which in a notebook goes to standard output as well."""
    return output.get("name") == "stderr" or output.get("text", "").startswith("WARNING:tensorflow")
