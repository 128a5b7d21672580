"""Who calls whom on the way to the loss: from a notebook's `find_corners`, and from `bin/collide`.

    python benchmarks/calls.py

Functions of this package alone are shown, in the order of the calls, as they stand where the compiled loop is
traced; what TensorFlow and the standard library call in between is left out.
"""

import sys
import tempfile
import traceback
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

HOMES = (str(ROOT / "tfcollide"), str(ROOT / "bin"))


def calls_to_the_loss(work):
    """The functions, outermost first, through which `work` comes to its loss: the longest such way."""
    from tfcollide.library import search

    found, real = [], search.loss_terms

    def watched(*given):
        loss = real(*given)

        def told(*args):
            found.append([frame for frame in traceback.extract_stack() if frame.filename.startswith(HOMES)])
            return loss(*args)

        return told

    with mock.patch.object(search, "loss_terms", watched):
        work()
    return [f"{Path(frame.filename).relative_to(ROOT)}: {frame.name}" for frame in max(found, key=len)]


def from_a_notebook():
    """The calls from `find_corners`, of a small network made here."""
    import keras
    import numpy as np

    import tfcollide as tc

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(12, "relu"), keras.layers.Dense(3)]
    )
    network = tc.wrap(model, pixel_range=(0, 1))
    images = np.random.default_rng(0).random([100, 4, 4, 1]).astype(np.float32)
    seen = network.judge(images).predicted
    ends = images[0], images[seen != seen[0]][0]
    return calls_to_the_loss(lambda: tc.find_corners(network, *ends, corners=2, max_steps=3))


def from_the_program(*flags):
    """The calls from `bin/collide`, on the bundled digits."""
    import runpy

    def work():
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(sys, "argv", _argv(folder, flags)):
            try:
                runpy.run_path(str(ROOT / "bin" / "collide"), run_name="__main__")
            except SystemExit:
                return

    return calls_to_the_loss(work)


def _argv(folder, flags):
    quick = ("--max_steps=3", "--interpolations=10", "--worst_starts=0", "--certify_boxes=0")
    return [str(ROOT / "bin" / "collide"), f"--out={folder}/out", *quick, *flags]


def main() -> int:
    """Prints both ways."""
    from tfcollide.runtime.quiet import import_tensorflow

    import_tensorflow()
    for title, way in (("tfcollide.find_corners", from_a_notebook()), ("bin/collide", from_the_program(*sys.argv[1:]))):
        print(f"From {title} to the loss: {len(way)} calls")
        for name in way:
            print(f"  {name}")
        print("  the loss")
    return 0


if __name__ == "__main__":
    sys.exit(main())
