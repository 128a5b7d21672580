"""Arrays as text within a page: base64 of float32, or of whole numbers where a picture alone is wanted."""

import base64
import math
from typing import Any

import numpy as np

from tfcollide.shapes import Bounds

__all__ = ["pack", "pack_images", "room_for"]

_SMALL, _SMALL_BYTES = 64 * 64, 3_000_000
_LARGE, _LARGE_BYTES = 224 * 224, 8_000_000


def room_for(shape: tuple[int, ...]) -> int:
    """How many bytes a page of images `[H, W, C]` may take: 3 MB up to 64x64, 8 MB up to 224x224, then by their pixels."""
    pixels = math.prod(shape[:2])
    if pixels <= _SMALL:
        return _SMALL_BYTES
    return _LARGE_BYTES if pixels <= _LARGE else _LARGE_BYTES * pixels // _LARGE


def pack(array: np.ndarray) -> dict[str, Any]:
    """An array as its type, shape and bytes."""
    kind = array.dtype.newbyteorder("<")
    data = base64.b64encode(np.ascontiguousarray(array).astype(kind).tobytes()).decode("ascii")
    return {"type": array.dtype.name, "shape": list(array.shape), "data": data}


def pack_images(images: np.ndarray, bounds: Bounds, *, exact: bool, room: int) -> dict[str, Any]:
    """Images `[n, H, W, C]` in bounds, and in how many bits a value is kept.

    Args:
        images: float32.
        bounds: of their pixels.
        exact: whether a network will read them: then as they are, whatever they take.
        room: bytes; else 16 bits are kept where that fits in, and otherwise 8.
    """
    if exact:
        return pack(images.astype(np.float32)) | {"bits": 32, "lower": 0.0, "step": 1.0}
    bits = 16 if _packed(images.size * 2) <= room else 8
    most = 2**bits - 1
    scaled = (images.astype(np.float64) - bounds.lower) / bounds.range
    whole = np.rint(np.clip(scaled, 0, 1) * most).astype(np.uint16 if bits == 16 else np.uint8)
    return pack(whole) | {"bits": bits, "lower": bounds.lower, "step": bounds.range / most}


def _packed(size: int) -> int:
    return 4 * -(-size // 3)
