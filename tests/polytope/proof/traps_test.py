import numpy as np
import tensorflow as tf

from tests.polytope.proof.traps import margins_in_orders, trap
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.proof.of_classifier import certify_classifier


def test_traps_are_never_certified_wrongly():
    tf.config.run_functions_eagerly(True)  # many small networks
    try:
        rng = np.random.default_rng(0)
        flips = certified = 0
        for k in range(4):
            classifier, corners, maps = trap(rng, deep=k % 2 == 0)
            found = certify_classifier(classifier, corners, 0, max_boxes=4)
            weights = np.concatenate([np.eye(2), rng.dirichlet(np.ones(2), 10)]).astype(np.float32)
            seen = margins_in_orders(maps, mix(weights, corners), rng)
            flips += seen.min() <= 0 < seen.max()
            if found.status == "certified" and found.arithmetic == "float32":
                certified += 1
                assert 0 < found.margin <= seen.min()
        assert flips and certified, "what is never wrong, or never certified, is no trap"
    finally:
        tf.config.run_functions_eagerly(False)
