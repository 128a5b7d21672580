"""The hull as a network of its own, for an independent verifier: ONNX, and the property as VNN-LIB.

The simplex is encoded by N - 1 free weights: X_i = w_i for i < N - 1, each in
[0, 1], and w_{N-1} = 1 - sum_i X_i in the network's first map, whose matrix is the
identity over a row of -1. A second map mixes the corners; the classifier's own
follow. The last weight travels beside them to the end as one more unit. Raised by
N - 1 it is at least 1 wherever the X_i are, so that no ReLU changes it, and the
last map takes that off again:

    X [1, N-1] -> w [1, N] -> image, w_{N-1} + N - 1 [1, D+1] -> Gemm, Relu, ... -> Y [1, L+1] = logits, w_{N-1}

All are Gemm, Relu, Conv and MaxPool with float32 constants as they are saved, one after the other:
a chain without branches, the least that a verifier can be asked to read. `mixture_graph` builds it.

The property states the negation, as in VNN-COMP: some other logit is at least the
target's, or, of labels, some logit is not on the target's side of zero; and Y_L >= 0.
The latter says that the weights sum to one at most. It is not said of X, since
readers of both versions of VNN-LIB know boxes of inputs only (vnnlib 0.0.1 takes the
sum for bounds of single inputs, and a verifier would then prove too little).

So "unsat" confirms a certificate, and "sat" comes with a mixture that breaks it. A
verifier reasons about real numbers or about its own rounding; the claim about any
order of float32 sums is `polytope.certificate`'s alone.
"""

import dataclasses
from pathlib import Path

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.exports.mixture_graph import Exported, mixture_network
from tfcollide.files.atomic import write_bytes
from tfcollide.models.dense_chain import DenseChain
from tfcollide.models.reading import Reading

__all__ = ["ExportedProperty", "mixture_property", "write_property"]


@dataclasses.dataclass(frozen=True)
class ExportedProperty:
    """The files written.

    Attributes:
        network: ONNX.
        properties: VNN-LIB, one per version of the format.
    """

    network: Path
    properties: tuple[Path, ...]


def write_property(
    folder: Path, chain: Exported, corners: np.ndarray, target: int, reading: Reading | None = None
) -> ExportedProperty:
    """Writes `mixture.onnx`, `mixture.vnnlib` (version 1) and `mixture.v2.vnnlib`.

    Args:
        folder: exists.
        chain: the classifier, of `mixture_graph.exported`, or read by `read_chain`.
        corners: `[N, H, W, C]` float32, N >= 2.
        target: the code of the class or labels that are claimed.
        reading: how logits are read; None: as one class of several.

    Raises:
        RequestError: onnx is not installed, or there is one corner only.
    """
    network = folder / "mixture.onnx"
    write_bytes(network, mixture_network(chain, corners).SerializeToString())
    classes = len(chain.stages[-1].bias) if isinstance(chain, DenseChain) else chain[-1].shape[-1]
    properties = {"mixture.vnnlib": 1, "mixture.v2.vnnlib": 2}
    for name, version in properties.items():
        text = mixture_property(len(corners), classes, target, version=version, reading=reading)
        write_bytes(folder / name, text.encode())
    return ExportedProperty(network, tuple(folder / name for name in properties))


def mixture_property(corners: int, classes: int, target: int, *, version: int = 1, reading: Reading | None = None) -> str:
    """VNN-LIB: the weights lie on the simplex, and the logits are not read as the target's.

    Args:
        corners: N, at least two.
        classes: L.
        target: the code of the class or labels that are claimed.
        version: 1, as VNN-COMP reads it (X_i, Y_j are reals), or 2 (tensors X and Y of a network).
        reading: how logits are read; None: as one class of several.

    Raises:
        RequestError: there is one corner only.
    """
    _check(corners)
    free, reading = corners - 1, reading or Reading(classes)
    x, y = ("X_{}", "Y_{}") if version == 1 else ("X[0,{}]", "Y[0,{}]")
    inputs, outputs = [x.format(i) for i in range(free)], [y.format(c) for c in range(classes + 1)]
    if version == 1:
        lines = [f"(declare-const {name} Real)" for name in inputs + outputs]
    else:
        lines = ["(vnnlib-version <2.0>)", "(declare-network mixture", f"    (declare-input X float32 [1,{free}])"]
        lines += [f"    (declare-output Y float32 [1,{classes + 1}])", ")"]
    for name in inputs:
        lines += [f"(assert (>= {name} 0.0))", f"(assert (<= {name} 1.0))"]
    lines.append("(assert (or")
    lines += [f"    (and {miss} (>= {outputs[-1]} 0.0))" for miss in _misses(reading, target, outputs)]
    names = [str(c) for c in range(classes)]
    claimed = f"the labels {reading.name(target, names)}" if reading.several else f"class {target}"
    comment = f"; Does a mixture of {corners} corners leave {claimed}? Unsat: none does. The last weight is 1 - sum of X."
    return "\n".join([comment, *lines, "))", ""])


def _misses(reading: Reading, target: int, outputs: list[str]) -> list[str]:
    """The ways in which a margin is not positive, one for each of `Reading.margin_rows`."""
    if reading.several:
        sides = reading.signs(target)
        return [f"({'<=' if side > 0 else '>='} {name} 0.0)" for name, side in zip(outputs, sides, strict=False)]
    return [f"(>= {outputs[c]} {outputs[target]})" for c in range(reading.classes) if c != target]


def _check(corners: int) -> None:
    if corners < 2:
        raise RequestError(f"{corners} corner", "at least two to mix")
