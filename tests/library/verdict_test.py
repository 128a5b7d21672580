"""What a collision that is found must have, one reason after the other; images that are no collisions."""

import dataclasses
import math

import numpy as np
import pytest

from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8, to_uint8
from tfcollide.library.solution import Solution
from tfcollide.library.verdict import Verdict, missing
from tfcollide.measure.matching import Match
from tfcollide.measure.null_distribution import NullDistribution
from tfcollide.measure.reader import Qualified
from tfcollide.polytope.exact.halfspaces import collision_polytope
from tfcollide.polytope.exact.vertices import exact_corners, random_objectives
from tfcollide.polytope.hull.hull_judge import Mixtures
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import prepare
from tfcollide.recipes.collide.pair import judge_pair, pose_pair
from tfcollide.recipes.collide.request import parse_pair, request_data
from tfcollide.records import (
    CornerRecord,
    Distance,
    FailureBound,
    Interpolation,
    PngCheck,
    ReaderRecord,
    Trace,
    WorstMixture,
)

# The rules, on a summary by hand: feature distances up to 10 match


def corner(**changed):
    values = {
        "units": (3,),
        "active_match": 1.0,
        "corner_push": -1.0,
        "inactive_magnitude": 5.0,
        "feature_distance": 2.0,
        "inactive_violation": 0.1,
        "boundary_gap": 0.0,
        "predicted": "7",
        "probability": 1.0,
        "converged": True,
        "diverged_at": None,
    }
    return CornerRecord(**values | changed)


PNG = PngCheck(accuracy=1.0, mean_probability=1.0, max_active_match=2.0, max_feature_distance=5.0)
FOUND = Verdict(
    found=False,
    missing=(),
    corners=(corner(), corner()),
    distance=Distance(10.0, 2.0, 3.0),
    interpolation=Interpolation(100, "uniform", 1.0, 1.0, 1.0, 4.0),
    png=PNG,
    worst_mixture=WorstMixture(0.5, "7", (0.5, 0.5)),
    failure_bound=FailureBound(0.95, 0.03),
    mixture_looks=None,
    perceptual=None,
    reader=ReaderRecord(None, None, None),
    scale=None,
    mixtures=Mixtures(np.ones(2, bool), np.ones(2), np.ones(2), np.array([1.0, 4.0])),
    convex_weights=np.eye(2, dtype=np.float32),
)
START = {"active_match": 400.0, "feature_distance": 500.0, "inactive_violation": 10.0}
SCALED = Match(NullDistribution(np.arange(10.0, 110.0), np.zeros(0), 15), 0.0, 0.05, START)
UNSCALED = Match(None, 0.01, 0.04, START)


def lacks(match=SCALED, mixture_distance=4.0, allow_trivial=False, **changed):
    mixtures = FOUND.mixtures._replace(distance=np.array([1.0, mixture_distance]))
    return missing(dataclasses.replace(FOUND, mixtures=mixtures, **changed), match, "7", allow_trivial=allow_trivial)


def corners(**changed):
    return {"corners": (corner(), corner(**changed))}


def test_one_that_has_everything():
    assert lacks() == lacks(worst_mixture=None) == lacks(UNSCALED) == ()


