"""A small network that is read three ways, and images that it tells apart."""

import keras
import numpy as np
import pytest

import tfcollide as tc


def small_model():
    """4 x 4 gray pixels from 0 to 1; twelve ReLUs; three classes."""
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 4, 1))
    hidden = keras.layers.ReLU(name="hidden")(keras.layers.Dense(12)(keras.layers.Flatten()(images)))
    return keras.Model(images, keras.layers.Dense(3)(hidden), name="small")


@pytest.fixture(scope="session")
def model():
    return small_model()


@pytest.fixture(scope="session")
def network(model):
    return tc.wrap(model, pixel_range=(0, 1))


@pytest.fixture(scope="session")
def sources(network):
    """Six pairs of images, the second of another class: `[6, 4, 4, 1]` each."""
    return _ends(network)[0]


@pytest.fixture(scope="session")
def targets(network):
    return _ends(network)[1]


@pytest.fixture(scope="session")
def source(sources):
    return sources[2]


@pytest.fixture(scope="session")
def target(targets):
    return targets[2]


@pytest.fixture(scope="session")
def found(network, source, target):
    return tc.find_corners(network, source, target, corners=2, seed=0)


@pytest.fixture(scope="session")
def verdict(network, found):
    return tc.judge(network, found, samples=100)


def _ends(network):
    images = np.random.default_rng(0).random([200, 4, 4, 1]).astype(np.float32)
    judged = network.judge(images)
    sure = np.sort(judged.logits, axis=1)
    clear = np.flatnonzero(sure[:, -1] - sure[:, -2] > 0.15)
    first = judged.predicted[clear[0]]
    same, other = (clear[(judged.predicted[clear] == first) == same] for same in (True, False))
    return images[same[:6]], images[other[:6]]
