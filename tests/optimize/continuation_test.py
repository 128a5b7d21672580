import numpy as np
import pytest
import tensorflow as tf

from tfcollide.files import atomic
from tfcollide.objectives import terms
from tfcollide.optimize import driver
from tfcollide.optimize.continuation import Continuation
from tfcollide.optimize.driver import minimize, minimize_pairs
from tfcollide.optimize.state import pack_state
from tfcollide.optimize.step import Descent
from tfcollide.optimize.update_rules.adam import adam

GROWTH = 2.0**0.25
LED = Continuation(corners=1, pull=None, patience=0)
NAN, INF = float("nan"), float("inf")


def images(*values):
    return tf.constant(np.reshape(values, [-1, 1]), tf.float32)


def advance(rule, hold, step, match, change, controls=None, limit=1.0):
    """One step, of terms that are told; controls are the number of the step where none are given."""
    rows = len(match)
    return rule.advance(
        hold,
        images(*([step] * rows if controls is None else controls)),
        {"match": tf.constant(match, tf.float32), "source_pull": tf.constant(change, tf.float32)},
        {"match": tf.fill([rows], float(limit))},
        tf.constant(step),
    )


def led_through(rule, gaps, changes):
    """The memory after so many steps of one group, whose rows are alike."""
    hold = rule.init(images(*[-1] * rule.corners))
    for step, (gap, change) in enumerate(zip(gaps, changes, strict=True)):
        hold = advance(rule, hold, step, [gap] * rule.corners, [change] * rule.corners)
    return hold


# The weight of the pull


def test_the_pull_rises_where_features_match_and_falls_where_not():
    """The search starts at 30; four steps double it or halve it."""
    hold = LED.init(images(0, 0))
    np.testing.assert_allclose(hold.pull, [30.0, 30.0])
    hold = advance(LED, hold, 0, [0.5, 2.0], [1.0, 1.0])
    np.testing.assert_allclose(hold.pull, [30.0 * GROWTH, 30.0 / GROWTH], rtol=1e-6)
    for step in (1, 2, 3):
        hold = advance(LED, hold, step, [0.999, 1.0], [1.0, 1.0])  # at the limit is none
    np.testing.assert_allclose(hold.pull, [60.0, 15.0], rtol=1e-5)
    assert hold.matched.numpy().tolist() == [True, False]


def test_the_pull_stays_within_bounds():
    """From 30 it takes 7 matches to 100, and 15 octaves, 60 misses, to 0.001."""
    for gap, steps, end in [(0.5, 6, 30 * GROWTH**6), (0.5, 7, 100.0), (0.5, 200, 100.0), (2.0, 59, 30 / GROWTH**59)]:
        np.testing.assert_allclose(led_through(LED, [gap] * steps, [1.0] * steps).pull, [end], rtol=1e-4)
    np.testing.assert_allclose(led_through(LED, [2.0] * 200, [1.0] * 200).pull, [1e-3], rtol=1e-6)


def test_a_fixed_pull_stays_what_it_is_and_so_does_the_rate():
    fixed = Continuation(corners=1, pull=0.25, patience=0)
    hold = led_through(fixed, [2.0, 0.5, 2.0, 0.5], [1.0] * 4)
    assert hold.pull.numpy().tolist() == [0.25] and hold.crossings.numpy().tolist() == [3]
    assert fixed.cooling(hold, tf.constant(400)).numpy().tolist() == [1.0]


def test_the_rate_falls_at_each_crossing_and_with_age():
    hold = led_through(LED, [2.0, 2.0, 0.5, 0.5, 2.0], [1.0] * 5)  # in, and out again
    assert hold.crossings.numpy().tolist() == [2]
    for step, aged in [(0, 1.0), (150, 0.5**0.5), (300, 0.5), (1200, 1 / 16), (3000, 1 / 16)]:
        np.testing.assert_allclose(LED.cooling(hold, tf.constant(step)), [0.9**2 * aged], rtol=1e-6)
    later = LED.init(images(0), step=150)
    np.testing.assert_allclose(LED.cooling(later, tf.constant(450)), [0.5], rtol=1e-6)  # a round has an age of its own


