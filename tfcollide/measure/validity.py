"""Which image a corner still is: the source, the target, or neither.

A corner that has turned into the target collides with nothing: any network takes it for the target.
"""

import dataclasses

import numpy as np

from tfcollide.measure.reader import Reader
from tfcollide.measure.similarity import Similarity, similarity
from tfcollide.measure.wording import shares
from tfcollide.models.predictions import evenly_spread
from tfcollide.polytope.hull.mixing import mix
from tfcollide.records import MixtureLooks
from tfcollide.shapes import Bounds

__all__ = ["Validity", "judge_validity", "mixture_validity"]

_MOST_LOOKED_AT = 200


@dataclasses.dataclass(frozen=True)
class Validity:
    """What a corner still is.

    Attributes:
        source_share: its L2 distance to the source, over that from source to target; infinite where it is not finite.
        target_share: its L2 distance to the target, over that from source to target.
        ssim_source: see `similarity.Similarity`; None where images are too small.
        ssim_target: the same, to the target.
        ms_ssim_source: over several scales.
        ms_ssim_target: the same, to the target.
        ssim_reason: why there is no SSIM; None where there is.
        reader: the class name that an independent reader gives it; None where nobody reads.
        trivial: whether it is the target rather than the source.
        trivial_because: why, one clause or two; None where it is not.
        lost: whether it is neither; never with `trivial`.
        lost_because: why; None where it is not.
    """

    source_share: float
    target_share: float
    ssim_source: float | None
    ssim_target: float | None
    ms_ssim_source: float | None
    ms_ssim_target: float | None
    ssim_reason: str | None
    reader: str | None
    trivial: bool
    trivial_because: str | None
    lost: bool
    lost_because: str | None


def judge_validity(
    corners: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    bounds: Bounds,
    *,
    reader: Reader | None,
    source_label: str | None,
    target_label: str | None,
) -> tuple[Validity, ...]:
    """Tells of each corner whether it still is the source.

    It is trivial where it is nearer to the target than to the source, or where the reader takes it for the
    target's class. Else it is lost where it is farther from the source than the target is, or where the
    reader takes it for neither class, or where a value of it is not finite.

    Args:
        corners: `[N, H, W, C]` float32 in `bounds`.
        source: `[H, W, C]`.
        target: `[H, W, C]`, another image.
        bounds: the values of black and white.
        reader: who reads corners, see `reader.qualify`; None where nobody does, and distances alone decide.
        source_label: the source's class name.
        target_label: the target's class name.

    Raises:
        ValueError: source and target are the same image.
    """
    source_shares, target_shares = _share(corners, source, source, target), _share(corners, target, source, target)
    to_source, to_target = similarity(corners, source, bounds), similarity(corners, target, bounds)
    read = _read(reader, corners)
    return tuple(
        _judge(
            (float(source_shares[n]), float(target_shares[n])),
            (to_source[n], to_target[n]),
            read[n],
            reader.name if reader else "",
            (source_label, target_label),
        )
        for n in range(len(corners))
    )


def mixture_validity(
    weights: np.ndarray,
    corners: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    bounds: Bounds,
    *,
    reader: Reader | None,
    target_label: str | None,
    batch: int = 500,
) -> MixtureLooks:
    """What mixtures still are: distances of all, similarity and reading of at most 200, evenly spread.

    Args:
        weights: `[S, N]` convex weights.
        corners: `[N, H, W, C]` float32 in `bounds`.
        source: `[H, W, C]`.
        target: `[H, W, C]`, another image.
        bounds: the values of black and white.
        reader: who reads mixtures; what it takes the source for counts as the source's class.
        target_label: the target's class name.
        batch: how many mixtures are made at once.

    Raises:
        ValueError: source and target are the same image.
    """
    sample = weights[evenly_spread(len(weights), _MOST_LOOKED_AT)]
    looked = [
        (similarity(images, source, bounds), similarity(images, target, bounds), _read(reader, images))
        for images in (mix(sample[i : i + batch], corners) for i in range(0, len(sample), batch))
    ]
    to_source, to_target, read = (sum(parts, ()) for parts in zip(*looked, strict=True))
    source_class = None if reader is None else _read(reader, source[None])[0]
    return MixtureLooks(
        largest_source_share=float(_mixture_shares(weights, corners, source, source, target).max()),
        least_target_share=float(_mixture_shares(weights, corners, target, source, target).min()),
        mean_ssim_source=_mean_ssim(to_source),
        mean_ssim_target=_mean_ssim(to_target),
        read_as_source=None if reader is None else read.count(source_class) / len(read),
        read_as_target=None if reader is None else read.count(target_label) / len(read),
    )


