"""What a step of one pair costs where several pairs are descended as one batch.

Steps of 1, 2, 4 and 8 pairs (--sizes) in one process, turn by turn; medians, over the number of pairs.

    python benchmarks/pairs_together.py --model=FILE.keras --dataset=tiny_imagenet20 --data_dir=FOLDER
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.request import parse_pair, request_data
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("model", None, "A Keras model file.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", "tiny_imagenet20", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("tap", "fc1", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_list("sizes", "1,2,4,8", "Numbers of pairs, the first of them 1.", flag_values=_KNOWN)
flags.DEFINE_integer("steps", 4, "Of each turn; a GPU wants more.", flag_values=_KNOWN)

TURNS = 5


def main() -> int:
    _KNOWN(sys.argv)
    sizes, steps = [int(size) for size in _KNOWN.sizes], _KNOWN.steps
    model = {name: _KNOWN[name].value for name in ("model", "dataset", "data_dir", "tap")}
    config = CollideConfig(**model, num_pairs=max(sizes), pairs_together=max(sizes)).resolved()
    data = request_data(config)
    import_tensorflow()
    import tensorflow as tf

    from tfcollide.data.select import draw_pairs
    from tfcollide.objectives.terms import side_by_side
    from tfcollide.recipes.collide.experiment import prepare
    from tfcollide.recipes.collide.pair import pose_pair

    experiment = prepare(config, data)
    descent, parameterization = experiment.search.descent, experiment.search.parameterization
    noise, problems, starts = experiment.search.start_noise, [], []
    for source, target in draw_pairs(experiment.data, experiment.predicted, max(sizes), 0):
        single = dataclasses.replace(config, source=source, target=target, num_pairs=None, pairs_together=None)
        problems.append(pose_pair(single, experiment, parse_pair(single, experiment.data)))
        starts.append(parameterization.init(problems[-1].start, config.num_corners(), noise=noise))
    batches = {size: (tf.concat(starts[:size], 0), side_by_side([one.goal for one in problems[:size]])) for size in sizes}
    seconds = {size: [] for size in sizes}
    for turn in range(TURNS + 1):
        for size, (controls, goal) in batches.items():
            began = time.perf_counter()
            state, limits = descent.init(controls, goal), {"active_match": tf.zeros(controls.shape[0])}  # out of reach
            descent.chunk(state, goal, limits, tf.constant(steps))[0].controls.numpy()
            if turn:  # the first traces
                seconds[size].append((time.perf_counter() - began) / steps / size)
    alone = statistics.median(seconds[1])
    for size, times in seconds.items():
        median = statistics.median(times)
        print(f"  {size} pairs   {1000 * median:6.1f} ms per pair and step   {alone / median:.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
