"""Whether a proof speaks of a network's own weights, and of a run's own corners.

`check_proof` says that a proof is valid for the network in its file. This says that it is the one in a Keras
file: every kernel to the bit, every setting, and what is read from the logits. That the layers
of the proof compute what Keras computes is tried as well: on images, Keras's own logits must lie
where the checker says that float32 leaves them.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.loading import load_classifier
from tfcollide.polytope.proof.carrying import proof_claim
from tfcollide.polytope.proof.check_proof import Leaf, theorem_of
from tfcollide.recipes.match_proof.config import MatchConfig

__all__ = ["difference", "run"]

_TRIED = 4  # random images, beside the corners


def run(config: MatchConfig) -> str | None:
    """What differs; None where the proof speaks of the network and the corners.

    Raises:
        RequestError: a file cannot be read.
    """
    config.check()
    arrays, corners = config.proof_arrays(), config.run_corners()
    classifier = load_classifier(Path(config.model or ""), outputs=config.outputs, allow_custom_code=config.allow_custom_code)
    return difference(arrays, classifier, corners)


def difference(arrays: Mapping[str, np.ndarray], classifier: Classifier, corners: np.ndarray | None) -> str | None:
    """In words, what a proof says otherwise than a network does; None where nothing.

    Args:
        arrays: content of a proof's file.
        classifier: the network.
        corners: `[N, H, W, C]` that the proof is to be of; None where that is not asked.
    """
    claim = json.loads(str(arrays["claim"]))
    read = proof_claim(classifier, 0, "float32")
    if isinstance(read, Unreadable):
        return f"{classifier.name} cannot be compared: {read.reason}"
    own, own_arrays = json.loads(json.dumps(read[0])), read[1]
    if claim["several"] != own["several"] or len(claim["signs"]) != len(own["signs"]):
        return f"the proof reads {len(claim['signs'])} logits otherwise than {classifier.name} has them"
    if (there := len(claim["layers"])) != (here := len(own["layers"])):
        return f"the proof has {there} layers, {classifier.name} has {here}"
    for k, (said, layer) in enumerate(zip(claim["layers"], own["layers"], strict=True)):
        if {**said, "name": None} != {**layer, "name": None}:
            return f"layer {k} of the proof is {said}, that of {classifier.name} is {layer}"
    for name in sorted({name for name in arrays if name.startswith(("weight_", "bias_"))} | set(own_arrays)):
        if name not in arrays or name not in own_arrays or not _same(arrays[name], own_arrays[name]):
            what, _, number = name.partition("_")
            layer = f"layer {number} ({_layer_name(own, int(number))})"
            return f"the {what} of {layer} is not the same in the proof and in {classifier.name}"
    if corners is not None and not _same(arrays["corners"], corners):
        return "the corners of the proof are not those of the run"
    return _computed(claim, arrays, classifier)


def _layer_name(claim: Mapping[str, list[dict[str, str]]], k: int) -> str:
    """What the network calls its layer number `k`."""
    layers = claim["layers"]
    return layers[k]["name"] if k < len(layers) else "which it does not have"


def _computed(claim: Mapping[str, object], arrays: Mapping[str, np.ndarray], classifier: Classifier) -> str | None:
    """Whether Keras gives other logits than the layers of the proof do."""
    low, high = classifier.bounds
    drawn = np.random.default_rng(0).uniform(low, high, [_TRIED, *classifier.image_shape]).astype(np.float32)
    images = np.concatenate([arrays["corners"], drawn])
    binary = classifier.outputs == "binary"
    logits = classifier.judge(images).logits[:, 1 if binary else 0 :]
    theorem = theorem_of({**claim, "arithmetic": "float32"}, arrays)
    for n, (image, given) in enumerate(zip(images, logits, strict=True)):
        leaf = Leaf(theorem._replace(corners=image[None].astype(np.float64)), np.eye(1))
        leaf.walk(lambda *_: None)
        off = np.abs(leaf.values[0].ravel() - given) - leaf.radius.ravel()
        if not (off <= 0.0).all():
            what = f"corner {n}" if n < len(arrays["corners"]) else "a random image"
            return f"{classifier.name} gives other logits for {what} than the layers of the proof, by {off.max():.3g}"
    return None


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
