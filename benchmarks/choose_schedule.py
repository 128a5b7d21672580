"""How the training schedule was chosen: on the last sixth of the training split.

    python benchmarks/choose_schedule.py --data_dir=FOLDER [--dataset=mnist]

The test split is not read. Prints validation accuracy, a line per schedule.
"""

import dataclasses
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.data.labeled import Split
from tfcollide.data.load_dataset import load_dataset
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("dataset", "mnist", "Data set.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "Folder of prepared TFDS data sets.", flag_values=_KNOWN)
flags.DEFINE_list("epochs", ["30", "60"], "Passes to try.", flag_values=_KNOWN)
flags.DEFINE_list("learning_rates", ["0.003", "0.01", "0.02", "0.03"], "Rates to try.", flag_values=_KNOWN)
flags.DEFINE_list("batch_sizes", ["250", "500"], "Batches to try.", flag_values=_KNOWN)
flags.DEFINE_integer("seeds", 2, "Networks a schedule.", flag_values=_KNOWN)


def main() -> int:
    """Runs the benchmark and prints it."""
    _KNOWN(sys.argv)
    data = load_dataset(_KNOWN.dataset, data_dir=_KNOWN.data_dir)
    import_tensorflow()
    from tfcollide.images import from_uint8
    from tfcollide.models import mlp
    from tfcollide.models.classifier import Classifier
    from tfcollide.models.training import TrainingRecipe, accuracy, train

    cut = len(data.train.images) * 5 // 6
    kept, held_out = Split(*(part[:cut] for part in data.train)), Split(*(part[cut:] for part in data.train))
    images = from_uint8(held_out.images, mlp.BOUNDS)
    print("epochs  rate  batch  validation accuracy, a network per seed  seconds per network")
    for epochs, rate, batch in itertools.product(_KNOWN.epochs, _KNOWN.learning_rates, _KNOWN.batch_sizes):
        recipe = TrainingRecipe(data.name, epochs=int(epochs), learning_rate=float(rate), batch_size=int(batch))
        began, found = time.perf_counter(), []
        for seed in range(_KNOWN.seeds):
            model = train(dataclasses.replace(recipe, seed=seed), kept, data.shape, len(data.class_names))
            classifier = Classifier(model, name="mlp", bounds=mlp.BOUNDS, class_names=data.class_names)
            found.append(accuracy(classifier.judge(images).predicted, held_out.labels))
        seconds = (time.perf_counter() - began) / len(found)
        print(f"{epochs:>6} {rate:>6} {batch:>5}  {'  '.join(f'{value:.4f}' for value in found)}  {seconds:.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
