"""The hull as a network of its own, for an independent verifier: ONNX, and the property as VNN-LIB.

The simplex is encoded by N - 1 free weights: X_i = w_i for i < N - 1, each in
[0, 1], and w_{N-1} = 1 - sum_i X_i in the network's first map, whose matrix is the
identity over a row of -1. A second map mixes the corners; the classifier's own
follow. All are Gemm and Relu with float32 constants as they are saved, and the last
weight is given out behind the logits:

    X [1, N-1] -> Gemm -> w [1, N] -> Gemm -> image [1, D] -> Gemm, Relu, ... -> logits
    Y [1, L+1] = logits, w_{N-1}

The property states the negation, as in VNN-COMP: some other logit is at least the
target's; or, of labels, some logit is not on the target's side of zero. That the weights
sum to one at most, version 2 says of X. Version 1 says it
as Y_L >= 0, since its usual readers know boxes only (vnnlib 0.0.1 takes the sum for
bounds of single inputs, and a verifier would then prove too little).

So "unsat" confirms a certificate, and "sat" comes with a mixture that breaks it. A
verifier reasons about real numbers or about its own rounding; the claim about any
order of float32 sums is `polytope.certificate`'s alone.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.dense_chain import DenseChain
from tfcollide.models.reading import Reading
from tfcollide.records import write_bytes

__all__ = ["ExportedProperty", "mixture_network", "mixture_property", "write_property"]

# What the tools of VNN-COMP read.
_OPSET, _IR_VERSION = 13, 8


@dataclasses.dataclass(frozen=True)
class ExportedProperty:
    """The files written.

    Attributes:
        network: ONNX.
        properties: VNN-LIB, one a version of the format.
    """

    network: Path
    properties: tuple[Path, ...]


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
    free = len(corners) - 1
    rest = np.concatenate([np.zeros(free), [1.0]])
    maps = [("weights", np.concatenate([np.eye(free), -np.ones([1, free])]), rest, False)]
    maps.append(("image", corners.reshape(len(corners), -1).T, np.zeros(corners[0].size), False))
    maps += [(f"{k}_{stage.name}", stage.weight, stage.bias, stage.relu) for k, stage in enumerate(chain.stages)]

    nodes, constants, value = [], [], "X"
    for name, weight, bias, relu in maps:
        constants.append(onnx.numpy_helper.from_array(weight.astype(np.float32), f"{name}.weight"))
        constants.append(onnx.numpy_helper.from_array(bias.astype(np.float32), f"{name}.bias"))
        nodes.append(onnx.helper.make_node("Gemm", [value, f"{name}.weight", f"{name}.bias"], [name], name, transB=1))
        value = name
        if relu:
            value = f"{name}.relu"
            nodes.append(onnx.helper.make_node("Relu", [name], [value], value))
    constants.append(onnx.numpy_helper.from_array(np.eye(free + 1, dtype=np.float32)[-1:], "last.weight"))
    nodes.append(onnx.helper.make_node("Gemm", ["weights", "last.weight"], ["last"], "last", transB=1))
    nodes.append(onnx.helper.make_node("Concat", [value, "last"], ["Y"], "outputs", axis=1))
    tensor = onnx.helper.make_tensor_value_info
    ends = [tensor("X", onnx.TensorProto.FLOAT, [1, free])], [tensor("Y", onnx.TensorProto.FLOAT, [1, len(bias) + 1])]
    graph = onnx.helper.make_graph(nodes, "mixture", *ends, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


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
    if version == 2 and free > 1:
        lines.append(f"(assert (<= (+ {' '.join(inputs)}) 1.0))")
    last = f" (>= {outputs[-1]} 0.0)" if version == 1 else ""
    lines.append("(assert (or")
    lines += [f"    (and {miss}{last})" for miss in _misses(reading, target, outputs)]
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
