"""A stand-in for a Python with Marabou, shared by tests: it gives the answer that it is told to give."""

import json


def fake_marabou(folder, *lines, **answer):
    """A path for --marabou_python; `lines` are printed before the answer."""
    path = folder / "python-with-marabou"
    said = "\n".join([*lines, json.dumps({"verdict": "unsat", "asked": 9, "seconds": 1.5} | answer)])
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -c ] && exit 0\ncat <<'END'\n{said}\nEND\n")
    path.chmod(0o755)
    return path
