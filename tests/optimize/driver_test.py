import numpy as np
import pytest
import tensorflow as tf

from tfcollide.files import atomic
from tfcollide.objectives import terms
from tfcollide.optimize import driver
from tfcollide.optimize.continuation import Continuation
from tfcollide.optimize.driver import minimize, minimize_pairs
from tfcollide.optimize.loss import weighted_sum, weights_at
from tfcollide.optimize.rates import rate_of
from tfcollide.optimize.schedules import Schedule
from tfcollide.optimize.state import pack_state
from tfcollide.optimize.step import Descent
from tfcollide.optimize.update_rules import UpdateRule
from tfcollide.optimize.update_rules.adam import adam
from tfcollide.optimize.update_rules.gradient_descent import gradient_descent
from tfcollide.registry import OBJECTIVES, UPDATE_RULES

# One random ReLU layer, six inputs and twelve units; controls [N, 6].

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(6, 12)).astype(np.float32)
BIAS = RNG.normal(size=12).astype(np.float32)
SOURCE, TARGET = RNG.random([2, 6]).astype(np.float32)
PRE_T = TARGET @ KERNEL + BIAS
UNITS = tuple((int(u),) for u in np.flatnonzero(PRE_T < 0)[:3])
WEIGHTS = {"active_match": 1.0, "corner_push": 0.5, "inactive_magnitude": 0.2}


def layer_terms(controls, goal, step):
    return OBJECTIVES.load("corners").terms(controls @ KERNEL + BIAS, goal)


def layer_descent(rule=gradient_descent, rate=2e-3, **options):
    return Descent(
        layer_terms,
        term_weights=WEIGHTS,
        progress_term="active_match",
        rule=rule(),
        rate=lambda step: rate,
        project=lambda x, goal: tf.clip_by_value(x, 0.0, 1.0),
        **({"half_life": 20.0, "trace_every": 7} | options),
    )


def copies(count):
    return tf.constant(np.repeat(SOURCE[None], count, axis=0))


GOAL = terms.make_goal(PRE_T, UNITS)


def assert_same_bits(one, other):
    assert one.controls.tobytes() == other.controls.tobytes()
    assert one.steps == other.steps
    assert one.trace.steps.tolist() == other.trace.steps.tolist()
    for name, values in one.trace.terms.items():
        assert values.tobytes() == other.trace.terms[name].tobytes(), name
    np.testing.assert_array_equal(one.converged, other.converged)
    np.testing.assert_array_equal(one.failed_at, other.failed_at)


# A ramp whose every number is known: controls [N, 1] start at 1 and fall by 1/8 a step; below its `hole` a corner's
# second term is not a number.


def ramp_terms(controls, hole, step):
    height = controls[:, 0]
    return {"height": height, "hole": tf.where(height < hole, np.nan, 0.0 * height)}


def ramp(**options):
    return Descent(
        ramp_terms,
        term_weights={"height": 1.0, "hole": 1.0},
        progress_term="height",
        rule=gradient_descent(),
        rate=lambda step: 0.125,
        **options,
    )


NO_HOLE = -1e9


def run_ramp(corners=1, holes=None, *, descent=None, **options):
    holes = tf.constant([NO_HOLE] * corners if holes is None else holes, tf.float32)
    return minimize(descent or ramp(), tf.ones([len(holes), 1]), holes, **({"max_steps": 4} | options))


# Weights


def test_weighted_sum():
    found = weighted_sum({"a": tf.constant([1.0, 2.0]), "b": tf.constant([10.0, 20.0])}, {"b": 0.5, "a": 2.0})
    assert found.numpy().tolist() == [7.0, 14.0]


def test_weights_halve_but_one():
    for step, share in [(0, 1.0), (250, 0.5**0.5), (500, 0.5), (1500, 0.125)]:
        found = weights_at(tf.constant(step), {"match": 3.0, "push": 8.0}, ("match",), 500.0)
        assert float(found["match"]) == 3.0
        assert float(found["push"]) == pytest.approx(8.0 * share, rel=1e-6)


