"""The polytope of a target in the values of the layer before: hand-solved in two dimensions, and what it is in others."""

import keras
import numpy as np
import pytest

import tfcollide as tc

layers = keras.layers


def network(weights, bias, *, ceiling=None, before="relu", tap_ceiling=None, shape=(1, 2, 1)):
    """Pixels from 0 to 20 -> as they are behind an activation -> a tap with given weights `[D, U]`."""
    weights, size = np.array(weights, np.float32), int(np.prod(shape))
    images = keras.Input(shape)
    first, last = layers.Dense(size, name="first"), layers.Dense(weights.shape[1], name="last")
    activation = layers.ReLU(max_value=ceiling) if before == "relu" else layers.Activation(before)
    x = layers.ReLU(max_value=tap_ceiling, name="tap")(last(activation(first(layers.Flatten()(images)))))
    model = keras.Model(images, layers.Dense(2)(x))
    first.set_weights([np.eye(size, dtype=np.float32), np.zeros(size, np.float32)])
    last.set_weights([weights, np.array(bias, np.float32)])
    return tc.wrap(model, pixel_range=(0, 20))


def polytope(net, target, **settings):
    return tc.collision_polytope(net, np.array(target, np.float32).reshape(1, 2, 1), tap="tap", space="layer", **settings)


def test_a_point_because_of_x_at_least_0():
    """x + y = 0 with x, y >= 0; behind tanh, of which no bounds are known, it is a line without an end."""
    found = polytope(network([[1], [1]], [1]), [0, 0])
    assert (found.dimension, found.radius, found.is_point, found.bounded) == (0, 0.0, True, True)
    np.testing.assert_array_equal(found.ball.center, [0, 0])
    free = polytope(network([[1], [1]], [1], before="tanh"), [0, 0])
    assert (free.dimension, free.radius, free.is_point, free.bounded) == (1, np.inf, False, False)


def test_a_segment():
    """x + y = 2 with x, y >= 0: from (2, 0) to (0, 2)."""
    found = polytope(network([[1], [1]], [0]), [1.5, 0.5])
    assert found.dimension == 1 and found.radius == pytest.approx(2**0.5) and found.bounded and not found.is_point
    vertices = found.vertices(6, seed=1).points
    assert {tuple(np.round(one, 9)) for one in vertices} == {(2.0, 0.0), (0.0, 2.0)}
    nearest = found.nearest(np.array([3, 4], np.float32).reshape(1, 2, 1))
    assert nearest.distance == pytest.approx(2.5 * 2**0.5) and abs(nearest.duality_gap) < 1e-9


def test_a_triangle_of_a_unit_that_is_off():
    """x + y <= 2 with x, y >= 0, and a unit that is on: none here, so that the set has two dimensions."""
    found = polytope(network([[1], [1]], [-2]), [0.5, 0.5])
    assert found.dimension == 2 and found.radius == pytest.approx(2 / (2 + 2**0.5))


def test_the_ceiling_of_relu6():
    """x + y = 12 with x, y <= 6 is a point; behind a plain ReLU it is a segment."""
    found = polytope(network([[1], [1]], [-11], ceiling=6.0), [9, 7])
    assert found.is_point and found.ball.center.tolist() == [6, 6]
    assert polytope(network([[1], [1]], [-11]), [6, 6]).dimension == 1


def test_a_tap_at_its_ceiling_is_an_inequality():
    """Post-activation 6: x + y >= 6."""
    found = polytope(network([[1], [1]], [0], tap_ceiling=6.0), [5, 5])
    assert (len(found.values), len(found.limits)) == (0, 1) and found.dimension == 2 and not found.bounded
    assert found.contains([6, 0]) and not found.contains([5.9, 0])


