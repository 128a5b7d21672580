"""Corners of the polytope of inputs that a network cannot tell from a target: by descent, or exactly."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfcollide.errors import RequestError
from tfcollide.library.calling import called, record_of
from tfcollide.library.composing import PatchIndex
from tfcollide.library.descend import OnStep, descend, descend_widest
from tfcollide.library.exactly import solve_exactly
from tfcollide.library.found import Found
from tfcollide.library.given import ImageLike, data_given, ends_given, image_given, is_batch, network_given
from tfcollide.library.options import NORMS, ExactOptions, MatchOptions, SearchOptions
from tfcollide.library.problem import Features, Picture, Problem, pose
from tfcollide.library.search import Search, pairs_at_once
from tfcollide.library.solution import Solution
from tfcollide.library.summarize import end_points
from tfcollide.library.verdict import corner_records
from tfcollide.library.yardstick import Yardstick
from tfcollide.models.affine import AffineMap, affine_map, affine_tap
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.differentiable import check_differentiable
from tfcollide.objectives.units import Groups
from tfcollide.polytope.exact import halfspaces

__all__ = ["collision_polytope", "exact_corners", "find_corners", "match_features", "nearest_collision"]

Units = Sequence[int] | Sequence[Sequence[int]]


def find_corners(
    network: Classifier,
    source: ImageLike,
    target: ImageLike,
    *,
    tap: str | None = None,
    corners: int | None = None,
    units: Units | None = None,
    patches: PatchIndex | None = None,
    images: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    yardstick: Yardstick | None = None,
    source_label: str | Sequence[str | None] | None = None,
    target_label: str | Sequence[str | None] | None = None,
    match: MatchOptions | None = None,
    callback: OnStep | None = None,
    progress: bool = False,
    pairs_together: int | None = None,
    **settings: object,
) -> Any:
    """Images that still look like the source, and have the target's features at a ReLU, by gradient descent (Eq. 3).

    Args:
        network: of `wrap`.
        source: an image `[H, W, C]`, or several, `[P, H, W, C]` or a list: arrays or tensors (integers are 8-bit pixels,
            floats are in the network's pixel range), PIL images or paths.
        target: the same; or features at the tap, `[U]` or `[P, U]`, of which those above 0 are to be matched and the
            others are to be off.
        tap: the ReLU at which features are to match, one of `network.tap_names`; None: the first of a dense layer.
        corners: N; None: one per group of `units`, else 5.
        units: which inactive units each corner pushes, one (3) or several ((3, 9)) each; None: the first N.
        patches: an index: corners are then composites of its patches (section 4 of the paper).
        images: a data set `[n, H, W, C]`, for what "features match" means: integers are 8-bit pixels; floats are in the
            network's pixel range, and are rounded to 8 bits. None: shares of where the search starts.
        labels: its classes `[n]`, as the network numbers them; so far apart as images of one class are, features do not
            match. None: only images are known, no classes.
        yardstick: of an earlier result, in place of `images` and `labels`.
        source_label: the class that the source is filed under, by which an independent reader is trusted.
        target_label: that of the target.
        match: when features match.
        callback: told of the step and of the terms, name -> `[N]`, now and then.
        progress: whether a bar is drawn on standard error.
        pairs_together: how many pairs are descended as one batch; None: 1 on a CPU, on a GPU as many as fit.
        **settings: of `SearchOptions`: seed, max_steps, spread (None: the largest), stop_loss, learning_rate, ...

    Returns:
        A `Found`; of several pairs a list of them.

    Raises:
        RequestError: an argument cannot be used; it says which, what was expected and how to mend it.

    Examples:
        >>> found = tc.find_corners(network, source, target, corners=2, seed=0)
        >>> found.corners.shape, found.converged
        ((2, 4, 4, 1), True)
    """
    with called(progress):
        groups = _groups(units)
        count = corners if corners is not None else len(groups) if groups else 5
        options = record_of(SearchOptions, {**settings, "corners": count}).check()
        at = network_given(network).tap(tap or network.default_tap)
        check_differentiable(network, at)
        pairs = ends_given(network, at, source, target, (source_label, target_label))
        known = yardstick or _yardstick(network, at, images, labels)
        search = _search(network, at, options, patches, len(pairs), pairs_together)
        pushes = search.objective.pushes_units
        problems = [
            pose(
                known,
                *ends,
                corners=count,
                pushes_units=pushes,
                units=groups,
                match=match,
                parameterization=search.parameterization,
            )
            for ends in pairs
        ]
        solutions: list[Solution] = []
        if options.spread is None and search.together:
            solutions = [descend_widest(search, one, on_step=callback) for one in problems]
        while len(solutions) < len(problems):
            batch = problems[len(solutions) : len(solutions) + search.pairs_at_once]
            solutions += descend(search, batch, on_step=callback)
        asked = {"solver": "gradient", "objective": options.objective, "seed": options.seed}
        asked["parameterization"] = "pixels" if patches is None else "composite"
        found = [_found(known, *each, asked) for each in zip(problems, solutions, strict=True)]
        return found if is_batch(source) else found[0]


def match_features(network: Classifier, source: ImageLike, target: ImageLike, **settings: Any) -> Any:
    """One image with the target's features after the ReLU, the baseline that the paper argues against (Eq. 1).

    Args:
        network: of `wrap`.
        source: as of `find_corners`, as is all else.
        target: an image or features, or several.
        **settings: arguments of `find_corners`, but for `units`.

    Returns:
        A `Found` with one corner; of several pairs a list of them.

    Raises:
        RequestError: an argument cannot be used.

    Examples:
        >>> tc.match_features(network, source, target).corners.shape
        (1, 4, 4, 1)
    """
    return find_corners(network, source, target, **{"corners": 1, "source_pull": 0.0, **settings, "objective": "match"})


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
        match: when features match.
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
        groups = _groups(units)
        count = corners if corners is not None else len(groups) if groups else 5
        options = record_of(ExactOptions, {**settings, "corners": count}).check()
        at = network_given(network).tap(tap or affine_tap(network))
        affine, known = _affine(network, at.name), _yardstick(network, at, images, labels)
        found = [_exactly(known, affine, *ends, options, groups, match) for ends in ends_given(network, at, source, target)]
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


def collision_polytope(
    network: Classifier, target: ImageLike, *, tap: str | None = None, float32_safe: bool = False
) -> halfspaces.Polytope:
    """All images with exactly the target's features, as half-spaces, at an affine tap.

    Args:
        network: of `wrap`.
        target: an image `[H, W, C]`.
        tap: an affine one; None: that of `find_corners` where it is affine, else the first that is.
        float32_safe: tighten it, so that its points, rounded to float32, switch no inactive unit on.

    Returns:
        The polytope, over flat images `[D]` float64.

    Raises:
        RequestError: the target cannot be used, or the tap is not affine.

    Examples:
        >>> polytope = tc.collision_polytope(network, target)
        >>> bool(polytope.contains(target.ravel(), tolerance=1e-6))
        True
    """
    with called():
        image, _ = image_given(network_given(network), target, "target")
        affine = _affine(network, network.tap(tap or affine_tap(network)).name)
        flat = image.astype(np.float64).ravel()
        return halfspaces.collision_polytope(affine, flat, network.bounds, float32_safe=float32_safe)


def _groups(units: Units | None) -> Groups | None:
    """One group of units per corner, from `[3, 9]` or `[(3, 9), (12,)]`."""
    if units is None:
        return None
    if isinstance(units, (str, bytes)) or not len(units):
        raise RequestError(f"--units={units!r}", "unit numbers such as [3, 9, 12], or groups such as [(3, 9), (12, 40)]")
    return tuple((int(one),) if isinstance(one, (int, np.integer)) else tuple(int(unit) for unit in one) for one in units)


def _yardstick(network: Classifier, tap: Tap, images: ArrayLike | None, labels: ArrayLike | None) -> Yardstick:
    if images is None:
        if labels is not None:
            raise RequestError("--labels without --images", "the images that they are of")
        return Yardstick(network, tap)
    return Yardstick.of_images(network, tap, *data_given(network, images, labels))


def _search(
    network: Classifier, tap: Tap, options: SearchOptions, patches: PatchIndex | None, pairs: int, together: int | None
) -> Search:
    """The compiled search, the one of an earlier call with the same settings where there was one."""
    if patches is not None:
        return Search(network, tap, options, parameterization=patches.parameterization(network, options.corners))
    rows, on_gpu = 2 * options.corners, bool(tf.config.list_physical_devices("GPU"))
    at_once = 1 if pairs == 1 or options.spread is None else pairs_at_once(together, rows, network.forward_bytes, on_gpu=on_gpu)
    return _compiled(network, tap.name, options, min(at_once, pairs))


@functools.lru_cache(maxsize=8)
def _compiled(network: Classifier, tap: str, options: SearchOptions, at_once: int) -> Search:
    return Search(network, network.tap(tap), options, pairs_at_once=at_once)


@functools.lru_cache(maxsize=8)
def _affine(network: Classifier, tap: str) -> AffineMap:
    return affine_map(network, tap)


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
    return _found(yardstick, problem, solve_exactly(affine, problem, options), asked)


def _found(yardstick: Yardstick, problem: Problem, solution: Solution, asked: Mapping[str, object]) -> Found:
    return Found(
        corners=solution.corners,
        records=corner_records(problem, solution),
        source=problem.start,
        target=problem.goal_image,
        units=problem.units,
        ends=end_points(problem),
        network=problem.network.name,
        tap=problem.tap.name,
        bounds=problem.network.bounds,
        steps=solution.steps,
        ended=solution.ended,
        trace=solution.trace,
        exact=solution.exact,
        problem=problem,
        solution=solution,
        yardstick=yardstick,
        asked=dict(asked),
    )