# Groups


def test_the_corners_of_a_group_are_led_as_one():
    """One corner that misses makes its pair miss; the other pair is not concerned. The change is the mean of a pair."""
    pair = Continuation(corners=2, pull=None, patience=0)
    hold = advance(pair, pair.init(images(9, 9, 9, 9)), 0, [0.5, 2.0, 0.25, 0.75], [1.0, 3.0, 5.0, 7.0], [1, 2, 3, 4])
    assert hold.matched.numpy().tolist() == [False, False, True, True]
    np.testing.assert_allclose(hold.gap, [2.0, 2.0, 0.75, 0.75])
    np.testing.assert_allclose(hold.pull, [30 / GROWTH, 30 / GROWTH, 30 * GROWTH, 30 * GROWTH], rtol=1e-6)
    np.testing.assert_allclose(hold.change, [INF, INF, 6.0, 6.0])
    assert hold.first_met.numpy().tolist() == [-1, -1, 0, 0]
    assert hold.best.numpy().ravel().tolist() == [1, 2, 3, 4]
    # Of the second pair one corner comes nearer to the source, by less than the other leaves it.
    hold = advance(pair, hold, 1, [0.5, 3.0, 0.5, 0.5], [0.0, 0.0, 1.0, 12.0], [5, 6, 7, 8])
    assert hold.best.numpy().ravel().tolist() == [1, 2, 3, 4]
    hold = advance(pair, hold, 2, [0.5, 0.5, 0.5, 0.5], [9.0, 9.0, 0.0, 11.0], [5, 6, 7, 8])
    assert hold.best.numpy().ravel().tolist() == [5, 6, 7, 8]
    np.testing.assert_allclose(hold.change, [9.0, 9.0, 5.5, 5.5])


def test_the_worst_of_several_terms_counts_each_by_its_own_limit():
    hold = LED.advance(
        LED.init(images(0, 0)),
        images(1, 2),
        {"a": tf.constant([3.0, 1.0]), "b": tf.constant([0.1, 0.3]), "source_pull": tf.constant([1.0, 1.0])},
        {"a": tf.constant([4.0, 4.0]), "b": tf.constant([0.2, 0.2])},
        tf.constant(0),
    )
    np.testing.assert_allclose(hold.gap, [0.75, 1.5])
    assert hold.matched.numpy().tolist() == [True, False]


# What is kept


def test_of_the_states_that_match_the_one_of_least_change_is_kept():
    gaps, changes = [0.9, 0.1, 0.99, 0.5], [4.0, 5.0, 3.0, 3.5]
    hold = led_through(LED, gaps, changes)
    assert hold.best.numpy().tolist() == [[2.0]] and hold.change.numpy().tolist() == [3.0]
    assert hold.first_met.numpy().tolist() == [0]


def test_until_one_matches_the_nearest_to_the_limits_is_kept_whatever_its_change():
    hold = led_through(LED, [5.0, 2.0, 3.0], [1.0, 100.0, 1.0])
    assert hold.best.numpy().tolist() == [[1.0]] and hold.change.numpy().tolist() == [INF]
    hold = advance(LED, hold, 3, [0.5], [1000.0])
    assert hold.best.numpy().tolist() == [[3.0]] and hold.change.numpy().tolist() == [1000.0]
    hold = advance(LED, hold, 4, [1.5], [1.0])  # a miss of less change is no match
    assert hold.best.numpy().tolist() == [[3.0]]


def test_numbers_that_are_none_are_never_kept():
    hold = led_through(LED, [3.0, NAN, INF], [1.0, 0.0, 0.0])
    assert hold.best.numpy().tolist() == [[0.0]] and not hold.matched.numpy().any()
    assert hold.gap.numpy().tolist() == [3.0]
    assert led_through(LED, [NAN], [0.0]).best.numpy().tolist() == [[-1.0]]  # the start


