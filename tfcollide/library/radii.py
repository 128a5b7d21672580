"""How far around images nothing collides with them: a radius proven by duality, at an affine tap."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfcollide.errors import RequestError
from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8
from tfcollide.library.calling import called
from tfcollide.library.given import data_given, network_given
from tfcollide.library.polytopes import affine_of
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.null_distribution import NullDistribution
from tfcollide.models.affine import AffineMap, affine_tap
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.exact.free_radius import TargetSet, float32_tolerance, free_radius
from tfcollide.records import FreeRadii, FreeRadius
from tfcollide.runtime.progress import progress as bar

__all__ = ["Candidates", "collision_free_radius", "free_radii"]


def collision_free_radius(
    network: Classifier,
    images: ArrayLike,
    *,
    tap: str | None = None,
    targets: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    match_quantile: float = 0.01,
    progress: bool = False,
) -> FreeRadii:
    """Of each image, a radius within which no image has the features of any of its targets, proven at an affine tap.

    The targets of an image are one of each other class, as the network predicts: the one nearest to the image, in L2. Solvers
    only propose; the radius is computed again from their multipliers, by weak duality in float64.

    Args:
        network: of `wrap`.
        images: `[n, H, W, C]`: integers are 8-bit pixels; floats are in the network's pixel range. Floats are rounded to 8
            bits first, and the radius is about the rounded images: up to half a step per pixel from those given.
        tap: an affine one; None: the first of a dense layer where it is affine, else the first that is.
        targets: images that targets are chosen from; None: `images` themselves.
        labels: the classes of `targets`, from which it is known how near features are that match; None: without that radius.
        match_quantile: features match where they are nearer than this share of the pairs of images of one class.
        progress: whether a bar is drawn on standard error.

    Returns:
        The radii, `images` of them with what each is about; `exact`, `in_float32` and `matching` are their spreads.

    Raises:
        RequestError: an argument cannot be used, the tap is not affine, or there is no image of another class.

    Examples:
        >>> radii = tc.collision_free_radius(network, np.stack([source, target]))
        >>> bool(radii.images[0].radius > 0), bool(radii.largest_gap < 1e-9)
        (True, True)
    """
    with called(progress):
        at = network_given(network).tap(tap or affine_tap(network))
        affine = affine_of(network, at.name)
        sources, _ = data_given(network, images)
        pool, codes = data_given(network, images if targets is None else targets, labels)
        if not 0 <= match_quantile <= 1:
            raise RequestError(f"--match_quantile={match_quantile}", "a share from 0 to 1")
        null = None if labels is None else Yardstick.of_images(network, at, pool, codes).null
        candidates = Candidates.of(network, from_uint8(pool, network.bounds), [f"image {n}" for n in range(len(pool))])
        named = [f"image {n}" for n in range(len(sources))]
        return free_radii(
            affine, candidates, from_uint8(sources, network.bounds), named, tap=at.name, null=null, quantile=match_quantile
        )


class Candidates(NamedTuple):
    """Images that targets are chosen from.

    Attributes:
        network: whose classes count.
        images: `[n, H, W, C]` float32 in bounds.
        names: n.
        predicted: `[n]`, their classes.
    """

    network: Classifier
    images: np.ndarray
    names: Sequence[str]
    predicted: np.ndarray

    @classmethod
    def of(cls, network: Classifier, images: np.ndarray, names: Sequence[str]) -> "Candidates":
        """As the network reads them."""
        return cls(network, images, names, network.judge(images).predicted)

    def nearest(self, source: np.ndarray, code: int) -> Iterator[int]:
        """The number of the nearest image of each other class than `code`."""
        away = np.linalg.norm(self.images.reshape(len(self.images), -1) - source.ravel(), axis=1)
        for other in np.unique(self.predicted):
            if other != code:
                those = np.flatnonzero(self.predicted == other)
                yield int(those[np.argmin(away[those])])


def free_radii(
    affine: AffineMap,
    candidates: Candidates,
    sources: np.ndarray,
    names: Sequence[str],
    *,
    tap: str,
    null: NullDistribution | None,
    quantile: float,
    ledger: Ledger | None = None,
) -> FreeRadii:
    """`collision_free_radius` of `sources` `[n, H, W, C]` in bounds, each image once per `ledger`.

    Raises:
        RequestError: all candidates are of the class of some source.
    """
    network, ledger = candidates.network, ledger or Ledger()
    tolerances = [float32_tolerance(affine, network.bounds)]
    if null is not None:
        tolerances.append(null.distance_at(quantile) ** 0.5)
    codes = network.judge(sources).predicted
    rows = []
    for n in bar(range(len(sources)), desc="collision-free radius", unit="image"):
        targets = list(candidates.nearest(sources[n], codes[n]))
        if not targets:
            received = f'{names[n]} with targets that are all "{network.name_of(codes[n])}" to the network'
            raise RequestError(received, "one of another class", "Give more targets.")
        found = ledger.do(f"radius {n}", _work(affine, candidates, sources[n], targets, tuple(tolerances)))
        rows.append(_row(candidates, sources[n], names[n], int(codes[n]), targets, found))
    match = tolerances[1] if null is not None else None
    return FreeRadii(tap, tolerances[0], match, quantile if null is not None else None, tuple(rows))


def _work(
    affine: AffineMap, candidates: Candidates, source: np.ndarray, targets: list[int], tolerances: tuple[float, ...]
) -> Callable[[], dict[str, np.ndarray]]:
    """What finds the radii of one source: `[targets, 1 + tolerances]`, the distances and the gaps."""

    def work() -> dict[str, np.ndarray]:
        began, found = time.process_time(), []
        for target in targets:
            plane, radii = free_radius(
                TargetSet(affine, candidates.images[target].ravel(), candidates.network.bounds), source.ravel(), tolerances
            )
            found.append((plane.radius, *radii, plane.distance, abs(plane.gap)))
        table = np.array(found)
        seconds = np.array(time.process_time() - began)
        return {"radii": table[:, :-2], "distances": table[:, -2], "gaps": table[:, -1], "seconds": seconds}

    return work


def _row(
    candidates: Candidates, source: np.ndarray, name: str, code: int, targets: list[int], found: dict[str, np.ndarray]
) -> FreeRadius:
    radii, network = found["radii"], candidates.network
    least = int(radii[:, 0].argmin())
    target = targets[least]
    return FreeRadius(
        image=name,
        predicted=network.name_of(code),
        target=candidates.names[target],
        target_predicted=network.name_of(int(candidates.predicted[target])),
        radius=float(radii[least, 0]),
        radius_float32=float(radii[:, 1].min()),
        radius_match=float(radii[:, 2].min()) if radii.shape[1] > 2 else None,
        distance=float(found["distances"][least]),
        gap=float(found["gaps"].max()),
        source_to_target=float(np.linalg.norm(candidates.images[target] - source)),
        targets=len(targets),
        seconds=float(found["seconds"]),
    )