REASONS = {
    "diverged": corners(converged=False, diverged_at=7),
    "not converged": corners(converged=False),
    "trivial": corners(trivial=True),
    "lost": corners(lost=True),
    "a corner misses the class": corners(predicted="3"),
    "a mixture misses the class": {"interpolation": dataclasses.replace(FOUND.interpolation, accuracy=0.999)},
    "features do not match": corners(feature_distance=10.01),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason(reason):
    assert lacks(**REASONS[reason]) == (reason,)


def test_a_corner_that_misses_the_class_once_it_is_saved_is_none():
    """Its mixtures may all be right: none of them is the corner itself."""
    assert lacks(png=dataclasses.replace(PNG, misread=1)) == ("a corner misses the class",)


def test_mixtures_of_saved_corners_and_the_worst_count_too():
    assert lacks(png=dataclasses.replace(PNG, accuracy=0.999)) == ("a mixture misses the class",)
    for margin in (0.0, -1.0, math.nan):
        assert lacks(worst_mixture=WorstMixture(margin, "3", (0.5, 0.5))) == ("a mixture misses the class",)


def test_features_must_match_at_mixtures_and_saved_corners_too():
    assert lacks(mixture_distance=10.0) == () and lacks(mixture_distance=10.1) == ("features do not match",)
    assert lacks(png=dataclasses.replace(PNG, max_feature_distance=10.1)) == ("features do not match",)
    assert lacks(mixture_distance=math.nan) == ("features do not match",)


def test_without_a_data_set_l_pos_and_the_violation_count():
    """A share of 0.04 of L_pos is 16, and its root of the violation 2; no mixture is asked about them."""
    assert lacks(UNSCALED, mixture_distance=1e9) == ()
    assert lacks(UNSCALED, **corners(active_match=16.1)) == ("features do not match",)
    assert lacks(UNSCALED, **corners(inactive_violation=2.1)) == ("features do not match",)


def test_several_reasons_are_all_named():
    changed = corners(trivial=True, converged=False)
    assert lacks(mixture_distance=11.0, **changed) == ("not converged", "trivial", "features do not match")


def test_allow_trivial_forgives_trivial_and_lost_corners_and_nothing_else():
    both = {"corners": (corner(trivial=True), corner(lost=True))}
    assert lacks(**both) == ("trivial", "lost") and lacks(**both, allow_trivial=True) == ()
    for reason in set(REASONS) - {"trivial", "lost"}:
        assert lacks(**REASONS[reason], allow_trivial=True) == (reason,)


# What is no collision, by the way that every run is judged


@pytest.fixture(scope="module")
def posed(tmp_path_factory):
    """The default network on digits, and its default pair."""
    config = CollideConfig(model_dir=str(tmp_path_factory.mktemp("models")), certify_boxes=0).resolved()
    data = request_data(config)
    experiment = prepare(config, data)
    return config, experiment, pose_pair(config, experiment, parse_pair(config, data))


def judged(posed, corners, **changed):
    """The summary of five corners, claimed to have converged."""
    config, experiment, problem = posed
    config = dataclasses.replace(config, **changed)
    corners = np.ascontiguousarray(np.broadcast_to(corners, (5, *problem.start.shape)), np.float32)
    bounds = experiment.classifier.bounds
    trace = Trace(np.zeros([0], np.int64), {})
    yes, nowhere, stop = np.ones(5, bool), np.full(5, -1), np.full(5, np.inf)
    result = Solution(corners, corners, 0, yes, nowhere, stop, trace)
    return judge_pair(config, experiment, problem, result, from_uint8(to_uint8(corners, bounds), bounds), Ledger()).summary


def test_uniform_noise_is_none(posed):
    noise = np.random.default_rng(0).random([5, *posed[2].start.shape])
    found = judged(posed, noise)
    assert not found.found and {"features do not match", "a corner misses the class"} & set(found.missing)


def test_noise_that_the_network_takes_for_the_target_is_none_either(posed):
    """The exact corners of the whole polytope: features agree to the last digits, and nothing of the source is left."""
    _, experiment, problem = posed
    target = problem.goal_image.astype(np.float64).ravel()
    polytope = collision_polytope(experiment.affine, target, experiment.classifier.bounds, float32_safe=True)
    points = exact_corners(polytope, random_objectives(5, target.size, seed=0)).points
    found = judged(posed, points.reshape(5, *problem.start.shape))
    assert "features do not match" not in found.missing and not found.misread
    assert not found.found and set(found.missing) & {"trivial", "lost"}


def test_an_inverted_source_is_none(posed):
    found = judged(posed, 1.0 - posed[2].start)
    assert not found.found and all(one.lost or one.trivial for one in found.corners)


def test_the_target_itself_is_none(posed):
    """It has everything else: five times the target, the features of which are its own."""
    found = judged(posed, posed[2].goal_image)
    assert not found.found and found.missing == ("trivial",) and found.trivial == (0, 1, 2, 3, 4)
    assert all(one.target_share == 0.0 and one.feature_distance < 1e-6 for one in found.corners)
    allowed = judged(posed, posed[2].goal_image, allow_trivial=True)
    assert allowed.found and allowed.missing == () and len(allowed.trivial) == 5  # still said


def test_the_source_itself_is_none(posed):
    found = judged(posed, posed[2].start)
    assert not found.found and set(found.missing) == {"a corner misses the class", "features do not match"}
    assert not found.trivial and not found.lost


def test_without_a_reader_distances_decide_alone(posed):
    """None is right often enough."""
    config, experiment, problem = posed
    mute = config, experiment, dataclasses.replace(problem, reader=Qualified(None, "nobody"))
    assert judged(mute, problem.goal_image).missing == ("trivial",)
    found = judged(mute, 1.0 - problem.start)
    assert not found.found and found.corners[0].reader is None and (found.trivial or found.lost)
    assert not judged(mute, np.random.default_rng(0).random([5, *problem.start.shape])).found


def test_a_corner_is_judged_by_its_own_class(posed):
    """One source among four targets: each corner has to be a collision."""
    _, _, problem = posed
    images = np.stack([problem.goal_image] * 4 + [problem.start])
    found = judged(posed, images)
    assert found.trivial == (0, 1, 2, 3) and found.misread == (4,) and not found.found