# The end


def over(rule, hold, *steps):
    return [bool(rule.over(hold, tf.constant(step)).numpy().all()) for step in steps]


@pytest.mark.parametrize(("began", "met", "end"), [(0, 10, 110), (0, 50, 150), (0, 100, 300), (50, 60, 160), (50, 200, 500)])
def test_a_search_refines_for_twice_as_long_as_it_took_to_match(began, met, end):
    """But for 100 steps at least."""
    hold = advance(LED, LED.init(images(0), step=began), met, [0.5], [1.0])
    assert over(LED, hold, met, end - 1, end, end + 1) == [False, False, True, True]


def test_without_progress_a_search_ends_after_its_patience():
    """A fall of the gap by a tenth is progress; two of a twentieth are, too."""
    rule = Continuation(corners=1, pull=None, patience=5)
    hold = led_through(rule, [10.0, 9.5, 9.2], [1.0] * 3)
    assert hold.marked_at.numpy().tolist() == [0] and hold.gap_mark.numpy().tolist() == [10.0]
    assert over(rule, hold, 4, 5) == [False, True]
    hold = advance(rule, hold, 3, [8.9], [1.0])
    assert hold.marked_at.numpy().tolist() == [3] and over(rule, hold, 7, 8) == [False, True]
    np.testing.assert_allclose(hold.gap, [8.9])
    assert over(LED, hold, 10_000) == [False]  # no patience is any


def test_with_a_fixed_pull_a_search_ends_at_its_first_match():
    rule = Continuation(corners=1, pull=0.0, patience=0)
    hold = led_through(rule, [2.0, 1.5], [1.0, 1.0])
    assert over(rule, hold, 1) == [False]
    assert over(rule, advance(rule, hold, 2, [0.9], [1.0]), 2) == [True]


# A descent with it: x in one dimension goes from 0, its source, to 1, where its features are the target's


def gap_terms(controls, goal, step):
    """(1 - x)^2 is to be at most a limit, and x^2 is the change: the least is where 1 - x is the limit's root."""
    x = controls[:, 0]
    return {"match": tf.square(goal * (1.0 - x)), "source_pull": tf.square(x)}


def led_descent(found, *, pull=None, patience=50):
    return Descent(
        found,
        term_weights={"match": 1.0, "source_pull": 0.0},
        progress_term="match",
        rule=adam(),
        rate=lambda step: 0.03,
        take=lambda goal, rows: tf.gather(goal, rows),
        continuation=Continuation(1, pull, patience),
    )


def same_bits(one, other):
    assert one.controls.tobytes() == other.controls.tobytes()
    assert (one.steps, one.ended) == (other.steps, other.ended)
    assert one.trace.steps.tolist() == other.trace.steps.tolist()
    for name, values in one.trace.terms.items():
        assert values.tobytes() == other.trace.terms[name].tobytes(), name
    np.testing.assert_array_equal(one.converged, other.converged)
    np.testing.assert_array_equal(one.failed_at, other.failed_at)


def test_the_search_comes_to_lie_on_the_edge_of_what_matches():
    """Limit 0.04: the least change is where x is 0.8; without a pull x would go on to 1."""
    found = minimize(led_descent(gap_terms), images(0.0), tf.constant([1.0]), max_steps=1000, stop_loss=0.04)
    assert found.ended == "met" and found.converged.all() and found.steps < 400
    assert 0.8 - 1e-6 <= found.controls[0, 0] < 0.83  # within a step
    loose = minimize(led_descent(gap_terms, pull=0.0), images(0.0), tf.constant([1.0]), max_steps=1000, stop_loss=0.04)
    assert loose.ended == "met" and loose.steps < found.steps and loose.controls[0, 0] >= 0.8 - 1e-6


