"""From a model file to a classifier."""

from pathlib import Path
from typing import Any

import keras

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.model_file import ModelFile, inspect
from tfcollide.models.pixel_range import ASSUMED, PHOTO, range_told
from tfcollide.models.precision import set_precision
from tfcollide.models.saved_loss import SavedLoss, loss_of, saved_loss
from tfcollide.models.saved_model import check_operations, load_frozen
from tfcollide.shapes import Bounds, ImageShape, PixelRange

__all__ = ["DEFAULT_SIZE", "load_classifier", "wrap"]

DEFAULT_SIZE = 224


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
        precision: see `precision.set_precision`.
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
    model: Any,
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
    shape = _image_shape(model, name, image_size)
    classifier = Classifier(
        model, name=name, bounds=bounds or PHOTO, image_shape=shape, outputs=outputs, loss=loss or loss_of(model)
    )
    classifier.pixel_range = PixelRange(bounds, "as given") if bounds else range_told(classifier) or ASSUMED
    return classifier


def _load(file: ModelFile, allow_custom_code: bool) -> Any:
    if file.kind == "saved_model":
        if not allow_custom_code:
            check_operations(file.path)
        return load_frozen(file.path)
    try:
        return keras.models.load_model(file.path, compile=False, safe_mode=not allow_custom_code)
    except Exception as error:  # a damaged file can make Keras and h5py raise anything
        detail = " ".join(str(error).split())[:200]
        raise RequestError(
            f"--model={file.path}, which Keras {keras.__version__} cannot load ({type(error).__name__}: {detail})",
            "a whole model file",
        ) from error


def _image_shape(model: Any, name: str, image_size: int | None) -> ImageShape:
    """`(H, W, C)` that the model reads, open sizes filled in."""
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] not in (1, 3):
        raise RequestError(f"model {name} with inputs of shape {shape}", "images [N, H, W, C] with 1 or 3 channels")
    size = image_size or DEFAULT_SIZE
    found = (shape[1] or size, shape[2] or size, shape[3])
    if image_size is not None and found[:2] != (image_size, image_size):
        raise RequestError(f"--image_size={image_size}", f"{found[0]}, the size that {name} reads", "Leave the flag out.")
    return found