def test_half_life_of_zero_keeps_all_weights():
    assert weights_at(tf.constant(10_000), {"match": 3.0, "push": 8.0}, ("match",), 0.0) == {"match": 3.0, "push": 8.0}


def test_the_loop_descends_weighted_and_decayed_terms():
    # terms x (kept) and y: x falls by 2 a step; y by 1, then 1/2, then 1/4
    descent = Descent(
        lambda controls, goal, step: {"x": controls[:, 0], "y": controls[:, 1]},
        term_weights={"x": 2.0, "y": 1.0},
        progress_term="x",
        rule=gradient_descent(),
        rate=lambda step: 1.0,
        half_life=1.0,
    )
    result = minimize(descent, tf.zeros([1, 2]), 0.0, max_steps=3, stop_loss=-100.0)
    np.testing.assert_allclose(result.controls, [[-6.0, -1.75]], rtol=1e-6)


def test_the_rule_is_told_the_step():
    rule = UpdateRule(lambda x: (), lambda gradient, slots, step: (gradient * tf.cast(step, tf.float32), slots))
    descent = Descent(
        lambda controls, goal, step: {"x": controls[:, 0]},
        term_weights={"x": 1.0},
        progress_term="x",
        rule=rule,
        rate=lambda step: 1.0,
    )
    assert minimize(descent, tf.zeros([1, 1]), 0.0, max_steps=5, stop_loss=-100.0).controls == -(0 + 1 + 2 + 3 + 4)


def test_the_rate_is_that_of_the_step_and_controls_are_projected():
    descent = Descent(
        lambda controls, goal, step: {"x": controls[:, 0]},
        term_weights={"x": 1.0},
        progress_term="x",
        rule=gradient_descent(),
        rate=rate_of(Schedule((0, 2), (1.0, 10.0)), 5),
        project=lambda x, goal: tf.maximum(x, -25.0),
    )
    controls = [minimize(descent, tf.zeros([1, 1]), 0.0, max_steps=n, stop_loss=-100.0).controls[0, 0] for n in (1, 2, 3, 4, 5)]
    assert controls == [-1.0, -2.0, -12.0, -22.0, -25.0]


# Corners


@pytest.mark.parametrize("rule", ["gradient_descent", "adam"])
def test_a_batch_equals_single_runs(rule):
    descent = layer_descent(UPDATE_RULES.load(rule).build, rate=1e-2)
    options = {"max_steps": 150, "stop_fraction": 0.1}
    batch = minimize(descent, copies(3), GOAL, **options)
    singles = [minimize(descent, copies(1), terms.make_goal(PRE_T, UNITS[n : n + 1]), **options) for n in range(3)]
    np.testing.assert_allclose(batch.controls, np.concatenate([s.controls for s in singles]), rtol=1e-4, atol=1e-6)
    assert batch.steps == max(s.steps for s in singles) < 150
    assert batch.converged.all()
    apart = np.abs(batch.controls[:, None] - batch.controls).max(axis=2)[np.triu_indices(3, 1)]
    assert apart.min() > 0.01  # these are not the same corner three times


def test_done_corners_stop_moving_and_the_others_go_on():
    # the stop is "below": at 0.5 a corner still moves
    result = run_ramp(descent=ramp(trace_every=1), corners=1, max_steps=20, stop_loss=0.5)
    assert result.controls.tolist() == [[0.375]]
    assert result.trace.terms["height"][:, 0].tolist() == [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.375]

    descent = Descent(
        lambda controls, goal, step: {"height": goal * controls[:, 0]},
        term_weights={"height": 1.0},
        progress_term="height",
        rule=gradient_descent(),
        rate=lambda step: 0.125,
    )
    slopes = tf.constant([1.0, 2.0])
    both = minimize(descent, tf.ones([2, 1]), slopes, max_steps=20, stop_loss=0.5)
    assert both.controls.tolist() == [[0.375], [0.0]]  # 1 - 5/8, and 1 - 4 * 2/8 with a height of 0
    assert both.converged.tolist() == [True, True]
    assert both.steps == 6