def test_a_search_that_cannot_match_ends_as_near_as_it_came():
    """No x brings 0.5 + (1 - x)^2 to 0.4."""

    def found(controls, goal, step):
        x = controls[:, 0]
        return {"match": 0.5 + tf.square(1.0 - x), "source_pull": tf.square(x)}

    done = minimize(led_descent(found, patience=80), images(0.0), tf.constant([1.0]), max_steps=5000, stop_loss=0.4)
    assert done.ended == "stagnated" and not done.converged.any() and done.steps < 600
    assert done.controls[0, 0] == pytest.approx(1.0, abs=0.1)
    capped = minimize(led_descent(found, patience=0), images(0.0), tf.constant([1.0]), max_steps=300, stop_loss=0.4)
    assert capped.ended == "max_steps" and capped.steps == 300


def test_a_corner_that_fails_keeps_its_best():
    """Beyond 0.9 the terms of the first corner are no numbers, and its limit lies there; the second goes its way."""

    def found(controls, goal, step):
        x = controls[:, 0]
        hole = tf.where(x > goal, np.float32(np.nan), 0.0 * x)
        return {"match": tf.square(1.0 - x) + hole, "source_pull": tf.square(x)}

    done = minimize(led_descent(found), images(0.0, 0.0), tf.constant([0.9, 5.0]), max_steps=1000, stop_loss=0.0025)
    assert done.ended == "diverged" and done.failed_at[0] >= 0 and done.failed_at[1] == -1
    assert 0.7 < done.controls[0, 0] <= 0.9  # the last one before
    assert done.converged.tolist() == [False, True] and 0.95 - 1e-6 <= done.controls[1, 0] < 0.97


def test_corners_that_are_at_their_end_leave_the_others_their_bits():
    """Each by itself, in a batch with others that take longer."""
    goal = tf.constant([1.0, 3.0, 0.5])
    descent = led_descent(gap_terms)
    whole = minimize(descent, images(0.0, 0.0, 0.0), goal, max_steps=1000, stop_fraction=0.05)
    for row in range(3):
        alone = minimize(descent, images(0.0), goal[row : row + 1], max_steps=1000, stop_fraction=0.05)
        assert alone.controls.tobytes() == whole.controls[row].tobytes()
    assert whole.ended == "met"


# Bits: an interruption, and other pairs beside it


RNG = np.random.default_rng(0)
KERNEL, BIAS = RNG.normal(size=(6, 12)).astype(np.float32), RNG.normal(size=12).astype(np.float32)
SOURCES, TARGETS = RNG.random([3, 6]).astype(np.float32), RNG.random([3, 6]).astype(np.float32)
GOALS = [
    terms.staying(
        terms.make_goal(target @ KERNEL + BIAS, tuple((int(u),) for u in np.flatnonzero(target @ KERNEL + BIAS < 0)[:2])),
        source.reshape(1, 2, 3),
        target.reshape(1, 2, 3),
    )
    for source, target in zip(SOURCES, TARGETS, strict=True)
]


def layer_terms(controls, goal, step):
    features = tf.reshape(controls, [-1, 6]) @ KERNEL + BIAS
    return {
        "active_match": terms.active_match(features, goal.post_activation, goal.active),
        "corner_push": terms.corner_push(features, goal.pushed),
        "feature_distance": terms.feature_distance(features, goal.post_activation),
        "source_pull": terms.source_pull(controls, goal.source),
    }


def layer_descent(*, coupled, pull=None, fixed_limits=None, trace_every=7, fused=False):
    return Descent(
        layer_terms,
        term_weights={"active_match": 1.0, "corner_push": 0.05, "feature_distance": 1.0, "source_pull": 0.0},
        progress_term="active_match",
        rule=adam(beta_2=0.95),
        rate=lambda step: 0.02,
        project=lambda x, goal: tf.clip_by_value(x, 0.0, 1.0),
        scales=terms.scales,
        take=terms.take,
        corners=2,
        coupled=coupled,
        half_life=60.0,
        trace_every=trace_every,
        continuation=Continuation(2 if coupled else 1, pull, 40),
        fixed_limits=fixed_limits,
        fused=fused,
    )


