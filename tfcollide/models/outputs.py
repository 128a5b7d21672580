"""What the outputs of a network mean: as asked for, else told from its end or from the loss that was saved with it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.saved_loss import SavedLoss

__all__ = ["OUTPUTS", "End", "Meaning", "meaning_of"]

OUTPUTS = ("auto", "probabilities", "logits", "binary", "multilabel")
"""The values of `--outputs`."""

_WORDS = {
    "probabilities": "probabilities of classes",
    "logits": "logits of classes",
    "binary": "one output that tells two classes apart",
    "multilabel": "one output a label",
}


class End(NamedTuple):
    """How a network ends.

    Attributes:
        name: of the network, for messages.
        activation: "softmax", "sigmoid", or "" for anything else.
        units: how many outputs it has.
        probe: asks the network about a few images: its outputs `[n, units]`.
    """

    name: str
    activation: str
    units: int
    probe: Callable[[], np.ndarray]

    def within(self) -> bool:
        """Whether the outputs lie in [0, 1]."""
        return bool(np.all(np.abs(self.probe() - 0.5) <= 0.5))

    def sums(self) -> bool:
        """Whether they are nowhere negative and sum to one."""
        values = self.probe()
        return bool(values.min() >= 0 and np.abs(values.sum(axis=1) - 1).max() < 1e-3)


class Meaning(NamedTuple):
    """What outputs mean.

    Attributes:
        kind: one of `OUTPUTS`, not "auto".
        chances: whether the outputs themselves are probabilities, so that logits have to be made of them or
            found before the last activation.
        doubt: in what the end and the saved loss contradict each other, a sentence; None where they do not.
    """

    kind: str
    chances: bool
    doubt: str | None = None


def meaning_of(asked: str, end: End, loss: SavedLoss | None = None) -> Meaning:
    """What the outputs mean.

    Args:
        asked: one of `OUTPUTS`.
        end: of the network.
        loss: what it was trained with, where its file says so.

    Raises:
        RequestError: nothing tells; the network is none that classifies; or it does not end as was asked.
    """
    kind = _kind(end, loss) if asked == "auto" else asked
    _check(kind, asked, end)
    if end.activation or asked == "probabilities":
        return Meaning(kind, True)
    if asked == "logits" or loss is None or loss.kind == "regression" or loss.from_logits:
        return Meaning(kind, kind == "probabilities")
    if end.within():
        return Meaning(kind, True)
    doubt = f"The saved loss, {loss.name}, takes outputs for probabilities, yet some are not: they are read as logits"
    return Meaning("logits" if kind == "probabilities" else kind, False, doubt)


def _kind(end: End, loss: SavedLoss | None) -> str:
    one = end.units == 1
    if end.activation == "softmax":
        return "probabilities"
    if end.activation == "sigmoid":
        categorical = loss is not None and loss.kind == "categorical"
        return "binary" if one else "probabilities" if categorical else "multilabel"
    if loss is not None and loss.kind == "regression":
        raise RequestError(
            f"model {end.name} with a linear output, trained with {loss.name}",
            "a classifier",
            "Say what its outputs are, such as --outputs=logits or --outputs=binary, if it is one.",
        )
    if loss is not None and loss.kind == "binary":
        return "binary" if one else "multilabel"
    if one:
        raise RequestError(
            f"model {end.name} with one linear output",
            "one logit or probability a class, two or more",
            "Say --outputs=binary if it is the logit of the second of two classes.",
        )
    if loss is not None:
        return "logits" if loss.from_logits else "probabilities"
    return "probabilities" if end.sums() else "logits"


def _check(kind: str, asked: str, end: End) -> None:
    """Refuses a meaning that the end contradicts."""
    said = f"--outputs={asked} with {end.name}"
    if (end.units == 1) != (kind == "binary"):
        count = f"{end.units} outputs" if end.units > 1 else "one output"
        expected = _WORDS[kind] if kind == "binary" else f"two or more outputs for {_WORDS[kind]}"
        raise RequestError(f"{said}, which has {count}", expected, "Leave --outputs out, or say what they are.")
    unlike = {"logits": ("softmax", "sigmoid"), "binary": ("softmax",), "multilabel": ("softmax",)}
    if end.activation in unlike.get(kind, ()):
        raise RequestError(f"{said}, which ends in a {end.activation}", _WORDS[kind], "Leave --outputs out.")
    if asked == "probabilities" and not end.activation and not end.within():
        raise RequestError(f"{said}, whose outputs are not all from 0 to 1", _WORDS[kind], "Say --outputs=logits.")
