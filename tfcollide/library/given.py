"""Images as callers have them, arrays, tensors, PIL images and paths, as the network reads them; and features."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, cast

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.files.names import readable
from tfcollide.images import eight_bits, from_uint8, read_image, scale_and_crop, to_uint8
from tfcollide.library.problem import Features, Picture
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.pixel_range import ASSUMED

__all__ = ["ImageLike", "data_given", "ends_given", "features_given", "image_given", "is_batch", "network_given"]

ImageLike: TypeAlias = "np.ndarray | tf.Tensor | Image.Image | str | os.PathLike[str] | Sequence[ImageLike]"
"""One image or several, in any form that `image_given` takes."""

_MEND = "Give it as the network reads it, or as 8-bit pixels (dtype uint8)."
_SAY_RANGE = "Say wrap(model, pixel_range=(0, 1)) if that is what the network reads, else multiply by 255."
_SCALE = "Multiply by 255, or give 8-bit pixels (dtype uint8)."
_BRIGHT = 100.0
"""Where white is above this, floats up to 1 are of another scale: even a dark image is not all below 1 of 255."""


def network_given(value: object) -> Classifier:
    """`value`; raises `RequestError` where it is no network of `wrap`, such as a Keras model itself."""
    if not isinstance(value, Classifier):
        raise RequestError(f"--network of {type(value).__name__}", "what wrap returns", "Say network = tfcollide.wrap(model).")
    return value


def is_batch(value: ImageLike) -> TypeGuard[Sequence[ImageLike]]:
    """Whether this is several images, `[P, H, W, C]` or a list, rather than one."""
    if isinstance(value, (list, tuple)):
        return not all(isinstance(one, (int, float)) for one in value)
    return not isinstance(value, (str, os.PathLike, Image.Image)) and np.ndim(cast("ArrayLike", value)) == 4


def image_given(network: Classifier, value: ImageLike, name: str) -> tuple[np.ndarray, str]:
    """`[H, W, C]` float32 in the network's bounds, and what the image is called.

    Args:
        network: whose size, channels and bounds count.
        value: a path or a PIL image, brought to the network's size; an array or tensor `[H, W, C]` (gray: or `[H, W]`) of
            that size: integers are 8-bit pixels, floats are in the network's bounds.
        name: of the argument, for messages.

    Raises:
        RequestError: it cannot be read, or has another size or other values.
    """
    shape, bounds = network.image_shape, network.bounds
    if isinstance(value, (str, os.PathLike)):
        path = Path(value)
        return from_uint8(read_image(path, shape, resize=True), bounds), readable(path.name)
    if isinstance(value, Image.Image):
        mode = "RGBA" if "A" in value.getbands() or "transparency" in value.info else "RGB"
        return from_uint8(scale_and_crop(eight_bits(np.asarray(value.convert(mode)), f"--{name}"), shape), bounds), name
    pixels = np.asarray(value)
    if pixels.shape == shape[:2] and shape[2] == 1:
        pixels = pixels[..., None]
    if pixels.shape != shape:
        raise RequestError(f"--{name} of shape {pixels.shape}", f"{shape}, which is what {network.name} reads")
    whole = _whole_pixels(network, pixels, name)
    return from_uint8(pixels, bounds) if whole else pixels.astype(np.float32), name


def data_given(network: Classifier, images: ArrayLike, labels: ArrayLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A data set: `[n, H, W, C]` uint8, and its classes `[n]`.

    Args:
        network: whose size, bounds and classes count.
        images: an array or tensor `[n, H, W, C]` (gray: or `[n, H, W]`): integers are 8-bit pixels, floats are in the
            network's bounds, and are rounded to 8 bits.
        labels: `[n]`, whole numbers; None: nobody knows, then they are -1.

    Raises:
        RequestError: images or labels have another shape or other values.
    """
    pixels, shape = np.asarray(images), network.image_shape
    codes = np.full(len(pixels) if pixels.ndim else 0, -1) if labels is None else np.asarray(labels)
    if pixels.shape[1:] == shape[:2] and shape[2] == 1:
        pixels = pixels[..., None]
    if pixels.shape[1:] != shape or codes.shape != pixels.shape[:1]:
        received = f"--images of shape {pixels.shape} with --labels of shape {codes.shape}"
        raise RequestError(received, f"[n, {', '.join(map(str, shape))}] and [n]")
    if not np.issubdtype(codes.dtype, np.integer):
        raise RequestError(f"--labels of {codes.dtype}", "whole numbers, one class per image")
    if network.outputs != "multilabel" and codes.max(initial=-1) >= network.num_classes:
        raise RequestError(f"--labels up to {codes.max()}", f"whole numbers below {network.num_classes}")
    whole = _whole_pixels(network, pixels, "images")
    return pixels.astype(np.uint8) if whole else to_uint8(pixels.astype(np.float32), network.bounds), codes


