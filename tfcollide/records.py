"""Frozen results, and the files they are read from.

The records mirror `summary.json`: `dataclasses.asdict` of a record is the JSON
object of the same name. `Summary.read` is the way back.
"""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import numpy as np

from tfcollide.errors import RequestError

__all__ = [
    "Certificate",
    "CompositeRecord",
    "CornerRecord",
    "Distance",
    "EdgeRecord",
    "EndPoint",
    "ExactRecord",
    "FailureBound",
    "FrontEnd",
    "FrontRecord",
    "Interpolation",
    "MixtureLooks",
    "PairResult",
    "Perceptual",
    "PngCheck",
    "ReaderRecord",
    "Scale",
    "Summary",
    "SurvivalRow",
    "SweepSummary",
    "Trace",
    "WorstMixture",
    "from_json",
    "is_sweep",
]

_Read = TypeVar("_Read")


@dataclasses.dataclass(frozen=True)
class EndPoint:
    """The source or the target.

    Attributes:
        id: where the image came from: "test:1234" or a file's name.
        label: the class it was given as, or None for a file.
        predicted: the name of the class on top; empty of features without an image.
        probability: of `predicted`; NaN likewise.
    """

    id: str
    label: str | None
    predicted: str
    probability: float

    @classmethod
    def of_features(cls) -> Self:
        """A target that was given as features, without an image."""
        return cls("features", None, "", float("nan"))


@dataclasses.dataclass(frozen=True)
class CornerRecord:
    """One corner, judged from the image through the model.

    Attributes:
        units: the inactive units it pushes; empty where the objective pushes none.
        active_match: sum over active units of (pre(x) - post(t))^2 (L_pos).
        corner_push: sum over `units` of pre(x).
        inactive_magnitude: sum over the other inactive units of |pre(x)|.
        feature_distance: sum over all units of (post(x) - post(t))^2 (Eq. 1).
        inactive_violation: max over inactive units of max(pre(x), 0).
        boundary_gap: min over inactive units of |pre(x)|: how close to a face
            of the polytope the image lies, in units of the pre-activation.
        predicted: the name of the class on top.
        probability: of the target's predicted class.
        converged: whether the stopping loss was reached.
        diverged_at: the step whose terms or gradients were not finite, or None.
        trivial: whether it has become the target: nearer to it than to the source, or read as its class.
        trivial_because: why; None where it is not.
        lost: whether it is neither image: farther from the source than the target is, or read as neither class.
        lost_because: why; None where it is not.
        reader: the class that an independent reader gives it; None where nobody reads.
        ssim_source: structural similarity to the source; None where images are too small.
        ssim_target: the same, to the target.
        ms_ssim_source: over several scales.
        ms_ssim_target: the same, to the target.
        source_share: L2 distance to the source, over that from source to target.
        target_share: L2 distance to the target, over the same.
        feature_quantile: the share of pairs of images of one class whose features are at least as near; None without
            a data set.
    """

    units: tuple[int, ...]
    active_match: float
    corner_push: float
    inactive_magnitude: float
    feature_distance: float
    inactive_violation: float
    boundary_gap: float
    predicted: str
    probability: float
    converged: bool
    diverged_at: int | None
    trivial: bool = False
    trivial_because: str | None = None
    lost: bool = False
    lost_because: str | None = None
    reader: str | None = None
    ssim_source: float | None = None
    ssim_target: float | None = None
    ms_ssim_source: float | None = None
    ms_ssim_target: float | None = None
    source_share: float | None = None
    target_share: float | None = None
    feature_quantile: float | None = None


@dataclasses.dataclass(frozen=True)
class ReaderRecord:
    """Who says what corners show.

    Attributes:
        name: of the reader; None where there is none.
        accuracy: the share of the test images that it reads right; None where that is not known.
        reason: why it does not vote; None where it does.
    """

    name: str | None
    accuracy: float | None
    reason: str | None


