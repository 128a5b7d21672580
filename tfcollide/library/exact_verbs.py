"""Corners and the nearest collision by linear programs, where a tap is affine in the image."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfcollide.errors import RequestError
from tfcollide.library.calling import called, record_of
from tfcollide.library.exactly import solve_exactly
from tfcollide.library.finding import Units, filed, found_of, groups_given, yardstick_given
from tfcollide.library.found import Found
from tfcollide.library.given import ImageLike, ends_given, is_batch, network_given
from tfcollide.library.options import NORMS, ExactOptions, MatchOptions
from tfcollide.library.polytopes import affine_of
from tfcollide.library.problem import Features, Picture, pose
from tfcollide.library.yardstick import Yardstick
from tfcollide.models.affine import AffineMap, affine_tap
from tfcollide.models.classifier import Classifier
from tfcollide.objectives.units import Groups
from tfcollide.polytope.exact import halfspaces

__all__ = ["exact_corners", "nearest_collision"]


def exact_corners(
    network: Classifier,
    source: ImageLike,
    target: ImageLike,
    *,
    tap: str | None = None,
    corners: int | None = None,
    units: Units | None = None,
    images: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    match: MatchOptions | None = None,
    **settings: object,
) -> Any:
    """Corners of the collision polytope by linear programs, where the tap's pre-activation is affine in the image.

    Args:
        network: of `wrap`.
        source: as of `find_corners`; corners stay near it.
        target: an image, or several.
        tap: an affine one; None: that of `find_corners` where it is affine, else the first that is.
        corners: N; None: one per group of `units`, else 5.
        units: as of `find_corners`.
        images: as of `find_corners`.
        labels: as of `find_corners`.
        match: when features match, a `library.options.MatchOptions` (quantile, share, reader_accuracy); None: its defaults.
        **settings: of `ExactOptions`: direction ("units", "random", "diverse"), spread, max_change, max_total, seed.

    Returns:
        A `Found`, whose `exact` is what the solver says; of several pairs a list of them.

    Raises:
        RequestError: an argument cannot be used, or the tap is not affine.

    Examples:
        >>> found = tc.exact_corners(network, source, target, corners=2, spread=0.05)
        >>> found.exact.found
        (True, True)
    """
    with called():
        groups = groups_given(units)
        count = corners if corners is not None else len(groups) if groups else 5
        options = record_of(ExactOptions, {**settings, "corners": count}).check()
        at = network_given(network).tap(tap or affine_tap(network))
        affine, known = affine_of(network, at.name), yardstick_given(network, at, images, labels)
        pairs = [(filed(known, start), filed(known, end)) for start, end in ends_given(network, at, source, target)]
        found = [_exactly(known, affine, *ends, options, groups, match) for ends in pairs]
        return found if is_batch(source) else found[0]


def nearest_collision(network: Classifier, source: ImageLike, target: ImageLike, *, norm: str = "l2", **settings: Any) -> Any:
    """The image closest to the source that has exactly the target's features, at an affine tap.

    Args:
        network: of `wrap`.
        source: an image, or several.
        target: an image, or several.
        norm: in which it is closest, "l1" or "l2".
        **settings: of `exact_corners`: tap, max_change, max_total, ...

    Returns:
        A `Found` with one corner; `found.exact.distance` is how far it is, `duality_gap` by how much less it could be.

    Raises:
        RequestError: an argument cannot be used, or the tap is not affine.

    Examples:
        >>> nearest = tc.nearest_collision(network, source, target)
        >>> bool(nearest.exact.duality_gap < 1e-6)
        True
    """
    with called():
        if norm not in NORMS:
            raise RequestError(f"--norm={norm}", f"one of {', '.join(NORMS)}")
    return exact_corners(network, source, target, **{"corners": 1, **settings, "nearest": norm})


def _exactly(
    yardstick: Yardstick,
    affine: AffineMap,
    source: Picture,
    target: Picture | Features,
    options: ExactOptions,
    units: Groups | None,
    match: MatchOptions | None,
) -> Found:
    if isinstance(target, Features):
        raise RequestError(f"--target of features {target.values.shape}", "an image, of which an exact solver makes equations")
    # The polytope's own equations, so that a unit within rounding of zero is on one side for all.
    active = halfspaces.active_units(affine, target.image.astype(np.float64).ravel())
    problem = pose(
        yardstick,
        source,
        target,
        corners=options.corners,
        pushes_units=options.pushes_units,
        units=units,
        active=active,
        match=match,
    )
    asked = {"solver": "exact", "objective": "corners", "seed": options.seed, "parameterization": "pixels"}
    return found_of(yardstick, problem, solve_exactly(affine, problem, options), asked)