def _judge(
    share: tuple[float, float],
    similar: tuple[Similarity, Similarity],
    read: str | None,
    by: str,
    labels: tuple[str | None, str | None],
) -> Validity:
    trivial = _why_trivial(*share, read, by, labels[1])
    lost = None if trivial else _why_lost(share[0], read, by, labels)
    return Validity(
        source_share=share[0],
        target_share=share[1],
        ssim_source=similar[0].ssim,
        ssim_target=similar[1].ssim,
        ms_ssim_source=similar[0].ms_ssim,
        ms_ssim_target=similar[1].ms_ssim,
        ssim_reason=similar[0].reason,
        reader=read,
        trivial=trivial is not None,
        trivial_because=trivial,
        lost=lost is not None,
        lost_because=lost,
    )


def _why_trivial(source_share: float, target_share: float, read: str | None, by: str, target_label: str | None) -> str | None:
    reasons = []
    if target_share < source_share:
        near, far = shares(target_share, source_share)
        reasons.append(f"nearer to the target ({near} of source-to-target) than to the source ({far})")
    if read and read == target_label:
        reasons.append(f"read as {target_label}, the target's class, by {by}")
    return " and ".join(reasons) or None


def _why_lost(source_share: float, read: str | None, by: str, labels: tuple[str | None, str | None]) -> str | None:
    if not np.isfinite(source_share):
        return "some of its values are not finite"
    reasons = []
    if source_share > 1:
        far, _ = shares(source_share, 1.0)
        reasons.append(f"farther from the source ({far} of source-to-target) than the target is")
    if read and read not in labels:
        reasons.append(f"read as {read}, the class of neither source nor target, by {by}")
    return " and ".join(reasons) or None


def _share(images: np.ndarray, one: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`[n]` float64, L2 distances of images to `one`, over that from source to target; infinite where not finite."""
    difference = (images.astype(np.float64) - one).reshape(len(images), -1)
    return np.nan_to_num(np.linalg.norm(difference, axis=1) / _apart(source, target), nan=np.inf, posinf=np.inf)


def _mixture_shares(
    weights: np.ndarray, corners: np.ndarray, one: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """As `_share`, of all mixtures, of which none is made.

    |sum_i w_i c_i - y|^2 = w G w, where G holds the inner products of the c_i - y, since weights sum to 1.
    """
    difference = (corners.astype(np.float64) - one).reshape(len(corners), -1)
    weights = weights.astype(np.float64)
    squares = np.einsum("si,ij,sj->s", weights, difference @ difference.T, weights, optimize=True)
    return np.nan_to_num(np.sqrt(np.maximum(squares, 0.0)) / _apart(source, target), nan=np.inf, posinf=np.inf)


def _apart(source: np.ndarray, target: np.ndarray) -> float:
    distance = float(np.linalg.norm((source.astype(np.float64) - target).ravel()))
    if not distance:
        raise ValueError("source and target are the same image: expected two different images")
    return distance


def _read(reader: Reader | None, images: np.ndarray) -> tuple[str | None, ...]:
    """The class name of each image; None where nobody reads, or for an image that is not finite."""
    finite = np.isfinite(images).all(axis=(1, 2, 3))
    if reader is None or not finite.any():
        return (None,) * len(images)
    found = np.full(len(images), -1)
    found[finite] = reader.read(images[finite])
    return tuple(reader.classes[i] if i >= 0 else None for i in found)


def _mean_ssim(records: tuple[Similarity, ...]) -> float | None:
    values = [record.ssim for record in records if record.ssim is not None]
    return float(np.mean(values)) if values else None
