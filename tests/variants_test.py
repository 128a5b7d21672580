"""One new file is enough: a variant of each kind, dropped into a copy of the package and run from the command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.limits import HANG_SECONDS

ROOT = Path(__file__).resolve().parent.parent
TOYS = {
    "objectives/toy_objective.py": '''
"""Match the active units alone, and declare a flag."""
import dataclasses
from tfcollide.settings import at_least, flag


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    toy_flag: int = flag(1, "A number of the toy's own.")

    def check(self):
        at_least(self, 1, "toy_flag")


class Toy:
    pushes_units = True
    progress_term = "active_match"
    term_weights = {"active_match": 1.0, "toy_term": 0.5}
    words = {"active_match": "as ever", "toy_term": "the toy's own"}

    @staticmethod
    def terms(pre_activation, goal):
        from tfcollide.objectives import terms

        match = terms.active_match(pre_activation, goal.post_activation, goal.active, goal.ceiling)
        return {"active_match": match, "toy_term": terms.inactive_violation(pre_activation, goal.active)}


OPTIONS = Options
VARIANT = Toy
''',
    "optimize/hull_terms/toy_hull.py": '''
"""How far the corners' mean is from gray."""


class Toy:
    weight, matches, unit_free, limit, words = 1.0, False, False, None, "far from gray"

    @staticmethod
    def value(hull):
        import tensorflow as tf

        return tf.reduce_mean(tf.square(hull.corners - 0.5), axis=[1, 2])


VARIANT = Toy
''',
    "optimize/update_rules/toy_rule.py": '''
"""The sign of the gradient."""
from tfcollide.optimize.update_rules import UpdateRule


class Toy:
    rate = "0.003"

    @staticmethod
    def build(*, led=False):
        import tensorflow as tf

        return UpdateRule(lambda x: (), lambda gradient, slots, step: (tf.sign(gradient), slots))


VARIANT = Toy
''',
    "parameterizations/toy_p.py": '''
"""Images as twice what is stored."""
import numpy as np
from tfcollide.parameterizations.base import Parameterization


class Toy(Parameterization):
    def init(self, source, num_corners, *, noise=0.0, seed=0):
        import tensorflow as tf

        draw = np.random.default_rng(seed).standard_normal([num_corners, *source.shape])
        return self.project(tf.constant(source / 2 + noise * draw, tf.float32))

    def to_image(self, control_parameters, material=None):
        return 2.0 * control_parameters

    def project(self, control_parameters):
        import tensorflow as tf

        return tf.clip_by_value(control_parameters, self._bounds.lower / 2, self._bounds.upper / 2)


VARIANT = Toy
''',
    "data/toy_data.py": '''
"""Noisy squares, dark or bright, left or right."""
import numpy as np
from tfcollide.data.labeled import LabeledImages, Split


def load():
    def read(split):
        draw = np.random.default_rng(0 if split == "train" else 1)
        labels = np.arange(120) % 3
        images = draw.integers(0, 90, [120, 8, 8, 1])
        for image, label in zip(images, labels):
            image[:, 3 * label : 3 * label + 2] += 160
        return Split(images.astype(np.uint8), labels.astype(np.int64))

    return LabeledImages("toy_data", class_names=("left", "middle", "right"), shape=(8, 8, 1), test_size=120, read=read)


VARIANT = load
''',
    "models/toy_model.py": '''
"""One hidden layer under a name of its own."""
from tfcollide.shapes import Bounds


class Toy:
    bounds = Bounds(0.0, 1.0)

    @staticmethod
    def tap_names(hidden_units):
        return ["toy_relu"]

    @staticmethod
    def build(shape, num_classes, *, hidden_units, initializer, seed):
        import keras

        images = keras.Input(shape)
        made = [keras.initializers.GlorotUniform(seed=seed + n) for n in (0, 1)]
        x = keras.layers.Dense(hidden_units[0], kernel_initializer=made[0])(keras.layers.Flatten()(images))
        x = keras.layers.ReLU(name="toy_relu")(x)
        return keras.Model(images, keras.layers.Dense(num_classes, kernel_initializer=made[1])(x))


VARIANT = Toy
''',
    "report/toy_picture_figure.py": '''
"""The first corner alone."""
from tfcollide.images import to_uint8, write_png


def draw(path, drawn):
    write_png(path, to_uint8(drawn.images.corners[0], drawn.images.bounds))


VARIANT = draw
''',
    "patches/backends/toy_search.py": '''
"""Says that the first patch is the nearest to everything, and builds a note of every shard."""
import numpy as np
from tfcollide.patches.backend import Backend, ShardStep
from tfcollide.patches.neighbors import Neighbors


