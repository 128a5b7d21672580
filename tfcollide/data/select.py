"""Choosing the source and the target: a class, a test image, or a file."""

import dataclasses
import difflib
import itertools
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError, listed
from tfcollide.files.names import readable
from tfcollide.images import decode, read_image

__all__ = [
    "PredictedClasses",
    "Choice",
    "Selector",
    "classes_like",
    "draw_pairs",
    "every_class",
    "looks_like_file",
    "parse_selector",
    "resolve",
    "unknown",
]


@dataclasses.dataclass(frozen=True)
class Selector:
    """What the user asked for; exactly one of the first three is set.

    Attributes:
        label: a class, as an index.
        test_index: a test image.
        path: an image file.
        pixels: `[H, W, 3]` uint8, what is in the file, where it has been decoded.
    """

    label: int | None = None
    test_index: int | None = None
    path: Path | None = None
    pixels: np.ndarray | None = dataclasses.field(default=None, compare=False, repr=False)


class PredictedClasses(Protocol):
    """`[n]`, the class that a network gives each image: an array, or found out when it is looked at."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: int | np.integer | slice | np.ndarray, /) -> Any: ...

    def __array__(self) -> np.ndarray: ...


class Choice(NamedTuple):
    """A chosen image.

    Attributes:
        image: `[H, W, C]` uint8.
        id: "test:1234", or the file's name.
        label: the class name it was filed under, or None for a file.
        of_class: whether a class was asked for, and the image was chosen for it.
    """

    image: np.ndarray
    id: str
    label: str | None
    of_class: bool = False

    @property
    def asked(self) -> str:
        """What was typed and which image that is, for messages: "7 (test:4)"."""
        return f"{self.label} ({self.id})" if self.of_class else self.id


def looks_like_file(text: str) -> bool:
    """Whether a text that is no class names a file, existing or not: it has a suffix or a folder."""
    path = Path(text)
    return not text.startswith("test:") and bool(path.suffix or len(path.parts) > 1)


def classes_like(text: str, class_names: Collection[str]) -> list[str]:
    """The class `text`, or else those that differ from it in case alone."""
    return [text] if text in class_names else [name for name in class_names if name.casefold() == text.casefold()]


def parse_selector(flag: str, text: str, data: LabeledImages) -> Selector:
    """Reads "3", "test:1234", a path or a class in another case, in this order; needs no image of the data set.

    Raises:
        RequestError: no such class, index or file, or the file cannot be decoded.
    """
    if text in data.class_names:
        return Selector(label=data.class_names.index(text))
    if text.startswith("test:") and data.class_names:
        return Selector(test_index=_test_index(flag, text, data.test_size))
    path = Path(os.path.expanduser(text or "-"))  # unlike Path.expanduser, leaves an unknown ~name alone
    alike = classes_like(text, data.class_names)
    if len(alike) == 1 and not os.path.exists(path):
        return Selector(label=data.class_names.index(alike[0]))
    if os.path.exists(path) or (looks_like_file(text) and not alike):
        return Selector(path=path, pixels=decode(path))
    raise unknown(f"--{flag}={text}", text, data)


def unknown(received: str, text: str, data: LabeledImages) -> RequestError:
    """What to say of a text that names nothing, and what it may have been meant to name.

    Args:
        received: where it was read.
        text: as it was read.
        data: whose classes it may be like.
    """
    if not data.class_names:
        return RequestError(received, "an image file, where there is no data set", "Name one, or a --dataset.")
    shown = listed(data.class_names, data.listed_in)
    near = " or ".join(classes_like(text, data.class_names) or _near(text, data.class_names))
    mend = f"Did you mean {near}?" if near else ""
    return RequestError(received, f"a class of {data.name} ({shown}), test:INDEX, or an image file", mend)


def _near(text: str, class_names: Collection[str]) -> list[str]:
    """At most three classes that are spelled like `text`, or have it as a part."""
    folded = {name.casefold(): name for name in class_names}
    near = difflib.get_close_matches(text.casefold(), folded, n=3)
    parts = [name for name in folded if len(text) > 2 and text.casefold() in name]
    return [folded[name] for name in (near or parts)[:3]]


def resolve(flag: str, selector: Selector, data: LabeledImages, predicted: PredictedClasses | None = None) -> Choice:
    """The image that a selector names.

    A class means the first test image of it that the model gets right.

    Args:
        flag: "source" or "target", for messages.
        selector: what was asked for.
        data: where it is looked up.
        predicted: `[test_size]`, the model's class of each test image, an array or looked up on demand; a file needs none.

    Raises:
        RequestError: the class has no test image that the model gets right, or the
            file has another shape than the data set's images.
    """
    if selector.path is not None:
        image = read_image(selector.path, data.shape, resize=data.fits, pixels=selector.pixels)
        return Choice(image, readable(selector.path.name), None)
    labels = data.test.labels
    index = selector.test_index
    if index is None:
        right = _right(data, cast(PredictedClasses, predicted), selector.label or 0, 1)
        if not right:
            raise RequestError(
                f"--{flag}={data.class_names[selector.label or 0]}, of which the model gets no test image right",
                "a class that the model knows",
                f"Name an image: --{flag}=test:INDEX.",
            )
        index = right[0]
    of_class = selector.test_index is None
    return Choice(data.test.images[index], f"test:{index}", data.class_names[labels[index]], of_class)


def every_class(data: LabeledImages, predicted: PredictedClasses, *, but: int | None = None) -> list[str]:
    """One test image of each class, the first that the model gets right.

    Args:
        data: where the images come from.
        predicted: `[test_size]`, the model's class of each test image, an array or looked up on demand.
        but: a class that is left out, such as the target's.

    Returns:
        "test:INDEX" a class, those without such an image left out.
    """
    labels = [label for label in range(len(data.class_names)) if label != but]
    return [f"test:{i}" for label in labels for i in _right(data, predicted, label, 1)]


def draw_pairs(data: LabeledImages, predicted: PredictedClasses, count: int, seed: int) -> list[tuple[str, str]]:
    """Draws pairs of test images of different classes, each classified correctly.

    Args:
        data: where the images come from.
        predicted: `[test_size]`, the model's class of each test image, an array or looked up on demand.
        count: how many pairs.
        seed: of the draw.

    Returns:
        `count` pairs of "test:INDEX"; no pair of classes twice while others are left.
    """
    rng = np.random.default_rng(seed)
    labels = data.test.labels
    right = np.asarray(predicted) == labels
    classes = [c for c in range(len(data.class_names)) if (right & (labels == c)).any()]
    pairs = [(a, b) for a in classes for b in classes if a != b]
    if not pairs:
        raise RequestError(f"--num_pairs={count}", "two classes with test images that the model gets right")
    order = np.concatenate([rng.permutation(len(pairs)) for _ in range(-(-count // len(pairs)))])[:count]

    def image_of(label: int) -> str:
        return f"test:{rng.choice(np.flatnonzero(right & (labels == label)))}"

    return [(image_of(pairs[i][0]), image_of(pairs[i][1])) for i in order]


def _right(data: LabeledImages, predicted: PredictedClasses, label: int, count: int) -> list[int]:
    """The first `count` test images of a class that the model gets right; no more of them are judged than it takes."""
    found = (int(i) for i in np.flatnonzero(data.test.labels == label) if predicted[i] == label)
    return list(itertools.islice(found, count))


def _test_index(flag: str, text: str, size: int) -> int:
    digits = text.removeprefix("test:")
    if not digits.isdecimal() or int(digits) >= size:
        raise RequestError(f"--{flag}={text}", f"test:INDEX with an index from 0 to {size - 1}")
    return int(digits)
