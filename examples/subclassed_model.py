"""A model that is a class of its own: it has to be called once, so that its layers are known."""

import keras
import numpy as np

import tfcollide as tc


class Small(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.first, self.last = keras.layers.Flatten(), keras.layers.Dense(16), keras.layers.Dense(3)
        self.relu = keras.layers.ReLU(name="hidden")

    def call(self, images):
        return self.last(self.relu(self.first(self.flatten(images))))


keras.utils.set_random_seed(0)
model, images = Small(), np.random.default_rng(0).random([50, 12, 12, 1], np.float32)
classes = model(images).numpy().argmax(axis=1)
network = tc.wrap(model, pixel_range=(0, 1))
found = tc.find_corners(network, images[0], images[classes != classes[0]][0], tap=network.tap_names[0], corners=3)
print(found, tc.judge(network, found), sep="\n")
found.plot().savefig("corners.png")
