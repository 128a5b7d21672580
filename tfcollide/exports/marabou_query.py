"""Runs in an environment of Marabou's own: answers the claim in `mixture.onnx` and `mixture.vnnlib`, one JSON line at the end.

    python marabou_query.py mixture.onnx mixture.vnnlib SECONDS

Each way in which a mixture could be misread is asked about by itself. Nothing of tfcollide is imported, as
it cannot be installed beside Marabou.
"""

import json
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

__all__ = ["main", "ways"]

_ATOM = re.compile(r"\((>=|<=) (\S+) ([^\s)]+)\)")


def ways(text: str) -> tuple[list[list[tuple[str, str, str]]], list[tuple[str, str, str]]]:
    """The disjuncts of a property that `exports.vnnlib` wrote, and the bounds of its inputs: atoms (operator, left, right)."""
    lines = text.splitlines()
    bounds = [atom for line in lines if line.startswith("(assert (") and "or" not in line for atom in _ATOM.findall(line)]
    return [_ATOM.findall(line) for line in lines if line.startswith("    (and ")], bounds


def main() -> int:
    """Asks about each way until one is possible or time is up."""
    warnings.simplefilter("ignore")  # about formats that are not read here
    from maraboupy import Marabou

    network, property_, seconds = sys.argv[1], Path(sys.argv[2]).read_text(), float(sys.argv[3])
    began, asked = time.monotonic(), 0
    found: dict[str, Any] = {"verdict": "unsat"}
    disjuncts, bounds = ways(property_)
    for atoms in disjuncts:
        left = int(seconds - (time.monotonic() - began))
        if left < 1:
            found["verdict"] = "timeout"
            break
        read = Marabou.read_onnx(network)  # anew, so that nothing is left of the query before
        inputs, outputs = ([int(v) for v in tensors[0].flatten()] for tensors in (read.inputVars, read.outputVars))
        variables = {f"{letter}_{i}": v for letter, group in (("X", inputs), ("Y", outputs)) for i, v in enumerate(group)}
        for atom in [*bounds, *atoms]:
            _demand(read, variables, atom)
        options = Marabou.createOptions(timeoutInSeconds=left, verbosity=0)
        verdict, values, _ = read.solve(verbose=False, options=options)
        asked += 1
        if verdict != "unsat":
            found["verdict"] = verdict.lower()
            if verdict == "sat":
                found["inputs"] = [values[v] for v in inputs]
            break
    print(json.dumps({**found, "asked": asked, "seconds": time.monotonic() - began}))
    return 0


def _demand(read: Any, variables: dict[str, int], atom: tuple[str, str, str]) -> None:
    """One atom: a bound of a variable, or an order of two."""
    operator, left, right = atom
    if right not in variables:
        set_bound = read.setLowerBound if operator == ">=" else read.setUpperBound
        set_bound(variables[left], float(right))
        return
    sign = -1.0 if operator == ">=" else 1.0
    read.addInequality([variables[left], variables[right]], [sign, -sign], 0.0)


if __name__ == "__main__":
    sys.exit(main())