def test_stop_fraction_is_of_each_corners_own_start():
    descent = Descent(
        lambda controls, goal, step: {"height": goal * controls[:, 0]},
        term_weights={"height": 1.0},
        progress_term="height",
        rule=gradient_descent(),
        rate=lambda step: 0.125,
    )
    result = minimize(descent, tf.ones([2, 1]), tf.constant([1.0, 2.0]), max_steps=2, stop_fraction=0.6)
    np.testing.assert_allclose(result.stop_loss, [0.6, 1.2], rtol=1e-6)
    assert result.converged.tolist() == [False, True]  # heights 0.75 and 1.0


def test_a_start_that_collides_already_is_done():
    descent = Descent(
        lambda controls, goal, step: {"height": tf.square(controls[:, 0])},
        term_weights={"height": 1.0},
        progress_term="height",
        rule=gradient_descent(),
        rate=lambda step: 0.125,
    )
    result = minimize(descent, tf.zeros([1, 1]), tf.constant(0.0), max_steps=50)
    assert result.converged.tolist() == [True] and result.steps == 1


def test_stop_loss_wins_over_stop_fraction():
    result = run_ramp(2, max_steps=3, stop_loss=0.7, stop_fraction=1e-9)
    np.testing.assert_allclose(result.stop_loss, [0.7, 0.7], rtol=1e-6)
    assert result.converged.tolist() == [True, True]


@pytest.mark.parametrize("max_steps", [1, 5, 16, 17, 40])
def test_max_steps(max_steps):
    result = run_ramp(2, max_steps=max_steps, stop_loss=-100.0)
    assert result.steps == max_steps
    assert result.controls.tolist() == [[1 - max_steps / 8]] * 2
    assert result.converged.tolist() == [False, False]
    assert result.failed_at.tolist() == [-1, -1]


def test_a_corner_that_arrives_with_the_last_step_has_converged():
    result = run_ramp(max_steps=5, stop_loss=0.5)
    assert result.controls.tolist() == [[0.375]]
    assert result.converged.tolist() == [True]


# Trace


def test_trace_rows():
    result = run_ramp(2, descent=ramp(trace_every=3), max_steps=8, stop_loss=-100.0)
    assert result.trace.steps.tolist() == [0, 3, 6, 8]
    expected = [[1 - step / 8] * 2 for step in (0, 3, 6, 8)]
    assert result.trace.terms["height"].tolist() == expected
    assert result.trace.terms["hole"].tolist() == [[0.0, 0.0]] * 4


def test_trace_ends_with_the_last_step_once():
    result = run_ramp(1, descent=ramp(trace_every=4), max_steps=40, stop_loss=-100.0)
    assert result.trace.steps.tolist() == [*range(0, 40, 4), 40]


def test_progress_is_reported_between_chunks(monkeypatch):
    monkeypatch.setattr(driver, "_first_chunk", lambda *_, n=3: n)
    monkeypatch.setattr(driver, "_CHUNK_SECONDS", 0.0)
    seen = []
    descent = ramp(trace_every=2)
    run_ramp(descent=descent, max_steps=5, stop_loss=-9.0, on_chunk=lambda s, t: seen.append((int(s.step), t.steps.tolist())))
    assert seen == [(3, [0, 2]), (4, [0, 2]), (5, [0, 2, 4])]


# Numbers that are not finite


def test_a_corner_that_diverges_is_reported_and_leaves_the_others_alone():
    holes = [NO_HOLE, 0.7, 1.5, NO_HOLE]
    result = run_ramp(holes=holes, max_steps=6, stop_loss=-100.0)
    # below 0.7 with its third step, and below 1.5 from the start
    assert result.failed_at.tolist() == [-1, 3, 0, -1]
    assert result.controls.ravel().tolist() == [0.25, 0.625, 1.0, 0.25]
    assert result.converged.tolist() == [False] * 4
    assert result.steps == 6


def test_a_corner_that_is_done_cannot_diverge_later():
    result = run_ramp(holes=[0.5, NO_HOLE], max_steps=6, stop_loss=0.65)
    assert result.controls.ravel().tolist() == [0.625, 0.625]
    assert result.converged.tolist() == [True, True]
    assert result.failed_at.tolist() == [-1, -1]


