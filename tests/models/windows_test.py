"""Matrices of convolutions and pooling against Keras's own arithmetic, in float64."""

import itertools

import keras
import numpy as np
import pytest

from tfcollide.models.windows import (
    Windows,
    average_matrix,
    convolution_matrix,
    depthwise_matrix,
    entries,
    whole_image,
)

SETTINGS = [
    ((6, 5), (3, 2), (1, 1), (1, 1)),
    ((6, 5), (3, 2), (2, 3), (1, 1)),
    ((7, 8), (2, 3), (1, 1), (3, 2)),
    ((5, 5), (5, 5), (5, 5), (1, 1)),
    ((3, 3), (1, 1), (2, 2), (1, 1)),
    ((9,), (4,), (3,), (1,)),
    ((9,), (3,), (1,), (2,)),
]
CASES = list(itertools.product(SETTINGS, ("valid", "same")))


def check(matrix, function, shape):
    images = np.random.default_rng(0).normal(size=(4, *shape))
    expected = np.asarray(function(images)).reshape(4, -1)
    np.testing.assert_allclose(images.reshape(4, -1) @ matrix.toarray().T, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("setting", "padding"), CASES)
def test_convolutions(setting, padding):
    sizes, size, strides, dilation = setting
    kernel = np.random.default_rng(1).normal(size=(*size, 2, 3))
    windows = Windows((*sizes, 2), size, strides, dilation, padding)
    matrix = convolution_matrix(windows, kernel)
    options = {"strides": strides, "dilation_rate": dilation, "padding": padding, "data_format": "channels_last"}
    check(matrix, lambda x: keras.ops.conv(x, kernel, **options), windows.shape)


@pytest.mark.parametrize(("setting", "padding"), [case for case in CASES if len(set(case[0][2])) == 1])
def test_depthwise_convolutions(setting, padding):
    sizes, size, strides, dilation = setting
    kernel = np.random.default_rng(1).normal(size=(*size, 3, 2))
    windows = Windows((*sizes, 3), size, strides, dilation, padding)
    options = {"strides": strides[0], "dilation_rate": dilation, "padding": padding, "data_format": "channels_last"}
    check(depthwise_matrix(windows, kernel), lambda x: keras.ops.depthwise_conv(x, kernel, **options), windows.shape)


@pytest.mark.parametrize(("setting", "padding"), [case for case in CASES if set(case[0][3]) == {1}])
def test_average_pooling_counts_what_lies_within_the_image(setting, padding):
    sizes, size, strides, dilation = setting
    windows = Windows((*sizes, 2), size, strides, dilation, padding)
    check(average_matrix(windows), lambda x: keras.ops.average_pool(x, size, strides, padding, "channels_last"), windows.shape)


def test_a_group_of_outputs_reads_its_own_channels():
    kernel = np.random.default_rng(1).normal(size=(3, 3, 2, 6))
    windows = Windows((5, 5, 4), (3, 3), (1, 1), (1, 1), "same")
    check(convolution_matrix(windows, kernel), lambda x: keras.ops.conv(x, kernel, padding="same"), windows.shape)


def test_one_window_over_the_whole_image():
    check(average_matrix(whole_image((4, 3, 2))), lambda x: x.mean(axis=(1, 2)), (4, 3, 2))


@pytest.mark.parametrize(("setting", "padding"), CASES)
def test_the_size_is_known_before(setting, padding):
    sizes, size, strides, dilation = setting
    windows = Windows((*sizes, 1), size, strides, dilation, padding)
    assert windows.seen().size == entries(windows, 1)
