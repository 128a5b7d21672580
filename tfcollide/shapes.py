"""The shape legend used by every docstring, and the bounds of images.

    N   corners                 S   hull samples (mixtures)
    U   units of a tap          K   candidate patches
    L   labels (classes)        H W C   height, width and channels of an image

The batch axis is the corner axis. Images are float32 `[N, H, W, C]` in the
bounds of the model that reads them; features of a tap are `[N, U]`, with the
axes of a convolutional tap flattened in row-major order.
"""

from typing import NamedTuple

__all__ = ["Bounds", "ImageShape"]

ImageShape = tuple[int, int, int]


class Bounds(NamedTuple):
    """The closed interval of pixel values that a model reads.

    Attributes:
        lower: the value of a black pixel.
        upper: the value of a white pixel.
    """

    lower: float
    upper: float

    @property
    def range(self) -> float:
        """The width of the interval."""
        return self.upper - self.lower
