"""Images that collide with a target in two networks at once, at taps that are affine in the image."""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.library.audit_walk import NamedPair
from tfcollide.measure.compare_record import SharedPair
from tfcollide.models.affine import AffineMap, affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.exact.geometry import affine_dimension
from tfcollide.polytope.exact.halfspaces import collision_polytope
from tfcollide.polytope.exact.shared import intersection, meeting
from tfcollide.runtime.progress import progress
from tfcollide.shapes import Bounds

__all__ = ["shared_pairs"]

_SHARES = Bounds(0.0, 1.0)


def shared_pairs(
    networks: tuple[Classifier, Classifier], taps: tuple[str, str], pairs: Sequence[NamedPair], max_change: float | None
) -> tuple[SharedPair, ...]:
    """For each pair the nearest image with the target's features in both networks, or a proof that there is none.

    Args:
        networks: that read images of one size.
        taps: affine ones, one of each.
        pairs: as the first network reads them.
        max_change: of any one pixel, a share of the pixel range; None: no limit.

    Raises:
        RequestError: a tap is not affine, or the networks read images of two sizes.
    """
    if networks[0].image_shape != networks[1].image_shape:
        raise RequestError(
            f"networks that read {networks[0].image_shape} and {networks[1].image_shape}", "two that read images of one size"
        )
    first, second = (_in_shares(network, tap) for network, tap in zip(networks, taps, strict=True))
    bounds, found = networks[0].bounds, []
    for n, pair in enumerate(progress(pairs, desc="images that collide in both", unit=" pairs")):
        source, target = ((np.asarray(end.image, np.float64).ravel() - bounds.lower) / bounds.range for end in pair[:2])
        found.append(_shared(n, first, second, source, target, max_change))
    return tuple(found)


def _in_shares(network: Classifier, tap: str) -> AffineMap:
    """The tap as a function of pixels from 0 to 1, whatever the network's own bounds are."""
    affine, bounds = affine_map(network, tap), network.bounds
    bias = affine.bias + bounds.lower * affine.weights.sum(axis=0)
    return dataclasses.replace(affine, weights=affine.weights * bounds.range, bias=bias)


def _shared(
    n: int, first: AffineMap, second: AffineMap, source: np.ndarray, target: np.ndarray, max_change: float | None
) -> SharedPair:
    began = time.process_time()
    one, other = (collision_polytope(affine, target, _SHARES) for affine in (first, second))
    met = meeting(one, other, source, max_change=max_change)
    dimension = affine_dimension(intersection(one, other))
    empty = SharedPair(n, "found", None, None, None, None, None, None, dimension, time.process_time() - began)
    if met.closest.status != "optimal":
        proven = met.proof is not None and met.proof.residual * source.size < 1  # of pixels from 0 to 1
        words = {"infeasible": "none" if proven else "none found"}.get(met.closest.status, met.closest.status)
        return dataclasses.replace(empty, status=words, proof_residual=met.proof.residual if met.proof else None)
    return dataclasses.replace(
        empty,
        change=met.closest.distance / float(np.linalg.norm(target - source)),
        ratio_a=met.ratios[0],
        ratio_b=met.ratios[1],
        residual_a=_residual(first, met.closest.point, target),
        residual_b=_residual(second, met.closest.point, target),
    )


def _residual(affine: AffineMap, point: np.ndarray, target: np.ndarray) -> float:
    """The largest difference of a feature."""
    return float(np.abs(np.maximum(affine(point), 0.0) - np.maximum(affine(target), 0.0)).max())
