"""What the tests of the programs share: one small trained model and a few runs, made once."""

import fcntl
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from .programs import Network, Outcome, Run, read_layers, run


@pytest.fixture(scope="session")
def session_dir(tmp_path_factory):
    """A folder that all workers of pytest-xdist share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def once(session_dir):
    """Does something once in all workers: `once(name, action)`, where `action(folder)` returns an outcome."""

    def do(name, action):
        folder, result = session_dir / name, session_dir / f"{name}.json"
        with open(session_dir / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not result.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                result.write_text(json.dumps(action(folder)))
        return Outcome(*json.loads(result.read_text()))

    return do


@pytest.fixture(scope="session")
def home(session_dir):
    """One home for all runs, so that caches of fonts are made once."""
    folder = session_dir / "home"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def model_dir(once, session_dir, home):
    """Holds the one model of these tests, trained by `bin/train_classifier`."""

    def train(folder):
        flags = ("--dataset=digits", "--epochs=20", f"--model_dir={folder}")
        return run("train_classifier", *flags, cwd=session_dir, home=home)

    outcome = once("models", train)
    assert outcome.code == 0, outcome.stderr[-2000:]
    return session_dir / "models"


@pytest.fixture(scope="session")
def training(model_dir):
    """The flags that every run shares, since they name the model."""
    return ("--dataset=digits", "--epochs=20", f"--model_dir={model_dir}")


@pytest.fixture(scope="session")
def network(model_dir):
    (path,) = model_dir.glob("*.keras")
    return Network(read_layers(path))


@pytest.fixture(scope="session")
def base(once, training, home):
    """The run that most is asked of: from "3" to "7", five corners."""

    def collide(folder):
        return run(
            "collide", *training, "--source=3", "--target=7", "--preset=mnist", "--out=runs/first", cwd=folder, home=home
        )

    outcome = once("base", collide)
    assert outcome.code == 0, outcome.stderr[-2000:]
    return Run(outcome, home.parent / "base" / "runs" / "first")


@pytest.fixture(scope="session")
def from_files(once, base, digits, home):
    """The same images from files, every path relative, another seed, TensorBoard, all figures and a page."""
    ends = json.loads((base.out / "summary.json").read_text())

    def collide(folder):
        for end in ("source", "target"):
            pixels = digits.test.images[int(ends[end]["id"].removeprefix("test:"))]
            Image.fromarray(pixels[..., 0]).save(folder / f"my {end}.png")
        files = ("--source=my source.png", "--target=./my target.png", "--model_dir=../models", "--out=with files")
        more = ("--tensorboard", "--figure=all", "--front", "--explore")
        return run("collide", "--epochs=20", "--preset=mnist", "--seed=1", *more, *files, cwd=folder, home=home)

    outcome = once("from_files", collide)
    assert outcome.code == 0, outcome.stderr[-2000:]
    return Run(outcome, home.parent / "from_files" / "with files")


@pytest.fixture(scope="session")
def inactive(base, network):
    """Units of the tap that are inactive for the target of `base`, and those that are active."""
    target = np.load(base.out / "corners.npz")["target"]
    pre_activation = network.hidden_1(target[None])[0]
    return np.flatnonzero(pre_activation < 0), np.flatnonzero(pre_activation >= 0)
