"""What judging mixtures costs beside a bare forward pass of as many images.

VGG16 with random weights at 224x224, mixtures of five corners, judged at fc1 as every run
does: mixed, looked at, and reduced to a class, a margin and a feature distance. Beside it
`tf.function` of the model alone, of batches of the same size that are on the device already.
Turn by turn; medians.

    python benchmarks/mixture_cost.py [--mixtures=500]
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow

CORNERS, REPEATS = 5, 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mixtures", type=int, default=500)
    count = parser.parse_args().mixtures
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from tfcollide import shapes
    from tfcollide.models import applications
    from tfcollide.models.loading import wrap
    from tfcollide.models.training import make_deterministic
    from tfcollide.objectives.terms import make_goal
    from tfcollide.polytope.hull.hull_judge import HullJudge, target_of
    from tfcollide.polytope.hull.mixing import convex_weights, mix

    make_deterministic()
    classifier = wrap(applications.build("vgg16", "random"), name="vgg16 (random weights)", bounds=shapes.Bounds(0.0, 255.0))
    tap, size = classifier.tap("fc1"), classifier.batch_size
    images = np.random.default_rng(0).uniform(0, 255, [CORNERS + 1, 224, 224, 3]).astype(np.float32)
    corners, weights = images[1:], convex_weights(count, CORNERS)
    target = target_of(classifier, tap, images[0])
    on = target.pre_activation >= 0
    judge = HullJudge(
        classifier, tap, make_goal(target.pre_activation, ((),) * CORNERS, on, ceiling=tap.rectifier.ceiling), target
    )
    bare = tf.function(classifier.logits, autograph=False)
    batch = tf.identity(tf.constant(mix(weights[:size], corners)))
    turns = -(-count // size)
    work = {
        "mixtures judged": lambda: judge.mixtures(corners, weights),
        "bare forward pass": lambda: [bare(batch) for _ in range(turns)][-1].numpy(),
        "mixing alone": lambda: [mix(weights[i : i + size], corners) for i in range(0, count, size)],
    }
    seconds = {name: [] for name in work}
    for turn in range(REPEATS + 1):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            if turn:  # the first traces
                seconds[name].append(time.perf_counter() - began)
    print(f"VGG16, random weights, 224x224, {count} mixtures of {CORNERS} corners, batches of {size}; medians of {REPEATS}")
    for name, spent in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(spent, seconds["bare forward pass"], strict=True))
        print(f"  {name:20} {statistics.median(spent):8.4f} s   ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