def test_the_loop_ends_when_all_corners_are_done_or_diverged():
    result = run_ramp(holes=[0.7, NO_HOLE], max_steps=1000, stop_loss=0.3)
    assert result.failed_at.tolist() == [3, -1]
    assert result.converged.tolist() == [False, True]
    assert result.steps == 7  # 1 - 6/8 is the first height below 0.3; one more step sees it


def test_a_gradient_that_is_not_finite_counts_though_the_terms_are():
    # sqrt at 0: the term is 0, its slope is infinite
    descent = Descent(
        lambda controls, goal, step: {"root": tf.sqrt(controls[:, 0])},
        term_weights={"root": 1.0},
        progress_term="root",
        rule=gradient_descent(),
        rate=lambda step: 0.125,
    )
    done = minimize(descent, tf.constant([[0.0]]), 0.0, max_steps=2, stop_loss=1.0)
    assert done.converged.tolist() == [True] and done.failed_at.tolist() == [-1]  # it need not move any more
    result = minimize(descent, tf.constant([[0.0], [4.0]]), 0.0, max_steps=2, stop_loss=-1.0)
    assert result.failed_at.tolist() == [0, -1]
    assert result.controls[0, 0] == 0.0
    assert result.controls[1, 0] == pytest.approx(4 - 0.125 / 4 - 0.125 / (2 * (4 - 0.125 / 4) ** 0.5))


@pytest.mark.parametrize("rule", ["gradient_descent", "ema", "adam"])
def test_a_diverged_corner_does_not_change_the_bits_of_its_neighbors(rule):
    def scaled(controls, goal, step):
        values = layer_terms(controls, goal[0], step)
        return values | {"active_match": goal[1] * values["active_match"]}

    descent = Descent(
        scaled,
        term_weights=WEIGHTS,
        progress_term="active_match",
        rule=UPDATE_RULES.load(rule).build(),
        rate=lambda step: 2e-3,
    )
    options = {"max_steps": 30, "stop_loss": 0.0}
    whole = minimize(descent, copies(3), (GOAL, tf.constant([1.0, 1.0, 1.0])), **options)
    broken = minimize(descent, copies(3), (GOAL, tf.constant([1.0, np.nan, 1.0])), **options)
    assert broken.failed_at.tolist() == [-1, 0, -1]
    assert broken.controls[1].tobytes() == SOURCE.tobytes()
    assert broken.controls[[0, 2]].tobytes() == whole.controls[[0, 2]].tobytes()
    assert np.abs(whole.controls[1] - SOURCE).max() > 0


@pytest.mark.parametrize("rate", [1e12, 1e30])
def test_controls_stay_finite_when_steps_overflow(rate):
    # x^2 from 1e10: at the lower rate the loss overflows after a step, at the higher one the step itself does
    descent = Descent(
        lambda controls, goal, step: {"square": tf.square(controls[:, 0])},
        term_weights={"square": 1.0},
        progress_term="square",
        rule=gradient_descent(),
        rate=lambda step: rate,
    )
    result = minimize(descent, tf.constant([[1e10], [0.0]]), 0.0, max_steps=5, stop_loss=0.0)
    assert result.failed_at[0] in (0, 1)
    assert np.isfinite(result.controls).all()
    assert result.failed_at[1] == -1 and result.controls[1, 0] == 0.0


# Bits


@pytest.mark.parametrize("rule", ["gradient_descent", "ema", "adam"])
def test_resuming_equals_going_on(rule, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "_first_chunk", lambda *_, n=20: n)
    packed = []
    descent = layer_descent(UPDATE_RULES.load(rule).build)
    options = {"max_steps": 90, "stop_loss": 0.0}
    whole = minimize(descent, copies(3), GOAL, **options, on_chunk=lambda *state: packed.append(pack_state(*state)))
    assert packed[0]["step"] == 20
    atomic.write_npz(tmp_path / "checkpoint.npz", packed[0])
    with np.load(tmp_path / "checkpoint.npz") as arrays:
        checkpoint = dict(arrays)
    for again in (descent, layer_descent(UPDATE_RULES.load(rule).build)):  # the same process, and as if in another
        assert_same_bits(minimize(again, copies(3), GOAL, **options, resume=checkpoint), whole)
    assert np.abs(checkpoint["controls"] - whole.controls).max() > 0


