"""What a composite adds to a step of VGG16 at the paper's size, in time and in memory.

    python benchmarks/composite_step.py [--images=FOLDER] [--steps=5] [--spacings=7,1]

Five corners of 224x224 pixels, 625 candidates of 112x112 (windows of 56, stride 7,
surround 28), VGG16 with random weights at fc1, Adam. Within each round: the gradient
of a loss at fc1 with respect to five images, which is a step's work for the network;
then everything that the composite adds to it, the blend, total variation, the
gradients of both, and the update. Medians over the rounds.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.images import decode
from tfcollide.parameterizations.composite.layout import layout_of
from tfcollide.patches.photographs import fit_square
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.shapes import Bounds

SIZE, CORNERS = 224, 5
GEOMETRY = {"window": 56, "stride": 7, "surround": 28}
COPIES = 4  # parameters, gradient, both of Adam's slots


def patches_of(folder, layout, seed=0):
    """`[K, n + 2s, n + 2s, 3]`: squares of photographs, or noise where there is no folder."""
    draw, side = np.random.default_rng(seed), layout.down.size
    if folder is None:
        return draw.integers(0, 256, [layout.num_candidates, side, side, 3], dtype=np.uint8)
    paths = sorted(Path(folder).rglob("*.jpg"))
    chosen = draw.choice(len(paths), layout.num_candidates, replace=len(paths) < layout.num_candidates)
    places = draw.integers(0, SIZE - side + 1, [layout.num_candidates, 2])
    squares = (fit_square(decode(paths[i]), SIZE)[y : y + side, x : x + side] for i, (y, x) in zip(chosen, places, strict=True))
    return np.stack(list(squares))


def network_step():
    """Images -> the gradient of a loss at fc1, compiled."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    whole = keras.applications.VGG16(weights=None)
    features = keras.Model(whole.input, whole.get_layer("fc1").output)

    @tf.function
    def step(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.square(features(images, training=False) - 1.0))
        return tape.gradient(loss, images)

    return step


def composite_step(composite, material, rule):
    """(controls, slots, gradient at the images) -> moved controls and slots, compiled."""
    import tensorflow as tf

    def moved(controls, slots, gradient, number):
        direction, slots = rule.update(gradient, slots, number)
        return composite.project(controls - 0.1 * direction), slots

    move = tf.function(moved, jit_compile=True) if composite.fused else moved

    @tf.function
    def step(controls, slots, upstream, number):
        with tf.GradientTape() as tape:
            tape.watch(controls)
            images, terms = composite.images_and_terms(controls, material)
            loss = tf.reduce_sum(upstream * images) + tf.reduce_sum(terms["total_variation"])
        return *move(controls, slots, tape.gradient(loss, controls), number), images

    return step


def measure(spacing, folder, steps, network):
    """Prints a row of the table."""
    import tensorflow as tf

    from tfcollide.optimize.update_rules.adam import adam
    from tfcollide.parameterizations.composite import Composite

    layout, rule = layout_of((SIZE, SIZE, 3), **GEOMETRY, spacing=spacing), adam()
    composite = Composite(layout, Bounds(0.0, 255.0))
    material = composite.arrange(patches_of(folder, layout))
    step, controls = composite_step(composite, material, rule), composite.init(np.zeros([SIZE, SIZE, 3]), CORNERS, noise=0.005)
    slots, images = rule.init(controls), composite.to_image(controls, material)
    spent = {"network": [], "composite": []}
    for number in range(steps + 1):  # the first compiles
        began = time.perf_counter()
        upstream = network(images)
        upstream.numpy()
        middle = time.perf_counter()
        controls, slots, images = step(controls, slots, upstream, tf.constant(number))
        images.numpy()
        if number:
            spent["network"].append(middle - began)
            spent["composite"].append(time.perf_counter() - middle)
    held = sum(tensor.dtype.size * int(tf.size(tensor)) for tensor in (controls, controls, *slots))
    theirs, ours = (statistics.median(seconds) for seconds in spent.values())
    print(
        f"| {spacing} | {theirs:.2f} s | {ours:.3f} s | {ours / theirs:.1%} "
        f"| {held / 2**20:,.0f} MiB | {held / (COPIES * layout.dense_bytes(CORNERS)):.1%} |",
        flush=True,
    )


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="a folder of photographs to cut patches from")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--spacings", default="7,1")
    asked = parser.parse_args()
    import_tensorflow()
    print("| spacing | VGG16 | composite | share | parameters, gradient, slots | of one per candidate and pixel |")
    print("|---|---|---|---|---|---|")
    network = network_step()
    for spacing in asked.spacings.split(","):
        measure(int(spacing), asked.images, asked.steps, network)


if __name__ == "__main__":
    main()
