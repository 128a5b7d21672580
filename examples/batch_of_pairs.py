"""Several pairs with one network: the search is compiled once, and each pair has its own result."""

import keras
import numpy as np

import tfcollide as tc

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((12, 12, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(16),
        keras.layers.ReLU(name="hidden"),
        keras.layers.Dense(3),
    ]
)
images = np.random.default_rng(0).random([100, 12, 12, 1], np.float32)
network = tc.wrap(model, pixel_range=(0, 1))
classes = network.judge(images).predicted
sources, targets = images[classes == classes[0]][:3], images[classes != classes[0]][:3]
for found in tc.find_corners(network, sources, targets, corners=3, pairs_together=3):
    print(found, tc.judge(network, found, samples=200))
