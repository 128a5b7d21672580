"""Steps until every corner matches: optimizers on the same pairs, beside the paper's recipe.

A step is one gradient of all corners. Prints, for each pair, the steps until every
L_pos is at 5 % of its start. The paper's recipe is cut off at 50 times ours.

    python benchmarks/steps.py --model=FILE.keras --dataset=tiny_imagenet20 --data_dir=FOLDER
"""

import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.recipes.collide.request import parse_pair, request_data
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("model", None, "A Keras model file.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", "tiny_imagenet20", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("tap", "fc1", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_integer("pairs", 5, "Random pairs.", flag_values=_KNOWN)
flags.DEFINE_integer("most", 50, "The paper's recipe is cut off at so many times our steps.", flag_values=_KNOWN)

CORNERS, SHARE = 5, 0.05


def main() -> int:
    _KNOWN(sys.argv)
    base = CollideConfig(
        model=_KNOWN.model, dataset=_KNOWN.dataset, data_dir=_KNOWN.data_dir, tap=_KNOWN.tap, max_steps=1000
    ).resolved()
    data = request_data(base)
    import_tensorflow()
    from tfcollide.data.select import draw_pairs
    from tfcollide.recipes.collide.experiment import prepare

    variants = {
        "adam, hull held together": {},
        "adam": {"hull_samples": 0, "start_noise": 0.0},
        "gradient_descent": {"hull_samples": 0, "optimizer": "gradient_descent", "learning_rate": "300"},
        "ema": {"hull_samples": 0, "optimizer": "ema", "learning_rate": "1000"},
    }
    experiments = {
        name: (config := dataclasses.replace(base, **more), prepare(config, data)) for name, more in variants.items()
    }
    first = experiments["adam"][1]
    paper = dataclasses.replace(base, **preset_values("paper"))
    literal = prepare(paper, data)
    print(f"{'pair':24}" + "".join(f"{name:>26}" for name in [*variants, "L-BFGS-B", "Gauss-Newton", "paper"]))
    for source, target in draw_pairs(first.data, first.predicted, _KNOWN.pairs, 0):
        pair = {"source": source, "target": target}
        found = {
            name: descended(dataclasses.replace(config, **pair), experiment)
            for name, (config, experiment) in experiments.items()
        }
        problem = posed(dataclasses.replace(experiments["adam"][0], **pair), first)
        found["L-BFGS-B"], found["Gauss-Newton"] = lbfgs(first, problem), gauss_newton(first, problem)
        cut = _KNOWN.most * found["adam"][0]
        found["paper"] = descended(dataclasses.replace(paper, **pair, max_steps=cut), literal)
        cells = (f"{'>' if not done else ''}{steps}" for steps, done in found.values())
        print(f"{source + ' ' + target:24}" + "".join(f"{cell:>26}" for cell in cells), flush=True)
    return 0


def posed(config, experiment):
    from tfcollide.recipes.collide.pair import pose_pair

    return pose_pair(config, experiment, parse_pair(config, experiment.data))


def descended(config, experiment):
    """Steps of our loop, and whether every corner arrived."""
    from tfcollide.optimize.driver import minimize

    problem = posed(config, experiment)
    noise = experiment.search.start_noise
    start = experiment.search.parameterization.init(problem.start, CORNERS, noise=noise, seed=config.seed)
    result = minimize(experiment.search.descent, start, problem.goal, max_steps=config.max_steps, stop_fraction=SHARE)
    return result.steps, bool(result.converged.all())


def lbfgs(experiment, problem, most: int = 1000):
    """SciPy's L-BFGS-B on L_pos alone, one corner (all are alike without L_neg): gradients until it is at its share."""
    import numpy as np
    import tensorflow as tf
    from scipy.optimize import minimize as scipy_minimize

    from tfcollide.objectives import terms

    goal, shape = problem.goal, problem.start.shape

    @tf.function(autograph=False)
    def value(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = terms.active_match(experiment.tap.pre_activation(x), goal.post_activation, goal.active)
        return loss, tape.gradient(loss, x)

    seen = []

    def loss(x):
        found, gradient = value(tf.constant(x.reshape(1, *shape), tf.float32))
        seen.append(float(found[0]))
        if seen[-1] <= SHARE * seen[0]:
            raise StopIteration
        return seen[-1], gradient.numpy().ravel().astype(np.float64)

    bounds = [tuple(experiment.classifier.bounds)] * problem.start.size
    try:
        scipy_minimize(loss, problem.start.ravel().astype(np.float64), jac=True, method="L-BFGS-B", bounds=bounds)
    except StopIteration:
        return len(seen), True
    return min(len(seen), most), False


def gauss_newton(experiment, problem, inner: int = 8, outer: int = 20):
    """Gauss-Newton on L_pos, one corner: conjugate gradients on (J^T J + damping) d = -J^T r, cost in gradients."""
    import tensorflow as tf

    goal = problem.goal

    def residual(x):
        return goal.active * (experiment.tap.pre_activation(x) - goal.post_activation)

    @tf.function(autograph=False)
    def pulled(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            r = residual(x)
        return tf.reduce_sum(r * r), tape.gradient(r, x, output_gradients=r)

    @tf.function(autograph=False)
    def curved(x, v):
        with tf.autodiff.ForwardAccumulator(x, v) as forward, tf.GradientTape() as tape:
            tape.watch(x)
            r = residual(x)
        return tape.gradient(r, x, output_gradients=forward.jvp(r))

    def dot(a, b):
        return tf.reduce_sum(a * b)

    x, cost, first, damping = tf.constant(problem.start[None]), 0.0, None, None
    for _ in range(outer):
        value, gradient = pulled(x)
        cost, first = cost + 1, first or float(value)
        if float(value) <= SHARE * first:
            return round(cost), True
        step, rest = tf.zeros_like(x), -gradient
        direction, size = rest, dot(rest, rest)
        for _ in range(inner):
            product, cost = curved(x, direction), cost + 2  # a forward and a backward derivative
            damping = damping or 1e-2 * float(dot(direction, product) / dot(direction, direction))
            product += damping * direction
            length = size / dot(direction, product)
            step, rest = step + length * direction, rest - length * product
            direction, size = rest + dot(rest, rest) / size * direction, dot(rest, rest)
        tried = [tf.clip_by_value(x + scale * step, *experiment.classifier.bounds) for scale in (1.0, 0.5, 0.25, 0.125)]
        values = [float(tf.reduce_sum(residual(image) ** 2)) for image in tried]
        cost += len(tried) / 3
        x = tried[values.index(min(values))]
    return round(cost), False


if __name__ == "__main__":
    sys.exit(main())
