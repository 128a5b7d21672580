"""Five exact corners per pair on MNIST and the proof over their hull; against plain `scipy.optimize.linprog`.

    python benchmarks/exact_corners.py [--data_dir=FOLDER] [--model_dir=FOLDER] [--random_pairs=20] [--repeats=5]

"seconds" is all that a pair costs once the network is loaded: the polytope, five
programs, rounding to float32, and the certificate. The last rows are the gradient
corners of bin/flagfiles/mnist.flags, with their worst mixture and failure bound.
`linprog` gets the full program, as its documentation writes one, a corner after the
other. Both find the same vertices, in turn and in one process; ours also builds the
polytope, tightens it for float32, rounds the corners and bounds what float32 makes
of them. Where MNIST is neither prepared nor to be had, the bundled digits serve.
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.errors import RequestError
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.recipes.collide.request import parse_pair, request_data
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("dataset", "mnist", "Data set.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "Folder of prepared TFDS data sets.", flag_values=_KNOWN)
flags.DEFINE_string("model_dir", None, "Cache of trained models.", flag_values=_KNOWN)
flags.DEFINE_string("source", "3", "Of the first pair, as in collide.", flag_values=_KNOWN)
flags.DEFINE_string("target", "7", "Of the first pair, as in collide.", flag_values=_KNOWN)
flags.DEFINE_integer("corners", 5, "A pair.", flag_values=_KNOWN)
flags.DEFINE_integer("random_pairs", 20, "Further pairs.", flag_values=_KNOWN)
flags.DEFINE_integer("timed_pairs", 4, "Pairs that linprog solves as well.", flag_values=_KNOWN)
flags.DEFINE_integer("repeats", 5, "Runs of each on a timed pair.", flag_values=_KNOWN)
flags.DEFINE_integer("workers", 0, "Threads of ours; 0 for one a core.", flag_values=_KNOWN)


def main() -> int:
    """Runs the benchmark and prints it."""
    _KNOWN(sys.argv)
    config = CollideConfig(
        dataset=_KNOWN.dataset,
        data_dir=_KNOWN.data_dir or _near("shared/tfds"),
        model_dir=_KNOWN.model_dir,
        source=_KNOWN.source,
        target=_KNOWN.target,
        **preset_values("mnist"),
    ).resolved()
    try:
        data = request_data(config)
    except RequestError as error:
        print(f"{error}\nGoing on with the bundled digits.")
        config = dataclasses.replace(config, dataset="digits")
        data = request_data(config)
    import_tensorflow()
    from tfcollide.data.select import draw_pairs
    from tfcollide.recipes.collide.experiment import prepare

    experiment = prepare(config, data)
    affine = experiment.affine
    pairs = [(config.source, config.target), *draw_pairs(data, experiment.predicted, _KNOWN.random_pairs, seed=1)]
    rows = []
    for i, (source, target) in enumerate(pairs):
        image = _target(dataclasses.replace(config, source=source, target=target), data, experiment)
        row = quality(experiment, affine, image)
        if i < _KNOWN.timed_pairs:
            row |= speed(affine, image, experiment.classifier.bounds)
        rows.append(row)
        print(f"{source} -> {target}  " + "  ".join(f"{name} {value:.3g}" for name, value in row.items()), flush=True)
    for name in rows[0]:
        values = [row[name] for row in rows if name in row]
        print(f"  {name:28} median {statistics.median(values):10.4g}  least {min(values):10.4g}  most {max(values):10.4g}")
    print("Corners found by gradient:")
    for name, value in by_gradient(config, data, experiment).items():
        print(f"  {name:28} {value}")
    return 0


def ours(affine, target, bounds):
    """Everything that a pair needs: corners in float64, and as saved in float32."""
    from tfcollide.polytope.exact.halfspaces import collision_polytope
    from tfcollide.polytope.exact.vertices import exact_corners, saved_corners, unit_objectives

    polytope = collision_polytope(affine, target, bounds, float32_safe=True)
    found = exact_corners(polytope, unit_objectives(affine, _groups(affine, target)), workers=_KNOWN.workers or None)
    return found, saved_corners(affine, target, polytope, found.points)


def plain(affine, target, bounds):
    """`[N]` least values by linprog on the full program, without tightening."""
    from scipy.optimize import linprog

    pre_activation = affine(target)
    active = pre_activation > 0.0
    rows, levels = affine.weights.T, pre_activation - affine.bias
    values = []
    for (unit,) in _groups(affine, target):
        result = linprog(
            rows[unit], A_ub=rows[~active], b_ub=-affine.bias[~active], A_eq=rows[active], b_eq=levels[active], bounds=bounds
        )
        values.append(result.fun)
    return values


def speed(affine, target, bounds):
    """Median seconds of both, in turn."""
    seconds: dict[str, list[float]] = {"linprog": [], "ours": []}
    for _ in range(_KNOWN.repeats):
        for name, solve in (("linprog", plain), ("ours", ours)):
            began = time.perf_counter()
            solve(affine, target, bounds)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return medians | {"ratio": medians["linprog"] / medians["ours"]}


def quality(experiment, affine, target):
    """What the corners of one target are worth, judged through the float32 network."""
    import numpy as np
    import tensorflow as tf

    from tfcollide.polytope.hull.mixing import mean_distance

    began = time.perf_counter()
    found, saved = ours(affine, target, experiment.classifier.bounds)
    solved = time.perf_counter()
    shape = (-1, *experiment.data.shape)
    goal_class = int(experiment.classifier.judge(np.float32(target).reshape(shape)).predicted[0])
    proof = prove(experiment, saved.points.reshape(shape), goal_class)
    seconds = time.perf_counter() - began
    if set(found.status) != {"optimal"}:
        raise RuntimeError(f"not solved: {found.status}")
    computed, goal = (
        experiment.tap.pre_activation(tf.constant(np.float32(x).reshape(shape))).numpy() for x in (saved.points, target)
    )
    active = affine(target) > 0.0
    features = np.maximum(computed, 0.0) - np.maximum(goal, 0.0)
    judged = experiment.classifier.judge(saved.points.reshape(shape)).predicted
    return {
        "seconds": seconds,
        "solve_seconds": solved - began,
        "certified": float(proof.status == "certified"),
        "certified_margin": proof.margin,
        "active_units": int(active.sum()),
        "corner_distance": mean_distance(saved.points),
        "float64_feature_error": saved.feature_residual_float64.max(),
        "float32_feature_error": np.abs(features).max(),
        "float32_active_match": ((computed - goal)[:, active] ** 2).sum(axis=1).max(),
        "float32_inactive_largest": computed[:, ~active].max(),
        "float32_inactive_bound": saved.inactive_bound.max(),
        "as_target": float((judged == goal_class).mean()),
    }


def prove(experiment, corners, target):
    """The certificate over the hull of float32 corners."""
    from tfcollide.polytope.proof.certificate import certify

    return certify(experiment.classifier.chain, corners, target, lambda images: experiment.classifier.judge(images).logits)


def by_gradient(config, data, experiment):
    """The gradient corners of the first pair: certificate, worst mixture and failure bound."""
    from tfcollide.library.checking import mixture_search
    from tfcollide.optimize.driver import minimize
    from tfcollide.polytope.hull.mixing import convex_weights
    from tfcollide.polytope.hull.worst_mixture import clopper_pearson
    from tfcollide.recipes.collide.pair import pose_pair

    problem = pose_pair(config, experiment, parse_pair(config, data))
    start = experiment.search.parameterization.init(problem.start, _KNOWN.corners)
    limits = {"max_steps": config.max_steps, "stop_loss": config.stop_loss, "stop_fraction": config.stop_fraction}
    found = minimize(experiment.search.descent, start, problem.goal, **limits)
    began = time.perf_counter()
    proof = prove(experiment, found.controls, problem.seen.predicted)
    seconds = time.perf_counter() - began
    weights = convex_weights(config.interpolations, _KNOWN.corners)
    judged = problem.judge.mixtures(found.controls, weights)
    worst = mixture_search(experiment.classifier)(found.controls, problem.seen.predicted, known=weights[judged.lowest(64)])
    mixtures = judged.record("uniform")
    bound = clopper_pearson(round((1 - mixtures.accuracy) * mixtures.samples), mixtures.samples)
    return {
        "certificate": f"{proof.status}, margin {proof.margin:.4g}, {seconds:.2f} s",
        "worst mixture": f"margin {worst.margin:.4g}, class {worst.predicted}",
        "failing share": f"< {100 * bound.share:.3f} %, {100 * bound.confidence:g} % sure",
    }


def _groups(affine, target):
    inactive = (affine(target) <= 0.0).nonzero()[0]
    return [(int(unit),) for unit in inactive[: _KNOWN.corners]]


def _target(config, data, experiment):
    from tfcollide.data.select import resolve
    from tfcollide.images import from_uint8

    chosen = resolve("target", parse_pair(config, data).target, data, experiment.predicted)
    return from_uint8(chosen.image, experiment.classifier.bounds).ravel().astype("float64")


def _near(path: str) -> str | None:
    folder = Path(__file__).resolve().parent.parent.parent / path
    return str(folder) if folder.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
