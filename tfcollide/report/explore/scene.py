"""From a network and the arrays and numbers of a run to what its page shows."""

from collections.abc import Mapping

import numpy as np

from tfcollide.measure.reader import Reader
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.records import ProvenParts
from tfcollide.report.explore.lattice import answers_at, goal_of, lattice_of
from tfcollide.report.explore.layers import Layers, layers_of
from tfcollide.report.explore.page import PageNetwork, Patches, Scene
from tfcollide.report.explore.words import words_of

__all__ = ["network_of", "scene_of"]


def scene_of(
    classifier: Classifier,
    tap: Tap,
    *,
    source: np.ndarray,
    corners: np.ndarray,
    target: np.ndarray,
    summary: Mapping,
    conclusion: str,
    reader: Reader | None = None,
    points: int = 1000,
    in_page: bool = True,
    patches: Patches | None = None,
    parts: ProvenParts | None = None,
    live: bool = False,
) -> Scene:
    """Asks the network about a lattice of mixtures and gathers what a page shows.

    Args:
        classifier: the network.
        tap: where features are compared.
        source: `[H, W, C]` float32.
        corners: `[N, H, W, C]`.
        target: `[H, W, C]`.
        summary: the content of `summary.json`.
        conclusion: what came out, in a sentence.
        reader: who says which image a mixture still is; None for nobody.
        points: of the lattice, at most.
        in_page: whether a small network goes into the page.
        patches: of composites.
        parts: that are proven, of a hull that is not certified as a whole.
        live: whether the page can ask the network itself.
    """
    worst = summary.get("worst_mixture")
    weights = None if worst is None else np.array(worst["convex_weights"], np.float32)
    lattice = lattice_of(len(corners), points, *([] if weights is None else [weights]))
    return Scene(
        source=source,
        corners=corners,
        target=target,
        bounds=classifier.bounds,
        class_names=classifier.class_names,
        lattice=lattice,
        answers=answers_at(lattice.weights, corners, target, classifier, tap, reader),
        words=words_of(summary, conclusion, parts is not None),
        worst=weights,
        network=network_of(classifier, tap, target) if in_page else "it was not asked for",
        patches=patches,
        parts=parts,
        live=live,
    )


def network_of(classifier: Classifier, tap: Tap, target: np.ndarray) -> PageNetwork | str:
    """The network as a page computes it, or why it does not."""
    layers = layers_of(classifier, tap)
    if not isinstance(layers, Layers):
        return layers.reason
    goal, predicted = goal_of(tap, target), int(classifier.judge(target[None]).predicted[0])
    return PageNetwork(layers, goal.post_activation.numpy(), goal.active.numpy(), predicted)
