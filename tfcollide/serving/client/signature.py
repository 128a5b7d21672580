"""What a client needs to know of a served model, whatever the protocol."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

__all__ = ["Connection", "ServedModel", "Signature", "TensorShape", "shown"]


class TensorShape(NamedTuple):
    """An input or output of a signature.

    Attributes:
        dtype: TensorFlow's name, such as "float32", "uint8" or "string".
        shape: None for a free size; None altogether for a free rank.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


class Signature(NamedTuple):
    """A signature of a served model, by name."""

    inputs: Mapping[str, TensorShape]
    outputs: Mapping[str, TensorShape]


class Connection(NamedTuple):
    """Where a model is served and how to ask.

    Attributes:
        server: HOST:PORT.
        model: its name.
        version: None asks the newest.
        deadline_seconds: of a request.
        tls: whether the connection is encrypted.
        ca_file: certificates to trust, PEM; None: the system's.
        cert_file: the client's certificate, PEM.
        key_file: and its key.
        metadata: pairs sent with every request; HTTP headers with REST.
        concurrency: requests at a time.
    """

    server: str
    model: str
    version: int | None = None
    deadline_seconds: float = 30.0
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    concurrency: int = 4


class ServedModel(Protocol):
    """A model behind a server; every method raises `ServingError`."""

    def states(self) -> dict[int, str]:
        """Version -> state, "AVAILABLE" for one that answers."""

    def signatures(self) -> dict[str, Signature]:
        """Name -> signature."""

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of one request."""

    def close(self) -> None:
        """Hangs up."""


def shown(signatures: Mapping[str, Signature]) -> str:
    """Signatures in a line: `serving_default(images float32 [?,28,28,1]) -> probabilities float32 [?,10]`."""
    return "; ".join(
        f"{name}({_tensors(signature.inputs)}) -> {_tensors(signature.outputs)}"
        for name, signature in sorted(signatures.items())
    )


def _tensors(infos: Mapping[str, TensorShape]) -> str:
    return ", ".join(f"{name} {info.dtype} {_sizes(info.shape)}" for name, info in sorted(infos.items()))


def _sizes(shape: tuple[int | None, ...] | None) -> str:
    return "of any shape" if shape is None else "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"
