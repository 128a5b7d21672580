"""Memory of one descent step of VGG16 beside a bare gradient of the same batch.

Random weights, 224x224, five corners at fc1; with hull terms the batch is ten rows.
Counted is what TensorFlow's allocator has handed out at the most during a run of it, less
what it had handed out before them (the network, the images and Adam's slots).

    python benchmarks/step_memory.py
"""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.runtime.quiet import import_tensorflow

CORNERS, STEPS = 5, 2


def main() -> None:
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from tfcollide import shapes
    from tfcollide.library.search import Search
    from tfcollide.models import applications
    from tfcollide.models.loading import wrap
    from tfcollide.models.training import make_deterministic
    from tfcollide.objectives import terms
    from tfcollide.recipes.collide.mapping import search_options

    make_deterministic()
    bounds = shapes.Bounds(0.0, 255.0)
    classifier = wrap(applications.build("vgg16", "random"), name="vgg16 (random weights)", bounds=bounds)
    tap = classifier.tap("fc1")
    images = np.random.default_rng(0).uniform(0, 255, [2 * CORNERS + 1, 224, 224, 3]).astype(np.float32)
    target = tap.pre_activation(tf.constant(images[:1])).numpy()[0]
    goal = terms.make_goal(target, tuple((int(unit),) for unit in np.flatnonzero(target < 0)[:CORNERS]))
    goal = terms.staying(goal, images[1], images[0])

    @tf.function(autograph=False, reduce_retracing=True)
    def bare(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(goal.active * tf.square(tap.pre_activation(x) - goal.post_activation))
        return tape.gradient(loss, x)

    for samples in (0, CORNERS):
        config = CollideConfig(model="vgg16", weights="random", tap="fc1", hull_samples=samples, corners=CORNERS)
        descent = Search(classifier, tap, search_options(config)).descent
        rows = tf.constant(images[1 : 1 + CORNERS + samples])
        state, limits = descent.init(tf.constant(images[1 : 1 + CORNERS]), goal), {"active_match": tf.zeros([CORNERS])}
        ours = peak(descent.chunk, state, goal, limits, tf.constant(STEPS))  # limits that are out of reach
        theirs = peak(bare, rows)
        print(
            f"{len(rows):2} rows{', hull terms' if samples else ''}: step {ours / 2**20:,.0f} MiB, "
            f"bare gradient {theirs / 2**20:,.0f} MiB, ratio {ours / theirs:.2f}",
            flush=True,
        )


def peak(work, *given) -> int:
    """Bytes in use at the most while `work` runs once more, above those before."""
    import tensorflow as tf

    work(*given)
    gc.collect()
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    tf.config.experimental.reset_memory_stats(device)
    before = tf.config.experimental.get_memory_info(device)["current"]
    work(*given)
    return tf.config.experimental.get_memory_info(device)["peak"] - before


if __name__ == "__main__":
    main()
