#!/usr/bin/env python3
"""Writes the notebooks of examples/ from pages of docs/, without output (`make notebooks`)."""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "tutorial.md": "tutorial.ipynb",
    "notebooks/own-cnn.md": "own_cnn.ipynb",
    "notebooks/exact-polytopes.md": "exact_polytopes.ipynb",
    "notebooks/two-audits.md": "two_audits.ipynb",
}
"""A page in docs/ -> its notebook in examples/."""
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def main() -> None:
    """Writes all of them."""
    for page, name in PAGES.items():
        text = json.dumps(notebook(page), indent=1, ensure_ascii=False) + "\n"
        (ROOT / "examples" / name).write_text(text, encoding="utf-8")
        print(f"examples/{name}")


def notebook(page: str) -> dict[str, Any]:
    """A page as a notebook: its Python becomes code cells, all else stays text, with links as seen from examples/."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    cells = [_code(n, part) if is_code else _text(n, part, page) for n, (is_code, part) in enumerate(parts(text))]
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def parts(markdown: str) -> list[tuple[bool, str]]:
    """A page cut at its Python: whether each part is Python, and its text."""
    texts = re.split(r"^```python\n(.*?)^```\n", markdown, flags=re.DOTALL | re.MULTILINE)
    return [(n % 2 == 1, text.strip("\n")) for n, text in enumerate(texts) if text.strip()]


def _code(number: int, text: str) -> dict[str, Any]:
    head = {"cell_type": "code", "execution_count": None, "outputs": []}
    return head | {"id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}


def _text(number: int, text: str, page: str) -> dict[str, Any]:
    folder = posixpath.dirname(f"../docs/{page}")
    linked = re.sub(r"\]\((?!http|#)([^)]+)\)", lambda m: f"]({posixpath.normpath(posixpath.join(folder, m[1]))})", text)
    return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": linked.splitlines(keepends=True)}


if __name__ == "__main__":
    main()
