"""How far exact corners have to go from the source: the smallest box at several spreads, and the smallest ball.

    python benchmarks/exact_near_source.py [--data_dir=FOLDER] [--model_dir=FOLDER] [--pairs=10]
        [--spreads=0.03,0.06,0.12] [--directions=units,random,diverse] [--balls]

Distances are L2 as shares of source-to-target, the mean over the corners of a pair;
"to target, least" is that of its nearest corner. Spreads and half-widths are shares of
the pixel range. A corner is trivial where it is nearer to the target than to the
source, and lost where it is farther from the source than the target is. "seconds" is
all of a pair: the least change and every box or ball tried. `--balls` adds the
smallest ball in which the corners of "units" are as far apart.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.recipes.collide.request import check_collide
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("dataset", "mnist", "Data set.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "Folder of prepared TFDS data sets.", flag_values=_KNOWN)
flags.DEFINE_string("model_dir", None, "Cache of trained models.", flag_values=_KNOWN)
flags.DEFINE_integer("corners", 5, "A pair.", flag_values=_KNOWN)
flags.DEFINE_integer("pairs", 10, "Pairs, drawn with seed 1.", flag_values=_KNOWN)
flags.DEFINE_list("spreads", ["0.03", "0.06", "0.12"], "Shares of the pixel range.", flag_values=_KNOWN)
flags.DEFINE_list("directions", ["units", "random", "diverse"], "Of exact corners.", flag_values=_KNOWN)
flags.DEFINE_bool("balls", False, "Look for the smallest ball as well.", flag_values=_KNOWN)


def main() -> int:
    """Runs the study and prints it."""
    _KNOWN(sys.argv)
    config = CollideConfig(
        dataset=_KNOWN.dataset,
        data_dir=_KNOWN.data_dir or _near("shared/tfds"),
        model_dir=_KNOWN.model_dir,
        **preset_values("mnist"),
    ).resolved()
    data = check_collide(config)
    import_tensorflow()
    from tfcollide.data.select import draw_pairs
    from tfcollide.recipes.collide.experiment import prepare

    experiment = prepare(config, data)
    rows: dict[str, list[dict[str, float]]] = {}
    for source, target in draw_pairs(data, experiment.predicted, _KNOWN.pairs, seed=1):
        images = (_image(name, text, data, experiment) for name, text in (("source", source), ("target", target)))
        for case, row in study(experiment, *images).items():
            rows.setdefault(case, []).append(row)
            said = "  ".join(f"{name} {value:.3g}" for name, value in row.items())
            print(f"{source} -> {target}  {case:24} {said}", flush=True)
    for case, some in rows.items():
        print(f"{case}, {len(some)} pairs:")
        for name in some[0]:
            values = [row[name] for row in some]
            print(f"  {name:18} median {statistics.median(values):7.3f}  least {min(values):7.3f}  most {max(values):7.3f}")
    return 0


def study(experiment, source, target):
    """Case -> numbers, for one pair."""
    import numpy as np

    from tfcollide.polytope.exact.halfspaces import collision_polytope
    from tfcollide.polytope.exact.near_source import corners_near
    from tfcollide.polytope.exact.nearest import nearest

    affine, bounds = experiment.affine, experiment.classifier.bounds
    black_to_white = bounds.upper - bounds.lower
    polytope = collision_polytope(affine, target, bounds, float32_safe=True)
    groups = [(int(unit),) for unit in np.flatnonzero(affine(target) <= 0.0)[: _KNOWN.corners]]

    def case(**options):
        began = time.perf_counter()
        found = corners_near(affine, polytope, source, groups, **options)
        seconds = time.perf_counter() - began
        box = {} if found.max_change is None else {"half-width": found.max_change / black_to_white}
        numbers = box | {
            "found": float(found.status == "optimal"),
            "least change": found.least_change / black_to_white,
            "spread reached": found.spread_reached / black_to_white,
        }
        return numbers | shares(found.corners.points, source, target) | {"seconds": seconds}

    closest = nearest(polytope, source)
    found = {
        "nearest": shares(closest.point[None], source, target),
        "whole range": case(spread=0.0, max_change=black_to_white),
    }
    for direction in _KNOWN.directions:
        for spread in map(float, _KNOWN.spreads):
            found[f"{direction}, spread {spread:g}"] = case(direction=direction, spread=spread * black_to_white)
    if _KNOWN.balls:
        for spread in map(float, _KNOWN.spreads):
            found[f"ball, spread {spread:g}"] = case(within="ball", spread=spread * black_to_white)
    return found


def shares(points, source, target):
    """Distances to both images, as shares of theirs."""
    import numpy as np

    between = np.linalg.norm(source - target)
    to_source, to_target = (np.linalg.norm(points - image, axis=1) / between for image in (source, target))
    return {
        "to source": to_source.mean(),
        "to source, most": to_source.max(),
        "to target": to_target.mean(),
        "to target, least": to_target.min(),
        "trivial": float((to_target < to_source).sum()),
        "lost": float((to_source > 1.0).sum()),
    }


def _image(name, text, data, experiment):
    from tfcollide.data.select import parse_selector, resolve
    from tfcollide.images import from_uint8

    chosen = resolve(name, parse_selector(name, text, data), data, experiment.predicted)
    return from_uint8(chosen.image, experiment.classifier.bounds).ravel().astype("float64")


def _near(path: str) -> str | None:
    folder = Path(__file__).resolve().parent.parent.parent / path
    return str(folder) if folder.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
