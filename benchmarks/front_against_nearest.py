"""Fronts at an affine tap beside the exact nearest collision: none may be longer, and continued they come to it.

python benchmarks/front_against_nearest.py --data_dir=FOLDER [--model_dir=FOLDER] [--pairs=20]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from absl import flags

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.request import parse_pair, request_data
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("model_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_integer("pairs", 20, "Random pairs of MNIST.", flag_values=_KNOWN)

_CONTINUED = 1e-6


def main() -> int:
    _KNOWN(sys.argv)
    config = CollideConfig(dataset="mnist", tap="hidden_1", data_dir=_KNOWN.data_dir, model_dir=_KNOWN.model_dir).resolved()
    data = request_data(config)
    import_tensorflow()
    from tfcollide.data.select import draw_pairs
    from tfcollide.polytope.exact.halfspaces import collision_polytope
    from tfcollide.polytope.exact.nearest import nearest
    from tfcollide.recipes.collide.experiment import prepare
    from tfcollide.recipes.collide.pair import pose_pair
    from tfcollide.recipes.collide.sweep.one_pair import single_pair

    experiment = prepare(config, data)
    rows = []
    for source, target in draw_pairs(experiment.data, experiment.predicted, _KNOWN.pairs, 0):
        single, _ = single_pair(config, experiment, source, target)
        problem = pose_pair(single, experiment, parse_pair(single, experiment.data))
        start, goal_image = (image.astype(np.float64).ravel() for image in (problem.start, problem.goal_image))
        closest = nearest(collision_polytope(experiment.affine, goal_image, experiment.classifier.bounds), start)
        exact = closest.distance / np.linalg.norm(start - goal_image)
        ends = {"match": problem.match.distance, "continued": _CONTINUED * problem.match.start["feature_distance"]}
        images = (problem.start, problem.goal_image, problem.goal)
        fronts = {name: experiment.front_search(*images, matches_at=at, iterations=200) for name, at in ends.items()}
        longest = max(point.change for front in fronts.values() for point in front.points) / exact
        ends = {name: front.end.change if front.end else np.nan for name, front in fronts.items()}
        rows.append([exact, ends["match"], longest, ends["continued"] / exact])
        print(f"{source} to {target}: " + ", ".join(f"{value:.4f}" for value in rows[-1]), flush=True)
    for name, values in zip(
        ("nearest", "front", "longest over nearest", "continued over nearest"), np.array(rows).T, strict=True
    ):
        print(f"{name}: least {values.min():.4f}, median {np.median(values):.4f}, most {values.max():.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
