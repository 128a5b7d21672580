"""Fixtures of all tests; TensorFlow starts quietly here, before any test asks for it."""

import os
from pathlib import Path

import pytest

from tfcollide.quiet import import_tensorflow

import_tensorflow()

from tfcollide.data.digits import load_digits  # noqa: E402
from tfcollide.models import training  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def _missing(what):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and {what} is missing")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session", autouse=True)
def deterministic():
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
    return load_digits()


@pytest.fixture(scope="session")
def digits_classifier(digits, tmp_path_factory):
    """A small MLP that knows the digits: about 87 % of the test images."""
    recipe = training.TrainingRecipe(dataset=digits.name, hidden_units=(64, 64), epochs=8, batch_size=100)
    return training.train_or_load(recipe, digits, tmp_path_factory.mktemp("models"))
