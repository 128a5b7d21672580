"""From images to what a network's input takes: another shape, another precision, or whole numbers."""

import math
from typing import NamedTuple

import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.shapes import ImageShape

__all__ = ["DEFAULT_SIZE", "Entry", "image_shape"]

DEFAULT_SIZE = 224
_CHANNELS = (1, 3)


class Entry(NamedTuple):
    """What happens to images before they meet a network.

    Attributes:
        shape: of the network's input, without the batch axis; None in it where a size is open.
        dtype: of that input.
        through: where the network reads whole numbers, whether it computes the same from them as
            floats. They are cut off as Keras cuts them off, and the gradient goes on as if they were not.
    """

    shape: tuple[int | None, ...]
    dtype: tf.DType = tf.float32
    through: bool = False

    @property
    def whole_numbers(self) -> bool:
        """Whether the network reads integers, so that it is a step function of the image."""
        return not self.dtype.is_floating

    def holds(self, lowest: float, highest: float) -> bool:
        """Whether the input's type has these values; what it has not, integers wrap round or cut off, as the machine likes."""
        return not self.whole_numbers or (self.dtype.min <= lowest and highest <= self.dtype.max)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """`images` `[N, H, W, C]` as the network reads them."""
        if len(images.shape) != len(self.shape) + 1:
            sizes = images.shape[1:-1] if len(self.shape) == 2 else [math.prod(images.shape[1:])]
            images = tf.reshape(images, [-1, *sizes])
        found = tf.cast(images, self.dtype)
        return images + tf.stop_gradient(tf.cast(found, images.dtype) - images) if self.through else found


def image_shape(shape: tuple[int | None, ...] | None, name: str, size: int | None) -> ImageShape:
    """`(H, W, C)` of the images that a network reads; rows and vectors without a channel axis are gray images.

    Args:
        shape: of the network's input, without the batch axis; None where it tells none.
        name: of the network, for messages.
        size: height and width where the network leaves them open; None is 224.

    Raises:
        RequestError: it reads no images, or images of another size.
    """
    found = _with_channels(shape or (), size or DEFAULT_SIZE)
    if found is None:
        received = f"model {name} with inputs of shape {None if shape is None else (None, *shape)}"
        mend = "" if shape else "Call the model on images first, or say model.export(FOLDER) and bring that: --model=FOLDER."
        raise RequestError(received, "images [N, H, W, C] with 1 or 3 channels, or gray ones [N, H, W] or [N, H W]", mend)
    if size is not None and found[:2] != (size, size):
        raise RequestError(f"--image_size={size}", f"{found[0]}, the size that {name} reads", "Leave the flag out.")
    return found


def _with_channels(shape: tuple[int | None, ...], size: int) -> ImageShape | None:
    if len(shape) == 3 and shape[2] in _CHANNELS:
        return shape[0] or size, shape[1] or size, shape[2]
    if len(shape) == 2:
        return shape[0] or size, shape[1] or size, 1
    if len(shape) == 1:
        values = shape[0] or size * size
        sides = {channels: math.isqrt(values // channels) for channels in _CHANNELS}
        return next(((side, side, channels) for channels, side in sides.items() if side * side * channels == values), None)
    return None
