"""A pair as a problem: the images, the target's features, and what each corner is to do."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.images import from_uint8, to_uint8
from tfcollide.library.options import MatchOptions
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.matching import Match
from tfcollide.measure.reader import Qualified, qualify
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.objectives.terms import Goal, make_goal, staying
from tfcollide.objectives.units import Groups, choose_units
from tfcollide.parameterizations.base import Parameterization
from tfcollide.polytope.hull.hull_judge import HullJudge, Target, target_of

__all__ = ["Features", "Picture", "Problem", "pose"]

_FEW, _ALIKE = 8, 1e-6
_USUAL_CHANGE = 0.3  # root mean square of two photographs' difference, a share of the range: where there is no target image


class Picture(NamedTuple):
    """An image as the network reads it.

    Attributes:
        image: `[H, W, C]` float32 in the network's bounds.
        id: what records call it.
        label: the class that it is filed under; None where nobody has said.
        asked: what messages call it, where that is more than `id`.
    """

    image: np.ndarray
    id: str
    label: str | None = None
    asked: str | None = None

    @property
    def named(self) -> str:
        """What messages call it."""
        return self.asked or self.id


class Features(NamedTuple):
    """A target that is known by its features alone.

    Attributes:
        values: `[U]` float32 at the tap; units at or below zero are to be off.
        id: what messages and records call it.
    """

    values: np.ndarray
    id: str = "features"


@dataclasses.dataclass(frozen=True)
class Problem:
    """A source, a target, and what each corner is to do.

    Attributes:
        network: the network under test.
        tap: where features are to match.
        source: where corners start.
        target: whose features they take; its image is None where features were given.
        seen: the target through the network.
        units: N groups of pushed units.
        goal: the same as tensors.
        match: how near features must come.
        reader: who says what corners show, or why nobody does.
        looked_up: what the parameterization has looked up for the source, such as a composite's patches; None: nothing.
    """

    network: Classifier
    tap: Tap
    source: Picture
    target: Picture | Features
    seen: Target
    units: Groups
    goal: Goal
    match: Match
    reader: Qualified
    looked_up: Any = None

    @property
    def start(self) -> np.ndarray:
        """`[H, W, C]`, the source."""
        return self.source.image

    @property
    def goal_image(self) -> np.ndarray | None:
        """`[H, W, C]`, the target; None where it is features alone."""
        return self.target.image if isinstance(self.target, Picture) else None

    @property
    def labels(self) -> tuple[str | None, str | None]:
        """The classes that source and target are filed under."""
        return self.source.label, self.target.label if isinstance(self.target, Picture) else None

    @property
    def judge(self) -> HullJudge:
        """Who judges images for this target."""
        return HullJudge(self.network, self.tap, self.goal, self.seen)


def pose(
    yardstick: Yardstick,
    source: Picture,
    target: Picture | Features,
    *,
    corners: int,
    pushes_units: bool = True,
    units: Groups | None = None,
    active: np.ndarray | None = None,
    match: MatchOptions | None = None,
    parameterization: Parameterization | None = None,
) -> Problem:
    """Looks at both images and chooses the units.

    Args:
        yardstick: the network, its tap, and what a data set tells of them.
        source: where corners start.
        target: whose features they take.
        corners: N.
        pushes_units: whether each corner pushes units of its own.
        units: which; None: the first inactive ones.
        active: `[U]` bool, the target's active units where another rule than >= 0 decides.
        match: when features match.
        parameterization: what is optimized; it may have to look something up for the source.

    Raises:
        RequestError: an image or a unit does not fit.
    """
    network, tap, match = yardstick.network, yardstick.tap, (match or MatchOptions()).check()
    seen = _seen(yardstick, source, target)
    ceiling = tap.rectifier.ceiling
    if active is None:
        on = seen.pre_activation > 0 if isinstance(target, Features) else seen.pre_activation >= 0
        active = on & (seen.pre_activation < ceiling)
    groups: Groups = ((),) * corners
    if pushes_units:
        groups = choose_units(active, corners, units, unit_shape=tap.unit_shape)
    goal = make_goal(seen.pre_activation, groups, active | (seen.pre_activation >= ceiling), ceiling=ceiling)
    looked_up = parameterization.look_up(to_uint8(source.image, network.bounds)) if parameterization else None
    if parameterization is not None and looked_up is not None:
        goal = goal._replace(material=parameterization.material(looked_up))
    return Problem(
        network=network,
        tap=tap,
        source=source,
        target=target,
        seen=seen,
        units=groups,
        goal=staying(goal, source.image, _other_end(source, target, network.bounds.range)),
        match=_match(yardstick, source, HullJudge(network, tap, goal, seen), match),
        reader=_qualified(yardstick, source, target, match),
        looked_up=looked_up,
    )


def _seen(yardstick: Yardstick, source: Picture, target: Picture | Features) -> Target:
    """The target through the network, once both ends have been found fit."""
    network, tap = yardstick.network, yardstick.tap
    if isinstance(target, Features):
        _check_finite(network, tap, _said(source, "source"), source.image)
        seen = Target(target.values)
        _check_seen(yardstick, seen, source.image)
        return seen
    if np.array_equal(source.image, target.image):
        raise RequestError(f"{_said(source, 'source')} and {_said(target, 'target')}, the same image", "two different images")
    for name, picture in (("source", source), ("target", target)):
        _check_finite(network, tap, _said(picture, name), picture.image)
    seen = target_of(network, tap, target.image)
    _check_seen(yardstick, seen, source.image)
    code = seen.predicted
    if code is not None and network.judge(source.image[None]).predicted[0] == code:
        both = f'{_said(source, "source")} and {_said(target, "target")}, both "{network.name_of(code)}" to the network'
        raise RequestError(both, "a source that it does not take for the target's class already", "Choose another one.")
    return seen


def _said(picture: Picture, end: str) -> str:
    """A picture as the setting that gives it; of an array from Python there is no more to say than which argument it was."""
    return f"--{picture.named}" if picture.named.partition("[")[0] == end else f"--{end}={picture.named}"


def _other_end(source: Picture, target: Picture | Features, pixel_range: float) -> np.ndarray:
    """The target's image; an image as far from the source as photographs are where there is none."""
    if isinstance(target, Picture):
        return target.image
    return source.image + np.float32(_USUAL_CHANGE * pixel_range)


