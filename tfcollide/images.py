"""Image files: reading them with care, writing them without loss.

What is optimized, checked, saved and plotted is one and the same array in the
model's own bounds; 8 bits exist only inside files.
"""

import contextlib
import functools
import io
import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from tfcollide.errors import RequestError
from tfcollide.files.names import is_hidden
from tfcollide.image_depth import bits_per_channel
from tfcollide.runtime.quiet import without_chatter
from tfcollide.shapes import Bounds, ImageShape

__all__ = [
    "MAX_PIXELS",
    "check_image_file",
    "decode",
    "eight_bits",
    "from_uint8",
    "is_image",
    "png_bytes",
    "read_image",
    "read_images",
    "suffixes",
    "to_uint8",
    "upright",
    "write_png",
    "scale_and_crop",
]

MAX_PIXELS = 64_000_000
"""The largest image, in pixels, that is decoded; a bomb is refused by its header."""

logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it says of a damaged file is in our one line

_MEND = "Give a PNG or JPEG file."
_CONVERT = "Convert it first."
_READ_BY_OTHERS = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings an image with this EXIF orientation upright."""


def to_uint8(images: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Rounds images in `bounds` to 8 bits.

    Args:
        images: `[..., H, W, C]` float, in `bounds`.
        bounds: the values that become 0 and 255.

    Returns:
        `[..., H, W, C]` uint8.
    """
    scaled = (np.asarray(images, np.float64) - bounds.lower) * (255.0 / bounds.range)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def from_uint8(images: npt.ArrayLike, bounds: Bounds) -> np.ndarray:
    """The float32 images in `bounds` that 8-bit `images` stand for."""
    values = np.asarray(images, np.float64) * (bounds.range / 255.0) + bounds.lower
    return values.astype(np.float32)


def scale_and_crop(image: np.ndarray, shape: ImageShape) -> np.ndarray:
    """Resizes `image` `[h, w, c]` uint8 to cover `shape`, then crops around its center; gray becomes RGB and RGB gray.

    Bicubic, with antialiasing, as Pillow does it. An image of that shape is left as it is.
    """
    if image.shape == shape:
        return image
    height, width, channels = shape
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC))
    return pixels[..., None] if channels == 1 else pixels


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes one image `[H, W, C]` uint8, C being 1 or 3, as a lossless PNG file."""
    path.write_bytes(png_bytes(image))


def png_bytes(image: np.ndarray) -> bytes:
    """What `write_png` writes."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


@functools.cache
def suffixes() -> frozenset[str]:
    """How the names of files end that Pillow reads here without the help of another program: ".jpg", ".avif", ..."""
    Image.init()
    return frozenset(
        end for end, kind in Image.registered_extensions().items() if kind in Image.OPEN and kind not in _READ_BY_OTHERS
    )


def is_image(path: Path) -> bool:
    """Whether this is a file, not a hidden one, whose name ends like an image's."""
    return path.suffix.lower() in suffixes() and not is_hidden(path.name) and path.is_file()


def check_image_file(path: Path) -> None:
    """Decodes `path` and throws the pixels away.

    Raises:
        RequestError: the file is missing, empty, not an image, truncated, or has
            more than `MAX_PIXELS` pixels.
    """
    decode(path)


def read_image(path: Path, shape: ImageShape, *, resize: bool = False, pixels: np.ndarray | None = None) -> np.ndarray:
    """Reads an image file of exactly `shape`, or of any size with `resize`.

    A gray picture that was saved in color counts as gray, and the other way round.

    Args:
        path: a file that Pillow can decode.
        shape: `(H, W, C)` that the model reads, C being 1 or 3.
        resize: whether to bring another size to `shape`, see `scale_and_crop`.
        pixels: what `decode` gave for it, so that it is not decoded again.

    Returns:
        `[H, W, C]` uint8.

    Raises:
        RequestError: as `check_image_file`, or the image has another shape.
    """
    pixels = decode(path) if pixels is None else pixels
    if resize:
        return scale_and_crop(pixels, shape)
    height, width, channels = shape
    if pixels.shape[:2] != (height, width):
        raise RequestError(
            f"image {path} of {pixels.shape[1]}x{pixels.shape[0]} pixels",
            f"{width}x{height} (width x height), which is what the model reads",
            "Resize or crop the file first.",
        )
    if channels == 3:
        return pixels
    if not (pixels == pixels[..., :1]).all():
        raise RequestError(f"image {path} in color", "a gray image, which is what the model reads", "Convert it first.")
    return pixels[..., :1]


