"""How many pairs of a sweep are descended as one batch."""

import tensorflow as tf

from tfcollide.models.classifier import Classifier
from tfcollide.optimize.loss import HullTerms
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.registry import PARAMETERIZATIONS

__all__ = ["pairs_at_once"]

_MOST, _BYTES = 16, 4 * 2**30  # a step holds less than all values of a forward pass: benchmarks/step_memory.py


def pairs_at_once(config: CollideConfig, classifier: Classifier, together: HullTerms | None) -> int:
    """What was asked for; else as many as there is room for on a GPU, and one on a CPU.

    Args:
        config: of the sweep; whatever cannot be batched is one pair at a time.
        classifier: of which each row of a batch needs memory.
        together: whose mixtures are rows, too.
    """
    alone = config.solver == "exact" or config.spread == "max"
    alone = alone or not PARAMETERIZATIONS.load(config.parameterization).several_pairs
    if not config.is_sweep() or alone or config.runner:
        return 1
    if config.pairs_together is not None:
        return config.pairs_together
    if not _on_gpu(config):
        return 1
    rows = config.num_corners() + (together.samples if together else 0)
    return max(1, min(_MOST, _BYTES // (classifier.forward_bytes * rows)))


def _on_gpu(config: CollideConfig) -> bool:
    named = [name for name in config.devices() if name != "ALL"]
    return any(name.startswith("GPU") for name in named) if named else bool(tf.config.list_physical_devices("GPU"))
