import itertools

import numpy as np
import pytest

from tfcollide.models.dense_chain import DenseChain, Stage
from tfcollide.models.reading import Reading
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.proof import relaxation
from tfcollide.polytope.proof.certificate import certify
from tfcollide.polytope.proof.engine import DenseEngine
from tfcollide.polytope.proof.float_error import gamma, mixture_error


def stage(weight, bias, *, relu):
    weight, bias = np.float32(weight).astype(float), np.float32(bias).astype(float)
    return Stage("dense", weight, bias, np.abs(bias), np.count_nonzero(weight, axis=1), 1, relu)


def network(rng, widths):
    """A ReLU network of the given widths; ReLUs stand behind all maps but the last and, at times, one more."""
    linear = rng.integers(1, len(widths)) if rng.random() < 0.2 else len(widths) - 1
    maps = enumerate(itertools.pairwise(widths), 1)
    return DenseChain(
        tuple(
            stage(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m) / 2, relu=k not in (linear, len(widths) - 1))
            for k, (n, m) in maps
        ),
        (widths[0], 1, 1),
    )


def float32_logits(chain, order=None):
    """The network as float32 computes it; `order` permutes every sum, one product at a time."""

    def logits(images):
        values = images.reshape(len(images), -1).astype(np.float32)
        for s in chain.stages:
            weight, bias = s.weight.astype(np.float32), s.bias.astype(np.float32)
            if order is None:
                values = values @ weight.T + bias
            else:
                total = np.zeros((len(values), len(bias)), np.float32)
                for j in order.permutation(weight.shape[1]):
                    total = total + values[:, j, None] * weight[:, j]
                values = total + bias
            values = np.maximum(values, 0) if s.relu else values
        return values

    return logits


def margins(values, target):
    values = values.astype(np.float64)
    return values[:, target] - np.delete(values, target, axis=1).max(axis=1)


def exact_on_a_segment(chain, corners):
    """Convex weights of every breakpoint of the network between two corners: the margin's minimum is at one of them."""
    ends = corners.reshape(2, -1).astype(np.float64)
    points = np.array([0.0, 1.0])
    for k, s in enumerate(chain.stages):
        head = DenseChain((*chain.stages[:k], s._replace(relu=False)), chain.input_shape)
        z = head.logits(np.outer(1 - points, ends[0]) + np.outer(points, ends[1]))
        if s.relu:
            left, right = z[:-1], z[1:]
            piece, unit = np.nonzero(left * right < 0)
            share = left[piece, unit] / (left[piece, unit] - right[piece, unit])
            points = np.union1d(points, points[piece] + share * (points[piece + 1] - points[piece]))
    return np.stack([1 - points, points], axis=1)


def grid(corners, steps):
    """All convex weights that are multiples of 1/steps."""
    cuts = np.array([c for c in itertools.product(range(steps + 1), repeat=corners - 1) if sum(c) <= steps])
    return np.concatenate([cuts, steps - cuts.sum(axis=1, keepdims=True)], axis=1) / steps


def blend(weights, corners):
    return np.tensordot(weights, corners.astype(np.float64), 1)


CASES = [(seed, 2 + seed % 2) for seed in range(120)]  # three rounds of all combinations below; benchmarks have more


