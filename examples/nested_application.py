"""A backbone of keras.applications inside a functional model; pixels from 0 to 255; a target given as features."""

import keras
import numpy as np

import tfcollide as tc

keras.utils.set_random_seed(0)
images = np.random.default_rng(0).integers(0, 256, [2, 32, 32, 3], np.uint8)
images[1] //= 4
inputs = keras.Input((32, 32, 3))
backbone = keras.applications.VGG16(weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3))
features = backbone(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
hidden = keras.layers.ReLU(name="hidden")(keras.layers.Dense(32)(features))
model = keras.Model(inputs, keras.layers.Dense(3)(hidden))

network = tc.wrap(model)
wanted = network.tap("hidden")(images[1:].astype(np.float32)).post_activation.numpy()[0]
found = tc.find_corners(network, images[0], wanted, tap="hidden", corners=2, max_steps=60)
print(network.pixel_range.bounds, network.pixel_range.how, found, tc.judge(network, found, samples=50), sep="\n")
found.plot().savefig("corners.png")