class Toy(Backend):
    preference = -1
    steps = (
        ShardStep(
            "notes",
            "txt",
            lambda manifest: bool(manifest.own),
            lambda work: work.path.write_text(f"{work.manifest.own['toy']} {work.number} {work.store.num_patches}"),
            lambda manifest: 100,
        ),
    )

    @staticmethod
    def entries(options, grid):
        return {"own": {"toy": 7}}

    def search(self, query, *, threads=0):
        ids = np.zeros([len(query.windows), query.neighbors], np.int64)
        return Neighbors(ids, np.zeros(ids.shape), *self._store.grid.locate(ids))


VARIANT = Toy
''',
    "exports/toy_export.py": '''
"""Twice its input."""


def build(subject):
    import numpy as np
    import tensorflow as tf

    from tfcollide.exports.parts import Parts

    module = tf.Module()
    module.factor = factor = tf.Variable(2.0)
    double = tf.function(lambda x: {"y": factor * x}, input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    signatures = {"serving_default": double.get_concrete_function()}
    return Parts(module, signatures, {"serving_default": {"x": np.ones(1, np.float32)}})


VARIANT = build
''',
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of the programs with a toy of each kind in it: nothing but new files."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("tfcollide", "bin"):
        shutil.copytree(ROOT / name, folder / name)  # with what Python has compiled, which is told by time and size
    for name, text in TOYS.items():
        (folder / "tfcollide" / name).write_text(text.lstrip())
    return folder


def run(place, program, *flags):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TF_"))}
    return subprocess.run(
        [sys.executable, place / "bin" / program, *flags],
        cwd=place,
        env=kept | {"HOME": str(place)},
        timeout=HANG_SECONDS,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def made(place):
    """A run of all the toys that a run can have."""
    flags = ["--objective=toy_objective", "--toy_flag=2", "--parameterization=toy_p", "--optimizer=toy_rule"]
    flags += ["--dataset=toy_data", "--model=toy_model", "--tap=toy_relu", "--hidden_units=24", "--term_weights=toy_hull=0.25"]
    flags += ["--source=left", "--target=right", "--corners=2", "--max_steps=60", "--interpolations=20", "--worst_starts=2"]
    flags += ["--figure=toy_picture,trace", "--certify_boxes=0", "--epochs=40", "--model_dir=models", "--allow_trivial"]
    done = run(place, "collide", *flags, "--out=first")
    assert done.returncode in (0, 1), done.stderr[-2000:]  # done; or done, with nothing found
    return place / "first"


def test_a_run_of_seven_toys(made):
    summary = json.loads((made / "summary.json").read_text())
    assert (summary["objective"], summary["parameterization"]) == ("toy_objective", "toy_p")
    assert (summary["dataset"], summary["model"], summary["tap"]) == ("toy_data", "toy_model", "toy_relu")
    lines = (made / "run.flags").read_text().splitlines()
    assert {"--optimizer=toy_rule", "--toy_flag=2", "--figure=toy_picture,trace"} <= set(lines)
    assert lines.index("--toy_flag=2") == lines.index("--objective=toy_objective") + 1
    head = (made / "trace.csv").read_text().splitlines()[0]
    assert "toy_term" in head and "toy_hull" in head
    corners = np.load(made / "corners.npz")["corners"]
    with Image.open(made / "toy_picture.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.rint(255 * corners[0, ..., 0]))
    assert (made / "trace.png").exists() and not (made / "margins.png").exists()


def test_an_export_is_one_file(place, made):
    done = run(place, "export", f"--run={made}", "--what=toy", "--out=served/toy/1")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (place / "served" / "toy" / "1" / "saved_model.pb").exists()


def test_an_index_backend_is_one_file(place):
    size = ["--image_size=48", "--patch_size=12", "--stride=12", "--projection=random"]
    (place / "photos").mkdir()
    for n in range(2):
        pixels = np.random.default_rng(n).integers(0, 255, [48, 48, 3], np.uint8)
        Image.fromarray(pixels).save(place / "photos" / f"{n}.png")
    done = run(place, "index_patches", "--images=photos", *size, "--search=toy_search", "--out=index")
    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.read_text() for path in (place / "index").glob("notes-*.txt")] == ["7 0 32"]  # what it builds of a shard
    done = run(place, "query_patches", "--index=index", "--image=1", "--search=toy_search", "--neighbors=1", "--out=found")
    assert done.returncode == 0, done.stderr[-2000:]
    rows = (place / "found" / "neighbors.csv").read_text().splitlines()[1:]
    assert len(rows) == 16 and {row.split(",")[4] for row in rows} == {"0"}


def test_help_and_errors_know_the_toys(place):
    shown = run(place, "collide", "--helpfull").stdout
    assert (
        "--toy_flag\n      A number of the toy's own. (default: 1)" in shown
        and "One of: corners, match, toy_objective." in shown
    )
    refused = run(place, "collide", "--toy_flag=3", "--out=x")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: --toy_flag=3: expected --objective=toy_objective beside it.")
