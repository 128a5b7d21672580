"""Five corners on MNIST: ours against the same loss written down literally.

    python benchmarks/corners.py [--data_dir=FOLDER] [--model_dir=FOLDER] [--source=3] [--target=7]

The literal algorithm takes one corner after the other, a step at a time in eager
mode. Both do the same work in one process: same network, start, weights, rate and
stop. Where MNIST is neither prepared nor to be had, the bundled digits serve.
"""

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
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
flags.DEFINE_string("source", "3", "As in collide.", flag_values=_KNOWN)
flags.DEFINE_string("target", "7", "As in collide.", flag_values=_KNOWN)
flags.DEFINE_integer("repeats", 15, "Runs of ours; the literal one runs three times.", flag_values=_KNOWN)


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
    from tfcollide.optimize.driver import minimize
    from tfcollide.polytope.hull.mixing import mean_distance
    from tfcollide.recipes.collide.experiment import prepare
    from tfcollide.recipes.collide.pair import pose_pair

    experiment = prepare(config, data)
    problem = pose_pair(config, experiment, parse_pair(config, data))
    start = experiment.search.parameterization.init(problem.start, 5)

    def ours():
        return minimize(experiment.search.descent, start, problem.goal, max_steps=config.max_steps, stop_loss=config.stop_loss)

    first = ours()
    results, seconds = _timed(ours, _KNOWN.repeats)
    shares = [1.0 - result.seconds["loop"] / result.seconds["total"] for result in results]
    loop = statistics.median(result.seconds["total"] for result in results)
    literal_results, literal_seconds = _timed(lambda: literal(config, experiment, problem), 3)
    corners, steps = literal_results[0]
    pair = f"{config.dataset_name()}, {config.source} to {config.target}"
    print(f"{pair}, five corners to L_pos < {config.stop_loss:g}; median seconds")
    print(f"  literal, eager, one after the other  {statistics.median(literal_seconds):8.3f}   steps {steps}")
    print(f"  ours, one compiled batch             {loop:8.3f}   steps {first.steps} (the slowest corner)")
    print(f"  ratio                                {statistics.median(literal_seconds) / loop:8.0f}")
    print(f"  share of ours outside the compiled loop {100 * statistics.median(shares):5.1f} %")
    print(f"  with the checks before each descent  {statistics.median(seconds):8.3f}")
    print(f"  compile time, once per process         {first.seconds['compile']:8.3f}")
    ours_apart, literal_apart = mean_distance(first.controls), mean_distance(corners)
    print(f"  mean distance between corners: ours {ours_apart:.4f}, literal {literal_apart:.4f}")
    return 0


def literal(config, experiment, problem):
    """Eq. 3, L_neg halving as in ours, one corner at a time: `[N, H, W, C]` corners and the steps of each."""
    import numpy as np
    import tensorflow as tf

    weights, goal = {**experiment.search.objective.term_weights, **dict(experiment.search.options.term_weights)}, problem.goal
    corners, steps = [], []
    for n in range(len(problem.units)):
        x = tf.Variable(problem.start[None])
        for step in range(config.max_steps):
            decay = 0.5 ** (step / config.half_life)
            with tf.GradientTape() as tape:
                f0 = experiment.tap.pre_activation(x)[0]
                matched = tf.reduce_sum(goal.active * tf.square(f0 - goal.post_activation))
                push = tf.reduce_sum(goal.pushed[n] * f0)
                magnitude = tf.reduce_sum(goal.idle[n] * tf.abs(f0))
                loss = weights["active_match"] * matched + decay * (
                    weights["corner_push"] * push + weights["inactive_magnitude"] * magnitude
                )
            if float(matched) < config.stop_loss:
                break
            x.assign(tf.clip_by_value(x - float(config.learning_rate) * tape.gradient(loss, x), *experiment.classifier.bounds))
        corners.append(x.numpy()[0])
        steps.append(step)
    return np.stack(corners), steps


def _timed(run: Callable, repeats: int):
    results, seconds = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        results.append(run())
        seconds.append(time.perf_counter() - began)
    return results, seconds


def _near(path: str) -> str | None:
    folder = Path(__file__).resolve().parent.parent.parent / path
    return str(folder) if folder.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
