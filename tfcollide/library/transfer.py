"""Hulls that were found in one network, judged by another: do they hold there, too?"""

from collections.abc import Mapping, Sequence

import numpy as np

from tfcollide.images import from_uint8
from tfcollide.measure.compare_record import Transfer
from tfcollide.measure.kept_audit import KeptHull
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.runtime.progress import progress

__all__ = ["transfers"]


def transfers(
    hulls: Mapping[str, tuple[Sequence[KeptHull], int]], judges: Mapping[str, Classifier], samples: int
) -> tuple[Transfer, ...]:
    """The hulls of each network, judged by each.

    Args:
        hulls: the name of a network -> its hulls, and the seed that they were judged with.
        judges: the name of a network -> the network.
        samples: mixtures per hull.
    """
    jobs = [
        (name, tap, [one for one in own if one.tap == tap], seed)
        for name, (own, seed) in hulls.items()
        for tap in dict.fromkeys(one.tap for one in own)
    ]
    found = []
    with progress(total=len(jobs) * len(judges), desc="hulls in the other network", unit=" tables") as bar:
        for name, tap, own, seed in jobs:
            for other, network in judges.items():
                shares = np.array([_shares(one, network, samples, seed) for one in own])
                whole, means = int((shares[:, 0] == 1.0).sum()), shares.mean(axis=0)
                found.append(Transfer(name, other, tap, len(own), whole, float(means[0]), float(means[1])))
                bar.update()
    return tuple(found)


def _shares(hull: KeptHull, network: Classifier, samples: int, seed: int) -> tuple[float, float]:
    """Of mixtures: which share the network reads as it reads the target, and as it reads the source."""
    corners = from_uint8(hull.corners, network.bounds)
    mixtures = mix(convex_weights(samples, len(corners), seed=seed), corners)
    ends = network.judge(from_uint8(np.stack([hull.target, hull.source]), network.bounds)).predicted
    read = network.judge(mixtures).predicted
    return float(np.mean(read == ends[0])), float(np.mean(read == ends[1]))