def test_resuming_keeps_who_is_done_and_who_diverged(monkeypatch):
    monkeypatch.setattr(driver, "_first_chunk", lambda *_, n=8: n)
    packed = []
    options = {"holes": [0.7, NO_HOLE, NO_HOLE], "max_steps": 20, "stop_fraction": 0.5, "descent": ramp()}
    whole = run_ramp(**options, on_chunk=lambda *state: packed.append(pack_state(*state)))
    assert whole.failed_at.tolist() == [3, -1, -1] and whole.converged.tolist() == [False, True, True]
    resumed = run_ramp(**options, resume=packed[0])
    assert_same_bits(resumed, whole)
    np.testing.assert_array_equal(resumed.stop_loss, [0.5] * 3)  # of the start, not of the checkpoint


@pytest.mark.parametrize("rule", ["gradient_descent", "adam"])
def test_the_same_inputs_give_the_same_bits(rule):
    runs = [minimize(layer_descent(UPDATE_RULES.load(rule).build), copies(3), GOAL, max_steps=60) for _ in range(2)]
    assert_same_bits(*runs)


def test_the_length_of_chunks_does_not_change_bits(monkeypatch):
    descent, runs, chunks = layer_descent(adam), [], []
    for first, seconds in [(1, 0.0), (7, 0.0), (10_000, 1e9)]:
        monkeypatch.setattr(driver, "_first_chunk", lambda *_, n=first: n)
        monkeypatch.setattr(driver, "_CHUNK_SECONDS", seconds)
        count = []
        options = {"max_steps": 60, "stop_loss": 0.0}
        runs.append(minimize(descent, copies(3), GOAL, **options, on_chunk=lambda *_, count=count: count.append(1)))
        chunks.append(len(count))
    assert chunks[0] == 60 and chunks[1] > 10 and chunks[2] == 1
    assert_same_bits(runs[0], runs[1])
    assert_same_bits(runs[0], runs[2])


def test_seconds_are_told_apart():
    seconds = run_ramp(max_steps=5).seconds
    assert set(seconds) == {"compile", "loop", "total"}
    assert 0 < seconds["loop"] <= seconds["total"]
    assert seconds["compile"] > 0


def test_corners_that_are_done_leave_the_batch_and_the_others_do_not_notice():
    """With `take` each step sees only the corners still at work, and all end where they would have."""
    sizes = []

    def terms(controls, goal, step):
        tf.py_function(lambda n: sizes.append(int(n)), [tf.shape(controls)[0]], [])
        return {"height": goal * controls[:, 0]}

    def descent(take):
        rule = gradient_descent()
        return Descent(
            terms,
            term_weights={"height": 1.0},
            progress_term="height",
            rule=rule,
            rate=lambda step: 0.125,
            take=take,
            trace_every=1,
        )

    goal = tf.constant([1.0, 2.0, 0.5])
    options = {"max_steps": 40, "stop_loss": 0.3}
    whole = minimize(descent(None), tf.ones([3, 1]), goal, **options)
    sizes.clear()
    part = minimize(descent(lambda goal, corners: tf.gather(goal, corners)), tf.ones([3, 1]), goal, **options)
    np.testing.assert_array_equal(part.controls, whole.controls)
    assert part.steps == whole.steps and part.converged.all()
    assert 1 in sizes and 2 in sizes
    np.testing.assert_array_equal(part.trace.terms["height"][-1], whole.trace.terms["height"][-1])


def test_scales_multiply_weights():
    descent = Descent(
        lambda controls, goal, step: {"x": controls[:, 0], "y": controls[:, 1]},
        term_weights={"x": 1.0, "y": 1.0},
        progress_term="x",
        rule=gradient_descent(),
        rate=lambda step: 0.5,
        scales=lambda goal: {"y": goal},
    )
    result = minimize(descent, tf.zeros([1, 2]), tf.constant(3.0), max_steps=2, stop_loss=-100.0)
    assert result.controls.tolist() == [[-1.0, -3.0]]


