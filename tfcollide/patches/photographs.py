"""Photographs to take patches from: their names first, their pixels one after the other."""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Photographs", "shard_positions", "share_of", "split_held_out"]


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
