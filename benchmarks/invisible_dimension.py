"""Whether the invisible dimension is the dimension of the collision set, at the first layer of the MNIST network.

    python benchmarks/invisible_dimension.py --data_dir=FOLDER [--targets=20]

The set has no pixel bounds here. Where both differ, inequalities are tight for every point: implicit equations.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from absl import flags

from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("model_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_integer("targets", 20, "How many test images.", flag_values=_KNOWN)


def main() -> int:
    _KNOWN(sys.argv)
    import_tensorflow()
    from tfcollide.images import from_uint8
    from tfcollide.measure.layer_profile import LayerProfiler
    from tfcollide.models.affine import affine_map
    from tfcollide.polytope.exact.geometry import affine_dimension
    from tfcollide.polytope.exact.halfspaces import collision_polytope
    from tfcollide.recipes.classifiers.network_request import network_data
    from tfcollide.recipes.classifiers.open import open_classifier
    from tfcollide.recipes.collide.config import CollideConfig
    from tfcollide.shapes import Bounds

    config = CollideConfig(dataset="mnist", data_dir=_KNOWN.data_dir, model_dir=_KNOWN.model_dir).resolved()
    opened = open_classifier(config, network_data(config))
    network, free = opened.classifier, Bounds(-np.inf, np.inf)
    affine, profiler, equal = affine_map(network, "hidden_1"), LayerProfiler(network), 0
    for n in range(_KNOWN.targets):
        image = from_uint8(opened.data.test.images[n], network.bounds)
        invisible = profiler("hidden_1", image).invisible[0]
        dimension = affine_dimension(collision_polytope(affine, image.astype(np.float64).ravel(), free))
        equal += invisible == dimension
        print(f"test:{n}: {invisible:.0f} invisible directions, dimension {dimension}", flush=True)
    print(f"{equal} of {_KNOWN.targets} are equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
