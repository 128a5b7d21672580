"""How far around images nothing collides, and how large polytopes are in the space of a layer."""

import dataclasses

import numpy as np

__all__ = ["FreeRadii", "FreeRadius", "LayerPolytope", "RadiusRecord", "RadiusSpread"]


@dataclasses.dataclass(frozen=True)
class FreeRadius:
    """Of one image: no image within `radius` of it, in L2, has the features of any of its targets.

    Attributes:
        image: what it is called.
        predicted: its class, to the network.
        target: the target with the least radius.
        target_predicted: its class.
        radius: proven, in exact arithmetic.
        radius_float32: proven for features that a float32 network computes as equal, in any order of its sums.
        radius_match: proven for features within the match quantile; None without a data set.
        distance: to the nearest collision that was found, with `target`: no larger radius is true.
        gap: the largest of (distance - radius) / distance, over all its targets.
        source_to_target: the distance between both images.
        targets: how many.
        seconds: of processor time.
    """

    image: str
    predicted: str
    target: str
    target_predicted: str
    radius: float
    radius_float32: float
    radius_match: float | None
    distance: float
    gap: float
    source_to_target: float
    targets: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class RadiusSpread:
    """The least, the quartiles and the largest of radii."""

    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    largest: float

    @classmethod
    def of(cls, values: list[float]) -> "RadiusSpread":
        """Of at least one value."""
        return cls(*np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0]).tolist())


@dataclasses.dataclass(frozen=True)
class RadiusRecord:
    """What a run's summary says of the radii of its test images.

    Attributes:
        images: how many.
        exact: in exact arithmetic.
        in_float32: for features that a float32 network computes as equal.
        matching: for features within the match quantile; None without a data set.
    """

    images: int
    exact: RadiusSpread
    in_float32: RadiusSpread
    matching: RadiusSpread | None


@dataclasses.dataclass(frozen=True)
class FreeRadii:
    """Of many images.

    Attributes:
        tap: at which features are compared.
        tolerance_float32: how far apart, in L2, real features can be that a float32 network computes as equal.
        tolerance_match: how far apart features that match are; None without a data set.
        quantile: of the null distribution up to which they match.
        images: one each.
    """

    tap: str
    tolerance_float32: float
    tolerance_match: float | None
    quantile: float | None
    images: tuple[FreeRadius, ...]

    @property
    def exact(self) -> RadiusSpread:
        """Of the radii in exact arithmetic."""
        return RadiusSpread.of([one.radius for one in self.images])

    @property
    def in_float32(self) -> RadiusSpread:
        """Of those in float32."""
        return RadiusSpread.of([one.radius_float32 for one in self.images])

    @property
    def matching(self) -> RadiusSpread | None:
        """Of those at the match quantile."""
        known = [one.radius_match for one in self.images if one.radius_match is not None]
        return RadiusSpread.of(known) if known else None

    @property
    def in_short(self) -> RadiusRecord:
        """What a summary says of them."""
        return RadiusRecord(len(self.images), self.exact, self.in_float32, self.matching)

    @property
    def largest_gap(self) -> float:
        """Of all images, see `FreeRadius`."""
        return max(one.gap for one in self.images)

    @property
    def seconds_per_image(self) -> float:
        """Of processor time, the mean."""
        return float(np.mean([one.seconds for one in self.images]))


@dataclasses.dataclass(frozen=True)
class LayerPolytope:
    """The paper's polytope of a target, in the values of the layer before.

    Attributes:
        tap: the ReLU.
        layer: what gives the values.
        position: (row, column) of a 1x1 convolution; None at a dense layer.
        bounds: whether x >= 0, and x <= 6, are among its inequalities.
        size: the number of values.
        equations: units that are on in the target.
        inequalities: units that are off, or at the ceiling of a ReLU6.
        dimension: of the set; 0 for a point, -1 for the empty set.
        radius: of the largest ball in it, within its dimensions; inf where balls of any size fit in.
        bounded: whether it has an end in every direction.
        point: whether it is a single point, to a millionth of the size of its points.
        scale: |x| of the target.
        distance: from the source's values to the nearest point; NaN for the empty set.
        source_distance: from the source's values to the target's.
        seconds: of processor time.
    """

    tap: str
    layer: str
    position: tuple[int, ...] | None
    bounds: bool
    size: int
    equations: int
    inequalities: int
    dimension: int
    radius: float
    bounded: bool
    point: bool
    scale: float
    distance: float
    source_distance: float
    seconds: float
