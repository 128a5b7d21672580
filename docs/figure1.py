#!/usr/bin/env python3
"""Draws docs/figure1.png: the collisions of a network of two inputs (`make figure1`)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.shapes import Bounds

BOUNDS = Bounds(-1.0, 1.0)
KERNEL = [[1.0, 0.3, -0.85, -0.75, 0.35, 0.8], [0.15, 1.0, 0.65, -0.6, -0.95, -0.65]]
BIAS = [-0.68, -0.62, -0.66, -0.6, -0.66, -0.7]
TARGET = [-0.5, 0.0]


def main(path: Path) -> None:
    """Builds the network, reads its polytope and draws it."""
    import_tensorflow()
    import keras

    from tfcollide.models.affine import affine_map
    from tfcollide.models.classifier import Classifier
    from tfcollide.polytope.exact.halfspaces import collision_polytope
    from tfcollide.report.plane import draw_plane

    images = keras.Input((1, 2, 1))
    hidden = keras.layers.Dense(6, name="first")
    x = keras.layers.ReLU(name="hidden_1")(hidden(keras.layers.Flatten()(images)))
    hidden.set_weights([np.float32(KERNEL), np.float32(BIAS)])
    model = keras.Model(images, keras.layers.Dense(2)(x))
    classifier = Classifier(model, name="two inputs", bounds=BOUNDS, class_names=("a", "b"))
    polytope = collision_polytope(affine_map(classifier, "hidden_1"), np.array(TARGET), BOUNDS)
    draw_plane(path, polytope, np.array(TARGET), units=(1, 3, 4))
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "figure1.png")
