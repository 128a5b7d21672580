import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.polytope.exact.halfspaces import Polytope
from tfcollide.report import plane

ROOT = Path(__file__).resolve().parents[2]


def polytope(rows, limits, lower=-1.0, upper=1.0):
    rows = np.array(rows, float).reshape(-1, 2)
    return Polytope(np.zeros([0, 2]), np.zeros(0), rows, np.array(limits, float), np.full(2, lower), np.full(2, upper))


def crossings(shape):
    """Every point where two sides meet and that no side cuts off: the vertices, by brute force."""
    sides = np.concatenate([shape.inequalities, -np.eye(2), np.eye(2)])
    limits = np.concatenate([shape.limits, -shape.lower, shape.upper])
    found = []
    for i, j in itertools.combinations(range(len(sides)), 2):
        if abs(np.linalg.det(sides[[i, j]])) > 1e-9:
            x = np.linalg.solve(sides[[i, j]], limits[[i, j]])
            if (sides @ x <= limits + 1e-9).all() and not any(np.allclose(x, y) for y in found):
                found.append(x)
    return np.array(found)


def in_order(points):
    return points[np.lexsort(points.T)]


@pytest.mark.parametrize("seed", range(6))
def test_the_polygon_has_the_vertices_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    shape = polytope(np.concatenate([rng.normal(size=[6, 2]), np.zeros([1, 2])]), [*rng.uniform(0.1, 0.9, 6), 0.0])
    found = plane.polygon(shape)
    np.testing.assert_allclose(in_order(np.round(found, 9)), in_order(np.round(crossings(shape), 9)), atol=1e-8)
    steps = np.roll(found, -1, axis=0) - found
    assert (
        np.cross(np.c_[steps, np.zeros(len(steps))], np.c_[np.roll(steps, -1, axis=0), np.zeros(len(steps))])[:, 2] > 0
    ).all()


@pytest.mark.parametrize(
    "shape",
    [
        polytope([[1, 1], [-1, -1]], [0, 0]),  # a segment
        polytope([[1, 0]], [0], lower=-np.inf, upper=np.inf),
        Polytope(np.ones([1, 2]), np.ones(1), np.zeros([0, 2]), np.zeros(0), np.zeros(2), np.ones(2)),
    ],
)
def test_what_is_no_polygon_is_refused(shape):
    with pytest.raises(RequestError, match="no polygon"):
        plane.polygon(shape)


def test_figure_1_draws_the_polytope_of_its_network(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plane.Axes, "fill", lambda axis, x, y, **style: drawn.append(np.column_stack([x, y])))
    spec = importlib.util.spec_from_file_location("figure1", ROOT / "docs" / "figure1.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path / "figure1.png")
    with Image.open(tmp_path / "figure1.png") as image:
        assert image.width > 2 * image.height

    kernel, bias = np.float32(script.KERNEL).astype(float), np.float32(script.BIAS).astype(float)
    shape = polytope(kernel.T, -bias, *script.BOUNDS)
    vertices = crossings(shape)
    assert len(drawn) == 4 and len(vertices) >= 5  # three panels, and the hull of the corners
    for polygon in drawn[:3]:
        np.testing.assert_allclose(in_order(np.round(polygon, 6)), in_order(np.round(vertices, 6)), atol=1e-5)
    lowest = [vertices[(vertices @ kernel[:, unit]).argmin()] for unit in (1, 3, 4)]
    np.testing.assert_allclose(in_order(np.round(drawn[3], 6)), in_order(np.round(lowest, 6)), atol=1e-5)