def test_where_the_result_is_refused_the_stopping_loss_is_halved_and_corners_go_on(monkeypatch):
    """Heights fall by 1/8 a step from 1; stops at 0.5, 0.25, 0.125 until the height is below 0.2."""
    asked = []

    def accept(controls):
        asked.append(float(controls.max()))
        return asked[-1] < 0.2

    options = {"max_steps": 40, "stop_loss": 0.51, "accept": accept}
    whole = run_ramp(**options)
    assert asked == [0.5, 0.25, 0.125]
    assert whole.converged.all() and whole.stop_loss.tolist() == pytest.approx([0.51])
    # A state in the middle of it knows how far the stop has been lowered.
    monkeypatch.setattr(driver, "_first_chunk", lambda *_: 2)
    packed = []
    run_ramp(**options, on_chunk=lambda *state: packed.append(pack_state(*state)))
    rounds = [int(state["rounds"][0]) for state in packed]
    assert rounds[0] == 0 and max(rounds) == 2
    for state in packed:
        resumed = run_ramp(**options, resume=state)
        assert resumed.steps == whole.steps
        np.testing.assert_array_equal(resumed.controls, whole.controls)


def test_max_steps_ends_what_is_never_accepted():
    result = run_ramp(max_steps=9, stop_loss=0.51, accept=lambda controls: False)
    assert result.steps == 9 and result.converged.all()


# Several pairs as one batch


def ramps(slopes, *, corners, coupled, **options):
    """Heights that fall by slope / 8 a step; `sizes` tells how many corners were computed."""
    sizes = []

    def terms(controls, goal, step):
        tf.py_function(lambda n: sizes.append(int(n)), [tf.shape(controls)[0]], [])
        return {"height": goal * controls[:, 0], "hole": tf.where(controls[:, 0] > 1e3, np.nan, 0.0 * controls[:, 0])}

    descent = Descent(
        terms,
        term_weights={"height": 1.0, "hole": 1.0},
        progress_term="height",
        rule=adam(),
        rate=lambda step: 0.125,
        take=lambda goal, rows: tf.gather(goal, rows),
        corners=corners,
        coupled=coupled,
        trace_every=2,
    )
    return descent, tf.ones([len(slopes), 1]), tf.constant(slopes), sizes


@pytest.mark.parametrize("coupled", [False, True])
def test_pairs_end_as_if_each_were_alone(coupled):
    slopes = [1.0, 2.0, 0.5, 0.25, 4.0, 3.0]
    descent, controls, goal, sizes = ramps(slopes, corners=2, coupled=coupled)
    asked = []

    def accept(pair, controls):
        asked.append((pair, controls.max()))
        return len([one for one, _ in asked if one == pair]) > pair  # the second is sent back once, the third twice

    options = {"max_steps": 60, "stop_loss": 0.4}
    together = minimize_pairs(descent, controls, goal, **options, accept=accept)
    assert {pair: [one for one, _ in asked].count(pair) for pair in range(3)} == {0: 1, 1: 2, 2: 3}
    for pair, found in enumerate(together):
        rows, times = slice(2 * pair, 2 * pair + 2), []
        alone = minimize(
            descent,
            controls[rows],
            goal[rows],
            **options,
            accept=lambda controls, times=times, pair=pair: times.append(1) or len(times) > pair,
        )
        assert_same_bits(found, alone)
        np.testing.assert_array_equal(found.stop_loss, alone.stop_loss)
    assert len({found.steps for found in together}) == 3
    assert {6, 2} <= set(sizes) and (coupled or 1 in sizes)  # who is done leaves the batch
    assert not coupled or not {1, 3, 5} & set(sizes)


