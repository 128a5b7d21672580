"""How far apart features usually are: the yardstick for "features match".

Two images of one class differ, and so do their features. A corner's features match the target's where they
are nearer to them than those of nearly all pairs of images of one class are to each other.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.data.labeled import Split
from tfcollide.images import from_uint8
from tfcollide.models.predictions import evenly_spread
from tfcollide.models.rectifier import Rectifier
from tfcollide.shapes import Bounds

__all__ = ["NullDistribution", "null_distribution"]

_MOST_CLASSES = 50
_BLOCK_VALUES = 2**26
_PAIR_VALUES = 2**22

_Look = Callable[[Sequence["_Image"]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class NullDistribution:
    """Feature distances at a tap, sum_u (post_activation(x)[u] - post_activation(y)[u])^2, of pairs of images.

    Attributes:
        same: float64, sorted, of two different images of one class; not all of them 0.
        different: float64, sorted, of images of two classes; empty where there is one class alone.
        images: how many images were looked at.
        note: in one line, that the data has fewer pairs than were asked for; None where it has them.
    """

    same: np.ndarray
    different: np.ndarray
    images: int
    note: str | None = None

    @classmethod
    def to_arrays(cls, found: "NullDistribution | None") -> dict[str, np.ndarray]:
        """What `from_arrays` reads; where there is none, without a pair."""
        found = found or cls(np.zeros(0), np.zeros(0), 0)
        note = np.frombuffer((found.note or "").encode(), np.uint8)
        return {"same": found.same, "different": found.different, "images": np.array(found.images, np.int64), "note": note}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NullDistribution | None":
        """Of `to_arrays`."""
        if not len(arrays["same"]):
            return None
        note = arrays["note"].tobytes().decode() or None
        return cls(arrays["same"], arrays["different"], arrays["images"].item(), note)

    def quantile(self, distance: float) -> float:
        """The share of pairs of one class that are at most this far apart: 0 below all of them, 1 from the largest on."""
        return _share_at_most(self.same, distance)

    def quantile_different(self, distance: float) -> float:
        """The share of pairs of two classes that are at most this far apart; 0 where there are none."""
        return _share_at_most(self.different, distance)

    def distance_at(self, quantile: float) -> float:
        """The distance that stands at a quantile, from 0 to 1, of the pairs of one class; one that occurs."""
        return float(np.quantile(self.same, quantile, method="lower"))


def null_distribution(
    pre_activation: Callable[[tf.Tensor], tf.Tensor],
    rectifier: Rectifier,
    splits: Iterable[Split],
    bounds: Bounds,
    *,
    pairs: int = 10_000,
    seed: int = 0,
    batch_size: int,
    most_classes: int = _MOST_CLASSES,
) -> NullDistribution | None:
    """Measures feature distances between images of one class, and of two.

    Each class gives the same number of pairs, or all it has where it has fewer. Of each the fewest images
    are taken that have so many pairs, evenly spread over the first split that has them; pairs are drawn
    among them, each at most once. As many pairs of two classes are drawn among the same images, of as few
    of each class as have them. Features of as many images are kept as fit into half a GiB, of two at least.

    Args:
        pre_activation: images `[n, H, W, C]` float32 -> `[n, U]` at the tap, see `classifier.Tap`.
        rectifier: the tap's ReLU.
        splits: of one data set; the next is looked at only where a class needs more images than the ones
            before hold, so that a generator need not read it. A label below 0 is none.
        bounds: the pixel values that the network reads.
        pairs: how many pairs of one class.
        seed: of the draw.
        batch_size: how many images are looked at in one go.
        most_classes: how many classes are looked at, evenly spread; more classes would need more images for as many pairs.

    Returns:
        The distances; None where no class has two labeled images, or where all images of a class have
        the same features, so that there is no yardstick.
    """
    classes = _gather(splits, pairs, most_classes)
    rng = np.random.default_rng(seed)
    look = functools.partial(_features, pre_activation, rectifier, bounds, batch_size)
    same = [_distances(look, one.images, _some(_all_pairs(len(one.images)), one.pairs, rng)) for one in classes]
    distances = np.sort(np.concatenate(same)) if same else np.zeros(0)
    if not distances.any():
        return None
    different = np.sort(_distances(look, *_across(classes, pairs, rng)))
    return NullDistribution(
        same=distances,
        different=different,
        images=sum(len(one.images) for one in classes),
        note=_note(len(distances), len(different), pairs),
    )


class _Image(NamedTuple):
    """Image `number` of a split."""

    split: Split
    number: int


class _Class(NamedTuple):
    """Images of one class, and how many pairs of them are compared."""

    images: list[_Image]
    pairs: int


def _gather(splits: Iterable[Split], pairs: int, most_classes: int) -> list[_Class]:
    """The classes that are looked at, of as few splits as it takes."""
    held: dict[int, list[tuple[Split, np.ndarray]]] = {}
    shares: dict[int, int] = {}
    for split in splits:
        labels = np.asarray(split.labels)
        for label in np.unique(labels[labels >= 0]).tolist():
            held.setdefault(label, []).append((split, np.flatnonzero(labels == label)))
        chosen = [sorted(held)[i] for i in evenly_spread(len(held), most_classes)]
        room = [math.comb(sum(len(numbers) for _, numbers in held[label]), 2) for label in chosen]
        shares = dict(zip(chosen, _even_shares(room, pairs), strict=True))
        if shares and sum(shares.values()) == pairs and min(shares.values()) >= pairs // len(shares):
            break
    return [_Class(_take(held[label], _images_for(share)), share) for label, share in shares.items() if share]


def _even_shares(room: list[int], total: int) -> list[int]:
    """How much of `total` each place takes: as evenly as its room allows."""
    shares, left = [0] * len(room), min(total, sum(room))
    for done, place in enumerate(sorted(range(len(room)), key=lambda i: room[i])):
        shares[place] = min(room[place], left // (len(room) - done))
        left -= shares[place]
    return shares


def _images_for(pairs: int) -> int:
    """The fewest images of which there are so many pairs."""
    return math.ceil((1 + math.sqrt(1 + 8 * pairs)) / 2)


def _take(parts: list[tuple[Split, np.ndarray]], count: int) -> list[_Image]:
    """`count` images, evenly spread over the first split; over the next ones where that has fewer."""
    taken: list[_Image] = []
    for split, numbers in parts:
        chosen = numbers[evenly_spread(len(numbers), count - len(taken))]
        taken += [_Image(split, int(number)) for number in chosen]
    return taken


def _all_pairs(count: int) -> np.ndarray:
    """`[P, 2]`, all pairs of numbers below `count`, the lower one first."""
    return np.stack(np.triu_indices(count, 1), axis=1)


def _some(pairs: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the pairs, each at most once; all where there are no more."""
    return pairs[np.sort(rng.permutation(len(pairs))[:count])]


