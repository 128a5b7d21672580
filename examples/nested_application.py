"""A backbone of keras.applications inside a functional model; pixels from 0 to 255; a target given as features."""

import keras
import numpy as np

import tfcollide as tc

keras.utils.set_random_seed(0)
images = np.random.default_rng(0).integers(0, 256, [20, 32, 32, 3], np.uint8)
images[10:] //= 4
inputs = keras.Input((32, 32, 3))
backbone = keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3), alpha=0.35)
for layer in backbone.layers:  # weights are random here: give the normalization the statistics of the images
    layer.momentum = 0.0
backbone(images / 127.5 - 1.0, training=True)
features = backbone(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
hidden = keras.layers.ReLU(name="hidden")(keras.layers.Dense(32)(features))
model = keras.Model(inputs, keras.layers.Dense(3)(hidden))

network = tc.wrap(model)
wanted = network.tap("hidden")(images[10:11].astype(np.float32)).post_activation.numpy()[0]
found = tc.find_corners(network, images[0], wanted, tap="hidden", corners=2, max_steps=100)
print(network.pixel_range.bounds, network.pixel_range.how, found, tc.judge(network, found, samples=50), sep="\n")
found.plot().savefig("corners.png")
