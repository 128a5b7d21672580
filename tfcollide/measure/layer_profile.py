"""Where a network stops seeing: at each ReLU, in how many directions an image can move without an active feature changing.

For an image x with active units A(x) (pre-activations from zero on), J `[A, D]` is the Jacobian of their pre-activations
with respect to the image. `invisible_dimension` is D less the number of singular values of J above a threshold, a share of
the largest. To first order the image can move in as many directions and no active feature moves by more than the threshold
times what the most visible direction would do; at an affine tap this is exact.

Exact means: J row by row or column by column in float32, and its singular values by an SVD in float64. The eigenvalues of
J J^T, which are cheaper, lose all singular values below 1e-8 of the largest in float64 and those below 3e-4 in float32, too
near to the least threshold. What float32 leaves of a J of low rank is 1e-8 to 1e-7 of the largest singular value, below the
least threshold. Where both sides of J are long, counts are estimated, see `spectrum.py`.
"""

from collections.abc import Iterable

import numpy as np
import scipy.linalg

from tfcollide.measure.jacobian import ImageJacobian
from tfcollide.measure.layer_look import THRESHOLDS, LayerLook
from tfcollide.measure.spectrum import count_below, quadratures
from tfcollide.models.classifier import Classifier

__all__ = ["LayerProfiler"]

_MOST_EXACT, _POINTS = 3_000, 101


class LayerProfiler:
    """Looks at images at the ReLUs of a network.

    Args:
        network: the network under test.
        probes: random vectors of an estimate.
        steps: of the Lanczos process of an estimate.
        most_exact: the length of the shorter side of J up to which it is looked at as a whole.
        seed: of the random vectors.
    """

    def __init__(self, network: Classifier, *, probes: int = 4, steps: int = 60, most_exact: int = _MOST_EXACT, seed: int = 0):
        self._network, self._probes, self._steps = network, probes, steps
        self._most_exact, self._seed = most_exact, seed
        self._jacobians: dict[str, ImageJacobian] = {}

    def __call__(self, tap_name: str, image: np.ndarray, number: int = 0) -> LayerLook:
        """Looks at one image at one ReLU.

        Args:
            tap_name: the ReLU.
            image: `[H, W, C]` float32 in the network's bounds.
            number: what the record calls the image.
        """
        if tap_name not in self._jacobians:
            batch = max(1, min(64, self._network.batch_size // 2))
            self._jacobians[tap_name] = ImageJacobian(self._network.tap(tap_name), self._network.image_shape, batch=batch)
        jacobian = self._jacobians[tap_name]
        active = jacobian.active(image)
        short = min(int(active.sum()), image.size)
        found = _exactly(jacobian, image, active) if short <= self._most_exact else self._estimate(jacobian, image, active)
        place = self._network.tap_names.index(tap_name)
        return LayerLook(tap_name, place, number, units=len(active), active=int(active.sum()), dimension=image.size, **found)

    def all(self, images: Iterable[tuple[int, np.ndarray]]) -> list[LayerLook]:
        """Looks at several images, with their numbers, at every ReLU."""
        chosen = list(images)
        return [self(name, image, number) for name in self._network.tap_names for number, image in chosen]

    def _estimate(self, jacobian: ImageJacobian, image: np.ndarray, active: np.ndarray) -> dict:
        size = image.size
        seen = quadratures(jacobian.gram(image, active), size, probes=self._probes, steps=self._steps, seed=self._seed)
        largest = max(one.largest for one in seen)
        least = max(0, size - int(active.sum()))
        counts = [count_below(seen, size, share**2 * largest, least=least) for share in THRESHOLDS]
        ends = ("value", "low", "high")
        value, low, high = (tuple(getattr(one, end) for one in counts) for end in ends)
        return {"exact": False, "invisible": value, "low": low, "high": high, "largest": max(largest, 0.0) ** 0.5}


def _exactly(jacobian: ImageJacobian, image: np.ndarray, active: np.ndarray) -> dict:
    values = np.zeros(image.size)
    if active.any():
        found = scipy.linalg.svdvals(jacobian.dense(image, active), check_finite=False)
        values[: len(found)] = found
    largest = float(values[0])
    shares = values / largest if largest > 0 else values
    invisible = tuple(float(image.size - np.count_nonzero(shares > threshold)) for threshold in THRESHOLDS)
    places = np.linspace(0, image.size - 1, _POINTS).round().astype(int)
    spectrum = tuple(float(one) for one in shares[places])
    return {
        "exact": True,
        "invisible": invisible,
        "low": invisible,
        "high": invisible,
        "largest": largest,
        "spectrum": spectrum,
    }
