import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.models.classifier import Classifier
from tfcollide.objectives import terms
from tfcollide.optimize.driver import minimize
from tfcollide.optimize.loss import loss_terms
from tfcollide.optimize.rates import rate_of
from tfcollide.optimize.schedules import Schedule
from tfcollide.optimize.step import Descent
from tfcollide.optimize.update_rules.gradient_descent import gradient_descent
from tfcollide.parameterizations.pixels import Pixels
from tfcollide.registry import OBJECTIVES
from tfcollide.shapes import Bounds

PAPER = {"church3255": 1113, "stupa743": 903, "n03837869_161": 1113, "bearskin2147": 954}


@pytest.fixture(scope="module")
def paper(shared_path):
    return {name: dict(np.load(shared_path(f"paper/{name}feats.npz"))) for name in PAPER}


def transcribed(pre_x, pre_t, units):
    """Every term of one corner, unit by unit, as the docstrings of `terms` have them."""
    post = [max(value, 0.0) for value in pre_t]
    active = [value >= 0 for value in pre_t]
    match = push = magnitude = distance = violation = 0.0
    gap = float("inf")
    for u, value in enumerate(pre_x):
        distance += (max(value, 0.0) - post[u]) ** 2
        if active[u]:
            match += (value - post[u]) ** 2
            continue
        violation = max(violation, max(value, 0.0))
        gap = min(gap, abs(value))
        if u in units:
            push += value
        else:
            magnitude += abs(value)
    return {
        "active_match": match,
        "corner_push": push,
        "inactive_magnitude": magnitude,
        "feature_distance": distance,
        "inactive_violation": violation,
        "boundary_gap": gap,
    }


def computed(pre_x, goal):
    return {
        "active_match": terms.active_match(pre_x, goal.post_activation, goal.active),
        "corner_push": terms.corner_push(pre_x, goal.pushed),
        "inactive_magnitude": terms.inactive_magnitude(pre_x, goal.idle),
        "feature_distance": terms.feature_distance(pre_x, goal.post_activation),
        "inactive_violation": terms.inactive_violation(pre_x, goal.active),
        "boundary_gap": terms.boundary_gap(pre_x, goal.active),
    }


# The paper's own features


@pytest.mark.parametrize("name", PAPER)
def test_active_units_of_the_paper(paper, name):
    goal = terms.make_goal(paper[name]["featfc1"][0], ((),))
    np.testing.assert_array_equal(goal.active, paper[name]["featfc1_s"][0])
    np.testing.assert_array_equal(goal.post_activation, paper[name]["featfc1_relu"][0])
    assert int(goal.active.numpy().sum()) == PAPER[name]
    assert 903 <= PAPER[name] <= 1113


@pytest.mark.parametrize(("x", "t"), itertools.permutations(PAPER, 2))
def test_terms_equal_a_plain_transcription(paper, x, t):
    pre_x, pre_t = paper[x]["featfc1"][0], paper[t]["featfc1"][0]
    inactive = [int(u) for u in np.flatnonzero(pre_t < 0)]
    groups = ((inactive[0],), (inactive[7], inactive[-1]), ())
    found = computed(tf.constant(np.stack([pre_x] * 3)), terms.make_goal(pre_t, groups))
    for corner, units in enumerate(groups):
        for name, expected in transcribed(pre_x.tolist(), pre_t.tolist(), units).items():
            assert found[name].shape == (3,)
            assert float(found[name][corner]) == pytest.approx(expected, rel=2e-5), name


def test_a_target_matches_itself(paper):
    pre = paper["stupa743"]["featfc1"]
    found = computed(tf.constant(pre), terms.make_goal(pre[0], ((),)))
    assert float(found["active_match"][0]) == float(found["feature_distance"][0]) == float(found["inactive_violation"][0]) == 0


