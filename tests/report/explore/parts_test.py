"""What the page says is proven at a point, against every part that holds it."""

import numpy as np
import pytest

from tests.report.explore.scripts import call
from tfcollide.polytope.hull.mixing import convex_weights
from tfcollide.polytope.proof.check_proof import _replay
from tfcollide.records import ProvenParts

_ASK = """((points, tree, margins) => {
  const parts = partsOf(Uint16Array.from(tree), Float32Array.from(margins));
  return points.map((one) => provenAt(one, parts));
})"""


def cut(corners, times, seed):
    """Random bisections, each with a margin of its own at its end."""
    rng, tree = np.random.default_rng(seed), []
    waiting = [times]
    while waiting:
        left = waiting.pop()
        if left and rng.random() < 0.9:
            tree.append(sorted(rng.choice(corners, 2, replace=False)))
            waiting += [left - 1, left - 1]
        else:
            tree.append((-1, -1))
    parts = sum(i < 0 for i, _ in tree)
    return ProvenParts(np.array(tree, np.int16), rng.normal(size=parts).astype(np.float32))


@pytest.mark.parametrize("corners", [1, 2, 3, 5])
def test_it_is_the_largest_margin_of_all_parts_that_hold_the_point(corners):
    parts = cut(corners, 0 if corners == 1 else 7, seed=corners)
    leaves = _replay(parts.tree, corners)
    points = [call("snapped", weights) for weights in convex_weights(40, corners, seed=1)]
    points += [*np.eye(corners).tolist(), call("snapped", np.full(corners, 1 / corners))]
    points += [(leaf[0] / 2 + leaf[-1] / 2).tolist() for leaf in leaves[::5]]  # on cuts, where several parts meet
    shares = np.array(points) @ np.linalg.inv(leaves)
    expected = np.where((shares >= -1e-12).all(axis=2), parts.margins[:, None], -np.inf).max(axis=0)
    found = call(_ASK, points, np.maximum(parts.tree, 0).ravel(), parts.margins)
    np.testing.assert_array_equal(found, expected)


def test_weights_of_a_page_are_exact_in_single_precision():
    for weights in convex_weights(50, 5, seed=2).astype(np.float64):
        found = np.array(call("snapped", weights))
        assert found.sum() == 1.0 and (found >= 0).all() and np.abs(found - weights).max() < 1e-6
        np.testing.assert_array_equal(found.astype(np.float32), found)
    assert call("snapped", [0.0, 1.0]) == [0, 1]