def test_features_that_no_values_have():
    """(x + y, -x - y) = (1, 1) is impossible; Farkas adds both equations."""
    net = network([[1, -1], [1, -1]], [0, 0])
    found = tc.collision_polytope(net, np.array([1.0, 1.0]), tap="tap", space="layer")
    proof = found.farkas
    assert found.dimension == -1 and np.isnan(found.radius) and not found.is_point
    np.testing.assert_allclose(proof.equalities @ found.equalities - proof.below + proof.above, 0, atol=1e-12)
    assert proof.equalities @ found.values == pytest.approx(-1)
    assert tc.collision_polytope(net, np.array([1.0, 0.0]), tap="tap", space="layer").dimension == 1


def test_a_box_around_a_source_may_be_empty_and_is_not_around_the_target():
    net, source = network([[1], [1]], [0]), np.array([3, 4], np.float32).reshape(1, 2, 1)
    near = polytope(net, [1.5, 0.5], source=source, max_change=2.0)  # to x + y = 2 it takes 2.5 each
    assert near.dimension == -1 and near.farkas.residual < 1e-9
    assert polytope(net, [1.5, 0.5], source=source, max_change=2.6).dimension == 1
    own = np.array([1.5, 0.5], np.float32).reshape(1, 2, 1)
    assert polytope(net, [1.5, 0.5], source=own, max_change=0.0).is_point


def test_a_convolution_of_1x1_is_a_dense_layer_at_each_position():
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 4, 3))
    x = layers.Conv2D(6, 3, activation="relu")(images)
    x = layers.Conv2D(9, 1, activation="relu", name="tap")(x)
    net = tc.wrap(keras.Model(images, layers.Dense(2)(layers.Flatten()(x))), pixel_range=(0, 1))
    target = np.random.default_rng(0).random([4, 4, 3]).astype(np.float32)
    at = tc.collision_polytope(net, target, tap="tap", space="layer", position=(1, 0))
    inputs = keras.Input((2, 3, 1))
    dense = layers.Dense(9, name="dense")
    y = layers.ReLU(name="tap")(dense(layers.ReLU()(layers.Flatten()(inputs))))
    same = tc.wrap(keras.Model(inputs, layers.Dense(2)(y)), pixel_range=(0, 100))
    conv = net.model.get_layer("tap")
    dense.set_weights([np.asarray(conv.kernel)[0, 0], np.asarray(conv.bias)])
    other = tc.collision_polytope(same, at.member.astype(np.float32).reshape(2, 3, 1), tap="tap", space="layer")
    for name in ("equalities", "values", "inequalities", "limits", "lower", "upper", "member"):
        np.testing.assert_allclose(getattr(at, name), getattr(other, name), atol=1e-12)
    assert at.dimension == other.dimension and at.radius == pytest.approx(other.radius)


def test_a_deep_set_against_programs_of_its_own():
    """20 values: what the cone says is what two programs per coordinate say."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(0)
    seen = set()
    for units in (7, 12, 17, 22):
        net = network(rng.standard_normal([20, 2 * units]) / 4, 0.1 * rng.standard_normal(2 * units), shape=(1, 20, 1))
        target = np.maximum(rng.standard_normal(20), 0).astype(np.float32)
        found = tc.collision_polytope(net, target.reshape(1, 20, 1), tap="tap", space="layer")
        rows = {"A_eq": found.equalities, "b_eq": found.values, "A_ub": found.inequalities, "b_ub": found.limits}
        reach = [linprog(sign * axis, **rows, bounds=(0, None)) for axis in np.eye(20) for sign in (1, -1)]
        width = max(np.inf if one.status == 3 else abs(one.x - target).max() for one in reach)
        assert found.is_point == (width < 1e-6), (units, width, found.dimension)
        assert found.bounded == np.isfinite(width)
        seen.add(found.is_point)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"space": "layers"}, "one of image, layer"),
        ({"source": np.zeros((1, 2, 1))}, "They make a box"),
        ({"max_change": 1.0}, "They make a box"),
        ({"space": "layer", "float32_safe": True}, "Leave it out"),
        ({"position": (0, 0), "space": "image"}, "space=layer"),
    ],
)
def test_what_is_refused(settings, words):
    with pytest.raises(tc.RequestError, match=words):
        tc.collision_polytope(network([[1], [1]], [0]), np.ones((1, 2, 1)), tap="tap", **settings)