def _across(classes: list[_Class], pairs: int, rng: np.random.Generator) -> tuple[list[_Image], np.ndarray]:
    """Images of all classes, as few a class as it takes, and pairs of them that are of two classes."""
    for each in range(1, 1 + max(len(one.images) for one in classes)):
        sizes = np.array([min(each, len(one.images)) for one in classes])
        if sizes.sum() ** 2 - np.square(sizes).sum() >= 2 * pairs:
            break
    images = [one.images[i] for one, n in zip(classes, sizes, strict=True) for i in evenly_spread(len(one.images), int(n))]
    label, found = np.repeat(np.arange(len(classes)), sizes), _all_pairs(len(images))
    return images, _some(found[label[found[:, 0]] != label[found[:, 1]]], pairs, rng)


def _features(
    pre_activation: Callable[[tf.Tensor], tf.Tensor],
    rectifier: Rectifier,
    bounds: Bounds,
    batch_size: int,
    images: Sequence[_Image],
) -> np.ndarray:
    """`[n, U]` float32, the post-activations of images."""
    batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
    pixels = (np.stack([image.split.images[image.number] for image in batch]) for batch in batches)
    return np.concatenate([rectifier(pre_activation(tf.constant(from_uint8(batch, bounds)))).numpy() for batch in pixels])


def _distances(look: _Look, images: list[_Image], pairs: np.ndarray) -> np.ndarray:
    """`[P]` float64 for pairs `[P, 2]`; the features of two blocks of images are kept at a time."""
    distances = np.zeros(len(pairs))
    if not len(pairs):
        return distances
    size = max(1, _BLOCK_VALUES // look(images[:1]).size)
    for i in range(0, len(images), size):
        first = look(images[i : i + size])
        for j in range(i, len(images), size):
            here = np.flatnonzero((pairs // size == (i // size, j // size)).all(axis=1))
            if len(here):
                second = first if i == j else look(images[j : j + size])
                distances[here] = _between(first, second, pairs[here] - (i, j))
    return distances


def _between(one: np.ndarray, other: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """`[P]` float64, squared distances of rows, a few pairs at a time."""
    size = max(1, _PAIR_VALUES // one.shape[1])
    parts = (pairs[i : i + size].T for i in range(0, len(pairs), size))
    return np.concatenate([np.square(one[i] - other[j], dtype=np.float64).sum(axis=1) for i, j in parts])


def _share_at_most(values: np.ndarray, distance: float) -> float:
    return float(np.searchsorted(values, distance, side="right") / len(values)) if len(values) else 0.0


def _note(same: int, different: int, pairs: int) -> str | None:
    if min(same, different) >= pairs:
        return None
    return f"{same:,} pairs of one class and {different:,} of two were compared, where {pairs:,} of each were asked for"