def _match(yardstick: Yardstick, source: Picture, judge: HullJudge, options: MatchOptions) -> Match:
    own = {name: float(value[0]) for name, value in judge.look(source.image[None]).items() if name != "logits"}
    return Match(yardstick.null, options.quantile, options.share, own)


def _qualified(yardstick: Yardstick, source: Picture, target: Picture | Features, options: MatchOptions) -> Qualified:
    if isinstance(target, Features):
        return Qualified(None, "the target is features, which nobody can read")
    return qualify(
        yardstick.reader,
        least_accuracy=options.reader_accuracy,
        source=source.image,
        target=target.image,
        source_label=source.label,
        target_label=target.label,
    )


def _check_seen(yardstick: Yardstick, seen: Target, start: np.ndarray) -> None:
    """Refuses a tap at which all images are alike: the target, the source, and some test images where there are any."""
    tap, count = yardstick.tap, yardstick.test_size

    def unlike(images: np.ndarray) -> bool:
        features = tap(tf.constant(images)).post_activation.numpy()
        return bool(np.abs(features - goal).max() > _ALIKE * np.abs(goal).max())

    goal = tap.rectifier(tf.constant(seen.pre_activation)).numpy()
    if unlike(start[None]):
        return
    few = start[None]
    if yardstick.data is not None and count:
        chosen = np.arange(min(_FEW, count)) * count // min(_FEW, count)
        few = from_uint8(yardstick.data.test.images[chosen], yardstick.network.bounds)
        if unlike(few):
            return
    images = "the source and the target" + (f", and for {len(few)} test images" if count else "")
    what = "zero" if not goal.any() else "the same"
    raise RequestError(f"--tap={tap.name}, where all features are {what} for {images}", "a ReLU that tells images apart")


def _check_finite(network: Classifier, tap: Tap, name: str, image: np.ndarray) -> None:
    """Refuses an image `[H, W, C]` of which the network makes no numbers."""
    values = {
        f"features at {tap.name}": tap.pre_activation(tf.constant(image[None])).numpy(),
        "logits": network.judge(image[None]).logits,
    }
    for what, found in values.items():
        wrong = found[~np.isfinite(found)]
        if wrong.size:
            raise RequestError(
                f"{name}, of which {network.name} makes {what} that are {wrong[0]}",
                "finite numbers",
                f"Mend the network, or its --pixel_range, now {network.bounds.lower:g},{network.bounds.upper:g}.",
            )
