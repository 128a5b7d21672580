"""The set of all points with a target's features, at an affine tap in images, elsewhere in the values of the layer before."""

import dataclasses
import functools
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from tfcollide.errors import RequestError
from tfcollide.library.calling import called
from tfcollide.library.given import ImageLike, features_given, image_given, network_given
from tfcollide.models.affine import AffineMap, affine_map, affine_tap
from tfcollide.models.classifier import Classifier
from tfcollide.models.layer_map import layer_map
from tfcollide.polytope.exact import geometry, halfspaces
from tfcollide.polytope.exact.emptiness import Farkas, farkas_vector
from tfcollide.polytope.exact.near_source import within_box
from tfcollide.polytope.exact.nearest import Nearest, nearest
from tfcollide.polytope.exact.vertices import ExactCorners, exact_corners, random_objectives

__all__ = ["POINT_SHARE", "CollisionPolytope", "affine_of", "collision_polytope", "layer_polytope"]

POINT_SHARE = 1e-6
"""A set is a point where its diameter is below this share of the size |x| of what is in it."""

_SPACES = ("image", "layer")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CollisionPolytope(halfspaces.Polytope):
    """All points with a target's features, as half-spaces; and how large that set is.

    Attributes:
        layer: what gives the values that the points are made of: "the image", or the name of a layer.
        look: from an image `[H, W, C]` to its point `[D]`.
    """

    layer: str = "the image"
    look: Callable[[np.ndarray], np.ndarray] = np.ravel

    @functools.cached_property
    def dimension(self) -> int:
        """In how many directions one can move within it; 0 for a single point, -1 for the empty set."""
        return geometry.affine_dimension(self)

    @functools.cached_property
    def ball(self) -> geometry.Ball:
        """The largest ball within it, in its own dimensions (Chebyshev).

        Raises:
            RequestError: the set is empty.
        """
        return geometry.chebyshev(self)

    @property
    def radius(self) -> float:
        """Of `ball`: 0 for a point, inf where balls of any size fit in; NaN for the empty set."""
        return self.ball.radius if self.dimension >= 0 else float("nan")

    @functools.cached_property
    def bounded(self) -> bool:
        """Whether it has an end in every direction."""
        return self.dimension <= 0 or (np.isfinite(self.radius) and (self.ball.ends or geometry.bounded(self)))

    @functools.cached_property
    def is_point(self) -> bool:
        """Whether its diameter is below a millionth of the size |x| of its points."""
        if self.dimension <= 0:
            return self.dimension == 0
        limit = POINT_SHARE * float(np.linalg.norm(self.ball.center))
        return not 2.0 * self.radius > limit and self.bounded and geometry.diameter_bound(self, enough=limit) <= limit

    @functools.cached_property
    def farkas(self) -> Farkas | None:
        """The proof that it is empty, multipliers whose combination of the constraints reads 0 <= -1; None where it is not."""
        return farkas_vector(self) if self.dimension < 0 else None

    def vertices(self, count: int, *, seed: int = 0) -> ExactCorners:
        """Those at which `count` random directions are least; of each the `status` says whether there is one."""
        return exact_corners(self, random_objectives(count, self.size, seed=seed))

    def nearest(self, image: np.ndarray, *, norm: str = "l2") -> Nearest:
        """Its point closest to that of an `image` `[H, W, C]`, as the network reads it, with a duality gap."""
        return nearest(self, self.look(image), norm=norm)


