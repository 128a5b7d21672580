"""Any Keras classifier as a network under test."""

import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tfcollide.errors import RequestError
from tfcollide.library.calling import called
from tfcollide.models import applications, loading
from tfcollide.models.applications import APPLICATIONS
from tfcollide.models.class_names import imagenet_names
from tfcollide.models.classifier import Classifier
from tfcollide.models.outputs import OUTPUTS
from tfcollide.models.pixel_range import PHOTO
from tfcollide.shapes import Bounds, PixelRange

__all__ = ["wrap"]


def wrap(
    model: "keras.Model | str | Path",
    *,
    pixel_range: tuple[float, float] | None = None,
    class_names: Sequence[str] | None = None,
    name: str | None = None,
    image_size: int | None = None,
    outputs: str = "auto",
    weights: str = "imagenet",
    allow_custom_code: bool = False,
) -> Classifier:
    """A classifier whose collisions can be looked for.

    Its weights do not change; a model object is frozen (`trainable` becomes False).

    Args:
        model: a Keras model (Sequential, functional, subclassed once it is built, with models inside); the path of a
            `.keras` or `.h5` file or of a SavedModel; or the name of an application, such as "vgg16", whose
            preprocessing is then inside.
        pixel_range: the values of black and white, as the model reads them; None: told by its first layers, else 0..255.
            `network.pixel_range` says which, and how they were come by.
        class_names: one per class; None: ImageNet's where there are as many and Keras has them, else "class 0", ...
        name: what records call it; None: the model's own.
        image_size: height and width in pixels, where the model leaves them open; None: 224.
        outputs: "probabilities", "logits", "binary" or "multilabel"; "auto": told by the last activation or the loss.
        weights: of an application: "imagenet", "random" or a file.
        allow_custom_code: whether code that comes with a model file may run.

    Returns:
        The network: `.tap_names` lists the ReLUs, `.judge(images)` classifies `[n, H, W, C]`.

    Raises:
        RequestError: the model cannot be followed, or is no classifier of images.

    Examples:
        >>> network = tc.wrap(model, pixel_range=(0, 1))
        >>> network.tap_names, network.num_classes
        (['hidden'], 3)
    """
    with called():
        bounds = _bounds(pixel_range)
        if outputs not in OUTPUTS:
            raise RequestError(f"--outputs={outputs}", f"one of {', '.join(OUTPUTS)}")
        settings: dict[str, Any] = {"image_size": image_size, "outputs": outputs}
        if isinstance(model, (str, os.PathLike)):
            network = _named(os.fspath(model), weights, allow_custom_code, bounds, settings)
        elif not isinstance(model, keras.Model):
            raise RequestError(
                f"--model={reprlib.repr(model)}",
                "a Keras 3 model, the path of a model file, or an application's name",
                "It is wrapped already: use it as it is." if isinstance(model, Classifier) else "",
            )
        else:
            network = loading.wrap(model, name=str(name or getattr(model, "name", "model")), bounds=bounds, **settings)
        network.name = name or network.name
        network.class_names = _class_names(network, class_names)
        return network


def _named(model: str, weights: str, allow_custom_code: bool, bounds: Bounds | None, settings: dict[str, Any]) -> Classifier:
    """An application or a model file."""
    if model not in APPLICATIONS:
        return loading.load_classifier(Path(model), allow_custom_code=allow_custom_code, bounds=bounds, **settings)
    if bounds not in (None, PHOTO):
        raise RequestError(f"--pixel_range={tuple(bounds or ())} with {model}", "0..255, since it has its own preprocessing")
    built = applications.build(model, weights, image_size=settings.pop("image_size"))
    network = loading.wrap(built, name=applications.title(model, weights), bounds=PHOTO, **settings)
    network.pixel_range = PixelRange(PHOTO, "as keras.applications has it")
    return network


def _bounds(pixel_range: tuple[float, float] | None) -> Bounds | None:
    if pixel_range is None:
        return None
    try:
        lower, upper = (float(value) for value in pixel_range)
    except (TypeError, ValueError):
        lower, upper = 0.0, 0.0
    if not lower < upper:
        raise RequestError(f"--pixel_range={pixel_range}", "the values of black and white, such as (0, 255)")
    return Bounds(lower, upper)


def _class_names(network: Classifier, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        found = imagenet_names() or ()
        return found if len(found) == network.num_classes else network.class_names
    if isinstance(given, str) or len(given) != network.num_classes:
        received = f"--class_names with {1 if isinstance(given, str) else len(given)} names"
        raise RequestError(received, f"{network.num_classes}, one per class")
    return tuple(str(one) for one in given)
