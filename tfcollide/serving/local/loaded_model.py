"""One version of a SavedModel, loaded as TF Serving loads it: its graph in a session."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.tensors import dtype_of

__all__ = ["CheckedCall", "DEFAULT_SIGNATURE", "LoadedModel"]

DEFAULT_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_V1 = tf.compat.v1


class CheckedCall(NamedTuple):
    """A checked request, ready to run alone or together with others of the same key.

    Attributes:
        key: calls with equal keys may be run as one batch; None: only alone.
        inputs: in the order of the signature's names.
        rows: samples in it.
        names: of the outputs.
        run: inputs -> outputs, one array per name.
    """

    key: Hashable | None
    inputs: Sequence[np.ndarray]
    rows: int
    names: tuple[str, ...]
    run: Callable[..., Sequence[np.ndarray]]


class LoadedModel:
    """A version that answers.

    Args:
        name: of the model.
        version: its number.
        path: of the SavedModel.
    """

    def __init__(self, name: str, version: int, path: Path):
        self.name = name
        self.version = version
        graph = tf.Graph()
        self._session = _V1.Session(graph=graph)
        with graph.as_default():
            meta = _V1.saved_model.load(self._session, [tf.saved_model.SERVING], str(path))
        self._callables: dict[tuple[str, tuple[str, ...]], Callable[..., Sequence[np.ndarray]]] = {}
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = {
            name: signature
            for name, signature in meta.signature_def.items()
            if not name.startswith("__")  # TensorFlow's own notes, such as which operation initializes
        }

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """The signature `name`, "" being the default one."""
        try:
            return self.signatures[name or DEFAULT_SIGNATURE]
        except KeyError:
            name = name or DEFAULT_SIGNATURE
            raise ServingError(
                Code.FAILED_PRECONDITION, f'No signature "{name}": expected one of {", ".join(sorted(self.signatures))}'
            ) from None

    def call(self, signature_name: str, inputs: Mapping[str, np.ndarray], output_filter: Sequence[str] = ()) -> CheckedCall:
        """Checks a request against a signature.

        Raises:
            ServingError: it does not fit.
        """
        signature = self.signature(signature_name)
        _check_names(signature, inputs)
        names = _output_names(signature, output_filter)
        arrays = [_checked(name, inputs[name], info) for name, info in sorted(signature.inputs.items())]
        run = self._callable(signature_name or DEFAULT_SIGNATURE, names)
        if not _has_batch_axis(signature) or len({array.shape[0] for array in arrays}) != 1:
            return CheckedCall(None, arrays, 1, names, run)
        key = (id(self), signature_name, names, tuple(array.shape[1:] for array in arrays))
        return CheckedCall(key, arrays, arrays[0].shape[0], names, run)

    def _callable(self, signature_name: str, names: tuple[str, ...]) -> Callable[..., Sequence[np.ndarray]]:
        known = self._callables.get((signature_name, names))
        if known is None:
            signature = self.signature(signature_name)
            tensor = self._session.graph.get_tensor_by_name
            feeds = [tensor(info.name) for _, info in sorted(signature.inputs.items())]
            fetches = [tensor(signature.outputs[name].name) for name in names]
            known = self._callables[signature_name, names] = self._session.make_callable(fetches, feed_list=feeds)
        return known


def _check_names(signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, np.ndarray]) -> None:
    given, wanted = set(inputs), set(signature.inputs)
    if given == wanted:
        return
    received, expected = (", ".join(sorted(names)) or "none" for names in (given, wanted))
    raise ServingError(Code.INVALID_ARGUMENT, f"The inputs {received}: expected {expected}")


def _output_names(signature: meta_graph_pb2.SignatureDef, output_filter: Sequence[str]) -> tuple[str, ...]:
    for name in output_filter:
        if name not in signature.outputs:
            known = ", ".join(sorted(signature.outputs))
            raise ServingError(Code.INVALID_ARGUMENT, f"No output {name}: expected some of {known}")
    if len(set(output_filter)) < len(output_filter):
        twice = next(name for name in output_filter if list(output_filter).count(name) > 1)
        raise ServingError(Code.INVALID_ARGUMENT, f"The output {twice} is asked for twice")
    return tuple(output_filter) or tuple(sorted(signature.outputs))


def _checked(name: str, array: np.ndarray, info: meta_graph_pb2.TensorInfo) -> np.ndarray:
    """`array` if its type and shape are those of the signature."""
    if array.dtype != dtype_of(info.dtype):
        given = "string" if array.dtype.kind == "O" else array.dtype.name
        wanted = tf.dtypes.as_dtype(info.dtype).name
        raise ServingError(Code.INVALID_ARGUMENT, f"Input {name} is {given}, expected {wanted}")
    shape = info.tensor_shape
    sizes = [dim.size for dim in shape.dim]
    fits = len(sizes) == array.ndim and all(want in (-1, got) for want, got in zip(sizes, array.shape, strict=True))
    if not shape.unknown_rank and not fits:
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"Input {name} has the shape {list(array.shape)}, expected {[size if size >= 0 else None for size in sizes]}",
        )
    return array


def _has_batch_axis(signature: meta_graph_pb2.SignatureDef) -> bool:
    """Whether rows of all inputs and outputs belong together and their number is free."""
    infos = [*signature.inputs.values(), *signature.outputs.values()]
    return all(info.tensor_shape.dim and info.tensor_shape.dim[0].size == -1 for info in infos)
