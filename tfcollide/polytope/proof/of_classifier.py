"""From a classifier to what can be proven of it: a chain of matrices where it is one, else its steps as they are."""

import functools

import numpy as np

from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import DenseChain, Unreadable
from tfcollide.polytope.proof.certificate import certify
from tfcollide.polytope.proof.engine import Splits
from tfcollide.polytope.proof.reading_network import Network, read_network
from tfcollide.records import Certificate

_TIGHT, _REFINE_BOXES = 0.9, 500  # what is proven beyond that costs more than it tells, unless it is asked for

__all__ = ["certify_classifier", "readable", "walkable"]


@functools.cache  # a classifier lives as long as its process
def readable(classifier: Classifier) -> DenseChain | Network | Unreadable:
    """What a proof reads of a classifier, or why it cannot."""
    chain = classifier.chain
    if isinstance(chain, DenseChain) or not classifier.logits_read.plain:
        return chain
    return _steps(classifier)


def walkable(classifier: Classifier) -> Network | Unreadable:
    """The steps of a classifier, also where it is a chain of matrices; or why it cannot be followed."""
    chain = classifier.chain
    return _steps(classifier) if classifier.logits_read.plain or isinstance(chain, DenseChain) else chain


@functools.cache
def _steps(classifier: Classifier) -> Network | Unreadable:
    value, zero = classifier.logits_read.value, classifier.outputs == "binary"
    return read_network(classifier.graph, value, classifier.image_shape, after_zero=zero)


def certify_classifier(
    classifier: Classifier,
    corners: np.ndarray,
    target: int,
    *,
    max_boxes: int = 20_000,
    tightness: float = 0.9,
    seed: int = 0,
    splits: Splits | None = None,
) -> Certificate | Unreadable:
    """Proves or refutes that every mixture of `corners` gets the class or labels `target`.

    Args:
        classifier: the network.
        corners: `[N, H, W, C]` float32, as saved.
        target: the code of the class or labels.
        max_boxes: as of `certify`.
        tightness: as of `certify`; above 0.9 all boxes may be spent on it.
        seed: as of `certify`.
        splits: as of `certify`.

    Returns:
        The certificate; or why the network cannot be bounded.
    """
    network = readable(classifier)
    if isinstance(network, Unreadable):
        return network
    return certify(
        network,
        corners,
        target,
        lambda images: classifier.judge(images).logits,
        reading=classifier.reading,
        max_boxes=max_boxes,
        refine_boxes=_REFINE_BOXES if tightness <= _TIGHT else max_boxes,
        tightness=tightness,
        seed=seed,
        splits=splits,
    )