@dataclasses.dataclass(frozen=True)
class Scale:
    """What features are measured against.

    Attributes:
        match: "quantile": of the null distribution; "unscaled": by shares of the start, as there is no data set.
        quantile: up to which features match; None where unscaled.
        distance: the feature distance at it; None likewise.
        pairs: of images of one class that were compared.
        median_same: their median feature distance.
        median_different: that of pairs of two classes.
        start_active_match: L_pos of the source.
        start_feature_distance: feature distance of the source.
        start_inactive_violation: violation of the source.
        feature_size: the target's squared features, summed.
        note: what else there is to say of it.
    """

    match: str
    quantile: float | None
    distance: float | None
    pairs: int
    median_same: float | None
    median_different: float | None
    start_active_match: float
    start_feature_distance: float
    start_inactive_violation: float
    feature_size: float
    note: str | None = None


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """Where features begin to match.

    Attributes:
        change: the smallest change found at which they do while the image still is the source, a share of
            source-to-target: an upper bound, as descent found it. None where it is censored.
        censored: why there is none: "trivial: ...", "lost: ..." or "not reached: ..."; else None.
        last_change: of the last point, whatever it is.
        last_quantile: of its features.
        target_share: its distance to the target, as a share.
        reader: the class that an independent reader gives it.
    """

    change: float | None
    censored: str | None
    last_change: float
    last_quantile: float
    target_share: float
    reader: str | None


@dataclasses.dataclass(frozen=True)
class FrontRecord:
    """How features match against the change from the source.

    Attributes:
        points: (change as a share of source-to-target, quantile of the features in the null distribution, or, without a
            data set, feature distance as a share of that of the source), by falling pull.
        end: where they begin to match.
    """

    points: tuple[tuple[float, float], ...]
    end: FrontEnd


@dataclasses.dataclass(frozen=True)
class MixtureLooks:
    """Which image the mixtures still are.

    Attributes:
        largest_source_share: see `CornerRecord`, over all mixtures.
        least_target_share: the same.
        mean_ssim_source: over a sample.
        mean_ssim_target: the same.
        read_as_source: the share of a sample that the reader takes for the source's class; None where nobody reads.
        read_as_target: the same, for the target's.
    """

    largest_source_share: float
    least_target_share: float
    mean_ssim_source: float | None
    mean_ssim_target: float | None
    read_as_source: float | None
    read_as_target: float | None


@dataclasses.dataclass(frozen=True)
class Distance:
    """Mean L2 distances in the model's own units.

    Attributes:
        dataset_mean: between two different images of the test set; None if there is none.
        corner_mean: between two corners; None where there is one corner.
        corner_to_source_mean: from a corner to the source.
        source_to_target: from the source to the target.
        corner_to_target_mean: from a corner to the target.
        spread_asked: how far apart corners were to be, as the root mean square over pixels, a share of their range;
            None where nothing was asked.
        spread_reached: of the two corners nearest to each other; None where there is one.
    """

    dataset_mean: float | None
    corner_mean: float | None
    corner_to_source_mean: float
    source_to_target: float | None = None
    corner_to_target_mean: float | None = None
    spread_asked: float | None = None
    spread_reached: float | None = None


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """What the model says of random mixtures of the corners.

    Attributes:
        samples: S, the number of mixtures.
        sampling: how convex weights were drawn.
        accuracy: share whose top class is the target's predicted class.
        mean_probability: of that class.
        min_probability: of that class.
        max_feature_distance: the largest `feature_distance` of a mixture.
    """

    samples: int
    sampling: str
    accuracy: float
    mean_probability: float
    min_probability: float
    max_feature_distance: float


@dataclasses.dataclass(frozen=True)
class PngCheck:
    """The same, with corners read back from their 8-bit files.

    Attributes:
        accuracy: share of the mixtures, as in `Interpolation`.
        mean_probability: as in `Interpolation`.
        max_active_match: over the corners.
        max_feature_distance: over the corners.
        misread: corners that, once saved, do not get the target's class.
    """

    accuracy: float
    mean_probability: float
    max_active_match: float
    max_feature_distance: float
    misread: int = 0


