"""Collision-free radii of a small network: nothing is found inside, and something is just outside."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import tfcollide as tc
from tfcollide.library.polytopes import affine_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def radii(network, sources, targets):
    return tc.collision_free_radius(network, sources, targets=targets)


def test_each_image_has_one_target_of_each_other_class_the_nearest(network, sources, targets, radii):
    own = network.judge(sources).predicted
    codes = network.judge(targets).predicted
    for n, one in enumerate(radii.images):
        assert one.targets == len({*codes.tolist()} - {own[n]})
        assert one.predicted != one.target_predicted and one.image == f"image {n}"
        chosen = int(one.target.split()[1])
        same = codes == codes[chosen]
        away = np.linalg.norm((targets - sources[n]).reshape(len(targets), -1), axis=1)
        assert away[chosen] == pytest.approx(away[same].min(), abs=0.05)  # both are rounded to 8 bits
    assert all(one.radius <= one.distance for one in radii.images)
    assert radii.matching is None and radii.largest_gap <= 1e-9
    assert radii.exact.least <= radii.exact.median <= radii.exact.largest


def test_it_is_the_distance_of_the_nearest_collision(network, sources, targets, radii):
    one = radii.images[0]
    nearest = tc.nearest_collision(network, sources[0], targets[int(one.target.split()[1])])
    assert nearest.exact.distance == pytest.approx(one.distance, abs=0.05)  # that one is safe in float32, and not in 8 bits


def test_no_collision_is_found_inside_and_one_is_outside(network, sources, targets, radii):
    """The benchmark's attempts, small."""
    bench = runpy.run_path(str(ROOT / "benchmarks" / "collision_free_radius.py"))
    affine, rng = affine_of(network, "hidden"), np.random.default_rng(0)
    pools = [np.round(255 * images) / 255 for images in (sources, targets)]
    for one in radii.images[:3]:
        source, target = (pool[int(name.split()[1])].ravel() for pool, name in zip(pools, (one.image, one.target), strict=True))
        features = np.maximum(affine(target), 0)
        inside, outside = 0.99 * one.radius, 1.02 * one.distance
        start = bench["feature_distance"](affine, source, features)
        random = bench["perturbed"](affine, source, features, inside, network.bounds, 1000, rng)
        found = [bench["descended"](affine, source, features, room, network.bounds, 3000) for room in (inside, outside)]
        assert min(random, found[0]) > 1e-6 * start
        assert found[1] < 0.1 * found[0]


def test_what_is_refused(network, sources):
    with pytest.raises(tc.RequestError, match="Give more targets"):
        tc.collision_free_radius(network, sources[:1])
    with pytest.raises(tc.RequestError, match="a share from 0 to 1"):
        tc.collision_free_radius(network, sources, match_quantile=2)
