"""The hull as a network of its own, for an independent verifier: ONNX, and the property as VNN-LIB.

The simplex is encoded by N - 1 free weights: X_i = w_i for i < N - 1, each in
[0, 1], and w_{N-1} = 1 - sum_i X_i in the network's first map, whose matrix is the
identity over a row of -1. A second map mixes the corners; the classifier's own
follow. The last weight travels beside them to the end as one more unit. Raised by
N - 1 it is at least 1 wherever the X_i are, so that no ReLU changes it, and the
last map takes that off again:

    X [1, N-1] -> w [1, N] -> image, w_{N-1} + N - 1 [1, D+1] -> Gemm, Relu, ... -> Y [1, L+1] = logits, w_{N-1}

All are Gemm and Relu with float32 constants as they are saved, one after the other:
a chain without branches, the least that a verifier can be asked to read.

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
from typing import Any, NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_bytes
from tfcollide.models.dense_chain import DenseChain
from tfcollide.models.reading import Reading

__all__ = ["ExportedProperty", "mixture_network", "mixture_property", "write_property"]

# What the tools of VNN-COMP read.
_OPSET, _IR_VERSION = 13, 8


@dataclasses.dataclass(frozen=True)
class ExportedProperty:
    """The files written.

    Attributes:
        network: ONNX.
        properties: VNN-LIB, one per version of the format.
    """

    network: Path
    properties: tuple[Path, ...]


class _Map(NamedTuple):
    """`weight @ x + bias`, perhaps with a ReLU behind it."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    relu: bool


def write_property(
    folder: Path, chain: DenseChain, corners: np.ndarray, target: int, reading: Reading | None = None
) -> ExportedProperty:
    """Writes `mixture.onnx`, `mixture.vnnlib` (version 1) and `mixture.v2.vnnlib`.

    Args:
        folder: exists.
        chain: the classifier, read by `read_chain`.
        corners: `[N, H, W, C]` float32, N >= 2.
        target: the code of the class or labels that are claimed.
        reading: how logits are read; None: as one class of several.

    Raises:
        RequestError: onnx is not installed, or there is one corner only.
    """
    network = folder / "mixture.onnx"
    write_bytes(network, mixture_network(chain, corners).SerializeToString())
    properties = {"mixture.vnnlib": 1, "mixture.v2.vnnlib": 2}
    for name, version in properties.items():
        text = mixture_property(len(corners), len(chain.stages[-1].bias), target, version=version, reading=reading)
        write_bytes(folder / name, text.encode())
    return ExportedProperty(network, tuple(folder / name for name in properties))


def mixture_network(chain: DenseChain, corners: np.ndarray) -> Any:
    """The network from N - 1 free weights `X` `[1, N-1]` to `Y` `[1, L+1]`, as an `onnx.ModelProto`.

    Raises:
        RequestError: onnx is not installed, or there is one corner only.
    """
    _check(len(corners))
    onnx = _import_onnx()
    maps = _maps(chain, corners)
    nodes, constants, value = [], [], "X"
    for map_ in maps:
        name, constant = map_.name, onnx.numpy_helper.from_array
        constants.append(constant(map_.weight.astype(np.float32), f"{name}.weight"))
        constants.append(constant(map_.bias.astype(np.float32), f"{name}.bias"))
        inputs, value = [value, f"{name}.weight", f"{name}.bias"], "Y" if map_ is maps[-1] else name
        nodes.append(onnx.helper.make_node("Gemm", inputs, [value], name, transB=1))
        if map_.relu:
            value = f"{name}.relu"
            nodes.append(onnx.helper.make_node("Relu", [name], [value], value))
    tensor = onnx.helper.make_tensor_value_info
    ends = (
        [tensor("X", onnx.TensorProto.FLOAT, [1, len(corners) - 1])],
        [tensor("Y", onnx.TensorProto.FLOAT, [1, len(maps[-1].bias)])],
    )
    graph = onnx.helper.make_graph(nodes, "mixture", *ends, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def _maps(chain: DenseChain, corners: np.ndarray) -> list[_Map]:
    """Every map of the network, the last weight as the last unit of each but the first."""
    free = len(corners) - 1
    rest = np.eye(free + 1)[-1]
    mixing = np.vstack([corners.reshape(len(corners), -1).T, rest])
    raised = np.append(np.zeros(corners[0].size), free)
    maps = [
        _Map("weights", np.vstack([np.eye(free), -np.ones([1, free])]), rest, relu=False),
        _Map("image", mixing, raised, relu=False),
    ]
    maps += [_beside(f"{k}_{stage.name}", stage.weight, stage.bias, stage.relu) for k, stage in enumerate(chain.stages)]
    if maps[-1].relu:  # it would cut the last weight off at zero
        size = len(maps[-1].bias) - 1
        maps.append(_beside("logits", np.eye(size), np.zeros(size), relu=False))
    maps[-1].bias[-1] -= free
    return maps


def _beside(name: str, weight: np.ndarray, bias: np.ndarray, relu: bool) -> _Map:
    """A map that also hands the last unit on."""
    (rows, columns), wider = weight.shape, np.zeros(np.add(weight.shape, 1))
    wider[:rows, :columns], wider[rows, columns] = weight, 1.0
    return _Map(name, wider, np.append(bias, 0.0), relu)


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


def _import_onnx() -> Any:
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError as error:
        raise RequestError(
            "no package onnx", "it for an export to ONNX", 'Install it with pip install "tfcollide[verify]".'
        ) from error
    return onnx