@dataclasses.dataclass(frozen=True)
class WorstMixture:
    """The mixture of smallest margin that a search by gradient found.

    Attributes:
        margin: the target's logit less the best other.
        predicted: the name of the class on top.
        convex_weights: N, as float32.
    """

    margin: float
    predicted: str
    convex_weights: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class FailureBound:
    """What the random mixtures say of all: Clopper and Pearson's upper bound.

    Attributes:
        confidence: of the bound.
        share: of the mixtures that fail, at most.
        sampling: how mixtures are drawn; "uniform" ones make it a share of the hull's volume.
    """

    confidence: float
    share: float
    sampling: str = "uniform"


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A proof over the whole hull, or what came of trying.

    Attributes:
        status: "certified", "refuted" or "undecided".
        margin: target's logit minus the best other: the smallest one proven
            ("certified", "undecided"; -inf where nothing could be bounded), or the
            mixture's own, as the network computes it ("refuted").
        share_proven: of the hull, by volume, where the margin is proven positive.
        mixture: N convex weights that break it ("refuted"), else None.
        arithmetic: of the network: "float32", in any order of summation; or "real", where
            rounding may take more than the margin, and only real numbers are spoken of.
        excludes: algorithms and number formats of the network that are not covered.
        margin_real: the smallest margin proven in real arithmetic; what it has more than
            `margin` is the price of float32. None where nothing is proven.
        boxes: parts of the hull that were bounded.
    """

    status: Literal["certified", "refuted", "undecided"]
    margin: float
    share_proven: float
    mixture: tuple[float, ...] | None = None
    arithmetic: Literal["float32", "real"] = "float32"
    excludes: tuple[str, ...] = ()
    margin_real: float | None = None
    boxes: int = 0


@dataclasses.dataclass(frozen=True)
class EdgeRecord:
    """One edge of a hull, walked from breakpoint to breakpoint in float64: exact but for its rounding.

    Attributes:
        corners: the numbers of its two ends.
        margin: the smallest one along it.
        weight: of the second corner, where that is.
        breakpoints: where the network bends; between two it is linear.
        changes: every change of what is read: the weight of the second corner, and the codes before and behind it.
        compared: at how many places the float32 network was asked: breakpoints, and ends of the parts that are walked.
        difference: how far its margin was from that in float64 there, at most.
    """

    corners: tuple[int, int]
    margin: float
    weight: float
    breakpoints: int
    changes: tuple[tuple[float, int, int], ...]
    compared: int
    difference: float


@dataclasses.dataclass(frozen=True)
class ExactRecord:
    """What the exact solver says of its corners.

    Attributes:
        kind: the direction ("units", "random", "diverse") or the norm ("l1", "l2").
        status: a sentence per corner.
        distance: from the source to its nearest collision, in that norm; else None.
        duality_gap: the distance less a proven lower bound of it; else None.
        feature_residual_float64: largest feature difference of each float64 solution.
        feature_residual_float32: the same of each saved corner.
        inactive_bound: the largest value an inactive unit can take in float32, proven.
        dimension: of the collision polytope.
        found: whether there is such a point, a truth value per corner.
        max_change: half the width of the box around the source that the corners were sought in, given or found.
        max_total: the radius of the ball, likewise; None for no ball.
        least_change: the smallest half-width of a box in which there is any collision.
        too_close: whether there are corners, but closer together than was asked.
    """

    kind: str
    status: tuple[str, ...]
    distance: float | None = None
    duality_gap: float | None = None
    feature_residual_float64: tuple[float, ...] = ()
    feature_residual_float32: tuple[float, ...] = ()
    inactive_bound: tuple[float, ...] = ()
    dimension: int | None = None
    found: tuple[bool, ...] = ()
    max_change: float | None = None
    max_total: float | None = None
    least_change: float | None = None
    too_close: bool = False


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """How different corners look, as means over pairs of corners.

    Attributes:
        ssim: structural similarity, 1 for equal images; None for images too small for it.
        ms_ssim: the same over several scales, as many as fit.
        low_frequency_share: of the energy of their difference, below a quarter of the Nyquist frequency.
        total_variation: of a corner: mean |difference| between neighboring values, a share of the pixel range.
    """

    ssim: float | None
    ms_ssim: float | None
    low_frequency_share: float
    total_variation: float


@dataclasses.dataclass(frozen=True)
class CompositeRecord:
    """What a composite is made of.

    Attributes:
        index: the folder of the index.
        index_checksum: of its manifest, which holds those of its files.
        candidates: K.
        window: n, in pixels of the image, as the rest.
        stride: from window to window.
        surround: s.
        control_spacing: from control parameter to control parameter.
        coverage: the fewest candidates at a pixel, their mean number, the most.
        control_bytes: of all corners' control parameters.
        dense_bytes: of one parameter per candidate and pixel.
        photographs: how many different ones the patches come from.
        own: the source's own number in the index, left out of the search; -1 where it is not there.
        patch_distance: mean L2 distance of a window to its patch, over the pixels compared, 0..255.
        total_variation: R(P) of each corner.
    """

    index: str
    index_checksum: str
    candidates: int
    window: int
    stride: int
    surround: int
    control_spacing: int
    coverage: tuple[int, float, int]
    control_bytes: int
    dense_bytes: int
    photographs: int
    own: int
    patch_distance: float
    total_variation: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class SurvivalRow:
    """What one treatment leaves of a hull.

    Attributes:
        treatment: what was done, in words.
        kept: the share of random mixtures that are still read as the target; None where it could not be done.
        as_source: the share that is read as the source is.
        target_kept: whether the target itself, treated alike, is still read as before; where it is not, `kept` says
            nothing of collisions.
        reason: why it could not be done; None where it could.
    """

    treatment: str
    kept: float | None
    as_source: float | None = None
    target_kept: bool | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class Summary:
    """Everything a run found: the content of `summary.json`.

    Attributes:
        dataset: as asked for; "none" where source and target are image files.
        model: the name of the network.
        tap: the ReLU at which features collide.
        parameterization: what was optimized, "pixels" or "composite".
        solver: "gradient" or "exact".
        objective: "corners" (Eq. 3) or "match" (Eq. 1).
        seed: of everything drawn outside training.
        steps: of the descent or of the simplex method; 0 where that is not known.
        converged: whether every corner did.
        stop_loss: a corner, what its L_pos or feature distance had to fall below.
        source: where the corners started.
        target: whose features they take.
        test_accuracy: share of the test images that the network gets right; None where their classes are not its own.
        corners: one record each.
        distance: between corners, and from the source.
        interpolation: what the model says of random mixtures.
        png: the same from the saved files.
        worst_mixture: the one of least margin that was found; None where none was searched for.
        failure_bound: how many of the other mixtures may fail.
        certificate: of the whole hull; None where none was tried.
        certificate_reason: why there is none; None where there is one.
        edges: of the hull, walked exactly; None where that was not asked for.
        exact: what the exact solver says; None of a descent.
        seconds: stage -> seconds spent on it, and "total".
        versions: package -> version.
        perceptual: how different corners look; None where there is one.
        composite: what composites are made of; None of pixels.
        sole_tap: whether the logits depend on the image through the tap alone, see `models.classifier.Tap`.
        found: whether a collision was found, see `missing`.
        missing: what a collision that is found has and this one lacks, a clause each; empty where it was found.
        ended: why the search ended: "met", "stagnated", "max_steps" or "diverged".
        probe: what the hull's probes said at the end, in words.
        pixel_range: black and white.
        pixel_range_how: how they were decided.
        reader: who says what corners show.
        match: the quantile up to which features match, or "unscaled".
        scale: what features are measured against.
        mixture_looks: which image the mixtures still are.
        front: of one corner, its points; None where it was not asked for.
        front_end: of one corner, where features begin to match.
        hull_front: of all corners together.
        allow_trivial: whether trivial and lost corners count as found.
        dataset_rows_without_label: split of the data set -> how many of its rows were left out, as they have no label.
        survival: what is left of the hull after what may happen to images and networks; None where that was not asked for.
    """

    dataset: str
    model: str
    tap: str
    parameterization: str
    solver: str
    objective: str
    seed: int
    steps: int
    converged: bool
    stop_loss: tuple[float, ...]
    source: EndPoint
    target: EndPoint
    test_accuracy: float | None
    corners: tuple[CornerRecord, ...]
    distance: Distance
    interpolation: Interpolation
    png: PngCheck
    worst_mixture: WorstMixture | None
    failure_bound: FailureBound
    certificate: Certificate | None
    exact: ExactRecord | None
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    perceptual: Perceptual | None = None
    composite: CompositeRecord | None = None
    sole_tap: bool = True
    found: bool = False
    missing: tuple[str, ...] = ()
    ended: str = "met"
    probe: str | None = None
    pixel_range: tuple[float, float] | None = None
    pixel_range_how: str | None = None
    reader: ReaderRecord | None = None
    match: float | str | None = None
    scale: Scale | None = None
    mixture_looks: MixtureLooks | None = None
    front: tuple[tuple[float, float], ...] | None = None
    front_end: FrontEnd | None = None
    hull_front: FrontRecord | None = None
    allow_trivial: bool = False
    dataset_rows_without_label: Mapping[str, int] = dataclasses.field(default_factory=dict)
    certificate_reason: str | None = None
    edges: tuple[EdgeRecord, ...] | None = None
    survival: tuple[SurvivalRow, ...] | None = None

    @classmethod
    def read(cls, folder: Path, *, flag: str = "run") -> Self:
        """The summary of a finished run; keys that later versions added have their defaults in one of an earlier one.

        Numbers that were not finite are None, as JSON has none.

        Args:
            folder: the run's directory.
            flag: that named it, for messages.

        Raises:
            RequestError: it is none, cannot be read, or is that of a sweep.
        """
        content = _content(folder, flag)
        if isinstance(content.get("pairs"), list):
            pairs = [str(pair["directory"]) for pair in content["pairs"] if pair.get("directory")]
            mend = f"Say --{flag}={folder / pairs[0]}." if pairs else ""
            raise RequestError(f"--{flag}={folder}, a sweep", "the directory of one pair", mend)
        return _checked_record(cls, content, folder, flag)

    @property
    def trivial(self) -> tuple[int, ...]:
        """The corners that have become the target."""
        return tuple(n for n, corner in enumerate(self.corners) if corner.trivial)

    @property
    def lost(self) -> tuple[int, ...]:
        """The corners that are neither the source nor the target."""
        return tuple(n for n, corner in enumerate(self.corners) if corner.lost)

    @property
    def misread(self) -> tuple[int, ...]:
        """The corners that do not get the target's class; they are no collisions, whatever their L_pos."""
        return tuple(n for n, corner in enumerate(self.corners) if corner.predicted != self.target.predicted)

    @property
    def absent(self) -> tuple[int, ...]:
        """The corners that an exact solver has not found; the source stands in for them."""
        return tuple(n for n, found in enumerate(self.exact.found) if not found) if self.exact else ()

    @property
    def nothing_found(self) -> str | None:
        """Why an exact solver has found no corner at all; None where it has, and of any descent."""
        if self.exact is None or not self.exact.found or any(self.exact.found):
            return None
        return self.exact.status[0]