def test_a_pair_that_diverges_does_not_harm_the_others():
    descent, controls, goal, _ = ramps([1.0, 1.0, 2.0, 2.0], corners=2, coupled=True)
    broken = tf.concat([controls[:2] + 1e4, controls[2:]], 0)
    lost, good = minimize_pairs(descent, broken, goal, max_steps=30, stop_loss=0.4)
    assert lost.failed_at.tolist() == [0, 0] and not lost.converged.any() and lost.steps == 1
    assert_same_bits(good, minimize(descent, controls[2:], goal[2:], max_steps=30, stop_loss=0.4))


def test_a_batch_that_is_resumed_ends_in_the_same_bits():
    descent, controls, goal, _ = ramps([1.0, 2.0, 0.5, 0.25], corners=2, coupled=True)
    packed = []
    options = {"max_steps": 60, "stop_loss": 0.3}
    whole = minimize_pairs(descent, controls, goal, **options, on_chunk=lambda *state: packed.append(pack_state(*state)))
    assert len(packed) >= 2  # a chunk ends where a pair does, and where it has taken long
    for checkpoint in packed:
        resumed = minimize_pairs(descent, controls, goal, **options, resume=checkpoint)
        for one, other in zip(resumed, whole, strict=True):
            assert_same_bits(one, other)


# Rounds of a search that is led: what is refused goes on, with lower limits


class Watched(Continuation):
    """Tells, at every step that is traced by nobody else, which limits it is given."""

    def advance(self, hold, controls, terms, limits, step):
        tf.py_function(
            lambda n, *values: SEEN.append((int(n), *(v.numpy().tolist() for v in values))), [step, *limits.values()], []
        )
        return super().advance(hold, controls, terms, limits, step)


SEEN = []


def led_ramp(*, slope=0.125, pull=0.0, patience=0, **options):
    """Heights fall from 1 by `slope` a step, other heights with them; what is refused goes on."""

    def found(controls, goal, step):
        height = controls[:, 0]
        twice = {"height": height, "same": height / 2, "fixed": height / 4, "other": height / 8}
        return twice | {"source_pull": tf.square(1.0 - height)}

    SEEN.clear()
    return Descent(
        found,
        term_weights={"height": 1.0, "same": 0.0, "fixed": 0.0, "other": 0.0, "source_pull": 0.0},
        progress_term="height",
        rule=gradient_descent(),
        rate=lambda step: slope,
        continuation=Watched(1, pull, patience),
        same_limit=("same",),
        fixed_limits={"fixed": 0.25},
        **options,
    )


def test_a_refusal_halves_all_limits_but_the_fixed_ones():
    """The height has to fall to 0.5, then 0.25, ...; `same` has its limit, `other` its own, `fixed` a fixed one."""
    asked = []

    def accept(controls):
        asked.append(float(controls[0, 0]))
        return 1.0 if len(asked) == 3 else 0.5

    limits = {"other": np.array([1.0], np.float32)}
    found = minimize(led_ramp(), tf.ones([1, 1]), 0.0, max_steps=40, stop_loss=0.51, accept=accept, limits=limits)
    assert asked == [0.5, 0.25, 0.125] and found.ended == "met" and found.controls.tolist() == [[0.125]]
    each = list(dict.fromkeys(tuple(round(limit[0], 6) for limit in limits) for _, *limits in sorted(SEEN)))
    assert each == [(0.51, 0.51, 1.0, 0.25), (0.255, 0.255, 0.5, 0.25), (0.1275, 0.1275, 0.25, 0.25)]
    assert found.stop_loss.tolist() == [pytest.approx(0.51)] and found.converged.all()  # what was asked for


def test_the_lower_of_two_limits_of_one_term_counts():
    descent = led_ramp()
    limits = descent.limits(np.array([0.5, 0.5]), {"same": np.array([0.4, 0.6]), "other": np.array([2.0, 3.0])})
    assert {name: [round(v, 6) for v in limit.tolist()] for name, limit in limits.items()} == {
        "height": [0.5, 0.5],
        "same": [0.4, 0.5],
        "other": [2.0, 3.0],
        "fixed": [0.25, 0.25],
    }


