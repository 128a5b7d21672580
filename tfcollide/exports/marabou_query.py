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
from typing import Any, NamedTuple

__all__ = ["QueryAnswer", "main", "ways"]

Atom = tuple[str, str, str]
_INSIDE = 1e-4  # of the outputs

_ATOM = re.compile(r"\((>=|<=) (\S+) ([^\s)]+)\)")


class QueryAnswer(NamedTuple):
    """What came of a query.

    Attributes:
        verdict: "unsat", "sat", "timeout", or what else is answered.
        inputs: of "sat", else None.
        scale: the largest output there.
    """

    verdict: str
    inputs: "list[float] | None" = None
    scale: float = 0.0


def ways(text: str) -> tuple[list[list[Atom]], list[Atom]]:
    """The disjuncts of a property that `exports.vnnlib` wrote, and the bounds of its inputs: atoms (operator, left, right)."""
    lines = text.splitlines()
    bounds = [atom for line in lines if line.startswith("(assert (") and "or" not in line for atom in _ATOM.findall(line)]
    return [_ATOM.findall(line) for line in lines if line.startswith("    (and ")], bounds


def main() -> int:
    """Asks about each way until one is possible or time is up."""
    warnings.simplefilter("ignore")  # about formats that are not read here
    network, property_, seconds = sys.argv[1], Path(sys.argv[2]).read_text(), float(sys.argv[3])
    began, asked, found = time.monotonic(), 0, QueryAnswer("unsat")
    disjuncts, bounds = ways(property_)
    for atoms in disjuncts:
        left = int(seconds - (time.monotonic() - began))
        found, asked = (_solve(network, bounds, atoms, left), asked + 1) if left > 0 else (QueryAnswer("timeout"), asked)
        if found.verdict == "sat" and (left := int(seconds - (time.monotonic() - began))) > 0:
            # What is found lies where the two are equal. Further inside, if that can be, float32 sees it as well.
            inside = _solve(network, bounds, atoms, left, _INSIDE * found.scale)
            found = inside if inside.verdict == "sat" else found
        if found.verdict != "unsat":
            break
    inputs = {} if found.inputs is None else {"inputs": found.inputs}
    print(json.dumps({"verdict": found.verdict, **inputs, "asked": asked, "seconds": time.monotonic() - began}))
    return 0


def _solve(network: str, bounds: list[Atom], atoms: list[Atom], seconds: int, slack: float = 0.0) -> QueryAnswer:
    """Whether one way is possible, by a network that is read anew, so that nothing is left of the query before.

    Args:
        network: a file, ONNX.
        bounds: of the inputs.
        atoms: that are to hold, the first of them, which says who is misread, with `slack` to spare.
        seconds: that it may take.
        slack: see there.
    """
    from maraboupy import Marabou

    read = Marabou.read_onnx(network)
    inputs, outputs = ([int(v) for v in tensors[0].flatten()] for tensors in (read.inputVars, read.outputVars))
    variables = {f"{letter}_{i}": v for letter, group in (("X", inputs), ("Y", outputs)) for i, v in enumerate(group)}
    for atom in [*bounds, *atoms]:
        _demand(read, variables, atom, slack if atom is atoms[0] else 0.0)
    options = Marabou.createOptions(timeoutInSeconds=seconds, verbosity=0)
    verdict, values, _ = read.solve(verbose=False, options=options)
    if verdict != "sat":
        return QueryAnswer(verdict.lower())
    return QueryAnswer("sat", [values[v] for v in inputs], max(abs(values[v]) for v in outputs))


def _demand(read: Any, variables: dict[str, int], atom: Atom, slack: float) -> None:
    """One atom: a bound of a variable, or an order of two."""
    operator, left, right = atom
    above = operator == ">="
    if right not in variables:
        set_bound = read.setLowerBound if above else read.setUpperBound
        set_bound(variables[left], float(right) + (slack if above else -slack))
        return
    sign = -1.0 if above else 1.0
    read.addInequality([variables[left], variables[right]], [sign, -sign], -slack)


if __name__ == "__main__":
    sys.exit(main())