@dataclasses.dataclass(frozen=True)
class PairResult:
    """One pair of a sweep; the numbers are those of its own `summary.json`.

    Attributes:
        source: as asked for.
        target: as asked for.
        directory: its run directory within the sweep's; None where it failed.
        converged: whether every corner did.
        error: why it failed, or None.
        classes: what the source and the target are predicted as.
        steps: taken.
        max_active_match: over the corners.
        corner_mean: mean distance between corners.
        accuracy: of the mixtures.
        mean_probability: of the mixtures.
        png_accuracy: of the mixtures of saved corners.
        misread: corners that do not get the target's class.
        worst_margin: of the worst mixture found; None where none was searched for.
        proof: the certificate's status; None where none was tried.
        proven_margin: its margin.
        feature_difference: the largest of the saved corners, where an exact solver found them.
        change: the distance to the nearest collision, where that was asked for.
        duality_gap: of that distance.
        low_frequency_share: see `Perceptual`.
        ms_ssim: see `Perceptual`.
        found: whether a collision was found, see `Summary`.
        missing: what it lacks, a clause each.
        trivial: corners that have become the target.
        lost: corners that are neither image.
        ended: why the search ended.
        source_share: mean over the corners, see `CornerRecord`.
        target_share: the same.
        feature_quantile: the largest over the corners.
        null_pairs: of images of one class, that the quantile is among.
        ssim_source: mean over the corners, see `CornerRecord`; None where images are too small.
        ssim_target: the same.
        reader: the class that an independent reader gives most corners; None where nobody reads.
        front: the smallest matching change, a share of source-to-target; None where there is none.
        front_end: why there is none.
    """

    source: str
    target: str
    directory: str | None
    converged: bool
    error: str | None
    classes: tuple[str, str] | None = None
    steps: int | None = None
    max_active_match: float | None = None
    corner_mean: float | None = None
    accuracy: float | None = None
    mean_probability: float | None = None
    png_accuracy: float | None = None
    misread: int | None = None
    worst_margin: float | None = None
    proof: str | None = None
    proven_margin: float | None = None
    feature_difference: float | None = None
    change: float | None = None
    duality_gap: float | None = None
    low_frequency_share: float | None = None
    ms_ssim: float | None = None
    found: bool = False
    missing: tuple[str, ...] = ()
    trivial: int = 0
    lost: int = 0
    ended: str | None = None
    source_share: float | None = None
    target_share: float | None = None
    feature_quantile: float | None = None
    null_pairs: int | None = None
    ssim_source: float | None = None
    ssim_target: float | None = None
    reader: str | None = None
    front: float | None = None
    front_end: str | None = None

    @property
    def collides(self) -> bool:
        """Whether all mixtures get the target's class: the sampled ones, those from PNG files, the worst found."""
        return self.accuracy == 1.0 and self.png_accuracy == 1.0 and (self.worst_margin is None or self.worst_margin > 0)


