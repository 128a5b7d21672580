"""`--space=layer`: the paper's polytope of a target, in the values of the layer before, measured."""

import dataclasses
import time

import numpy as np

from tfcollide.data.select import resolve
from tfcollide.files.atomic import write_bytes, write_json, write_npz
from tfcollide.files.names import to_bytes
from tfcollide.files.run_directory import RunDirectory
from tfcollide.images import from_uint8
from tfcollide.library.polytopes import CollisionPolytope, layer_polytope
from tfcollide.models.layer_map import layer_map, positions_of
from tfcollide.polytope.exact.near_source import within_box
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.recipes.collide.request import Pair
from tfcollide.records import LayerPolytope
from tfcollide.report.layer_table import layer_table
from tfcollide.runtime.progress import progress

__all__ = ["LayerReport", "check_layer", "measured", "positions", "run_layer", "without_bounds"]

_PER_AXIS = 3
"""Positions of a convolution that are looked at, along each axis."""


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """What was found of the polytopes of a target.

    Attributes:
        polytopes: at each position with bounds such as x >= 0, then without; or within a box around the source.
    """

    polytopes: tuple[LayerPolytope, ...]

    @property
    def found(self) -> bool:
        """Whether none is empty."""
        return all(one.dimension >= 0 for one in self.polytopes)


def check_layer(config: CollideConfig, experiment: Experiment) -> None:
    """Raises `RequestError` where the tap has no such polytope."""
    network, tap = experiment.classifier, experiment.tap.name
    layer_map(network, tap, positions(positions_of(network, tap))[0])


def run_layer(config: CollideConfig, experiment: Experiment, pair: Pair, directory: RunDirectory) -> LayerReport:
    """Measures the polytope of the target and writes polytope.json, polytope.npz and table.md.

    Args:
        config: what to do, resolved.
        experiment: prepared for `config`.
        pair: the source, to which the nearest point is sought and around which a box may lie; and the target.
        directory: where to write.

    Raises:
        RequestError: the images do not fit, or the tap has no such polytope.
    """
    check_layer(config, experiment)
    network, tap = experiment.classifier, experiment.tap.name
    source, target = (
        from_uint8(resolve(name, selector, experiment.data, experiment.predicted).image, network.bounds)
        for name, selector in zip(("source", "target"), pair, strict=True)
    )
    with directory.at_work() as folder:
        records: list[LayerPolytope] = []
        arrays: dict[str, np.ndarray] = {}
        for position in progress(positions(positions_of(network, tap)), desc="polytopes", unit="position"):
            whole = layer_polytope(network, tap, target, position=position)
            if config.max_change is not None:
                polytopes = {"within": within_box(whole, whole.look(source), config.max_change)}
            else:
                polytopes = {"with_bounds": whole, "without_bounds": without_bounds(whole)}
            for name, one in polytopes.items():
                bounds = name != "without_bounds"
                records.append(measured(one, tap, position, source, target, bounds=bounds))
                place = "_".join(map(str, position or ("polytope",)))
                arrays |= {f"{place}_{name}_{key}": value for key, value in _arrays(one).items()}
        report = LayerReport(tuple(records))
        write_npz(folder / "polytope.npz", arrays)
        write_json(folder / "polytope.json", {"network": network.name, "polytopes": report.polytopes})
        write_bytes(folder / "table.md", to_bytes(layer_table(network.name, report.polytopes, config.max_change)))
        directory.commit()
    return report


def without_bounds(polytope: CollisionPolytope) -> CollisionPolytope:
    """The polytope as the paper has it, without x >= 0."""
    endless = np.full(polytope.size, np.inf)
    return dataclasses.replace(polytope, lower=-endless, upper=endless)


def measured(
    polytope: CollisionPolytope,
    tap: str,
    position: tuple[int, ...] | None,
    source: np.ndarray,
    target: np.ndarray,
    *,
    bounds: bool,
) -> LayerPolytope:
    """All that is said of a polytope, from images `[H, W, C]` as the network reads them."""
    began = time.process_time()
    start, end = polytope.look(source), polytope.look(target)
    dimension = polytope.dimension
    return LayerPolytope(
        tap=tap,
        layer=polytope.layer,
        position=position,
        bounds=bounds,
        size=polytope.size,
        equations=len(polytope.values),
        inequalities=len(polytope.limits),
        dimension=dimension,
        radius=polytope.radius,
        bounded=bool(polytope.bounded),
        point=polytope.is_point,
        scale=float(np.linalg.norm(end)),
        distance=polytope.nearest(source).distance if dimension >= 0 else float("nan"),
        source_distance=float(np.linalg.norm(start - end)),
        seconds=time.process_time() - began,
    )


def _arrays(polytope: CollisionPolytope) -> dict[str, np.ndarray]:
    """What a reader may want to check: the center of the largest ball, or the proof that there is no point."""
    if polytope.farkas is None:
        return {"center": polytope.ball.center}
    return {key: np.asarray(value) for key, value in polytope.farkas._asdict().items()}


def positions(sizes: tuple[int, ...] | None) -> list[tuple[int, ...] | None]:
    """The middle of each part of a grid over a convolution's pictures; of a dense layer the only one."""
    if sizes is None:
        return [None]
    axes = [sorted({(2 * i + 1) * size // (2 * _PER_AXIS) for i in range(_PER_AXIS)}) for size in sizes]
    return [tuple(int(at) for at in place) for place in np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(sizes))]
