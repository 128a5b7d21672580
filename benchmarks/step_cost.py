"""What a step costs beside a bare gradient of the same batch, and the machine's own rate.

VGG16 with random weights at 224x224, five corners, at fc1: our compiled step, a bare
`tape.gradient` of L_pos with the same batch, and a matrix multiplication, all in one
process, turn by turn; medians.

    python benchmarks/step_cost.py
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.quiet import import_tensorflow
from tfcollide.recipes.config import CollideConfig

CORNERS, REPEATS, STEPS = 5, 5, 2
# Multiplications and additions of VGG16's forward pass to fc1, an image, times two; the gradient with respect to the
# image costs as much again.
FORWARD = 2 * (15.347e9 + 25088 * 4096)


def main() -> int:
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from tfcollide import shapes
    from tfcollide.models import applications
    from tfcollide.models.loading import wrap
    from tfcollide.objectives import terms
    from tfcollide.parameterizations.pixels import Pixels
    from tfcollide.recipes.descents import descent_of
    from tfcollide.registry import OBJECTIVES

    config = CollideConfig(model="vgg16", weights="random", tap="fc1", hull_samples=0, corners=CORNERS)
    bounds = shapes.Bounds(0.0, 255.0)
    model = applications.build("vgg16", "random", image_size=None, seed=0)
    classifier = wrap(model, name="vgg16 (random weights)", bounds=bounds)
    tap = classifier.tap("fc1")
    images = np.random.default_rng(0).uniform(0, 255, [CORNERS + 1, 224, 224, 3]).astype(np.float32)
    target = tap.pre_activation(tf.constant(images[:1])).numpy()[0]
    groups = tuple((int(unit),) for unit in np.flatnonzero(target < 0)[:CORNERS])
    goal = terms.make_goal(target, groups)
    descent = descent_of(config, classifier, tap, OBJECTIVES.load("corners"), Pixels(bounds), None)
    start = tf.constant(images[1:])
    stop, state = tf.zeros([CORNERS]), descent.init(start)

    @tf.function(autograph=False)
    def bare(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(goal.active * tf.square(tap.pre_activation(x) - goal.post_activation))
        return tape.gradient(loss, x)

    square = tf.random.stateless_normal([4096, 4096], [0, 0])
    multiply = tf.function(lambda: square @ square, autograph=False)
    work = {
        "our step": lambda: descent.chunk(state, goal, stop, tf.constant(STEPS))[0].controls.numpy(),
        "bare gradient": lambda: [bare(start).numpy() for _ in range(STEPS)],
        "matrix multiply": lambda: multiply().numpy(),
    }
    seconds = {name: [] for name in work}
    for turn in range(REPEATS + 1):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            if turn:  # the first traces
                seconds[name].append(time.perf_counter() - began)
    ours, theirs = (statistics.median(seconds[name]) / STEPS for name in ("our step", "bare gradient"))
    ratios = [a / b for a, b in zip(seconds["our step"], seconds["bare gradient"], strict=True)]
    multiplied = statistics.median(seconds["matrix multiply"])
    print(f"VGG16, random weights, 224x224, {CORNERS} corners at fc1; medians of {REPEATS}")
    print(f"  our step       {ours:7.3f} s   {2 * CORNERS * FORWARD / ours / 1e9:6.0f} GFLOP/s")
    print(f"  bare gradient  {theirs:7.3f} s   {2 * CORNERS * FORWARD / theirs / 1e9:6.0f} GFLOP/s")
    print(f"  ratio          {statistics.median(ratios):7.3f}     (turn by turn: {', '.join(f'{r:.3f}' for r in ratios)})")
    print(f"  matrix multiply            {2 * 4096**3 / multiplied / 1e9:6.0f} GFLOP/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