@dataclasses.dataclass(frozen=True)
class SweepSummary:
    """Every pair of a sweep: the content of its `summary.json`.

    Attributes:
        dataset: as in `Summary`, as are the next three.
        model: the name of the network.
        tap: the ReLU at which features collide.
        test_accuracy: of the network.
        dataset_mean: mean L2 distance between two different test images; None if there is none.
        converged: whether every corner of every pair did.
        num_pairs: asked for.
        num_converged: pairs of which every corner did.
        num_colliding: pairs that collide, see `PairResult.collides`.
        median_corner_mean: of the pairs' mean corner distances; None where no pair has several corners.
        corner_mean_shares: the least, median and largest of them over `dataset_mean`; None where either is missing.
        pairs: one result each.
        seconds: stage -> seconds spent on it, of all pairs, and "total".
        sole_tap: as in `Summary`.
        num_found: pairs of which a collision was found.
        num_trivial: pairs of which a corner has become the target.
        num_lost: pairs of which a corner is neither image, and none is trivial.
        fronts: the smallest, median and largest front; None where none was asked for. Pairs without one count as the largest,
            and where the median is of these it is None.
        num_censored: pairs without a front, where fronts were asked for.
        reasons: why pairs were not found -> how many.
        ended: why searches ended -> how many.
        source_shares: the least, median and largest of the pairs' `source_share`; None where none is known. So the next.
        target_shares: of `target_share`.
        ssim_source: of `ssim_source`.
        ssim_target: of `ssim_target`.
    """

    dataset: str
    model: str
    tap: str
    test_accuracy: float | None
    dataset_mean: float | None
    converged: bool
    num_pairs: int
    num_converged: int
    num_colliding: int
    median_corner_mean: float | None
    corner_mean_shares: tuple[float, float, float] | None
    pairs: tuple[PairResult, ...]
    seconds: Mapping[str, float]
    sole_tap: bool = True
    num_found: int = 0
    num_trivial: int = 0
    num_lost: int = 0
    fronts: tuple[float | None, float | None, float | None] | None = None
    num_censored: int | None = None
    reasons: Mapping[str, int] = dataclasses.field(default_factory=dict)
    ended: Mapping[str, int] = dataclasses.field(default_factory=dict)
    source_shares: tuple[float, float, float] | None = None
    target_shares: tuple[float, float, float] | None = None
    ssim_source: tuple[float, float, float] | None = None
    ssim_target: tuple[float, float, float] | None = None

    @classmethod
    def read(cls, folder: Path, *, flag: str = "run") -> Self:
        """The summary of a finished sweep, as `Summary.read` reads that of a run.

        Raises:
            RequestError: it is none, cannot be read, or is that of a run.
        """
        content = _content(folder, flag)
        if not isinstance(content.get("pairs"), list):
            raise RequestError(f"--{flag}={folder}, a run", "the directory of a sweep", "Make one with --num_pairs or --pairs.")
        return _checked_record(cls, content, folder, flag)

    @property
    def found(self) -> bool:
        """Whether a collision was found for every pair."""
        return bool(self.pairs) and self.num_found == len(self.pairs)


