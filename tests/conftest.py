"""Fixtures of all tests; TensorFlow starts quietly here, before any test asks for it."""

import argparse
import gc
import os
from pathlib import Path

import pytest

from tfcollide.runtime.quiet import import_tensorflow

_asked = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
_asked.add_argument("-n", "--numprocesses", default="0")

# Workers of pytest-xdist share the cores out, and the programs that a test starts stay on those of its worker: two that
# have the same cores spend most of their time waiting for each other's threads.
_WORKS = "PYTEST_XDIST_WORKER" in os.environ
if _WORKS:
    _cores, _own = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.sched_setaffinity(0, _cores[_own :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])] or _cores)
    for one_thread in ("TF_NUM_INTRAOP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(one_thread, "1")

# A process that only hands tests out to workers needs no TensorFlow, and they would wait for it.
if _WORKS or _asked.parse_known_args()[0].numprocesses == "0":
    import_tensorflow()

    import tensorflow as tf

    # Two processors, so that what several devices share can be tested; all else runs on the first.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )

ROOT = Path(__file__).resolve().parent.parent
SLOW = (
    "cli/mnist_test.py",
    "docs_test.py",
    "recipes/brought_test.py",
    "recipes/audit_test.py",
    "library/auditing_test.py",
    "cli/exact_test.py",
    "recipes/fuzz_test.py",
    "testdata_test.py",
    "variants_test.py",
)
"""Files that take long, which come first: workers take whole files, and one that begins such a file last leaves others idle."""


def pytest_collection_modifyitems(items):
    """Brings the slow files to the front and leaves all else in its order."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(SLOW)}
    items.sort(key=lambda item: place.get(item.path, len(SLOW)))


def pytest_collection_finish():
    """Tests and what they import stay to the end; without this each full collection of garbage walks them."""
    gc.freeze()


def _missing(what):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and {what} is missing")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session", autouse=True)
def deterministic():
    from tfcollide.models import training

    training.make_deterministic()


@pytest.fixture(scope="session")
def shared():
    """`../shared`, beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        _missing("../shared")
    return folder


@pytest.fixture(scope="session")
def shared_path(shared):
    """From a path within `../shared` to the whole path; skips where only that part is missing."""

    def find(relative):
        path = shared / relative
        if not path.exists():
            _missing(f"../shared/{relative}")
        return path

    return find


@pytest.fixture(scope="session")
def digits():
    from tfcollide.data.digits import load_digits

    return load_digits()


@pytest.fixture(scope="session")
def digits_classifier(digits, tmp_path_factory):
    """A small MLP that knows the digits: about 87 % of the test images."""
    from tfcollide.models import training

    recipe = training.TrainingRecipe(dataset=digits.name, hidden_units=(64, 64), epochs=8, batch_size=100)
    return training.train_or_load(recipe, digits, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def subject(digits, digits_classifier):
    """A run without a search: a few test images stand for corners."""
    import numpy as np

    from tfcollide.exports.parts import Subject
    from tfcollide.images import from_uint8
    from tfcollide.polytope.hull.mixing import convex_weights

    images = from_uint8(digits.test.images[:5], digits_classifier.bounds)
    corners = np.clip(0.9 * images[:1] + 0.1 * images[1:4], 0, 1).astype(np.float32)
    return Subject(digits_classifier, digits_classifier.tap("hidden_1"), corners, convex_weights(40, 3), images[0], 500.0)


@pytest.fixture(scope="session")
def exported(subject, tmp_path_factory):
    """BASE with `digits/1` and `hull/1`."""
    from tfcollide.exports.write_saved_model import write_saved_model
    from tfcollide.registry import EXPORTS

    base = tmp_path_factory.mktemp("models_served")
    write_saved_model(base / "digits" / "1", EXPORTS.load("classifier")(subject), {"labels.txt": b"0\n1\n"})
    write_saved_model(base / "hull" / "1", EXPORTS.load("mixture")(subject), {})
    return base
