"""How blind a network is, where, and between which classes: the audit."""

import dataclasses
import difflib
import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfcollide import __version__
from tfcollide.data.labeled import GIVEN, LabeledImages, Split
from tfcollide.data.select import PredictedClasses
from tfcollide.errors import RequestError, listed
from tfcollide.files.atomic import new_folder
from tfcollide.library.audit_options import AuditOptions
from tfcollide.library.audit_walk import AuditWalk, NamedPair, picture_of
from tfcollide.library.calling import called, record_of
from tfcollide.library.given import data_given, network_given
from tfcollide.measure.audit_record import AuditRecord
from tfcollide.measure.audit_tables import frame
from tfcollide.measure.kept_audit import KeptHull
from tfcollide.measure.pairs import balanced_pairs
from tfcollide.models.classifier import Classifier
from tfcollide.models.differentiable import check_differentiable
from tfcollide.models.predictions import Predictions
from tfcollide.models.saved_model import FrozenGraph
from tfcollide.report.audit.audit_files import write_audit
from tfcollide.report.audit.audit_words import verdict
from tfcollide.report.audit.worst_pairs import PairPictures

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Audited", "audit", "audit_together", "check_same_classes", "drawn_pairs", "made_with", "right_for_all", "tap_names"]


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Audited:
    """A finished audit.

    Attributes:
        record: every number.
        pictures: the number of a pair -> source, collision and target, of those that the report shows.
        hulls: that were found, as 8-bit pixels.
        network: that was audited; None of an audit that was read back.
    """

    record: AuditRecord
    pictures: dict[int, PairPictures]
    hulls: tuple[KeptHull, ...] = ()
    network: Classifier | None = None

    def to_frame(self, table: str = "pairs") -> "DataFrame":
        """A table: "pairs" (one row per pair and tap), "hulls" or "layers"; docs/audit.md has the columns.

        Raises:
            RequestError: there is no such table.
        """
        with called():
            return frame(self.record, table)

    def save(self, folder: str | Path) -> Path:
        """Writes `report.html`, `audit.json`, `table.md` and the tables as CSV and Parquet.

        Args:
            folder: must not exist; it appears whole or not at all.

        Raises:
            RequestError: the folder exists.
        """
        with called():
            path = Path(folder).absolute()
            with new_folder(path) as inside:
                write_audit(inside, self.record, self.pictures, self.hulls)
        return path

    def __repr__(self) -> str:
        """The verdict."""
        return f"Audited({verdict(self.record)})"


def audit(
    network: Classifier,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    progress: bool = False,
    **settings: object,
) -> Audited:
    """How blind a network is: how far images must be changed to collide, in how many pairs they do, and where sight is lost.

    Args:
        network: of `wrap`.
        images: `[n, H, W, C]`, a data set with a few images of each class: integers are 8-bit pixels; floats are in the
            network's pixel range, and are rounded to 8 bits.
        labels: `[n]`, their classes, as the network numbers them.
        pairs: numbers of sources and targets; None: drawn over ordered pairs of classes among images that the network
            gets right, of which every other one is kept back for an independent reader.
        progress: whether bars are drawn on standard error.
        **settings: of `AuditOptions`: budget ("quick", "normal", "thorough"), num_pairs, taps ("default", "all", names),
            match_quantile, seed, ...

    Returns:
        An `Audited`: `.record` has every number, `.to_frame()` a table, `.save(folder)` writes a report.

    Raises:
        RequestError: an argument cannot be used.

    Examples:
        >>> audited = tc.audit(network, images, labels, budget="quick", num_pairs=2)
        >>> len(audited.to_frame())
        2
    """
    with called(progress):
        options = record_of(AuditOptions, settings).check()
        data, kept = _data(network_given(network), images, labels, pairs)
        predicted = Predictions(network, data.test.images)
        taps = tap_names(network, options.taps)
        chosen = drawn_pairs(data, predicted, options) if pairs is None else _numbered(pairs, kept)
        named = [NamedPair(picture_of(network, data, a), picture_of(network, data, b), (a, b)) for a, b in chosen]
        walk = AuditWalk(network, data, named, options, taps, predicted=predicted, labeled=True)
        return Audited(*walk(made_with(network, data, named)), network)


def audit_together(
    networks: Sequence[Classifier], images: ArrayLike, labels: ArrayLike, options: AuditOptions
) -> tuple[list[Audited], list[NamedPair]]:
    """Audits of several networks on the same pairs, drawn among images that all of them get right.

    Args:
        networks: of `wrap`; one that is there twice is audited once.
        images: as of `audit`.
        labels: as of `audit`.
        options: of each audit.

    Returns:
        An audit per network, and the pairs as the first of them reads them.

    Raises:
        RequestError: an argument cannot be used.
    """
    check_same_classes(networks)
    data = {one: _data(one, images, labels, None)[0] for one in networks}
    predicted = {one: Predictions(one, split.test.images) for one, split in data.items()}
    first = data[networks[0]]
    chosen = drawn_pairs(first, right_for_all(first, list(predicted.values())), options)
    done: dict[Classifier, Audited] = {}
    named: dict[Classifier, list[NamedPair]] = {}
    for one, split in data.items():
        named[one] = [NamedPair(picture_of(one, split, a), picture_of(one, split, b), (a, b)) for a, b in chosen]
        taps = tap_names(one, options.taps)
        walk = AuditWalk(one, split, named[one], options, taps, predicted=predicted[one], labeled=True)
        done[one] = Audited(*walk(made_with(one, split, named[one])), one)
    return [done[one] for one in networks], named[networks[0]]


