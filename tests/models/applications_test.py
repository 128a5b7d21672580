"""Applications of Keras read RGB from 0 to 255, whatever they were trained on."""

import keras
import numpy as np
import pytest

from tfcollide.errors import RequestError
from tfcollide.models import applications
from tfcollide.models.applications import APPLICATIONS

IMAGES = np.random.default_rng(0).uniform(0, 255, [2, 32, 32, 3]).astype(np.float32)
MODULES = {
    "vgg16": "vgg16",
    "resnet50": "resnet",
    "mobilenet": "mobilenet",
    "densenet121": "densenet",
    "mobilenet_v2": "mobilenet_v2",
}


@pytest.mark.parametrize("name", MODULES)
def test_preprocessing_is_that_of_keras(name):
    expected = getattr(keras.applications, MODULES[name]).preprocess_input(IMAGES.copy())
    images = keras.Input((32, 32, 3))
    found = keras.Model(images, applications._preprocess(images, APPLICATIONS[name]))(IMAGES)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)


def test_every_row_of_the_table_is_a_function_of_keras():
    for row in APPLICATIONS.values():
        assert callable(getattr(keras.applications, row.function)) and row.preprocessing in ("caffe", "tf", "torch")


def test_random_weights_are_loud_and_repeatable():
    assert applications.title("mobilenet", "random") == "mobilenet (RANDOM WEIGHTS)"
    assert applications.title("mobilenet", "imagenet") == applications.title("mobilenet", "x.h5") == "mobilenet"
    one, two, other = (applications.build("mobilenet", "random", image_size=32, seed=seed) for seed in (1, 1, 2))
    kernels = [model.get_layer("conv1").get_weights()[0] for model in (one, two, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_a_file_of_weights(tmp_path):
    path = str(tmp_path / "mobilenet.weights.h5")
    plain = keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3))
    plain.save_weights(path)
    found = applications.build("mobilenet", path, image_size=32)
    expected = plain(keras.applications.mobilenet.preprocess_input(IMAGES.copy()))
    np.testing.assert_allclose(found(IMAGES), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(RequestError, match="--model=mobilenet_v2 --weights=.* which Keras cannot load"):
        applications.build("mobilenet_v2", path, image_size=32)
