"""Networks that see one pixel each: what they say of an image is known. Shared by tests."""

import keras
import numpy as np

import tfcollide as tc

__all__ = ["pixel_reader"]


def pixel_reader(pixel=27, gain=1.0):
    """8 x 8 gray pixels from 0 to 1; is one pixel above a half? Logits of about `gain` times the excess."""
    hidden = keras.layers.Dense(2, activation="relu", name="seen")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), hidden, keras.layers.Dense(2)], name="reader")
    first = np.zeros([64, 2], np.float32)
    first[pixel] = [-1, 1]
    second = np.float32(0.987 * gain) * np.eye(2, dtype=np.float32)
    model.set_weights([first, np.array([0.5, -0.5], np.float32), second, np.zeros(2, np.float32)])
    return tc.wrap(model, pixel_range=(0, 1), class_names=["dark", "bright"])
