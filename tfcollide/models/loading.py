"""From a model file to a classifier."""

import tempfile
from pathlib import Path
from typing import Any

import keras

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.entry import image_shape
from tfcollide.models.keras2 import convert
from tfcollide.models.keras_private import built_shape, layers_within
from tfcollide.models.model_file import ModelFile, inspect
from tfcollide.models.pixel_range import ASSUMED, PHOTO, range_told
from tfcollide.models.saved_loss import SavedLoss, loss_of, saved_loss
from tfcollide.models.saved_model import FrozenGraph, check_operations, load_frozen
from tfcollide.shapes import Bounds, PixelRange

__all__ = ["load_classifier", "set_precision", "wrap"]


def load_classifier(
    path: Path,
    *,
    allow_custom_code: bool = False,
    bounds: Bounds | None = None,
    image_size: int | None = None,
    precision: str = "float32",
    outputs: str = "auto",
) -> Classifier:
    """The classifier in a file.

    Args:
        path: a `.keras` or `.h5` file, or a SavedModel's folder.
        allow_custom_code: whether code that comes with the file may run.
        bounds: of the pixels; None to tell them from the first layers, 0..255 where these say nothing.
        image_size: height and width where the model leaves them open; None is 224.
        precision: see `set_precision`.
        outputs: what the model's outputs are, one of `outputs.OUTPUTS`; "auto" to tell it from its last
            activation, or from the loss that the file says it was trained with.

    Raises:
        RequestError: the file cannot be loaded, or holds no classifier with a ReLU.
    """
    file = inspect(path, allow_custom_code=allow_custom_code)
    model = _load(file, allow_custom_code)
    settings: dict[str, Any] = {"bounds": bounds, "image_size": image_size, "precision": precision, "outputs": outputs}
    return wrap(model, name=path.stem, loss=saved_loss(path), **settings)


def wrap(
    model: keras.Model,
    *,
    name: str,
    bounds: Bounds | None = None,
    image_size: int | None = None,
    precision: str = "float32",
    outputs: str = "auto",
    loss: SavedLoss | None = None,
) -> Classifier:
    """A Keras model, or the graph of a SavedModel, as a classifier.

    The arguments are those of `load_classifier`, and `loss`, that it was trained with; None: that it was compiled with.
    """
    set_precision(model, precision)
    shape = image_shape(_input_shape(model), name, image_size)
    classifier = Classifier(
        model, name=name, bounds=bounds or PHOTO, image_shape=shape, outputs=outputs, loss=loss or loss_of(model)
    )
    classifier.pixel_range = PixelRange(bounds, "as given") if bounds else range_told(classifier) or ASSUMED
    if not classifier.holds(classifier.bounds):
        received = (
            f"pixels {classifier.bounds} ({classifier.pixel_range.how}) for {name}, which reads {classifier.whole_numbers}"
        )
        raise RequestError(received, "pixels that this type has", "Say --pixel_range=0,255, or =0,127 of signed 8-bit numbers.")
    return classifier


def _load(file: ModelFile, allow_custom_code: bool) -> Any:
    if file.kind == "saved_model":
        return _saved_model(file.path, allow_custom_code)
    if file.kind == "keras" and file.is_keras2:
        return _converted(file, allow_custom_code)
    try:
        return keras.models.load_model(file.path, compile=False, safe_mode=not allow_custom_code)
    except Exception as error:  # a damaged file can make Keras and h5py raise anything
        if file.is_keras2:
            return _converted(file, allow_custom_code)
        detail = " ".join(str(error).split())[:200]
        raise RequestError(
            f"--model={file.path}, which Keras {keras.__version__} cannot load ({type(error).__name__}: {detail})",
            "a whole model file",
        ) from error


def _saved_model(path: Path, allow_custom_code: bool) -> FrozenGraph:
    if not allow_custom_code:
        check_operations(path)
    return load_frozen(path)


def _converted(file: ModelFile, allow_custom_code: bool) -> FrozenGraph:
    """The model in a file of Keras 2."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / file.path.stem
        convert(file.path, file.keras_version, saved, allow_custom_code=allow_custom_code)
        return _saved_model(saved, allow_custom_code)


def _input_shape(model: keras.Model) -> tuple[int | None, ...] | None:
    """The shape that a model reads, without the batch axis; of a subclass, the one it was built or called with."""
    shape = getattr(model, "input_shape", None) or built_shape(model)
    if isinstance(shape, dict):
        shape = next(iter(shape.values())) if len(shape) == 1 else None
    return tuple(shape[1:]) if isinstance(shape, tuple) and shape and not isinstance(shape[0], tuple) else None


def set_precision(model: keras.Model, name: str) -> None:
    """Lets the layers of a Keras model compute in 16 bits; weights stay float32.

    Args:
        model: changed in place; the graph of a SavedModel is left as it is.
        name: "float32", "mixed_bfloat16" or "mixed_float16", as of `keras.DTypePolicy`.
    """
    if name == "float32" or not isinstance(model, keras.Model):
        return
    policy = keras.DTypePolicy(name)
    for layer in layers_within(model, include_self=False):
        if not isinstance(layer, (keras.layers.InputLayer, keras.layers.Normalization, keras.layers.Rescaling)):
            layer.dtype_policy = policy  # preprocessing keeps all bits of the pixels
