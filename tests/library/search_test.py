"""--max_change and --max_total are kept at every step of a descent; what default settings make of flags."""

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.library.options import SearchOptions
from tfcollide.library.search import continuation_of, projection
from tfcollide.objectives import terms
from tfcollide.optimize import driver
from tfcollide.optimize.continuation import Continuation
from tfcollide.optimize.loss import HullTerms
from tfcollide.optimize.step import Descent
from tfcollide.optimize.update_rules.adam import adam
from tfcollide.parameterizations.pixels import Pixels
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.mapping import search_options
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.shapes import Bounds

SHAPE = (1, 2, 1)


def goal(source=(0.5, 0.25), span=1.0):
    image = np.array(source, np.float32).reshape(SHAPE)
    made = terms.make_goal(np.array([1.0, -1.0], np.float32), ((), ()))
    return terms.staying(made, image, image + span)


def projected(*points, bounds=(0.0, 1.0), source=(0.5, 0.25), **flags):
    project = projection(Pixels(Bounds(*bounds)), flags.get("max_change"), flags.get("max_total"))
    controls = tf.constant(np.array(points, np.float32).reshape(-1, *SHAPE))
    return project(controls, goal(source)).numpy().reshape(-1, 2)


def test_without_limits_pixels_are_clipped_alone():
    np.testing.assert_array_equal(projected((2.0, -1.0), (0.125, 0.75)), [[1.0, 0.0], [0.125, 0.75]])


def test_no_pixel_changes_by_more_than_max_change():
    """From (0.5, 0.25)."""
    found = projected((0.9, 0.3), (0.5, 1.0), (0.0, 0.25), max_change=0.125)
    np.testing.assert_allclose(found, [[0.625, 0.3], [0.5, 0.375], [0.375, 0.25]])


def test_a_change_longer_than_max_total_is_shortened_in_its_own_direction():
    """(0.3, 0.4) is 0.5 long; of (0.03, 0.04) nothing is taken."""
    found = projected((0.8, 0.65), (0.53, 0.29), (0.5, 0.25), max_total=0.25)
    np.testing.assert_allclose(found, [[0.65, 0.45], [0.53, 0.29], [0.5, 0.25]], rtol=1e-6)


def test_both_limits_and_the_bounds_hold_together():
    found = projected((9.0, 9.0), (-9.0, -9.0), source=(0.9, 0.05), max_change=0.2, max_total=0.15)
    for point in found:
        change = point - np.float32([0.9, 0.05])
        assert np.abs(change).max() <= 0.2 + 1e-7 and np.linalg.norm(change) <= 0.15 + 1e-7
        assert point.min() >= 0.0 and point.max() <= 1.0


def test_limits_of_nothing_leave_the_source():
    np.testing.assert_array_equal(projected((0.9, 0.9), max_change=0.0), [[0.5, 0.25]])
    np.testing.assert_array_equal(projected((0.9, 0.9), max_total=0.0), [[0.5, 0.25]])


def test_each_pair_of_a_batch_is_bound_to_its_own_source():
    goals = [goal(source) for source in ((0.0, 0.0), (1.0, 1.0))]
    project = projection(Pixels(Bounds(0.0, 1.0)), 0.25, None)
    found = project(tf.fill([4, *SHAPE], 0.5), terms.side_by_side(goals)).numpy()
    np.testing.assert_array_equal(found.reshape(4, 2), [[0.25, 0.25]] * 2 + [[0.75, 0.75]] * 2)


@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("limits", [{"max_change": 0.1}, {"max_total": 0.3}, {"max_change": 0.15, "max_total": 0.3}], ids=str)
@pytest.mark.parametrize("pull", [None, 0.0])
def test_no_step_of_a_descent_leaves_the_limits(monkeypatch, limits, scale, pull):
    """A layer whose target lies far outside of them; the noise of the start, too. Every single step is looked at."""
    monkeypatch.setattr(driver, "_first_chunk", lambda *_: 1)
    monkeypatch.setattr(driver, "_CHUNK_SECONDS", 0.0)
    rng = np.random.default_rng(1)
    kernel = (rng.normal(size=[12, 8]) / scale).astype(np.float32)
    source, target = (scale * rng.random([2, 3, 4, 1])).astype(np.float32)
    aim = terms.make_goal(target.ravel() @ kernel, ((), ()))
    aim = terms.staying(aim, source, target)
    flags = {name: value * scale for name, value in limits.items()}
    pixels = Pixels(Bounds(0.0, scale))

    def loss(controls, goal, step):
        features = tf.reshape(controls, [-1, 12]) @ kernel
        return {
            "active_match": terms.active_match(features, goal.post_activation, goal.active),
            "source_pull": terms.source_pull(controls, goal.source),
        }

    descent = Descent(
        loss,
        term_weights={"active_match": 1.0, "source_pull": 0.0},
        progress_term="active_match",
        rule=adam(),
        rate=lambda step: 0.03 * scale,
        project=projection(pixels, flags.get("max_change"), flags.get("max_total")),
        scales=terms.scales,
        continuation=Continuation(1, pull, 0),
    )
    seen = []
    driver.minimize(
        descent,
        pixels.init(source, 2, noise=0.5),
        aim,
        max_steps=60,
        stop_loss=1e-9,
        on_chunk=lambda state, trace: seen.append(np.stack([state.controls, state.hold.best])),
    )
    assert len(seen) == 60
    change = np.abs(np.stack(seen).astype(np.float64) - source) / scale
    length = np.linalg.norm(change.reshape(-1, 12), axis=1)
    ulp = np.finfo(np.float32).eps
    assert change.max() <= limits.get("max_change", 1.0) + ulp
    assert length.max() <= limits.get("max_total", 9.0) * (1 + 4 * ulp) + ulp
    reached = [change.max() / limits["max_change"]] if "max_change" in limits else []
    reached += [length.max() / limits["max_total"]] if "max_total" in limits else []
    assert max(reached) > 0.99  # they mattered


# What a descent is led by


def test_the_search_is_led_by_default_and_presets_and_the_baseline_are_not():
    together = HullTerms(5, 5, 1.0, 0)
    assert continuation_of(SearchOptions(), together) == Continuation(5, None, 150)
    assert continuation_of(SearchOptions(), None) == Continuation(1, None, 150)
    assert continuation_of(SearchOptions(source_pull=0.5, patience=7), None) == Continuation(1, 0.5, 7)
    assert continuation_of(search_options(CollideConfig(objective="match")), None) == Continuation(1, 0.0, 150)
    assert continuation_of(SearchOptions(source_pull=0.0, patience=0), None) is None


@pytest.mark.parametrize("preset", ["mnist", "decay", "ema", "paper", "composite_paper"])
def test_presets_neither_pull_nor_look_out_for_an_end(preset):
    values = preset_values(preset)
    assert continuation_of(search_options(CollideConfig(**{"preset": preset} | values)), None) is None
    assert values["allow_trivial"] and values["max_steps"] == 20_000