def starts(*pairs):
    return tf.constant(np.concatenate([np.repeat(SOURCES[pair].reshape(1, 1, 2, 3), 2, axis=0) for pair in pairs]))


def grudging(times):
    """Accepts a pair only when it has been asked so many times; says better things each time."""
    asked = {}

    def accept(pair, controls):
        asked[pair] = asked.get(pair, 0) + 1
        return 1.0 if asked[pair] > times[pair] else 0.1 * asked[pair]

    return accept


OPTIONS = {"max_steps": 900, "stop_fraction": 0.1}


@pytest.mark.parametrize("pull", [None, 0.01])
@pytest.mark.parametrize("coupled", [True, False])
def test_an_interrupted_search_ends_in_the_same_bits(tmp_path, monkeypatch, coupled, pull):
    """From each of its chunks, those after a refusal among them, by way of a file."""
    monkeypatch.setattr(driver, "_first_chunk", lambda *_: 17)
    monkeypatch.setattr(driver, "_CHUNK_SECONDS", 0.05)
    descent, packed = layer_descent(coupled=coupled, pull=pull), []
    refused = lambda pair, controls: float(np.clip(1.4 - controls.std(), 0.2, 0.99))  # noqa: E731 - it knows no past
    whole = minimize_pairs(
        descent, starts(0), GOALS[0], **OPTIONS, accept=refused, on_chunk=lambda *state: packed.append(pack_state(*state))
    )
    rounds = [int(state["rounds"][0]) for state in packed]
    assert max(rounds) >= 2
    chosen = [rounds.index(1), len(packed) // 2, len(packed) - 2]
    for at in {0, *chosen}:
        atomic.write_npz(tmp_path / "checkpoint.npz", packed[at])
        with np.load(tmp_path / "checkpoint.npz") as arrays:
            checkpoint = dict(arrays)
        again = layer_descent(coupled=coupled, pull=pull)
        resumed = minimize_pairs(again, starts(0), GOALS[0], **OPTIONS, accept=refused, resume=checkpoint)
        same_bits(resumed[0], whole[0])


@pytest.mark.parametrize("coupled", [True, False])
def test_pairs_end_as_if_each_were_alone(coupled):
    """One is accepted at once, another after two rounds more, the third never."""
    times = [0, 2, 99]
    descent = layer_descent(coupled=coupled)
    joined = minimize_pairs(descent, starts(0, 1, 2), terms.side_by_side(GOALS), **OPTIONS, accept=grudging(times))
    for pair, found in enumerate(joined):
        (alone,) = minimize_pairs(descent, starts(pair), GOALS[pair], **OPTIONS, accept=grudging(times[pair : pair + 1]))
        np.testing.assert_allclose(found.controls, alone.controls, atol=1e-5)
        assert (found.steps, found.ended) == (alone.steps, alone.ended)
        assert found.trace.steps.tolist() == alone.trace.steps.tolist()
        np.testing.assert_allclose(found.stop_loss, alone.stop_loss, rtol=1e-6)
    assert [found.ended for found in joined] == ["met", "met", "stagnated"]
    assert len({found.steps for found in joined}) == 3


def test_a_search_compiled_by_xla_remembers_what_a_plain_one_does():
    plain, fused = (
        minimize_pairs(layer_descent(coupled=True, fused=fused), starts(0), GOALS[0], max_steps=40, stop_fraction=0.1)[0]
        for fused in (False, True)
    )
    assert (fused.steps, fused.ended) == (plain.steps, plain.ended)
    np.testing.assert_allclose(fused.controls, plain.controls, rtol=1e-4, atol=1e-5)
    assert np.abs(plain.controls - starts(0).numpy()).max() > 0.01