# A network solved by hand: images (a, b) in [0, 1]^2,
#
#   h = relu(a, b, a + b - 5/4)
#   f = (h1 + h2 + h3,  h2 - h1,  4 h1 - 7/2,  h3)        the tap, four units
#
# Target (3/4, 1/4): h = (3/4, 1/4, 0), f = (1, -1/2, -1/2, 0). Units 0 and 3 are active (psgn(0) = 1), 1 and 2
# are not. Source (1, 3/4): h = (1, 3/4, 1/2), f = (9/4, -1/4, 1/2, 1/2), so
#
#   active_match       (9/4 - 1)^2 + (1/2 - 0)^2 = 29/16
#   corner_push        -1/4 for unit 1, 1/2 for unit 2
#   inactive_magnitude  1/2 without unit 1, 1/4 without unit 2
#   feature_distance   29/16 + 0 + (1/2)^2 = 33/16
#   inactive_violation max(0, 1/2) = 1/2;  boundary_gap min(1/4, 1/2) = 1/4
#
# Images with the target's features: a + b = 1, b <= a, a <= 7/8: the segment from (1/2, 1/2) to (7/8, 1/8).
#
# With weights m, 1, 3 and r = a + b - 1 the loss is, near the segment (h3 = 0),
#   unit 1 pushed: m r^2 + (b - a) + 3 |4a - 7/2|.  d/db: 2 m r + 1 = 0, so r = -1/(2m); d/da: -2 + 12 s = 0 holds for
#                  s = 1/6, a subgradient of |.| at 0, so a = 7/8.   Minimum (7/8, 1/8 - 1/(2m)).
#   unit 2 pushed: m r^2 + (4a - 7/2) + 3 |b - a|.  Sum of d/da, d/db: 4 m r + 4 = 0, so r = -1/m; d/db: -2 + 3 s = 0
#                  holds for s = 2/3, so a = b.                       Minimum (1/2 - 1/(2m), 1/2 - 1/(2m)).
# Both tend to the ends of the segment, its corners, as the weights 1 and 3 halve away.

SOURCE, TARGET = (1.0, 0.75), (0.75, 0.25)
LAYERS = {
    "first": ([[1, 0, 1], [0, 1, 1]], [0, 0, -1.25]),
    "second": ([[1, -1, 4, 0], [1, 1, 0, 0], [1, 0, 0, 1]], [0, 0, -3.5, 0]),
    "logits": ([[1, 0], [0, 1], [0, 0], [0, 0]], [0, 0]),
}


@pytest.fixture(scope="module")
def by_hand():
    images = keras.Input((1, 2, 1))
    x = keras.layers.Flatten()(images)
    x = keras.layers.ReLU(name="hidden_1")(keras.layers.Dense(3, name="first")(x))
    x = keras.layers.ReLU(name="hidden_2")(keras.layers.Dense(4, name="second")(x))
    model = keras.Model(images, keras.layers.Dense(2, name="logits")(x))
    for name, (kernel, bias) in LAYERS.items():
        model.get_layer(name).set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    return Classifier(model, name="by hand", bounds=Bounds(0.0, 1.0), class_names=("a", "b"))


def image(point):
    return np.array(point, np.float32).reshape(1, 2, 1)


def test_terms_by_hand(by_hand):
    tap = by_hand.tap("hidden_2")
    pre_t = tap.pre_activation(tf.constant(image(TARGET)[None])).numpy()[0]
    np.testing.assert_array_equal(pre_t, [1, -0.5, -0.5, 0])
    goal = terms.make_goal(pre_t, ((1,), (2,)))
    np.testing.assert_array_equal(goal.active, [1, 0, 0, 1])
    found = computed(tap.pre_activation(tf.constant(np.stack([image(SOURCE)] * 2))), goal)
    expected = {
        "active_match": [29 / 16, 29 / 16],
        "corner_push": [-1 / 4, 1 / 2],
        "inactive_magnitude": [1 / 2, 1 / 4],
        "feature_distance": [33 / 16, 33 / 16],
        "inactive_violation": [1 / 2, 1 / 2],
        "boundary_gap": [1 / 4, 1 / 4],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("half_life", "corners"),
    [(0.0, [(0.875, 0.12), (0.495, 0.495)]), (250.0, [(0.875, 0.125), (0.5, 0.5)])],
)
def test_descent_finds_the_corners_by_hand(by_hand, half_life, corners):
    tap, pixels, objective = by_hand.tap("hidden_2"), Pixels(by_hand.bounds), OBJECTIVES.load("corners")
    descent = Descent(
        loss_terms(objective, tap.pre_activation, pixels),
        term_weights={"active_match": 100.0, "corner_push": 1.0, "inactive_magnitude": 3.0},
        progress_term=objective.progress_term,
        rule=gradient_descent(),
        rate=rate_of(Schedule((0,), (5e-4,), cosine=True), 1500),
        project=lambda controls, goal: pixels.project(controls),
        half_life=half_life,
    )
    pre_t = tap.pre_activation(tf.constant(image(TARGET)[None])).numpy()[0]
    goal = terms.make_goal(pre_t, ((1,), (2,)))
    result = minimize(descent, pixels.init(image(SOURCE), 2), goal, max_steps=1500, stop_loss=0.0)  # never stops
    np.testing.assert_allclose(result.controls.reshape(2, 2), corners, atol=1e-3)