@dataclasses.dataclass(frozen=True)
class Trace:
    """The terms along a descent.

    Attributes:
        steps: `[T]` int64, the step at which the terms were computed.
        terms: name -> `[T, N]` float32.
    """

    steps: np.ndarray
    terms: Mapping[str, np.ndarray]

    def rows(self) -> tuple[list[str], list[list[float]]]:
        """A header and one row per step: step, then `term_corner` columns."""
        corners = range(next(iter(self.terms.values())).shape[1])
        header = ["step"] + [f"{name}_{n}" for name in self.terms for n in corners]
        columns = [self.steps] + [values[:, n] for values in self.terms.values() for n in corners]
        return header, [[column[i].item() for column in columns] for i in range(len(self.steps))]


def _content(folder: Path, flag: str) -> dict[str, Any]:
    """`summary.json` as it is."""
    path = folder / "summary.json"
    if not path.is_file():
        raise RequestError(f"--{flag}={folder}", "the directory of a finished run", "Make one with collide --out=DIR.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(
            f"--{flag}: {path}, which cannot be read ({error})", "that of a whole run", "Check the path."
        ) from error
    if not isinstance(content, dict):
        raise RequestError(f"--{flag}: {path}, which is no object", "that of a whole run", "Check the path.")
    return content


def is_sweep(folder: Path) -> bool:
    """Whether `summary.json` is there, and that of a sweep; whether it is whole, `SweepSummary.read` says."""
    try:
        return isinstance(_content(folder, "run").get("pairs"), list)
    except RequestError:
        return False


def _checked_record(kind: type[_Read], content: Mapping[str, object], folder: Path, flag: str) -> _Read:
    try:
        return from_json(kind, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        received = f"--{flag}: {folder / 'summary.json'}, which cannot be read ({error!r})"
        raise RequestError(received, "that of a whole run", "Check the path.") from error


@functools.cache
def _kinds(record: type) -> dict[str, Any]:
    return typing.get_type_hints(record)


def from_json(kind: Any, content: Mapping[str, object]) -> Any:
    """A record from its JSON object; what it has no field for is left out."""
    known = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: _value(_kinds(kind)[name], value) for name, value in content.items() if name in known})


def _value(kind: Any, value: Any) -> Any:
    """A value of a record's field from JSON: records, tuples of anything, or what it is; a number may be None."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        options = [one for one in parts if one is not type(None)]
        return None if value is None else _value(options[0], value) if len(options) == 1 else value
    if dataclasses.is_dataclass(kind):
        return from_json(kind, value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(_value(one, part) for one, part in zip(kinds, value, strict=True))
    if kind in (str, int, bool, float) and value is not None:
        if not isinstance(value, (int, float) if kind is float else kind):
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return kind(value)
    return value
