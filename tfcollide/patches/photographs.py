"""Photographs to take patches from: their names first, their pixels one after the other, as squares of one size."""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfcollide.images import scale_and_crop

__all__ = ["RULES", "Photographs", "fit_square", "shard_positions", "share_of", "split_held_out"]

RULES = ("crop", "stretch")
"""The resize rules: the shorter side is resized and the middle is kept; both sides are, and nothing is lost but proportions."""


class Photographs(NamedTuple):
    """A collection in a fixed order.

    Attributes:
        name: where it came from.
        ids: one name per photograph.
        labels: the class of each.
        sizes: bytes of each file, or 0 where there is no file.
        read: from ascending positions to the photographs there, one by one, each
            through a function from `[H, W, C]` uint8 to what is wanted.
    """

    name: str
    ids: Sequence[str]
    labels: Sequence[str]
    sizes: Sequence[int]
    read: Callable[[Sequence[int], Callable[[np.ndarray], np.ndarray]], Iterator[np.ndarray]]

    def fingerprint(self) -> str:
        """A hash of names, labels and sizes: another collection has another."""
        digest = hashlib.sha256()
        for row in zip(self.ids, self.labels, self.sizes, strict=True):
            digest.update(repr(row).encode())
        return digest.hexdigest()


def share_of(labels: Sequence[str], share: float) -> list[int]:
    """Positions of a share of each class, evenly spread, at least one per class.

    Args:
        labels: the class of each photograph.
        share: in (0, 1]; the paper takes 0.1.
    """
    seen: dict[str, int] = {}
    chosen = []
    for position, label in enumerate(labels):
        before = seen.get(label, 0)
        seen[label] = before + 1
        if math.ceil((before + 1) * share - 1e-9) > math.ceil(before * share - 1e-9):
            chosen.append(position)
    return chosen


def split_held_out(positions: Sequence[int], count: int, seed: int) -> tuple[list[int], list[int]]:
    """Keeps `count` photographs apart, drawn at random.

    Returns:
        What remains, and what is held out, both ascending.
    """
    drawn = set(np.random.default_rng(seed).choice(len(positions), count, replace=False).tolist())
    kept = [position for i, position in enumerate(positions) if i not in drawn]
    return kept, [positions[i] for i in sorted(drawn)]


def shard_positions(shard_images: Sequence[int], kept: Sequence[int]) -> list[Sequence[int]]:
    """The positions of each shard's photographs, `shard_images` telling how many it has."""
    ends = list(itertools.accumulate(shard_images))
    return [kept[end - count : end] for count, end in zip(shard_images, ends, strict=True)]


def fit_square(pixels: np.ndarray, size: int, rule: str = "crop") -> np.ndarray:
    """A photograph of any size as a square, resized with Pillow's bicubic filter, which averages where it makes smaller.

    Args:
        pixels: `[H, W, C]` uint8, C being 1 or 3.
        size: side of the result.
        rule: one of `RULES`.

    Returns:
        `[size, size, 3]` uint8.
    """
    if rule == "crop":
        return scale_and_crop(pixels, (size, size, 3))
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