def ends_given(
    network: Classifier,
    tap: Tap,
    source: ImageLike,
    target: ImageLike,
    labels: Sequence[Sequence[str | None] | str | None] = (None, None),
) -> list[tuple[Picture, Picture | Features]]:
    """The pairs that a caller gives: one, or as many as there are sources and targets.

    Args:
        network: who reads them.
        tap: at which features are given.
        source: an image or several.
        target: the same; or features, `[U]` or `[P, U]`.
        labels: classes that sources and targets are filed under, a name or a list of them each.

    Raises:
        RequestError: some image does not fit, or there are not as many of both.
    """
    if not is_batch(source):
        return [_pair(network, tap, source, target, labels, "")]
    targets = cast("Sequence[ImageLike]", target)
    if len(source) != len(targets):
        raise RequestError(f"{len(source)} images in --source and {len(targets)} in --target", "as many of both")
    named = [[name] * len(source) if name is None or isinstance(name, str) else name for name in labels]
    each = enumerate(zip(source, targets, *named, strict=True))
    return [_pair(network, tap, start, end, names, f"[{n}]") for n, (start, end, *names) in each]


def _pair(
    network: Classifier, tap: Tap, source: ImageLike, target: ImageLike, labels: Any, place: str
) -> tuple[Picture, Picture | Features]:
    start = Picture(*image_given(network, source, f"source{place}"), labels[0])
    if not isinstance(target, (str, os.PathLike, Image.Image)) and np.ndim(cast("ArrayLike", target)) == 1:
        return start, features_given(tap, target, f"target{place}")
    return start, Picture(*image_given(network, target, f"target{place}"), labels[1])


def features_given(tap: Tap, value: ImageLike, name: str) -> Features:
    """Features `[U]` at a tap, as a target.

    Raises:
        RequestError: there are not as many as units, or they are not finite, or all are off.
    """
    values, units = np.asarray(cast("ArrayLike", value), np.float32), int(np.prod(tap.unit_shape))
    if values.size != units:
        raise RequestError(f"--{name} of {values.size} features", f"{units}, one per unit of {tap.name}")
    if not np.isfinite(values).all() or not (values > 0).any():
        raise RequestError(f"--{name} with {_range(values)}", "finite features, some of them above 0")
    return Features(values, name)


def _whole_pixels(network: Classifier, pixels: np.ndarray, name: str) -> bool:
    """Whether pixels are 8-bit ones, rather than floats; refuses values that are neither."""
    whole = np.issubdtype(pixels.dtype, np.integer)
    low, high = (0, 255) if whole else network.bounds
    if not np.issubdtype(pixels.dtype, np.number) or not ((pixels >= low) & (pixels <= high)).all():
        raise RequestError(f"--{name} of {pixels.dtype} with {_range(pixels)}", f"values from {low:g} to {high:g}", _MEND)
    if not whole and network.bounds.upper > _BRIGHT and 0 < pixels.max(initial=0) <= 1:
        known = network.pixel_range != ASSUMED
        received = f"--{name} with {_range(pixels)} for {network.name}, whose pixels are {'' if known else 'assumed to be '}"
        raise RequestError(
            f"{received}{network.bounds}", f"values up to {network.bounds.upper:g}", _SCALE if known else _SAY_RANGE
        )
    return bool(whole)


def _range(values: np.ndarray) -> str:
    if not values.size or not np.issubdtype(values.dtype, np.number):
        return "no numbers"
    return f"values from {values.min():g} to {values.max():g}"
