"""The loss that a model was trained with, read from its file as text: nothing of it is run."""

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import keras

__all__ = ["SavedLoss", "loss_in", "loss_of", "saved_loss"]

_NAMES = {
    "categorical": """
        categoricalcrossentropy sparsecategoricalcrossentropy categoricalfocalcrossentropy categoricalhinge
        kldivergence kullbackleiblerdivergence kld
    """,
    "binary": "binarycrossentropy binaryfocalcrossentropy hinge squaredhinge",
    "regression": """
        meansquarederror mse meanabsoluteerror mae meanabsolutepercentageerror mape meansquaredlogarithmicerror msle
        huber huberloss logcosh cosinesimilarity poisson
    """,
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_OF_LOGITS = ("categoricalhinge", "hinge", "squaredhinge")  # zero is the border between classes


class SavedLoss(NamedTuple):
    """A loss that Keras knows.

    Attributes:
        name: as the file has it.
        kind: "categorical" (one class of several), "binary" (each output by itself) or "regression".
        from_logits: whether it takes outputs for logits.
    """

    name: str
    kind: str
    from_logits: bool


def saved_loss(path: Path) -> SavedLoss | None:
    """The loss in a `.keras` or `.h5` file; None where there is none, or none that is known."""
    try:
        return loss_in(_compile_config(path))
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, RecursionError):
        return None  # whether the file is sound is `model_file`'s to say


def loss_of(model: "keras.Model") -> SavedLoss | None:
    """The loss of a Keras model in memory."""
    try:
        return loss_in(model.get_compile_config())
    except (AttributeError, TypeError, ValueError):
        return None


def loss_in(config: object) -> SavedLoss | None:
    """The loss in a compile config: a name, a serialized object, or a list or dict with one of these."""
    loss = config.get("loss") if isinstance(config, dict) else None
    while isinstance(loss, (list, dict)) and "class_name" not in loss:
        values = list(loss.values()) if isinstance(loss, dict) else loss
        if len(values) != 1:
            return None
        loss = values[0]
    settings = loss.get("config") if isinstance(loss, dict) else None
    if isinstance(loss, dict):
        loss = settings if isinstance(settings, str) else loss["class_name"]  # a function, or an object
    key = "".join(filter(str.isalnum, loss)).lower() if isinstance(loss, str) else ""
    if key not in _KINDS:
        return None
    from_logits = isinstance(settings, dict) and settings.get("from_logits") is True
    return SavedLoss(str(loss), _KINDS[key], from_logits or key in _OF_LOGITS)


def _compile_config(path: Path) -> Any:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json")).get("compile_config")
    if path.is_dir():
        return None
    import h5py  # half a second

    with h5py.File(path, "r") as file:
        return json.loads(file.attrs["training_config"])
