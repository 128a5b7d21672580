"""Memory of one descent step of VGG16 beside a bare gradient of the same batch.

Random weights, 224x224, five corners at fc1; with hull terms the batch is ten rows.
Each case runs in a process of its own; counted is the largest resident memory while it
steps, less what was resident once the network and the images were there.

    python benchmarks/step_memory.py
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.quiet import import_tensorflow
from tfcollide.recipes.config import CollideConfig

CORNERS, STEPS, TURNS = 5, 2, 3
_CHUNK = 2**20
CASES = {"step": 0, "bare": 0, "step with hull terms": CORNERS, "bare, as many rows": CORNERS}
"""Case -> mixtures a step."""


def main() -> int:
    if len(sys.argv) > 1:
        print(measure(sys.argv[1], CASES[sys.argv[1]]))
        return 0
    found = {case: sorted(in_process(case) for _ in range(TURNS)) for case in CASES}
    for case, sizes in found.items():
        print(f"  {case:22} {sizes[1] / 2**20:7.0f} MiB   (least {sizes[0] / 2**20:.0f}, most {sizes[-1] / 2**20:.0f})")
    for ours, bare in (("step", "bare"), ("step with hull terms", "bare, as many rows")):
        print(f"  {ours}: {found[ours][1] / found[bare][1]:.2f} times a bare gradient")
    return 0


def in_process(case: str) -> int:
    done = subprocess.run([sys.executable, __file__, case], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def measure(case: str, samples: int) -> int:
    """Bytes at the peak of a few steps, above those of the loaded network."""
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from tfcollide import shapes
    from tfcollide.models import applications
    from tfcollide.models.loading import wrap
    from tfcollide.objectives import terms
    from tfcollide.parameterizations.pixels import Pixels
    from tfcollide.recipes.descents import descent_of, hull_terms
    from tfcollide.registry import OBJECTIVES

    config = CollideConfig(model="vgg16", weights="random", tap="fc1", hull_samples=samples, corners=CORNERS)
    bounds, objective = shapes.Bounds(0.0, 255.0), OBJECTIVES.load("corners")
    classifier = wrap(applications.build("vgg16", "random"), name="vgg16 (random weights)", bounds=bounds)
    tap = classifier.tap("fc1")
    images = np.random.default_rng(0).uniform(0, 255, [2 * CORNERS + 1, 224, 224, 3]).astype(np.float32)
    target = tap.pre_activation(tf.constant(images[:1])).numpy()[0]
    goal = terms.make_goal(target, tuple((int(unit),) for unit in np.flatnonzero(target < 0)[:CORNERS]))
    start = tf.constant(images[1 : 1 + CORNERS])
    rows = tf.constant(images[1 : 1 + CORNERS + samples])

    @tf.function(autograph=False)
    def bare(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(goal.active * tf.square(tap.pre_activation(x) - goal.post_activation))
        return tape.gradient(loss, x)

    descent = descent_of(config, classifier, tap, objective, Pixels(bounds), hull_terms(config, classifier, objective))
    held = soak_up(lambda: tf.zeros([_CHUNK // 4]))  # noqa: F841
    before = start_counting()
    if case.startswith("step"):
        descent.chunk(descent.init(start), goal, tf.zeros([CORNERS]), tf.constant(STEPS))[0].controls.numpy()
    else:
        for _ in range(STEPS):
            bare(rows).numpy()
    return resident("VmHWM") - before


def soak_up(allocate) -> list:
    """Takes what loading has left free in TensorFlow's pool, which else would hide what a step needs."""
    held, grown = [], 0
    while grown < 8:  # chunks in a row that the pool could not give
        before = resident("VmRSS")
        held.append(allocate())
        grown = grown + 1 if resident("VmRSS") - before > _CHUNK // 2 else 0
    return held


def start_counting() -> int:
    """Sets the peak to what is resident now, and says how much that is."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def resident(field: str) -> int:
    """Bytes, from /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


if __name__ == "__main__":
    sys.exit(main())
