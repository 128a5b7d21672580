"""Every pair of a sweep."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tfcollide.errors import RequestError
from tfcollide.records.from_json import checked_record, read_content

__all__ = ["PairResult", "SweepSummary", "is_sweep"]


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
        seconds: stage -> seconds spent on it, of all pairs, as in `Summary`.
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
        content = read_content(folder, flag)
        if not isinstance(content.get("pairs"), list):
            raise RequestError(f"--{flag}={folder}, a run", "the directory of a sweep", "Make one with --num_pairs or --pairs.")
        return checked_record(cls, content, folder, flag)

    @property
    def found(self) -> bool:
        """Whether a collision was found for every pair."""
        return bool(self.pairs) and self.num_found == len(self.pairs)


def is_sweep(folder: Path) -> bool:
    """Whether `summary.json` is there, and that of a sweep; whether it is whole, `SweepSummary.read` says."""
    try:
        return isinstance(read_content(folder, "run").get("pairs"), list)
    except RequestError:
        return False
