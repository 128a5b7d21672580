"""A functional model and two arrays: corners, verdict, proof, figure."""

import keras
import numpy as np

import tfcollide as tc

keras.utils.set_random_seed(0)
images, labels = np.random.default_rng(0).random([2000, 12, 12, 1], np.float32), np.arange(2000) % 2
images[labels == 1, :6] *= 0.4  # the second class is dark above
inputs = keras.Input((12, 12, 1))
hidden = keras.layers.ReLU(name="hidden")(keras.layers.Dense(48)(keras.layers.Flatten()(inputs)))
model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(images, labels, epochs=10, verbose=0)

network = tc.wrap(model, pixel_range=(0, 1), class_names=("even", "dark above"))
found = tc.find_corners(network, images[0], images[1], tap="hidden", corners=3, images=images, labels=labels)
verdict = tc.judge(network, found)
proof = tc.certify(network, found)
found.plot().savefig("corners.png")
print(found, verdict, f"{proof.status}, margin {proof.margin:.2f}", sep="\n")
