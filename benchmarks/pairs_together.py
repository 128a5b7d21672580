"""What a step of one pair costs where several pairs are descended as one batch.

Steps of 1, 2, 4 and 8 pairs in one process, turn by turn; medians, over the number of pairs.

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

SIZES, STEPS, TURNS = (1, 2, 4, 8), 4, 5


def main() -> int:
    _KNOWN(sys.argv)
    model = {name: _KNOWN[name].value for name in ("model", "dataset", "data_dir", "tap")}
    config = CollideConfig(**model, num_pairs=max(SIZES), pairs_together=max(SIZES)).resolved()
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
    for source, target in draw_pairs(experiment.data, experiment.predicted, max(SIZES), 0):
        single = dataclasses.replace(config, source=source, target=target, num_pairs=None, pairs_together=None)
        problems.append(pose_pair(single, experiment, parse_pair(single, experiment.data)))
        starts.append(parameterization.init(problems[-1].start, config.num_corners(), noise=noise))
    batches = {size: (tf.concat(starts[:size], 0), side_by_side([one.goal for one in problems[:size]])) for size in SIZES}
    seconds = {size: [] for size in SIZES}
    for turn in range(TURNS + 1):
        for size, (controls, goal) in batches.items():
            began = time.perf_counter()
            state, stop = descent.init(controls), tf.zeros(controls.shape[0])
            descent.chunk(state, goal, stop, tf.constant(STEPS))[0].controls.numpy()
            if turn:  # the first traces
                seconds[size].append((time.perf_counter() - began) / STEPS / size)
    alone = statistics.median(seconds[1])
    for size, times in seconds.items():
        median = statistics.median(times)
        print(f"  {size} pairs   {1000 * median:6.1f} ms a pair and step   {alone / median:.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