def check_same_classes(networks: Sequence[Classifier]) -> None:
    """Raises `RequestError` where networks of a comparison do not have as many classes as each other."""
    first = networks[0]
    for other in networks[1:]:
        if other.num_classes != first.num_classes:
            received = f"{first.name} of {first.num_classes} classes and {other.name} of {other.num_classes}"
            raise RequestError(received, "networks of the same classes", "Compare networks that were trained on the same data.")


def right_for_all(data: LabeledImages, predicted: Sequence[PredictedClasses]) -> np.ndarray:
    """`[test_size]`, the label of each test image that all networks get right; -1 elsewhere.

    Args:
        data: with the labels.
        predicted: what each network takes the test images for.
    """
    labels = np.asarray(data.test.labels)
    return np.where(np.all([np.asarray(one) == labels for one in predicted], axis=0), labels, -1)


def tap_names(network: Classifier, asked: str) -> list[str]:
    """The ReLUs that are asked for, "default", "all" or names with commas between them; the first is the headline's.

    Raises:
        RequestError: there is no such ReLU, or no gradient passes one.
    """
    named = [one.strip() for one in asked.split(",") if one.strip()]
    if asked in ("default", "all"):
        first = network.default_tap
        named = [first, *(name for name in network.tap_names if name != first and asked == "all")]
    for name in dict.fromkeys(named):
        if network.tap_names and name not in network.tap_names:
            near = " or ".join(difflib.get_close_matches(name, network.tap_names, n=2))
            expected = f"ReLUs of {network.name}: {listed(network.tap_names, 'tap_names')}"
            raise RequestError(f"--taps={name}", expected, f"Did you mean {near}?" if near else "")
        check_differentiable(network, network.tap(name))
    if not named:
        raise RequestError(f"--taps={asked}", "default, all, or names of ReLUs with commas between them")
    return list(dict.fromkeys(named))


def drawn_pairs(data: LabeledImages, predicted: PredictedClasses, options: AuditOptions) -> list[tuple[int, int]]:
    """Pairs of test images that the network gets right, over ordered pairs of classes alike."""
    labels = np.asarray(data.test.labels)
    drawn = balanced_pairs(labels, options.num_pairs, options.seed, usable=np.asarray(predicted) == labels)
    return [(int(a), int(b)) for a, b in drawn.images]


def made_with(network: Classifier, data: LabeledImages, pairs: Sequence[NamedPair]) -> dict[str, str]:
    """Versions, and hashes of the weights and of the data."""
    found = {"data": _hash([np.asarray(data.test.labels), *(end.image for pair in pairs for end in pair[:2])])}
    if isinstance(network.model, FrozenGraph):
        found["weights"] = _hash([np.frombuffer(network.model.serialized, np.uint8)])
    elif network.model.weights:
        found["weights"] = _hash([np.asarray(one) for one in network.model.get_weights()])
    versions = {"tfcollide": __version__, "tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}
    return {**versions, "python": platform.python_version(), **found}


def _hash(arrays: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for one in arrays:
        digest.update(np.ascontiguousarray(one).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _data(
    network: Classifier, images: ArrayLike, labels: ArrayLike, pairs: Sequence[tuple[int, int]] | None
) -> tuple[LabeledImages, np.ndarray]:
    """The images in two splits, pairs from one and the reader's from the other; and the numbers of the first."""
    if labels is None:
        raise RequestError("no --labels", "[n], the class of each image")
    pixels, labels = data_given(network, images, labels)
    first = np.zeros(len(pixels), bool)
    first[::2] = True
    if pairs is not None:
        asked = np.asarray(pairs)
        if asked.ndim != 2 or asked.shape[1] != 2:
            raise RequestError(f"--pairs of shape {asked.shape}", "[P, 2], numbers of a source and of a target each")
        if not ((asked >= 0) & (asked < len(pixels))).all():
            named = f"--pairs with numbers from {asked.min()} to {asked.max()}"
            raise RequestError(named, f"numbers of images from 0 to {len(pixels) - 1}")
        first[asked.ravel()] = True
    splits = {"test": Split(pixels[first], labels[first]), "train": Split(pixels[~first], labels[~first])}
    data = LabeledImages(
        GIVEN,
        class_names=network.class_names,
        shape=network.image_shape,
        test_size=int(first.sum()),
        read=splits.__getitem__,
    )
    return data, np.flatnonzero(first)


def _numbered(pairs: Sequence[tuple[int, int]], kept: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of images as numbers within the first split."""
    return [(int(a), int(b)) for a, b in np.searchsorted(kept, np.asarray(pairs))]
