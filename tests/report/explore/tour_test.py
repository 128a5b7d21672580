"""Animated tours."""

import io

import numpy as np
import pytest
from PIL import Image

from tfcollide.report.explore.tour import Frame, animation, tour_weights
from tfcollide.shapes import Bounds


def test_a_tour_visits_every_corner_and_moves_by_small_steps():
    weights = tour_weights(4, 10.0)
    assert weights.shape == (150, 4) and weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert (weights.max(axis=0) > 0.99).all()
    steps = np.abs(np.diff(np.concatenate([weights, weights[:1]]), axis=0)).max()
    assert steps < 0.15


@pytest.mark.parametrize("kind", ["webp", "gif"])
@pytest.mark.parametrize(("corners", "channels"), [(1, 1), (2, 3), (5, 3)])
def test_an_animation_has_every_frame_and_plays_over_and_over(kind, corners, channels):
    images = np.random.default_rng(0).uniform(0, 1, [corners + 2, 20, 16, channels]).astype(np.float32)
    weights = tour_weights(corners, 1.0)
    frames = [Frame(w, images[n % corners], "a long name, " * 9, 0.5, n % 2 == 0) for n, w in enumerate(weights)]
    content = animation(frames, images[-2], images[-1], Bounds(0.0, 1.0), ("3", "7"), kind)
    with Image.open(io.BytesIO(content)) as film:
        assert film.format == kind.upper() and film.info["loop"] == 0
        assert film.n_frames == (15 if corners > 1 or kind == "webp" else film.n_frames)