# Gradients


FLOATS = np.random.default_rng(0).normal(size=(3, 12))
TARGET_64 = np.random.default_rng(1).uniform(0.1, 2.0, 12) * np.tile([1, -1], 6)
ACTIVE = (TARGET_64 >= 0).astype(np.float64)
PUSHED = np.zeros([3, 12])
PUSHED[np.arange(3), np.flatnonzero(ACTIVE == 0)[:3]] = 1.0
IDLE = (1 - ACTIVE) * (1 - PUSHED)
FEATURES = np.maximum(TARGET_64, 0)


@pytest.mark.parametrize(
    ("name", "function", "shape"),
    [
        ("active_match", lambda x: terms.active_match(x, FEATURES, ACTIVE), (3, 12)),
        ("corner_push", lambda x: terms.corner_push(x, PUSHED), (3, 12)),
        ("inactive_magnitude", lambda x: terms.inactive_magnitude(x, IDLE), (3, 12)),
        ("feature_distance", lambda x: terms.feature_distance(x, FEATURES), (3, 12)),
        ("inactive_violation", lambda x: terms.inactive_violation(x, tf.constant(ACTIVE)), (3, 12)),
        ("boundary_gap", lambda x: terms.boundary_gap(x, tf.constant(ACTIVE)), (3, 12)),
    ],
)
def test_gradients_equal_central_differences(name, function, shape):
    x, step = FLOATS.reshape(shape), 1e-6
    assert np.abs(x).min() > 10 * step  # away from the kinks
    with tf.GradientTape() as tape:
        variable = tf.constant(x)
        tape.watch(variable)
        value = function(variable)
    gradient = tape.gradient(value, variable).numpy()
    assert value.dtype == tf.float64
    assert np.abs(gradient).max() > 0
    for where in np.ndindex(shape):
        moved = np.zeros(shape)
        moved[where] = step
        slope = (function(tf.constant(x + moved)) - function(tf.constant(x - moved))).numpy()[where[0]] / (2 * step)
        assert gradient[where] == pytest.approx(slope, abs=1e-6), (name, where)


# Signs. Target units: 0 active, 1 exactly zero, 2 pushed, 3 inactive and idle.

PRE_T = np.array([2.0, 0.0, -1.0, -3.0], np.float32)
START = {
    "active_match": 0.25,
    "corner_push": -1.0,
    "inactive_magnitude": 3.0,
    "feature_distance": 0.25,
    "inactive_violation": 0.0,
    "boundary_gap": 1.0,
}


@pytest.mark.parametrize(
    ("pre_x", "changed"),
    [
        ([2.5, 0.0, -1.0, -3.0], {}),
        # An active unit enters the match alone: above or below its target, and even below zero.
        ([1.5, 0.0, -1.0, -3.0], {}),
        ([4.0, 0.0, -1.0, -3.0], {"active_match": 4.0, "feature_distance": 4.0}),
        ([-1.0, 0.0, -1.0, -3.0], {"active_match": 9.0, "feature_distance": 4.0}),
        # psgn(0) = 1: a unit at exactly zero is active, so it is held from below too, which features after the ReLU are not.
        ([2.5, 0.5, -1.0, -3.0], {"active_match": 0.5, "feature_distance": 0.5}),
        ([2.5, -0.5, -1.0, -3.0], {"active_match": 0.5}),
        # Raising the pushed unit raises corner_push by just that; it has no magnitude.
        ([2.5, 0.0, -0.5, -3.0], {"corner_push": -0.5, "boundary_gap": 0.5}),
        ([2.5, 0.0, -9.0, -3.0], {"corner_push": -9.0, "boundary_gap": 3.0}),
        ([2.5, 0.0, 2.0, -3.0], {"corner_push": 2.0, "feature_distance": 4.25, "inactive_violation": 2.0, "boundary_gap": 2.0}),
        # An idle unit costs its magnitude on either side, and collides only below zero.
        ([2.5, 0.0, -1.0, -0.5], {"inactive_magnitude": 0.5, "boundary_gap": 0.5}),
        (
            [2.5, 0.0, -1.0, 0.5],
            {"inactive_magnitude": 0.5, "feature_distance": 0.5, "inactive_violation": 0.5, "boundary_gap": 0.5},
        ),
    ],
)
def test_signs(pre_x, changed):
    found = computed(tf.constant([pre_x], tf.float32), terms.make_goal(PRE_T, ((2,),)))
    assert {name: float(value[0]) for name, value in found.items()} == START | changed