def collision_polytope(
    network: Classifier,
    target: ImageLike,
    *,
    tap: str | None = None,
    space: str = "image",
    position: tuple[int, ...] | None = None,
    source: "ImageLike | None" = None,
    max_change: float | None = None,
    float32_safe: bool = False,
) -> CollisionPolytope:
    """All images, or all values of the layer before, with exactly the target's features, as half-spaces.

    In images only at an affine tap. In the values of the layer before at any tap behind a dense layer or a 1x1
    convolution, which is where the paper has its polytope. These values are at least 0 behind a ReLU, or a pool of one,
    and at most 6 behind ReLU6. An image that collides has its values in this set; that each point of the set is what some image
    gives is not said. Of a 1x1 convolution it is the set of one position: the positions before it are
    computed from overlapping parts of the image, and do not move one by one.

    Args:
        network: of `wrap`.
        target: an image `[H, W, C]`, or features `[U]` at the tap.
        tap: the ReLU; None: the first of a dense layer; of images, the first affine one where that is not affine.
        space: "image", or "layer", the values of the layer before.
        position: (row, column) of a 1x1 convolution, with space="layer".
        source: an image; with `max_change`, only points near its own count.
        max_change: the most that one number may differ from that of the source.
        float32_safe: tighten it, so that its points, rounded to float32, switch no inactive unit on; of images.

    Returns:
        The set: `dimension`, `radius`, `is_point`, `bounded`, `vertices`, `nearest`, `farkas`; it can be empty where features
        were given, or a box around a source.

    Raises:
        RequestError: an argument cannot be used, or the tap is not affine in the image or in the layer before.

    Examples:
        >>> polytope = tc.collision_polytope(network, target)
        >>> bool(polytope.contains(target.ravel(), tolerance=1e-6))
        True
        >>> polytope.dimension
        9
    """
    with called():
        if space not in _SPACES:
            raise RequestError(f"--space={space}", f"one of {', '.join(_SPACES)}")
        if (source is None) != (max_change is None):
            raise RequestError("--source or --max_change without the other", "both, or neither", "They make a box.")
        network_given(network)
        at = network.tap(tap or (affine_tap(network) if space == "image" else network.default_tap))
        given = _features_of(target)
        features = None if given is None else features_given(at, target, "target").values.astype(np.float64)
        image = None if given is not None else image_given(network, target, "target")[0]
        if space == "image":
            found = _of_images(network, at.name, image, features, position, float32_safe)
        elif float32_safe:
            raise RequestError("--float32_safe with --space=layer", "--space=image", "Leave it out.")
        else:
            found = layer_polytope(network, at.name, image, features, position)
        if source is None or max_change is None:
            return found
        if not max_change >= 0:
            raise RequestError(f"--max_change={max_change}", "a number of at least 0")
        return within_box(found, found.look(image_given(network, source, "source")[0]).astype(np.float64), max_change)


@functools.lru_cache(maxsize=8)
def affine_of(network: Classifier, tap: str) -> AffineMap:
    """`affine_map`, kept from one call to the next."""
    return affine_map(network, tap)


def _features_of(target: ImageLike) -> np.ndarray | None:
    """The target where it is features `[U]`; None where it is an image."""
    if isinstance(target, (np.ndarray, list, tuple)) and np.ndim(cast("ArrayLike", target)) == 1:
        return np.asarray(target)
    return None


def _of_images(
    network: Classifier,
    tap: str,
    image: np.ndarray | None,
    features: np.ndarray | None,
    position: tuple[int, ...] | None,
    float32_safe: bool,
) -> CollisionPolytope:
    if position is not None:
        raise RequestError(f"--position={position} with --space=image", "--space=layer beside it", "Leave it out.")
    affine, bounds = affine_of(network, tap), network.bounds
    if image is not None:
        return _with_size(halfspaces.collision_polytope(affine, image.ravel(), bounds, float32_safe=float32_safe))
    if float32_safe or features is None:
        raise RequestError("--float32_safe with features", "an image as the target", "Leave it out.")
    sides = (np.full(len(affine.weights), end, np.float64) for end in bounds)
    return _with_size(halfspaces.feature_polytope(affine, features, *sides))


def layer_polytope(
    network: Classifier,
    tap: str,
    image: np.ndarray | None,
    features: np.ndarray | None = None,
    position: tuple[int, ...] | None = None,
) -> CollisionPolytope:
    """That of a target in the values of the layer before.

    Args:
        network: the network.
        tap: a ReLU of it.
        image: `[H, W, C]`, the target as the network reads it; None: features are given.
        features: `[U]`, of the whole tap, in place of an image.
        position: of a 1x1 convolution.

    Raises:
        RequestError: the tap has no such polytope.
    """
    at = layer_map(network, tap, position)
    ceiling = at.rectifier.ceiling
    point = None if image is None else np.clip(at.values(image), at.lower, at.upper)
    goal = np.clip(at.affine(point), 0.0, ceiling) if point is not None else cast(np.ndarray, features)[at.units]
    found = halfspaces.feature_polytope(at.affine, goal, at.lower, at.upper, ceiling=ceiling)
    return dataclasses.replace(_with_size(found), member=point, layer=at.layer, look=at.values)


def _with_size(polytope: halfspaces.Polytope) -> CollisionPolytope:
    fields = {field.name: getattr(polytope, field.name) for field in dataclasses.fields(polytope)}
    return CollisionPolytope(**fields)