def read_images(paths: Sequence[Path], shape: ImageShape) -> np.ndarray:
    """Reads files of one `shape`: `[N, H, W, C]` uint8."""
    return np.stack([read_image(path, shape) for path in paths])


def decode(path: Path) -> np.ndarray:
    """The pixels of a file of any size as a viewer shows them, `[H, W, 3]` uint8.

    Raises:
        RequestError: as `check_image_file`.
    """
    if not os.path.exists(path):
        raise RequestError(f"image {path}, which does not exist", "a readable image file", _MEND)
    if not path.is_file():
        raise RequestError(f"image {path}, which is not a file", "a readable image file", _MEND)
    if path.stat().st_size == 0:
        raise RequestError(f"image {path}, which is empty", "a readable image file", _MEND)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # our own limit, checked on the header
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            _check_size(path, image)
            _check_depth(path, image)
            Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # for images within images, as of icons
            with without_chatter() if image.format == "TIFF" else contextlib.nullcontext():  # libtiff speaks for itself
                image.load()
            return eight_bits(np.asarray(_as_seen(_without_palette(image))), f"image {path}")
    except RequestError:
        raise
    except Image.DecompressionBombError as error:
        raise RequestError(f"image {path} ({error})", f"at most {MAX_PIXELS:,} pixels", "Make it smaller first.") from error
    except Exception as error:  # the decoders of a damaged file raise anything
        detail = str(error) or type(error).__name__
        raise RequestError(f"image {path}, which cannot be decoded ({detail})", "a whole image file", _MEND) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def eight_bits(pixels: np.ndarray, name: str) -> np.ndarray:
    """The rule for images from files and data sets: 8 bits per channel, gray or RGB, with an opaque alpha channel at most.

    Args:
        pixels: `[..., C]`, C being 1, 2, 3 or 4; the even ones have an alpha channel.
        name: what they are, for messages.

    Returns:
        `[..., C]` uint8 without alpha.

    Raises:
        RequestError: other numbers or channels, or a pixel that is not opaque.
    """
    if pixels.dtype != np.uint8:
        raise RequestError(f"{name} of type {pixels.dtype}", "8 bits per channel", _CONVERT)
    if pixels.shape[-1] not in (1, 2, 3, 4):
        raise RequestError(f"{name} with {pixels.shape[-1]} channels", "gray or RGB images", _CONVERT)
    if pixels.shape[-1] % 2:
        return pixels
    if (pixels[..., -1] < 255).any():
        raise RequestError(f"{name} with transparent pixels", "an opaque image", "Flatten it first.")
    return pixels[..., :-1]


def _check_size(path: Path, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise RequestError(
            f"image {path} of {image.width}x{image.height} pixels",
            f"at most {MAX_PIXELS:,} pixels",
            "Make it smaller first.",
        )


def _check_depth(path: Path, image: Image.Image) -> None:
    bits = bits_per_channel(image)
    if bits > 8:
        raise RequestError(f"image {path} of mode {image.mode} with {bits} bits per channel", "8 bits per channel", _CONVERT)


def _without_palette(image: Image.Image) -> Image.Image:
    """Palettes, gray and what printers take as RGB; with an alpha channel where there is transparency."""
    clear = "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info
    return image.convert("RGBA" if clear else "RGB")


def upright(pixels: np.ndarray, file: bytes) -> np.ndarray:
    """`pixels` `[H, W, C]` uint8, decoded from `file` by others, turned as a viewer shows them."""
    with contextlib.suppress(Exception), Image.open(io.BytesIO(file)) as image:
        turn = _turn(image)
        if turn is not None:
            channels = [np.asarray(Image.fromarray(channel).transpose(turn)) for channel in np.moveaxis(pixels, -1, 0)]
            return np.stack(channels, axis=-1)
    return pixels


def _as_seen(image: Image.Image) -> Image.Image:
    turn = _turn(image)
    return image if turn is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How an image is turned and mirrored as its EXIF data ask, where these can be read."""
    with contextlib.suppress(Exception):  # a viewer shows an image with damaged EXIF data as it is
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return None
