"""What a step costs beside a bare gradient of the same batch, and the machine's own rate.

VGG16 with random weights at 224x224, five corners, at fc1: our compiled step, a bare
`tape.gradient` of L_pos with the same batch, and a matrix multiplication, all in one
process, turn by turn; medians.

    python benchmarks/step_cost.py [--options] [--steps=2] [--nondeterministic] [--tf32]

With --options our step is timed in bfloat16, too, and with XLA, which has no deterministic gradient
of a max-pool, where --nondeterministic is given. A GPU wants more steps. All are deterministic and
full float32, as runs are, unless the last two flags say otherwise.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.runtime.quiet import import_tensorflow

CORNERS, REPEATS = 5, 5
# Multiplications and additions of VGG16's forward pass to fc1, an image, times two; the gradient with respect to the
# image costs as much again.
FORWARD = 2 * (15.347e9 + 25088 * 4096)
OPTIONS = {"our step": {}, "--xla": {"xla": True}, "--precision=mixed_bfloat16": {"precision": "mixed_bfloat16"}}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("options", "nondeterministic", "tf32"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--steps", type=int, default=2)
    known = parser.parse_args()
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from tfcollide.models.training import make_deterministic

    if not known.nondeterministic:
        make_deterministic()
    tf.config.experimental.enable_tensor_float_32_execution(known.tf32)
    steps = known.steps
    images = np.random.default_rng(0).uniform(0, 255, [CORNERS + 1, 224, 224, 3]).astype(np.float32)
    asked = OPTIONS if known.options else {"our step": {}}
    asked = {name: flags for name, flags in asked.items() if known.nondeterministic or "xla" not in flags}
    work = {name: our_steps(images, steps, **flags) for name, flags in asked.items()}
    work |= {"bare gradient": bare_gradients(images, steps), "matrix multiply": multiplication()}
    seconds = {name: [] for name in work}
    for turn in range(REPEATS + 1):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            if turn:  # the first traces
                seconds[name].append(time.perf_counter() - began)
    print(f"VGG16, random weights, 224x224, {CORNERS} corners at fc1; medians of {REPEATS}")
    multiplied = statistics.median(seconds.pop("matrix multiply"))
    bare = statistics.median(seconds["bare gradient"])
    for name, spent in seconds.items():
        took = statistics.median(spent) / steps
        ratio = statistics.median(a / b for a, b in zip(spent, seconds["bare gradient"], strict=True))
        print(f"  {name:27} {took:8.4f} s   {2 * CORNERS * FORWARD / took / 1e9:6.0f} GFLOP/s   ratio {ratio:.3f}")
    ratios = [a / b for a, b in zip(seconds["our step"], seconds["bare gradient"], strict=True)]
    print(f"  matrix multiply                         {2 * 4096**3 / multiplied / 1e9:6.0f} GFLOP/s")
    print(f"  our step beside a bare gradient of {bare / steps:.4f} s, turn by turn: {', '.join(f'{r:.3f}' for r in ratios)}")


def setting(images, **flags):
    """VGG16's tap at fc1 and the goal of the first image, at some options."""
    import numpy as np
    import tensorflow as tf

    from tfcollide import shapes
    from tfcollide.models import applications
    from tfcollide.models.loading import wrap
    from tfcollide.objectives import terms

    config = CollideConfig(model="vgg16", weights="random", tap="fc1", hull_samples=0, corners=CORNERS, **flags)
    model = applications.build("vgg16", "random", image_size=None, seed=0)
    classifier = wrap(model, name="vgg16 (random weights)", bounds=shapes.Bounds(0.0, 255.0), precision=config.precision)
    tap = classifier.tap("fc1")
    target = tap.pre_activation(tf.constant(images[:1])).numpy()[0]
    goal = terms.make_goal(target, tuple((int(n),) for n in np.flatnonzero(target < 0)[:CORNERS]))
    return config, classifier, tap, terms.staying(goal, images[1], images[0])


def our_steps(images, steps, **flags):
    import tensorflow as tf

    config, classifier, tap, goal = setting(images, **flags)
    from tfcollide.library.search import Search
    from tfcollide.recipes.collide.mapping import search_options

    descent = Search(classifier, tap, search_options(config)).descent
    state, limits = descent.init(tf.constant(images[1:]), goal), {"active_match": tf.zeros([CORNERS])}  # out of reach
    return lambda: descent.chunk(state, goal, limits, tf.constant(steps))[0].controls.numpy()


def bare_gradients(images, steps):
    import tensorflow as tf

    _, _, tap, goal = setting(images)
    start = tf.constant(images[1:])

    @tf.function(autograph=False)
    def bare(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(goal.active * tf.square(tap.pre_activation(x) - goal.post_activation))
        return tape.gradient(loss, x)

    return lambda: [bare(start) for _ in range(steps)][-1].numpy()


def multiplication():
    import tensorflow as tf

    square = tf.random.stateless_normal([4096, 4096], [0, 0])
    multiply = tf.function(lambda: (square @ square)[0, 0], autograph=False)  # the rest need not leave the device
    return lambda: multiply().numpy()


if __name__ == "__main__":
    main()
