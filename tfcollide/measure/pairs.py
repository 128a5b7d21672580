"""Which pairs an audit looks at: all ordered pairs of classes alike, and no image twice while there are others."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from tfcollide.errors import RequestError

__all__ = ["DrawnPairs", "balanced_pairs"]


@dataclasses.dataclass(frozen=True)
class DrawnPairs:
    """Pairs of images.

    Attributes:
        images: `[P, 2]`, the numbers of sources and targets.
        repeated: how many images are in more than one pair; 0 where the data suffice.
    """

    images: np.ndarray
    repeated: int


def balanced_pairs(labels: np.ndarray, count: int, seed: int, *, usable: np.ndarray | None = None) -> DrawnPairs:
    """Draws sources and targets of different classes.

    Ordered pairs of classes come in rounds, in which each class is source once and target once; a round is one
    rotation of the classes in a random order. So numbers of pairs of any two classes differ by at most one, and those in
    which a class is source, or target, too. Images of a class are dealt like cards: each once before any comes again.

    Args:
        labels: `[n]`, the class of each image; below 0: of none.
        count: P.
        seed: of the draw.
        usable: `[n]` bool, which images may be taken, such as those that the network gets right; None: all.

    Raises:
        RequestError: fewer than two classes have an image.
    """
    labels, rng = np.asarray(labels), np.random.default_rng(seed)
    eligible = (labels >= 0) if usable is None else (labels >= 0) & usable
    classes = np.unique(labels[eligible])
    if len(classes) < 2:
        raise RequestError(
            f"--num_pairs={count} of {len(classes)} classes", "two classes with images that the network gets right"
        )
    decks = {int(one): _deal(np.flatnonzero(eligible & (labels == one)), rng) for one in classes}
    rounds = itertools.islice(_class_pairs(rng.permutation(classes), rng), count)
    drawn = np.array([(next(decks[a]), next(decks[b])) for a, b in rounds], np.int64).reshape(-1, 2)
    _, times = np.unique(drawn, return_counts=True)
    return DrawnPairs(drawn, int((times > 1).sum()))


def _class_pairs(classes: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Ordered pairs of classes, round by round, without end."""
    while True:
        for shift in 1 + rng.permutation(len(classes) - 1):
            for place in rng.permutation(len(classes)):
                yield int(classes[place]), int(classes[(place + shift) % len(classes)])


def _deal(images: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    """Images in a random order, each once before any comes again, without end."""
    while True:
        yield from (int(one) for one in rng.permutation(images))
