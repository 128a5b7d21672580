#!/usr/bin/env python3
"""Writes examples/tutorial.ipynb, the tutorial as a notebook without output (`make notebook`)."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, NOTEBOOK = ROOT / "docs" / "tutorial.md", ROOT / "examples" / "tutorial.ipynb"
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def main() -> None:
    """Writes it."""
    NOTEBOOK.write_text(notebook(PAGE.read_text()))
    print(NOTEBOOK)


def notebook(page: str) -> str:
    """A page in Markdown as a notebook: its Python becomes code cells, all else stays text."""
    parts = re.split(r"^```python\n(.*?)^```\n", page, flags=re.DOTALL | re.MULTILINE)
    cells = [_cell(n, text.strip("\n"), is_code=n % 2 == 1) for n, text in enumerate(parts) if text.strip()]
    content = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, text: str, *, is_code: bool) -> dict[str, Any]:
    text = text if is_code else re.sub(r"\]\((?!http)([^)]+)\)", r"](../docs/\1)", text)
    cell = {"id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return {"cell_type": "code", "execution_count": None, "outputs": []} | cell if is_code else {"cell_type": "markdown"} | cell


if __name__ == "__main__":
    main()
