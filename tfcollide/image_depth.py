"""How many bits a channel of an image file has, which Pillow does not tell: it cuts most of what has more than 8."""

import re
from typing import Any

from PIL import Image, TiffImagePlugin

__all__ = ["bits_per_channel"]

_AV1_CONFIGURATION, _CODESTREAM = b"av1C", b"\xff\x4f\xff\x51"
_TIFF_BITS = 258
_DEEP = re.compile("^LA?;16|;16[BLN]$|^BC6H")


def bits_per_channel(image: Image.Image) -> int:
    """The bits of the deepest channel in the file of an open image whose pixels have not been read.

    16 stands for 16-bit floats too, 32 for what Pillow opens as integers or floats of 32 bits.
    """
    if image.mode.startswith(("I", "F")):
        return 16 if ";" in image.mode else 32
    told: Any = {"AVIF": _of_avif, "JPEG2000": _of_jpeg2000, "PPM": _of_ppm, "TIFF": _of_tiff}.get(image.format or "")
    return told(image) if told else max((_of_tile(tile) for tile in _tiles(image)), default=8)


def _tiles(image: Image.Image) -> list[Any]:
    return list(getattr(image, "tile", None) or ())


def _of_tile(tile: Any) -> int:
    """From the name of the raw mode, such as "RGB;16B"; "BGR;16" has 5, 6 and 5 bits."""
    words = [tile[0], *(tile[3] if isinstance(tile[3], tuple) else (tile[3],))]
    sgi = tile[0] == "SGI16" or (tile[0] == "sgi_rle" and words[-1] == 2)
    return 16 if sgi or any(_DEEP.search(word) for word in words if isinstance(word, str)) else 8


def _of_ppm(image: Image.Image) -> int:
    maxima = [number for tile in _tiles(image) if isinstance(tile[3], tuple) for number in tile[3] if isinstance(number, int)]
    return max([*maxima, 255]).bit_length()


def _of_tiff(image: TiffImagePlugin.TiffImageFile) -> int:
    return max(image.tag_v2.get(_TIFF_BITS, (1,)))


def _of_avif(image: Image.Image) -> int:
    content = _content(image)
    place = content.find(_AV1_CONFIGURATION)
    flags = content[place + 6 : place + 7] if place >= 0 else b""
    return 10 if flags and flags[0] & 0x40 else 8


def _of_jpeg2000(image: Image.Image) -> int:
    """From the component sizes of the codestream's SIZ marker: Csiz, then three bytes each."""
    content = _content(image)
    size = content[content.find(_CODESTREAM) + 40 :]
    count = int.from_bytes(size[:2], "big")
    return max([1 + (depth & 0x7F) for depth in size[2 : 2 + 3 * count : 3]] or [8])


def _content(image: Any) -> bytes:
    place = image.fp.tell()
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(place)
    return content
