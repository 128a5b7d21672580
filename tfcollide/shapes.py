"""The shape legend used by every docstring, and the bounds of images.

    N   corners                 S   hull samples (mixtures)
    U   units of a tap          K   candidate patches
    L   labels (classes)        H W C   height, width and channels of an image

The batch axis is the corner axis. Images are float32 `[N, H, W, C]` in the
bounds of the model that reads them; features of a tap are `[N, U]`, with the
axes of a convolutional tap flattened in row-major order.
"""

from typing import NamedTuple

__all__ = ["Bounds", "ImageShape", "PixelRange"]

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

    def __str__(self) -> str:
        """Such as 0..255."""
        return f"{self.lower:g}..{self.upper:g}"


class PixelRange(NamedTuple):
    """The bounds of a network's pixels, and how they were come by.

    Attributes:
        bounds: of the pixels.
        how: in words that go on from "0..255, ": "told by the first layers", "by likelihood: ...".
        warning: what speaks against them, a sentence; None where nothing does.
    """

    bounds: Bounds
    how: str
    warning: str | None = None
