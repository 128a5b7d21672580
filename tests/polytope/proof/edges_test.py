"""Walks along segments, against brute force."""

import itertools

import keras
import numpy as np
import pytest

from tests.polytope.proof.network_bounds_test import KINDS, SHAPE, network
from tfcollide.files.checkpoint import Ledger
from tfcollide.models.graph import Graph
from tfcollide.models.reading import Reading
from tfcollide.polytope.proof import segment
from tfcollide.polytope.proof.edges import prove_edges
from tfcollide.polytope.proof.reading_network import read_network
from tfcollide.polytope.proof.segment import overtakings, walk
from tfcollide.polytope.proof.steps import Linear


def read(classifier):
    return read_network(classifier.graph, classifier.logits_read.value, SHAPE)


def exactly(found, images):
    """Logits in float64, by the plain steps."""
    values = {found.source: np.asarray(images, np.float64)}
    for node in found.nodes:
        given = [values[number] for number in node.reads]
        if isinstance(node.step, Linear):
            out = np.asarray(node.step.apply(given, False))
            out = out if node.step.bias is None else out + node.step.bias
        else:
            out = np.asarray(node.step(given[0]))
        values[node.writes] = out
    return values[found.result].reshape(len(images), -1)


def along(ends, at):
    at = at.reshape(-1, *[1] * (ends.ndim - 1))
    return (1 - at) * ends[0].astype(np.float64) + at * ends[1].astype(np.float64)


@pytest.mark.parametrize("seed", range(50))
def test_breakpoints_are_complete(seed, monkeypatch):
    """Between two neighboring breakpoints the network is a line, and the fewer there are beside them the better."""
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(segment, "_ENTRIES", int(rng.choice([1, 5_000, 2**22])))  # runs of two points, of some, of all
    kind = list(KINDS)[seed % len(KINDS)]
    classifier = network(rng, [kind], rng.choice(["flat", "average", "max"]))
    found, ends = read(classifier), rng.uniform(size=(2, *SHAPE)).astype(np.float32)
    runs = list(walk(found, *ends, 0.0, 1.0))
    assert all(one.at[-1] == next_.at[0] for one, next_ in itertools.pairwise(runs))
    at = np.concatenate([runs[0].at[:1], *(run.at[1:] for run in runs)])
    assert at[0] == 0 and at[-1] == 1 and (np.diff(at) >= 0).all()
    values = exactly(found, along(ends, at))
    given = np.concatenate([runs[0].values[found.result][:1], *(run.values[found.result][1:] for run in runs)])
    size = np.abs(values).max()
    np.testing.assert_allclose(given.reshape(values.shape), values, atol=1e-12 * size)
    share = rng.random([2, len(at) - 1, 1])
    for part in share:
        inner = at[:-1, None] + part * np.diff(at)[:, None]
        line = values[:-1] + part * np.diff(values, axis=0)
        np.testing.assert_allclose(exactly(found, along(ends, inner[:, 0])), line, atol=1e-11 * size)
    # Brute force: where a fine grid bends, a breakpoint stands.
    grid = np.linspace(0, 1, 2001)
    second = np.abs(np.diff(exactly(found, along(ends, grid)), 2, axis=0)).max(axis=1)
    bent = np.flatnonzero(second > 1e-9 * size)
    assert all(((at >= grid[i] - 1e-9) & (at <= grid[i + 2] + 1e-9)).any() for i in bent)


def test_the_largest_of_lines_changes_where_they_cross():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 200, 6))
    left[:20, 1] = left[:20, 0]  # a tie at the start
    rows, places = overtakings(left, right)
    fine = np.linspace(0, 1, 4001)
    for row in range(200):
        lead = ((1 - fine)[:, None] * left[row] + fine[:, None] * right[row]).argmax(axis=1)
        seen = fine[2:][lead[2:] != lead[1:-1]]  # at 0 itself a tie may be read either way
        mine = np.unique(places[rows == row])
        assert all(np.abs(mine - place).min() < 1e-3 for place in seen) and len(seen) <= len(mine) <= len(seen) + 1


@pytest.mark.parametrize("seed", range(4))
def test_edges_have_their_smallest_margin_and_every_change(seed, tmp_path):
    rng = np.random.default_rng(seed)
    classifier = network(rng, ["separable", "max of relu"][seed % 2 :], "flat")
    corners = rng.uniform(size=(3, *SHAPE)).astype(np.float32)
    target, found = int(classifier.judge(corners[:1]).predicted[0]), read(classifier)

    def prove(ledger, asked=10**6):
        def logits(images):
            nonlocal asked
            asked -= 1
            if asked < 0:
                raise KeyboardInterrupt
            return classifier.judge(images).logits

        return prove_edges(found, corners, target, logits, reading=classifier.reading, ledger=ledger)

    records = prove(Ledger())
    assert [record.corners for record in records] == [(0, 1), (0, 2), (1, 2)]
    fine = np.linspace(0, 1, 10_001)
    for record in records:
        ends = corners[list(record.corners)]
        values = exactly(found, along(ends, fine))
        margins = Reading(3).margins(values, target)
        assert record.margin <= margins.min() + 1e-12
        there = Reading(3).margins(exactly(found, along(ends, np.array([record.weight]))), target)[0]
        assert there == pytest.approx(record.margin, abs=1e-12)
        codes = values.argmax(axis=1)
        seen = [(fine[i], codes[i], codes[i + 1]) for i in np.flatnonzero(codes[:-1] != codes[1:])]
        assert [change[1:] for change in record.changes] == [(before, behind) for _, before, behind in seen]
        assert all(0 <= change[0] - at <= 1e-4 for change, (at, _, _) in zip(record.changes, seen, strict=True))
        assert record.compared > 0 and record.difference < 1e-4 and record.breakpoints > 0
    # Broken off anywhere, it goes on, and ends in the same.
    path = tmp_path / "kept.npz"
    with pytest.raises(KeyboardInterrupt):
        prove(Ledger(path, every=0.0), asked=20)
    assert prove(Ledger(path, every=0.0), asked=28) == records


def test_a_tie_where_two_parts_meet_is_a_change():
    """Each part may read it otherwise, by a last bit; then who is read before and behind it differ."""
    classifier = network(np.random.default_rng(0), ["max of relu"], "flat")
    corners = np.zeros((2, *SHAPE), np.float32)

    class Told(Ledger):
        def do(self, name, work):
            part = int(name.split()[-1])
            found = {"numbers": np.array([1.0, 0.0, 0.0, 1.0, 0.0]), "places": np.zeros(0), "codes": np.zeros([0, 2], np.str_)}
            return found | {"ends": np.array(["1", "1"] if part < 4 else ["2", "2"])}

    (edge,) = prove_edges(read(classifier), corners, 1, None, reading=classifier.reading, ledger=Told())
    assert edge.changes == ((0.25, 1, 2),)


def test_labels_change_one_by_one():
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    image = keras.Input(SHAPE)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(3, 2, activation="relu")(image)))
    model = keras.Model(image, keras.layers.Dense(4)(x))
    corners, reading = rng.normal(size=(2, *SHAPE)).astype(np.float32), Reading(4, True)
    graph = Graph(model)
    found = read_network(graph, graph.result, SHAPE)
    (record,) = prove_edges(found, corners, 0b0101, lambda images: model(images).numpy(), reading=reading)
    codes = reading.predicted(exactly(found, along(corners, np.linspace(0, 1, 10_001))))
    seen = [(int(one), int(two)) for one, two in itertools.pairwise(codes) if one != two]
    assert [change[1:] for change in record.changes] == seen