def test_after_four_rounds_more_the_best_that_was_seen_is_given():
    """Five are asked about; the second was the best, though it was refused too."""
    scores, asked = [0.3, 0.9, 0.5, 0.9, 0.1], []

    def accept(controls):
        asked.append(float(controls[0, 0]))
        return scores[len(asked) - 1]

    found = minimize(led_ramp(slope=2**-6), tf.ones([1, 1]), 0.0, max_steps=4000, stop_loss=0.51, accept=accept)
    assert asked == [0.5, 0.25, 0.125, 0.0625, 0.03125]
    assert found.ended == "stagnated" and found.controls.tolist() == [[0.25]]
    assert found.converged.all() and found.steps < 200  # its limits were met, its hull did not hold


def test_what_is_refused_ever_so_badly_is_kept_all_the_same():
    """A hull whose worst probe lies far on the other side has a score far below zero; the start has none."""
    found = minimize(led_ramp(), tf.ones([1, 1]), 0.0, max_steps=40, stop_loss=0.51, accept=lambda controls: -50.0)
    assert found.controls.tolist() == [[0.5]] and found.converged.all() and found.ended != "met"


def test_a_limit_of_nothing_is_met_by_a_term_of_nothing():
    """As the violation of a source that has none; in later rounds, too."""
    asked = []

    def zero(controls, goal, step):
        height = controls[:, 0]
        return {"height": height, "none": 0.0 * height, "source_pull": tf.square(1.0 - height)}

    descent = Descent(
        zero,
        term_weights={"height": 1.0, "none": 0.0, "source_pull": 0.0},
        progress_term="height",
        rule=gradient_descent(),
        rate=lambda step: 0.125,
        continuation=Continuation(1, 0.0, 20),
    )
    found = minimize(
        descent,
        tf.ones([1, 1]),
        0.0,
        max_steps=40,
        stop_loss=0.51,
        limits={"none": np.zeros(1, np.float32)},
        accept=lambda controls: asked.append(1) or float(len(asked) > 2),
    )
    assert found.ended == "met" and found.controls.tolist() == [[0.125]]


def test_the_ends():
    def end(height=1.0, accept=lambda controls: 1.0, **options):
        descent = led_ramp(**({"patience": 20} | {k: options.pop(k) for k in ("slope", "patience") if k in options}))
        found = minimize(
            descent, tf.fill([1, 1], height), 0.0, **({"max_steps": 400, "stop_loss": 0.51} | options), accept=accept
        )
        return found.ended, bool(found.converged.all())

    assert end() == ("met", True)
    assert end(slope=0.0) == ("stagnated", False)  # nothing moves
    assert end(slope=0.0, patience=0, max_steps=30) == ("max_steps", False)
    assert end(slope=np.inf) == ("diverged", False)
    assert end(accept=lambda controls: 0.5) == ("stagnated", True)  # four rounds more were not enough
    assert end(max_steps=5, accept=lambda controls: 0.5) == ("max_steps", True)  # matched, and no time for the next round
    assert end(max_steps=5) == ("met", True)


def test_many_searches_are_not_taken_for_one_that_is_traced_again(caplog):
    """TensorFlow warns of the first calls of five functions of one code, as a comparison of several networks has them."""
    goal = terms.make_goal(PRE_T, UNITS)
    with caplog.at_level("WARNING", logger="tensorflow"):
        for _ in range(6):
            descent = layer_descent()
            descent.evaluate(tf.constant(SOURCE[None].repeat(3, 0)), goal, tf.constant(0))
    assert "retracing" not in caplog.text


# What goes over all control parameters, compiled by XLA


@pytest.mark.parametrize("holes", [[NO_HOLE, NO_HOLE], [NO_HOLE, 0.8]])
def test_a_fused_descent_takes_the_same_steps_and_stops_where_numbers_end(holes):
    plain, fused = (run_ramp(2, holes, descent=ramp(fused=fused)) for fused in (False, True))
    assert_same_bits(plain, fused)


def test_a_fused_descent_of_a_layer_ends_where_a_plain_one_does():
    plain, fused = (minimize(layer_descent(adam, fused=fused), copies(3), GOAL, max_steps=60) for fused in (False, True))
    np.testing.assert_allclose(fused.controls, plain.controls, rtol=1e-4, atol=1e-5)
    assert fused.steps == plain.steps