def test_sets_of_units():
    goal = terms.make_goal(np.array([2.0, -0.0, -1.0, -3.0, -1e-30], np.float32), ((2,), (3, 4), ()))
    np.testing.assert_array_equal(goal.active, [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(goal.pushed, [[0, 0, 1, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(goal.idle, [[0, 0, 0, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 1, 1]])
    np.testing.assert_array_equal(goal.post_activation, [2, 0, 0, 0, 0])


def test_no_inactive_unit():
    goal = terms.make_goal(np.ones(3, np.float32), ((),))
    found = computed(tf.constant([[-1.0, 2.0, 3.0]]), goal)
    assert float(found["inactive_violation"][0]) == 0.0
    assert float(found["boundary_gap"][0]) == np.inf


# Objectives


def test_corners_objective_takes_eq_3():
    goal = terms.make_goal(PRE_T, ((2,), ()))
    pre_x = tf.constant([[2.5, 0.0, -1.0, -3.0], [2.5, 0.0, -1.0, -3.0]])
    objective = OBJECTIVES.load("corners")
    found = {name: value.numpy().tolist() for name, value in objective.terms(pre_x, goal).items()}
    assert found == {
        "active_match": [0.25, 0.25],
        "corner_push": [-1.0, 0.0],
        "inactive_magnitude": [3.0, 4.0],
        "feature_distance": [0.25, 0.25],
        "inactive_violation": [0.0, 0.0],
    }
    assert set(objective.term_weights) == set(objective.words) == set(found)
    # The violation has a limit and no weight.
    assert {name for name, weight in objective.term_weights.items() if not weight > 0} == {"inactive_violation"}
    assert objective.progress_term == "active_match" and objective.pushes_units


def test_corners_objective_sees_units_that_should_be_off():
    """L_pos of Eq. 3 does not: units 2 and 3 are on, by 2 and 0.5, and so nothing collides."""
    goal = terms.make_goal(PRE_T, ((2,), ()))
    found = OBJECTIVES.load("corners").terms(tf.constant([[2.0, 0.0, 2.0, 0.5]]), goal)
    assert {name: value.numpy().tolist() for name, value in found.items()} == {
        "active_match": [0.0],
        "corner_push": [2.0, 0.0],
        "inactive_magnitude": [0.5, 2.5],
        "feature_distance": [4.25],
        "inactive_violation": [2.0],
    }


def test_match_objective_takes_eq_1():
    goal = terms.make_goal(PRE_T, ((),))
    objective = OBJECTIVES.load("match")
    found = {
        name: value.numpy().tolist() for name, value in objective.terms(tf.constant([[2.5, 0.0, 1.0, -3.0]]), goal).items()
    }
    assert found == {"feature_distance": [1.25]}
    assert set(objective.term_weights) == {"feature_distance"}
    assert objective.progress_term == "feature_distance" and not objective.pushes_units


# Scales


def test_scales_follow_the_size_of_the_features():
    """A network whose features are ten times as large weighs all terms alike, up to one common factor."""
    small = terms.scales(
        terms.make_goal(np.array([3.0, 4.0, -1.0], np.float32), ((2,),)), unit_free={"crowding": 1, "total_variation": 50}
    )
    large = terms.scales(
        terms.make_goal(np.array([30.0, 40.0, -10.0], np.float32), ((2,),)), unit_free={"crowding": 1, "total_variation": 50}
    )
    assert float(small["corner_push"]) == pytest.approx(np.sqrt(12.5))
    assert float(small["crowding"]) == pytest.approx(25.0)
    assert {name: float(large[name] / small[name]) for name in small} == pytest.approx(
        {"corner_push": 10.0, "inactive_magnitude": 10.0, "crowding": 100.0, "total_variation": 100.0}
    )
    assert float(small["total_variation"]) == pytest.approx(0.5)  # of 50 pixels


def test_taking_corners_from_a_goal():
    goal = terms.make_goal(np.array([3.0, -4.0, -1.0], np.float32), ((1,), (2,), ()))
    part = terms.take(goal, tf.constant([2, 0]))
    np.testing.assert_array_equal(part.pushed, goal.pushed.numpy()[[2, 0]])
    np.testing.assert_array_equal(part.idle, goal.idle.numpy()[[2, 0]])
    np.testing.assert_array_equal(part.active, goal.active)


def test_goals_side_by_side_give_each_pair_its_own_terms_and_scales():
    rng = np.random.default_rng(4)
    targets, features = rng.normal(size=[3, 6]), tf.constant(rng.normal(size=[6, 6]), tf.float32)
    groups = [tuple((int(unit),) for unit in np.flatnonzero(target < 0)[:2]) for target in targets]
    targets[1] *= 5.0
    goals = [terms.make_goal(target, group, ceiling=6.0) for target, group in zip(targets, groups, strict=True)]
    batch, objective = terms.side_by_side(goals), OBJECTIVES.load("corners")
    found, scales = objective.terms(features, batch), terms.scales(batch, {"a": 4})
    kept = terms.take(batch, tf.constant([2, 3]))
    for pair, goal in enumerate(goals):
        rows = slice(2 * pair, 2 * pair + 2)
        for name, values in objective.terms(features[rows], goal).items():
            np.testing.assert_allclose(found[name][rows], values, rtol=1e-6)
        for name, value in terms.scales(goal, {"a": 4}).items():
            np.testing.assert_allclose(scales[name][rows], [value, value], rtol=1e-6)
        np.testing.assert_array_equal(terms.first_of_pairs(batch.post_activation, 2)[pair, 0], goal.post_activation)
    np.testing.assert_array_equal(kept.post_activation, [goals[1].post_activation] * 2)
    np.testing.assert_array_equal(kept.pushed, goals[1].pushed)
    assert terms.side_by_side(goals[:1]) is goals[0]


# Staying with the source


def test_source_pull_is_the_mean_squared_change():
    images = tf.constant([[[[1.0], [2.0]]], [[[0.0], [0.0]]]])
    assert terms.source_pull(images, tf.constant([[[0.0], [5.0]]])).numpy().tolist() == [(1 + 9) / 2, 25 / 2]
    assert terms.source_pull(images, images).numpy().tolist() == [0.0, 0.0]  # a source each


def test_source_pull_against_finite_differences():
    rng = np.random.default_rng(3)
    images, source = rng.random([3, 4, 5, 2]), rng.random([4, 5, 2])
    variable = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        loss = tf.reduce_sum(terms.source_pull(variable, tf.constant(source)))
    gradient = tape.gradient(loss, variable).numpy()
    np.testing.assert_allclose(gradient, 2 * (images - source) / source.size, rtol=1e-12)
    step = 1e-6
    for place in [(0, 0, 0, 0), (1, 2, 3, 1), (2, 3, 4, 0)]:
        up, down = images.copy(), images.copy()
        up[place] += step
        down[place] -= step
        rise = float(tf.reduce_sum(terms.source_pull(up, source) - terms.source_pull(down, source)))
        assert rise / (2 * step) == pytest.approx(gradient[place], rel=1e-6)


def test_the_pull_is_a_share_of_what_it_is_for_the_target():
    """Scaled, the target's own change weighs as much as all its features: sum t^2."""
    source, target = np.zeros([1, 2, 1], np.float32), np.array([[[3.0], [1.0]]], np.float32)
    goal = terms.staying(terms.make_goal(np.array([3.0, 4.0, -1.0], np.float32), ((2,),)), source, target)
    assert float(goal.span) == 5.0
    pull = float(terms.source_pull(tf.constant(target[None]), goal.source)[0])
    assert pull * float(terms.scales(goal)["source_pull"]) == pytest.approx(25.0)
    assert "source_pull" not in terms.scales(terms.make_goal(np.array([3.0], np.float32), ((),)))


def test_each_pair_of_several_stays_with_its_own_source():
    rng = np.random.default_rng(6)
    sources, targets, images = (rng.random([n, 1, 2, 1]).astype(np.float32) for n in (2, 2, 4))
    goals = [
        terms.staying(terms.make_goal(np.array([1.0 + pair, -1.0], np.float32), ((1,), ())), sources[pair], targets[pair])
        for pair in range(2)
    ]
    batch = terms.side_by_side(goals)
    for pair, goal in enumerate(goals):
        rows = slice(2 * pair, 2 * pair + 2)
        found = terms.source_pull(images[rows], goal.source)
        np.testing.assert_allclose(terms.source_pull(images, batch.source)[rows], found, rtol=1e-6)
        np.testing.assert_allclose(terms.scales(batch)["source_pull"][rows], [terms.scales(goal)["source_pull"]] * 2, rtol=1e-6)
    kept = terms.take(batch, tf.constant([3, 0]))
    np.testing.assert_array_equal(kept.source, sources[[1, 0]])
    np.testing.assert_array_equal(kept.span, batch.span.numpy()[[3, 0]])
    alone = terms.take(goals[0], tf.constant([1]))  # of one pair all corners share the source
    np.testing.assert_array_equal(alone.source, sources[0])