@pytest.mark.parametrize("seed, count", CASES)
def test_no_answer_is_unsound(seed, count):
    rng = np.random.default_rng(seed)
    widths = [(6, 12, 4), (6, 10, 8, 4), (5, 8, 8, 8, 3), (4, 3)][seed // 2 % 4]
    chain = network(rng, widths)
    # Far from zero float32 loses much to rounding.
    scale = 1000.0 if seed % 5 == 0 else 1.0
    start, reach = scale * rng.normal(size=(1, widths[0], 1, 1)), rng.choice([0.1, 0.5, 2.0])
    corners = (start + reach * rng.normal(size=(count, widths[0], 1, 1))).astype(np.float32)
    target = int(chain.logits(corners[:1]).argmax())
    weights = exact_on_a_segment(chain, corners) if count == 2 else grid(3, 70)
    true = margins(chain.logits(blend(weights, corners)), target).min()
    shuffled = float32_logits(chain, np.random.default_rng(seed))
    seen = margins(shuffled(mix(weights, corners)), target).min()

    found = certify(chain, corners, target, float32_logits(chain), max_boxes=3000, tightness=0.999)
    if found.status == "certified":
        assert 0 < found.margin <= min(true, seen) and found.share_proven == 1.0 and found.mixture is None
        assert found.margin >= 0.9 * true - 1e-4 * scale
    elif found.status == "refuted":
        broken = np.float32([found.mixture])
        assert broken.min() >= 0 and abs(broken.sum() - 1) < 1e-6
        values = float32_logits(chain)(mix(broken, corners))
        assert values.argmax() != target and found.margin == margins(values, target)[0] <= 0
        assert count == 3 or true < 1e-5 * scale
    # What lies further from zero than rounding reaches is decided.
    reach = 1e-4 * scale
    assert found.status == ("certified" if true > reach else "refuted" if true < -reach else found.status)

    early = certify(chain, corners, target, float32_logits(chain), max_boxes=1)
    assert early.status != "certified" or early.margin <= min(true, seen)
    assert early.status != "undecided" or early.margin <= min(true, seen)


@pytest.mark.parametrize("seed", range(12))
def test_the_share_proven_is_no_more_than_the_share_that_holds(seed):
    rng = np.random.default_rng(seed)
    chain = network(rng, (6, 12, 8, 3))
    corners = rng.normal(size=(3, 6, 1, 1)).astype(np.float32)
    values = margins(chain.logits(blend(grid(3, 150), corners)), target := int(chain.logits(corners[:1]).argmax()))
    for boxes in (1, 5, 40):
        # A network that is never wrong when asked, so that nothing is refuted.
        found = certify(chain, corners, target, lambda images: np.eye(3)[[target] * len(images)], max_boxes=boxes)
        assert found.share_proven <= np.mean(values > 0) + 0.02
        assert found.status != "refuted" and found.margin <= values.min()
        assert boxes > 1 or found.share_proven in (0.0, 1.0)
    assert found.share_proven > 0.3 * np.mean(values > 0) or np.mean(values > 0) < 0.1


def planted(rng, count, radius):
    """A network whose margin is 1 but for a ball (in the 1-norm) of `radius` around a mixture, where it falls to -1."""
    center = rng.dirichlet(np.full(count, 5.0))
    corners = np.eye(count, dtype=np.float32).reshape(count, count, 1, 1)
    eye = np.eye(count)
    distance = stage(np.concatenate([eye, -eye]), np.concatenate([-center, center]), relu=True)
    inside = stage(-np.ones((1, 2 * count)), [radius], relu=True)
    logits = stage([[0.0], [2.0 / radius]], [1.0, 0.0], relu=False)
    return DenseChain((distance, inside, logits), (count, 1, 1)), corners, center


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count, radius", [(2, 1e-3), (3, 0.02), (4, 0.05), (5, 0.1)])
def test_a_planted_counterexample_is_found(seed, count, radius):
    chain, corners, center = planted(np.random.default_rng(seed), count, radius)
    assert (chain.logits(corners).argmax(axis=1) == 0).all()
    found = certify(chain, corners, 0, float32_logits(chain))
    assert found.status == "refuted" and found.margin <= 0
    assert np.abs(np.array(found.mixture) - center).sum() < radius


def test_a_planted_pit_that_stays_above_zero_is_certified():
    chain, corners, _ = planted(np.random.default_rng(0), 3, 0.1)
    raised = chain.stages[-1]._replace(bias=np.array([2.25, 0.0]), magnitude=np.array([2.25, 0.0]))
    chain = DenseChain((*chain.stages[:-1], raised), chain.input_shape)
    found = certify(chain, corners, 0, float32_logits(chain))
    assert found.status == "certified" and 0.2 < found.margin < 0.25


@pytest.mark.parametrize("seed", range(10))
def test_the_margin_holds_in_float32_in_every_order(seed):
    """No ReLU switches, so that the proof is exact in real numbers, and only rounding is left to account for."""
    rng = np.random.default_rng(seed)
    maps = [
        stage(rng.uniform(0.5, 1.5, (n, m)), rng.normal(size=n), relu=n > 3) for m, n in itertools.pairwise((40, 30, 30, 3))
    ]
    chain = DenseChain(tuple(maps), (40, 1, 1))
    corners = rng.uniform(size=(3, 40, 1, 1)).astype(np.float32)
    weights = grid(3, 20)
    target = int(chain.logits(corners[:1]).argmax())
    true = margins(chain.logits(blend(weights, corners)), target).min()
    orders = [np.random.default_rng(k) for k in range(5)]
    seen = min(margins(float32_logits(chain, order)(mix(weights, corners)), target).min() for order in orders)
    found = certify(chain, corners, target, float32_logits(chain))
    assert found.status == "certified" and found.margin < seen < true and found.margin > true * 0.9


def test_rounding_alone_can_leave_a_hull_undecided():
    """logit_0 - logit_1 = 1 + sum x - sum x, which float32 cannot tell from less than 1e3."""
    row = np.concatenate([np.full(50, 1e6), np.full(50, -1e6)])
    chain = DenseChain((stage([row, 0 * row], [1.0, 0.0], relu=False),), (100, 1, 1))
    corners = np.ones((2, 100, 1, 1), np.float32)
    found = certify(chain, corners, 0, lambda images: np.tile([1.0, 0.0], (len(images), 1)), max_boxes=50)
    assert found.status == "undecided" and found.margin < 0 and found.share_proven == 0.0


@pytest.mark.parametrize("relus", [(False, False), (False, True), (True, True)])
def test_linear_networks_and_a_relu_behind_the_logits(relus):
    rng = np.random.default_rng(2)
    chain = DenseChain(tuple(stage(rng.normal(size=(4, 4)), np.full(4, 3.0), relu=relu) for relu in relus), (4, 1, 1))
    corners = (rng.normal(size=(1, 4, 1, 1)) + 0.1 * rng.normal(size=(2, 4, 1, 1))).astype(np.float32)
    target = int(chain.logits(corners[:1]).argmax())
    true = margins(chain.logits(blend(exact_on_a_segment(chain, corners), corners)), target).min()
    found = certify(chain, corners, target, float32_logits(chain))
    assert found.status == "certified" and 0.9 * true - 1e-4 < found.margin <= true


def test_what_is_not_finite_is_undecided():
    chain = network(np.random.default_rng(0), (4, 5, 3))
    corners = np.ones((2, 4, 1, 1), np.float32)
    corners[0, 0] = np.nan
    assert certify(chain, corners, 0, float32_logits(chain)).status == "undecided"
    assert certify(chain, np.full((2, 4, 1, 1), 3e38, np.float32), 0, float32_logits(chain)).margin == -np.inf


def test_one_corner_is_its_own_hull():
    chain = network(np.random.default_rng(1), (4, 8, 3))
    corner = np.ones((1, 4, 1, 1), np.float32)
    values = chain.logits(corner)
    target = int(values.argmax())
    found = certify(chain, corner, target, float32_logits(chain))
    assert found.status == "certified" and found.margin == pytest.approx(margins(values, target)[0], rel=1e-4)
    assert certify(chain, corner, (target + 1) % 3, float32_logits(chain)).status == "refuted"


@pytest.mark.parametrize("seed", range(6))
def test_unit_bounds_hold_and_shrink(seed):
    rng = np.random.default_rng(seed)
    chain = network(rng, (6, 12, 8, 8, 3))
    corners = rng.normal(size=(3, 6, 1, 1)).astype(np.float32)
    hull = relaxation.prepare(chain, corners, 0)
    whole = np.eye(3)[None]
    part = np.array([[[0.5, 0.5, 0], [0, 1, 0], [0, 0.25, 0.75]]])
    bounds = relaxation.unit_bounds(hull, whole)
    for vertices, found in ((whole, bounds), (part, relaxation.unit_bounds(hull, part, bounds))):
        values = relaxation.forward(hull, rng.dirichlet(np.ones(3), 2000) @ vertices[0])
        for low, high, z in zip(*found, values[:-1], strict=True):
            assert (low[0] <= z.min(axis=0)).all() and (z.max(axis=0) <= high[0]).all()
        margin, real, _ = relaxation.lower_margins(hull, vertices, found)
        assert margin[0] <= real[0] <= margins(values[-1], 0).min()


def test_float32_sums_stay_within_gamma():
    rng = np.random.default_rng(0)
    for n in (3, 50, 700):
        x, w = rng.normal(size=(2, 400, n)).astype(np.float32)
        total = np.zeros(400, np.float32)
        for j in range(n):
            total = total + x[:, j] * w[:, j]
        off = np.abs(total - np.einsum("ij,ij->i", x.astype(float), w.astype(float)))
        assert (off <= gamma(n) * (np.abs(x) * np.abs(w)).sum(axis=1, dtype=float)).all() and off.max() > 0


def test_float32_mixtures_stay_within_their_bound():
    rng = np.random.default_rng(0)
    corners = rng.normal(size=(7, 30, 1, 1)).astype(np.float32)
    exact = rng.dirichlet(np.ones(7), 3000)
    off = np.abs(mix(exact.astype(np.float32), corners) - blend(exact, corners))
    assert (off <= mixture_error(7) * blend(exact, np.abs(corners)) + 1e-12).all()


def test_a_tighter_margin_is_proven_where_it_is_asked_for():
    rng = np.random.default_rng(4)
    chain = network(rng, (6, 30, 30, 4))
    corners = (rng.normal(size=(1, 6, 1, 1)) + 0.1 * rng.normal(size=(3, 6, 1, 1))).astype(np.float32)
    target = int(chain.logits(corners[:1]).argmax())
    true = margins(chain.logits(blend(grid(3, 100), corners)), target).min()
    usual, closer = (
        certify(chain, corners, target, float32_logits(chain), refine_boxes=boxes, tightness=tight)
        for boxes, tight in ((500, 0.9), (5000, 0.999))
    )
    assert usual.boxes < closer.boxes < 5000 and usual.margin < closer.margin
    assert 0.998 * true < closer.margin <= true


def test_a_proof_ends_where_only_rounding_is_in_the_way():
    rng = np.random.default_rng(5)
    chain = network(rng, (6, 30, 30, 4))
    corners = (1000 * rng.normal(size=(1, 6, 1, 1)) + 30 * rng.normal(size=(3, 6, 1, 1))).astype(np.float32)
    target = int(chain.logits(corners[:1]).argmax())
    true = margins(chain.logits(blend(grid(3, 100), corners)), target).min()
    found = certify(chain, corners, target, float32_logits(chain), max_boxes=1000, refine_boxes=1000, tightness=0.9999)
    # Rounding costs more than the share that may be missing, so that no number of parts would reach it in float32.
    assert found.margin < 0.9999 * true <= found.margin_real <= true and found.boxes < 100
    engine = DenseEngine(chain, corners, target, Reading(4), 1000)
    lowest = grid(3, 100)[margins(chain.logits(blend(grid(3, 100), corners)), target).argmin()]
    assert 0.999 * engine.alone(lowest) <= found.margin <= engine.alone(lowest) < true
