"""Corners of the polytope of inputs that a network cannot tell from a target, by descent."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfcollide.errors import RequestError, listed
from tfcollide.library.calling import called, record_of
from tfcollide.library.checking import corner_records
from tfcollide.library.composing import PatchIndex
from tfcollide.library.descend import OnStep, descend, descend_widest
from tfcollide.library.found import Found
from tfcollide.library.given import ImageLike, data_given, ends_given, is_batch, network_given
from tfcollide.library.options import MatchOptions, SearchOptions
from tfcollide.library.problem import Features, Picture, Problem, pose
from tfcollide.library.search import Search, pairs_at_once
from tfcollide.library.solution import Solution
from tfcollide.library.summarize import end_points
from tfcollide.library.yardstick import Yardstick
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.differentiable import check_differentiable
from tfcollide.objectives.units import Groups

__all__ = ["Units", "filed", "find_corners", "found_of", "groups_given", "match_features", "yardstick_given"]

Units = Sequence[int] | Sequence[Sequence[int]]
_End = TypeVar("_End", bound=Picture | Features)


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
            match. Half of the images are what an independent reader knows. None: only images are known, no classes.
        yardstick: of an earlier result, in place of `images` and `labels`.
        source_label: the class that the source is filed under, by which an independent reader is trusted; None: that of
            the same image among `images`. Where there is none either no reader votes, as `verdict.reader.reason` says.
        target_label: that of the target, likewise.
        match: when features match, a `library.options.MatchOptions` (quantile, share, reader_accuracy); None: its defaults.
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
        groups = groups_given(units)
        count = corners if corners is not None else len(groups) if groups else 5
        options = record_of(SearchOptions, {**settings, "corners": count}).check()
        at = network_given(network).tap(tap or network.default_tap)
        check_differentiable(network, at)
        pairs = ends_given(network, at, source, target, (source_label, target_label))
        known = yardstick or yardstick_given(network, at, images, labels)
        pairs = [(filed(known, start, "source_label"), filed(known, end, "target_label")) for start, end in pairs]
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
        if options.spread is None and search.hull_terms:
            solutions = [descend_widest(search, one, on_step=callback) for one in problems]
        while len(solutions) < len(problems):
            batch = problems[len(solutions) : len(solutions) + search.pairs_at_once]
            solutions += descend(search, batch, on_step=callback)
        asked = {"solver": "gradient", "objective": options.objective, "seed": options.seed}
        asked["parameterization"] = "pixels" if patches is None else "composite"
        found = [found_of(known, *each, asked) for each in zip(problems, solutions, strict=True)]
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


def groups_given(units: Units | None) -> Groups | None:
    """One group of units per corner, from `[3, 9]` or `[(3, 9), (12,)]`."""
    if units is None:
        return None
    if isinstance(units, (str, bytes)) or not len(units):
        raise RequestError(f"--units={units!r}", "unit numbers such as [3, 9, 12], or groups such as [(3, 9), (12, 40)]")
    return tuple((int(one),) if isinstance(one, (int, np.integer)) else tuple(int(unit) for unit in one) for one in units)


def yardstick_given(network: Classifier, tap: Tap, images: ArrayLike | None, labels: ArrayLike | None) -> Yardstick:
    """What the data set that a caller gives tells; one without data where none is given.

    Raises:
        RequestError: images and labels do not fit, or there are labels alone.
    """
    if images is None:
        if labels is not None:
            raise RequestError("--labels without --images", "the images that they are of")
        return Yardstick(network, tap)
    return Yardstick.of_images(network, tap, *data_given(network, images, labels))


def filed(yardstick: Yardstick, end: _End, argument: str = "label") -> _End:
    """An image under the class that the data set has it under, where nobody said which.

    Args:
        yardstick: with the data set, if there is one.
        end: the image, or features, which have no class.
        argument: that said which class, for messages.

    Raises:
        RequestError: the data set has no class of that name.
    """
    if not isinstance(end, Picture):
        return end
    if end.label is None:
        return end._replace(label=yardstick.label_of(end.image))
    names = yardstick.data.class_names if yardstick.data else ()
    if names and end.label not in names:
        expected = f"the name of a class, one of {listed(names, 'network.class_names')}"
        raise RequestError(f"--{argument}={end.label!r}", expected, "Name the classes: wrap(model, class_names=[...]).")
    return end


def _search(
    network: Classifier, tap: Tap, options: SearchOptions, patches: PatchIndex | None, pairs: int, pairs_together: int | None
) -> Search:
    """The compiled search, the one of an earlier call with the same settings where there was one."""
    if patches is not None:
        return Search(network, tap, options, parameterization=patches.parameterization(network, options.corners))
    rows, on_gpu = 2 * options.corners, bool(tf.config.list_physical_devices("GPU"))
    at_once = (
        1 if pairs == 1 or options.spread is None else pairs_at_once(pairs_together, rows, network.forward_bytes, on_gpu=on_gpu)
    )
    return _compiled(network, tap.name, options, min(at_once, pairs))


@functools.lru_cache(maxsize=8)
def _compiled(network: Classifier, tap: str, options: SearchOptions, at_once: int) -> Search:
    return Search(network, network.tap(tap), options, pairs_at_once=at_once)


def found_of(yardstick: Yardstick, problem: Problem, solution: Solution, asked: Mapping[str, object]) -> Found:
    """The result of a solver, judged corner by corner; `asked` is what `save` repeats of the request."""
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
