"""What judging mixtures costs beside a bare forward pass of as many images, at the batch size at which that is fastest.

Mixtures of five corners are judged as every run does: mixed, looked at, and reduced to a class, a margin and a feature
distance; once of the corners and once of those rounded to 8 bits, as in a run. Beside it `tf.function` of the model alone, of
images that are on the device already, in batches of several sizes. Turn by turn; medians of processor time and of time.
The aim is 0.9. The MLP stays below it: from one run to the next 0.4 to 0.8, of 8-bit corners, which are measured second,
0.73 to 0.81. 2,000 mixtures in one batch on two busy cores, milliseconds of processor time, medians of 40: bare 9.3; mixed,
passed and compared in one compiled function 10.3 (mixing alone 2.4, the feature distance 1.6); class, margin and probability
1.0; batches, progress, copies 1.7; together 13.0. XLA (10.6), no clipping (10.4) and smaller batches (1,000: 12.5; 500: 15.5;
256: 19.9) make the compiled part no faster. Mixing behind the first layer would, but float32 would then not be the network's
own answer to the mixed image, so it is not done.

    python benchmarks/mixture_cost.py [--mixtures=500] [--repeats=15] [--model=FILE --tap=NAME] [--model=vgg16] [--model=mlp]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow

CORNERS, SIZES = 5, (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mixtures", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--model", default="vgg16", help="vgg16 (random weights, 224x224), mlp (784-256-256-10), or a file")
    parser.add_argument("--tap", help="default: the network's")
    given = parser.parse_args()
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from tfcollide.images import from_uint8, to_uint8
    from tfcollide.models.training import make_deterministic
    from tfcollide.objectives.terms import make_goal
    from tfcollide.polytope.hull.hull_judge import HullJudge, target_of
    from tfcollide.polytope.hull.mixing import convex_weights

    make_deterministic()
    classifier, count = _network(given.model), given.mixtures
    tap = classifier.tap(given.tap or classifier.default_tap)
    low, high = classifier.bounds
    images = np.random.default_rng(0).uniform(low, high, [CORNERS + 1, *classifier.image_shape]).astype(np.float32)
    corners, weights = images[1:], convex_weights(count, CORNERS)
    target = target_of(classifier, tap, images[0])
    on = target.pre_activation >= 0
    goal = make_goal(target.pre_activation, ((),) * CORNERS, on, ceiling=tap.rectifier.ceiling)
    judge = HullJudge(classifier, tap, goal, target)
    saved = from_uint8(to_uint8(corners, classifier.bounds), classifier.bounds)
    bare = tf.function(classifier.logits, input_signature=[tf.TensorSpec([None, *classifier.image_shape])], autograph=False)
    work: dict[str, Callable[[], object]] = {
        "mixtures judged": lambda: judge.mixtures(corners, weights),
        "- of 8-bit corners": lambda: judge.mixtures(saved, weights),
    }
    room = [size for size in SIZES if size <= min(count, 2 * classifier.mixture_batch)]
    for size in sorted({*room, min(count, classifier.mixture_batch)}):
        batch = tf.identity(tf.constant(np.resize(images, [size, *classifier.image_shape])))
        turns = -(-count // size)
        work[f"bare, batches of {size}"] = lambda batch=batch, turns=turns: [bare(batch) for _ in range(turns)][-1].numpy()
    _report(
        f"{classifier.name} at {tap.name}, batches of {classifier.mixture_batch}",
        count,
        given.repeats,
        _measured(work, given.repeats),
    )


def _network(name: str):
    from tfcollide import shapes
    from tfcollide.models import applications
    from tfcollide.models.loading import load_classifier, wrap
    from tfcollide.models.mlp import build_mlp

    if name == "vgg16":
        return wrap(applications.build("vgg16", "random"), name="vgg16 (random weights)", bounds=shapes.Bounds(0.0, 255.0))
    if name == "mlp":
        return wrap(
            build_mlp((28, 28, 1), 10, hidden_units=(256, 256), initializer="unit_normal", seed=0),
            name="mlp 784-256-256-10",
            bounds=shapes.Bounds(0.0, 1.0),
        )
    return load_classifier(Path(name))


def _measured(work: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Name -> median seconds of processor time and of time."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, run in work.items():
            run()  # what ran before was of another size, and memory that is asked for anew is not in any cache
            began = time.process_time(), time.perf_counter()
            run()
            if turn:  # the first traces
                spent[name].append((time.process_time() - began[0], time.perf_counter() - began[1]))
    return {name: tuple(map(statistics.median, zip(*turns, strict=True))) for name, turns in spent.items()}


def _report(what: str, count: int, repeats: int, spent: dict[str, tuple[float, float]]) -> None:
    best = tuple(min(spent[name][k] for name in spent if name.startswith("bare")) for k in (0, 1))
    print(f"{what}; {count} mixtures of {CORNERS} corners; medians of {repeats}; rate as a share of the best bare pass")
    for name, (processor, elapsed) in spent.items():
        shares = f"{best[0] / processor:.2f} by processor time, {best[1] / elapsed:.2f} by time"
        print(f"  {name:26} {processor:8.4f} s of processors, {elapsed:8.4f} s: {shares}")


if __name__ == "__main__":
    main()
