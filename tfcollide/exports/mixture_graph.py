"""The mixtures of corners and the classifier behind them as one ONNX network, see `vnnlib`.

The last weight travels beside everything else: as one more unit of a Gemm, and as one more channel of an image, the
same at every pixel, which a convolution copies from a place that is never in its padding. Kernels stay what they
are; only the entries of an image are put in ONNX's order, channels first, by the rows of the map that mixes and by
the columns of the dense layer that reads them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import DenseChain, Unreadable
from tfcollide.models.layer_list import PlainLayer, layers_of

__all__ = ["Exported", "exported", "mixture_network"]

Exported = DenseChain | tuple[PlainLayer, ...]

# What the tools of VNN-COMP read.
_OPSET, _IR_VERSION = 13, 8


class _Node(NamedTuple):
    """One operation on one value: its constants, and its settings."""

    operator: str
    name: str
    constants: tuple[np.ndarray, ...] = ()
    settings: dict[str, Any] = {}  # noqa: RUF012 - never changed


def exported(classifier: Classifier) -> Exported | Unreadable:
    """A classifier as it is exported: its layers where they can be named, else as a chain of matrices; or why it cannot be."""
    layers = layers_of(classifier)
    if isinstance(layers, Unreadable) or layers[-1].kind != "dense":
        return classifier.chain if not isinstance(classifier.chain, Unreadable) or isinstance(layers, tuple) else layers
    if classifier.outputs == "binary":
        both = np.array([[0.0, 1.0]], np.float32)
        layers = (*layers, PlainLayer("dense", "zero", (2,), both, np.zeros(2, np.float32)))
    return layers


def mixture_network(network: Exported, corners: np.ndarray) -> Any:
    """The network from N - 1 free weights `X` `[1, N-1]` to `Y` `[1, L+1]`, as an `onnx.ModelProto`.

    Args:
        network: of `exported`, or a chain of `read_chain`.
        corners: `[N, H, W, C]` float32, N >= 2.

    Raises:
        RequestError: onnx is not installed, or there is one corner only.
    """
    if len(corners) < 2:
        raise RequestError(f"{len(corners)} corner", "at least two to mix")
    nodes = _of_chain(network, corners) if isinstance(network, DenseChain) else _of_layers(network, corners)
    return _model(nodes, len(corners) - 1)


def _model(nodes: Sequence[_Node], free: int) -> Any:
    onnx = _import_onnx()
    made, constants, value = [], [], "X"
    for node in nodes:
        names = [f"{node.name}.{i}" for i in range(len(node.constants))]
        constants += [onnx.numpy_helper.from_array(array, name) for array, name in zip(node.constants, names, strict=True)]
        inputs, value = [value, *names], "Y" if node is nodes[-1] else node.name
        made.append(onnx.helper.make_node(node.operator, inputs, [value], node.name, **node.settings))
    tensor, outputs = onnx.helper.make_tensor_value_info, len(nodes[-1].constants[1])
    ends = [tensor("X", onnx.TensorProto.FLOAT, [1, free])], [tensor("Y", onnx.TensorProto.FLOAT, [1, outputs])]
    graph = onnx.helper.make_graph(made, "mixture", *ends, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def _gemm(name: str, weight: np.ndarray, bias: np.ndarray) -> _Node:
    """`weight @ x + bias`."""
    return _Node("Gemm", name, (weight.astype(np.float32), bias.astype(np.float32)), {"transB": 1})


def _beside(name: str, weight: np.ndarray, bias: np.ndarray) -> _Node:
    """A map that also hands the last unit on."""
    (rows, columns), wider = weight.shape, np.zeros(np.add(weight.shape, 1))
    wider[:rows, :columns], wider[rows, columns] = weight, 1.0
    return _gemm(name, wider, np.append(bias, 0.0))


def _mixing(rows: np.ndarray, copies: int) -> list[_Node]:
    """The weights, and the values `[D, N]` mixed with them; behind these the last weight, raised, `copies` times."""
    size, count = rows.shape
    rest = np.eye(count)[-1]
    weights = _gemm("weights", np.vstack([np.eye(count - 1), -np.ones([1, count - 1])]), rest)
    raised = np.append(np.zeros(size), np.full(copies, count - 1.0))
    return [weights, _gemm("image", np.vstack([rows, np.tile(rest, [copies, 1])]), raised)]


def _ended(nodes: list[_Node], free: int) -> list[_Node]:
    """The last weight no longer raised."""
    weight, bias = nodes[-1].constants
    bias[-1] -= free
    return [*nodes[:-1], nodes[-1]._replace(constants=(weight, bias))]


def _of_chain(chain: DenseChain, corners: np.ndarray) -> list[_Node]:
    nodes = _mixing(corners.reshape(len(corners), -1).T, 1)
    for k, stage in enumerate(chain.stages):
        nodes.append(_beside(f"{k}_{stage.name}", stage.weight, stage.bias))
        nodes += [_Node("Relu", f"{k}_{stage.name}.relu")] if stage.relu else []
    if chain.stages[-1].relu:  # it would cut the last weight off at zero
        size = len(chain.stages[-1].bias)
        nodes.append(_beside("logits", np.eye(size), np.zeros(size)))
    return _ended(nodes, len(corners) - 1)


def _of_layers(layers: Sequence[PlainLayer], corners: np.ndarray) -> list[_Node]:
    shape = corners.shape[1:]
    spatial = layers[0].kind in ("conv", "maxpool")
    moved = np.moveaxis(corners, -1, 1) if spatial else corners
    nodes = _mixing(moved.reshape(len(corners), -1).T, shape[0] * shape[1] if spatial else 1)
    if spatial:
        nodes.append(_Node("Reshape", "channels", (np.array([1, shape[2] + 1, *shape[:2]], np.int64),)))
    for k, layer in enumerate(layers):
        name = f"{k}_{layer.name}"
        if layer.kind == "dense" and len(shape) == 3 and spatial:
            nodes += [_Node("Flatten", f"{name}.flat", (), {"axis": 1}), _flat_gemm(name, layer, shape)]
        elif layer.kind == "dense" and layer.weight is not None and layer.bias is not None:
            nodes.append(_beside(name, layer.weight.T, layer.bias))
        else:
            nodes.append(_spatial(name, layer))
        shape, spatial = layer.shape, spatial and layer.kind != "dense"
    return _ended(nodes, len(corners) - 1)


def _spatial(name: str, layer: PlainLayer) -> _Node:
    """A ReLU, or a layer of windows."""
    (top, below), (left, right) = layer.padding
    settings = {"strides": list(layer.strides), "pads": [top, left, below, right]}
    if layer.kind == "maxpool":
        return _Node("MaxPool", name, (), {"kernel_shape": list(layer.size), **settings})
    if layer.weight is None or layer.bias is None:
        return _Node("Relu", name)
    high, wide, reads, gives = layer.weight.shape
    kernel = np.zeros([gives + 1, reads + 1, high, wide], np.float32)
    kernel[:gives, :reads] = layer.weight.transpose(3, 2, 0, 1)
    kernel[gives, reads, top, left] = 1.0
    return _Node("Conv", name, (kernel, np.append(layer.bias, np.float32(0.0))), {"kernel_shape": [high, wide], **settings})


def _flat_gemm(name: str, layer: PlainLayer, shape: tuple[int, ...]) -> _Node:
    """A dense layer that reads an image `(H, W, C)`, channels first and with the last weight's behind them."""
    high, wide, channels = shape
    gives = layer.shape[-1]
    weight = np.zeros([gives + 1, channels + 1, high, wide])
    weight[:gives, :channels] = np.reshape(np.asarray(layer.weight), [high, wide, channels, gives]).transpose(3, 2, 0, 1)
    weight[gives, channels, 0, 0] = 1.0
    return _gemm(name, weight.reshape(gives + 1, -1), np.append(np.asarray(layer.bias), 0.0))


def _import_onnx() -> Any:
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError as error:
        raise RequestError(
            "no package onnx", "it for an export to ONNX", 'Install it with pip install "tfcollide[verify]".'
        ) from error
    return onnx
