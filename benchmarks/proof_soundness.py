"""Tries to contradict proofs.

    python benchmarks/train_networks.py --data_dir=FOLDER --out=networks
    python benchmarks/proof_soundness.py --networks=networks --data_dir=FOLDER
        [--only=convnet_dense] [--hulls=20] [--skip=0] [--mixtures=1000000] [--starts=1000]
        [--random=300] [--planted=50] [--traps=50]

Each verdict on a synthetic hull (see `conv_proofs.py`) is tried on random mixtures and by descents
from random starts; random small networks of every kind of layer against brute force; counterexamples that were
planted have to be found; and networks whose answer hangs on the order in which float32 adds up must not
be certified where one order gives another class. It ends at the first contradiction.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from absl import flags
from conv_proofs import synthetic

from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("networks", None, "Folder of networks, NAME.keras; none: no hulls.", flag_values=_KNOWN)
flags.DEFINE_list("only", ["convnet_dense"], "Names of networks.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", "mnist", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_integer("hulls", 20, "Of each network.", flag_values=_KNOWN)
flags.DEFINE_integer(
    "skip", 0, "Hulls of each network that are drawn, and not tried: where an earlier run was stopped.", flag_values=_KNOWN
)
flags.DEFINE_integer("boxes", 20_000, "Sub-simplices of a hull at most.", flag_values=_KNOWN)
flags.DEFINE_integer("mixtures", 1_000_000, "Random mixtures of each hull.", flag_values=_KNOWN)
flags.DEFINE_integer("starts", 1_000, "Descents in each hull.", flag_values=_KNOWN)
flags.DEFINE_integer("random", 300, "Random small networks.", flag_values=_KNOWN)
flags.DEFINE_integer("planted", 50, "Planted counterexamples.", flag_values=_KNOWN)
flags.DEFINE_integer("traps", 50, "Networks that hang on the order of sums.", flag_values=_KNOWN)
_BATCH = 2_000


def main() -> int:
    """Runs the checks and prints what they saw."""
    _KNOWN(sys.argv)
    import_tensorflow()
    import tensorflow as tf

    if _KNOWN.networks:
        _hulls()
    tf.config.run_functions_eagerly(True)  # small networks, each looked at once
    for check in (_random, _planted, _traps):
        started = time.process_time()
        print(f"{check()}; {time.process_time() - started:.0f} processor seconds", flush=True)
    return 0


def _contradicted(what: str) -> None:
    raise SystemExit(f"CONTRADICTED: {what}")


def _hulls() -> None:
    import keras
    import numpy as np

    from tfcollide.data.load_dataset import load_dataset
    from tfcollide.models.classifier import Classifier
    from tfcollide.polytope.proof.of_classifier import certify_classifier

    data = load_dataset(_KNOWN.dataset, data_dir=_KNOWN.data_dir)
    images = data.test.images[:2000].astype(np.float32) / 255.0
    for name in _KNOWN.only:
        classifier = Classifier(keras.models.load_model(Path(_KNOWN.networks) / f"{name}.keras"), name=name, bounds=(0.0, 1.0))
        rng = np.random.default_rng(0)
        for k in range(_KNOWN.hulls):
            target, source = images[rng.choice(len(images), 2, replace=False)]
            corners = synthetic(rng, target, (0.1, 0.2, 0.3)[k % 3] * float(np.linalg.norm(target - source)))
            if k < _KNOWN.skip:
                continue
            code = int(classifier.judge(corners[:1]).predicted[0])
            found = certify_classifier(classifier, corners, code, max_boxes=_KNOWN.boxes)
            lowest = min(_sampled(classifier, corners, code, k), _descended(classifier, corners, code, k))
            if found.status == "certified" and found.arithmetic == "float32" and lowest < found.margin:
                _contradicted(f"{name}, hull {k}: {found}, and a mixture of margin {lowest}")
            print(f"{name}, hull {k}: {found.status}, margin {found.margin:.4f}; smallest found {lowest:.4f}", flush=True)


def _sampled(classifier, corners, code: int, seed: int) -> float:
    """The smallest margin of random mixtures, half of them near the faces."""
    import numpy as np

    from tfcollide.polytope.hull.mixing import mix

    rng, lowest = np.random.default_rng(seed), np.inf
    for start in range(0, _KNOWN.mixtures, _BATCH):
        sparse = start // _BATCH % 2 == 1
        drawn = rng.dirichlet(np.full(len(corners), 0.3 if sparse else 1.0), min(_BATCH, _KNOWN.mixtures - start))
        logits = classifier.judge(mix(drawn.astype(np.float32), corners)).logits
        lowest = min(lowest, classifier.reading.margins(logits, code).min())
    return float(lowest)


def _descended(classifier, corners, code: int, seed: int) -> float:
    """The smallest margin that descents from random starts come to."""
    from tfcollide.library.checking import mixture_search

    return float(mixture_search(classifier)(corners, code, random_starts=_KNOWN.starts, batch_size=100, seed=seed).margin)


def _random() -> str:
    """Bounds of small networks of every kind of layer, three kinds in each third one."""
    import numpy as np

    from tests.polytope.proof.network_bounds_test import check, mixed
    from tfcollide.polytope.proof.spread import Arithmetic

    for seed in range(_KNOWN.random):
        rng = np.random.default_rng(1000 + seed)
        check(mixed(rng, 1 + seed % 3), rng, Arithmetic(True, bool(seed % 2)))
    return f"{_KNOWN.random} random networks: no bound violated"


def _planted() -> str:
    """Pits of 1e-3 to 0.1 in the 1-norm that were dug into hulls of two to four corners."""
    import numpy as np

    from tests.polytope.proof.network_bounds_test import planted
    from tfcollide.polytope.proof.of_classifier import certify_classifier

    for seed in range(_KNOWN.planted):
        count = 2 + seed % 3
        classifier, corners, _ = planted(np.random.default_rng(seed), count, (1e-3, 0.02, 0.05)[count - 2])
        found = certify_classifier(classifier, corners, 0)
        if found.status != "refuted":
            _contradicted(f"planted counterexample {seed}: {found}")
    return f"{_KNOWN.planted} planted counterexamples: all found"


def _traps() -> str:
    """Networks that some order of summation reads otherwise, and as many that none does."""
    import numpy as np

    from tests.polytope.proof.traps import margins_in_orders, trap
    from tfcollide.polytope.hull.mixing import mix
    from tfcollide.polytope.proof.of_classifier import certify_classifier

    flips = certified = 0
    for seed in range(_KNOWN.traps):
        rng = np.random.default_rng(seed)
        classifier, corners, maps = trap(rng, deep=seed % 2 == 0)
        found = certify_classifier(classifier, corners, 0, max_boxes=50)
        weights = np.concatenate([np.eye(2), rng.dirichlet(np.ones(2), 100)]).astype(np.float32)
        seen = margins_in_orders(maps, mix(weights, corners), rng)
        flips += int(seen.min() <= 0 < seen.max())
        if found.status == "certified" and found.arithmetic == "float32":
            certified += 1
            if seen.min() < found.margin:
                _contradicted(f"trap {seed}: {found}, and an order of margin {seen.min()}")
    return f"{_KNOWN.traps} traps: {flips} answer otherwise in another order, {certified} certified in float32, none wrongly"


if __name__ == "__main__":
    sys.exit(main())
