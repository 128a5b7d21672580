"""The audit as a verb: what it finds on a small network, and that a resumed one equals one left in peace."""

import keras
import numpy as np
import pandas
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tfcollide as tc
from tfcollide.files.atomic import to_json
from tfcollide.files.checkpoint import Ledger
from tfcollide.library import audit_options, audit_walk
from tfcollide.library.audit_options import AuditOptions, Budget
from tfcollide.library.audit_pieces import Piece
from tfcollide.library.audit_walk import AuditWalk, NamedPair, picture_of
from tfcollide.library.auditing import _data, audit, made_with, tap_names
from tfcollide.measure.audit_record import OUTCOMES
from tfcollide.models.predictions import Predictions

TINY = Budget(
    front_steps=6,
    hull_steps=60,
    patience=30,
    spreads=(0.06,),
    samples=20,
    worst_starts=1,
    proof_parts=50,
    profile_images=2,
    probes=2,
    lanczos_steps=5,
    exact_pairs=2,
)


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """A budget that takes no time."""
    audit_options.BUDGETS["tiny"] = TINY
    yield
    del audit_options.BUDGETS["tiny"]


@pytest.fixture(scope="module")
def dots():
    """Noise of 6 x 6 pixels; the class is which of three pixels is a little brighter, which no reader of pictures sees."""
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    images = rng.integers(0, 256, [60, 6, 6, 1])
    images[:, :3, 0, 0] = 100 + 56 * (labels[:, None] == np.arange(3))
    return images.astype(np.uint8), labels


@pytest.fixture(scope="module")
def stripes():
    """Each class is bright in a third of its rows of its own."""
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    images = rng.integers(0, 80, [60, 6, 6, 1])
    for n, label in enumerate(labels):
        images[n, 2 * label : 2 * label + 2] += 150
    return images.astype(np.uint8), labels


def learned(data, make):
    """A network that has learned; `make` returns its layers, which draw the seeds of their weights as they are made."""
    keras.utils.set_random_seed(0)
    layers = make()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6, 6, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(3, name="logits")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    images, labels = np.tile(data[0] / 255.0, [60, 1, 1, 1]), np.tile(data[1], 60)
    model.fit(images, labels, verbose=0)  # as one epoch: what Keras does about each of sixty takes longer than its two steps
    return tc.wrap(model, pixel_range=(0, 1), class_names=["one", "two", "three"])


@pytest.fixture(scope="module")
def network(dots):
    def layers():
        first, hidden = keras.layers.Conv2D(10, 6), keras.layers.ReLU(name="hidden")
        return first, hidden, keras.layers.Flatten(), keras.layers.Dense(8, activation="relu", name="top")

    return learned(dots, layers)


@pytest.fixture(scope="module")
def audited(network, dots):
    return audit(network, *dots, budget="tiny", num_pairs=4, taps="hidden,top")


def test_every_pair_is_looked_at_at_every_tap(audited):
    record = audited.record
    assert record.taps == ("hidden", "top") and record.tap == "hidden" and record.dataset == "images"
    pairs, hulls, layers = (audited.to_frame(name) for name in ("pairs", "hulls", "layers"))
    assert isinstance(pairs, pandas.DataFrame) and len(pairs) == len(hulls) == 8 and len(layers) == 4
    ends = set(zip(pairs["source_class"], pairs["target_class"], strict=True))
    assert len(ends) == 4 and not record.repeated
    assert set(pairs["outcome"]) <= set(OUTCOMES) and record.yards[0].distance > 0
    assert record.convergence is not None and record.convergence.pairs == 4


def test_what_is_found_lies_between_what_is_proven_and_what_collides_exactly(audited):
    rows = audited.record.fronts_at("hidden")
    assert all(row.least_change is not None and row.least_change >= 0 for row in rows)
    assert all(row.least_change is None and row.exact_change is None for row in audited.record.fronts_at("top"))
    known = [row for row in rows if row.change is not None]
    assert known and all(row.least_change <= row.change for row in known)
    exact = [row for row in known if row.exact_change is not None]
    assert exact and all(row.change <= 1.02 * row.exact_change for row in exact)
    assert all(row.quantile <= 0.011 for row in known)


def test_hulls_are_proven_through_a_convolution(audited):
    assert "proven" in {hull.outcome for hull in audited.record.hulls}


def test_a_front_is_no_longer_than_the_hull_that_was_found(audited):
    for row in audited.record.fronts:
        own = [hull for hull in audited.record.hulls_at(row.tap) if hull.pair == row.pair and hull.outcome in OUTCOMES[:2]]
        assert all(row.change is not None and row.change <= hull.largest_change for hull in own)


def test_it_is_saved_whole(audited, tmp_path):
    folder = audited.save(tmp_path / "audit")
    names = {path.name for path in folder.iterdir()}
    tables = {f"{table}.{kind}" for table in ("pairs", "hulls", "layers") for kind in ("csv", "parquet")}
    assert names == {"report.html", "audit.json", "table.md", "hulls.npz", *tables}
    assert len(pandas.read_parquet(folder / "pairs.parquet")) == 8
    assert "data:image/png" in (folder / "report.html").read_text()
    with pytest.raises(tc.RequestError, match="which exists"):
        audited.save(tmp_path / "audit")


def test_a_kill_between_pieces_changes_nothing(network, dots, audited, tmp_path):
    """The process ends after every fourth piece of work; who goes on ends in the same rows."""
    data, _ = _data(network, *dots, None)
    predicted = Predictions(network, data.test.images)
    ends = [NamedPair(picture_of(network, data, a), picture_of(network, data, b), (a, b)) for a, b in audited.record.pairs]
    options = AuditOptions(budget="tiny", num_pairs=4)

    class Cut(Ledger):
        left = 4

        def do(self, name, work):
            before = len(self._done)
            found = super().do(name, work)
            self.left -= len(self._done) > before
            if not self.left:
                raise KeyboardInterrupt
            return found

    cuts, again = 0, None
    while again is None:
        ledger = Cut(tmp_path / "ledger.npz", every=0.0)
        walk = AuditWalk(network, data, ends, options, ["hidden"], predicted=predicted, labeled=True, ledger=ledger)
        try:
            again = walk({}).record
        except KeyboardInterrupt:
            cuts += 1
    assert cuts == 3
    assert comparable(again) == comparable(audited.record)


def walk_over(network, dots, pairs, taps):
    data, _ = _data(network, *dots, None)
    ends = [NamedPair(picture_of(network, data, a), picture_of(network, data, b), (a, b)) for a, b in pairs]
    predicted = Predictions(network, data.test.images)
    return AuditWalk(network, data, ends, AuditOptions(budget="tiny"), taps, predicted=predicted, labeled=True)


def test_the_pieces_are_known_before_any_search(network, dots, monkeypatch):
    """The first pair cannot be carried out at either ReLU, the second at one. Longer searches are the headline's alone."""
    walk = walk_over(network, dots, [(0, 3), (0, 1), (2, 4)], ["hidden", "top"])
    refused = {("hidden", 0), ("top", 0), ("top", 1)}
    monkeypatch.setattr(walk, "_posed", lambda *pair: tc.RequestError("", "") if pair in refused else None)
    at_hidden = ["front hidden 1", "front hidden 2", "hull hidden 0.06 1 2"]
    looks = ["layer hidden 0", "layer hidden 2", "layer top 0", "layer top 2"]
    searches = [*at_hidden, *(f"longer {name}" for name in at_hidden), "front top 2", "hull top 0.06 2"]
    assert [piece.name for piece in walk.pieces()] == searches + looks


def test_a_piece_does_not_depend_on_how_many_threads_blas_has(network, dots, monkeypatch):
    walk, seen = walk_over(network, dots, [(0, 1)], ["hidden"]), []

    def look(piece):
        seen.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        raise KeyboardInterrupt

    monkeypatch.setattr(walk, "_look", look)
    with threadpool_limits(2, "blas"), pytest.raises(KeyboardInterrupt):
        walk.do(Piece("layer", "hidden", (0,)))
    assert seen and set(seen) == {1}


def comparable(record):
    return to_json([record.fronts_at("hidden"), record.hulls_at("hidden"), record.layers, record.convergence])


def test_the_blind_are_told_from_those_that_see(stripes):
    """A tap that drops two thirds of the pixels, and one that passes every pixel on, as itself and as its negative."""

    def one_of_three():
        keep = keras.layers.Conv2D(1, 1, strides=(1, 3), use_bias=False, kernel_initializer="ones", trainable=False)
        return keep, keras.layers.Flatten(), keras.layers.Dense(16, activation="relu", name="seen")

    def both_signs():
        both = keras.layers.Conv2D(2, 1, use_bias=False, trainable=False, name="both")
        return both, keras.layers.ReLU(name="seen")

    blind, seeing = learned(stripes, one_of_three), learned(stripes, both_signs)
    seeing.model.get_layer("both").set_weights([np.array([[[[1.0, -1.0]]]], np.float32)])
    found = [audit(one, *stripes, budget="tiny", num_pairs=2, taps="seen").record for one in (blind, seeing)]
    layers = [record.layers[0].invisible[0] for record in found]
    assert layers[0] >= 24 and layers[1] == 0
    assert found[0].front().value < found[1].front().value
    assert found[1].rate().value <= found[0].rate().value


def test_pairs_may_be_given_and_one_that_cannot_be_carried_out_is_said(network, dots, monkeypatch):
    """The first is of one class: the network takes the source for the target already."""
    bars = []
    monkeypatch.setattr(audit_walk, "progress", lambda items, desc, **_: bars.append(desc) or items)
    record = audit(network, *dots, pairs=[(0, 3), (0, 1)], budget="tiny", taps="hidden").record
    assert record.repeated and [(row.source_class, row.target_class) for row in record.fronts] == [
        ("one", "one"),
        ("one", "two"),
    ]
    assert record.fronts[0].status == "refused" and record.fronts[0].change is None
    assert record.fronts[1].status != "refused" and record.hulls_at("hidden")[0].outcome == "failed"
    assert record.convergence.pairs == 1
    assert bars[:2] == ["fronts at hidden", "hulls at hidden, in batches of 8 pairs"] and "hulls at hidden" in record.seconds


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"budget": "huge"}, "budget='?huge'?.*expected one of quick, normal, thorough"),
        ({"pairs": [(0, 99)]}, "pairs.*numbers of images from 0 to 59"),
        ({"taps": "nowhere"}, "^taps=nowhere: expected ReLUs of .*: hidden, top"),
        ({"match_quantile": 2.0}, "a share from 0 to 1"),
        ({"num_pears": 3}, "Did you mean num_pairs"),
    ],
)
def test_what_cannot_be_used_is_refused(network, dots, changes, says):
    with pytest.raises(tc.RequestError, match=says):
        audit(network, *dots, **{"budget": "tiny", **changes})


def test_images_and_labels_must_fit(network, dots):
    with pytest.raises(tc.RequestError, match=r"expected \[n, 6, 6, 1\] and \[n\]"):
        audit(network, dots[0][:, :5], dots[1])
    with pytest.raises(tc.RequestError, match="whole numbers below 3"):
        audit(network, dots[0], dots[1] + 1)


def test_taps_by_name_or_all(network):
    assert tap_names(network, "default") == ["top"] and tap_names(network, "all") == ["top", "hidden"]
    assert tap_names(network, "top, hidden") == ["top", "hidden"]


def test_a_saved_model_has_a_hash_of_its_weights_too(network, dots, tmp_path):
    data, _ = _data(network, *dots, None)
    for name in ("first", "changed"):
        model = keras.models.clone_model(network.model)
        model.set_weights([one * (2.0 if name == "changed" else 1.0) for one in network.model.get_weights()])
        model.export(tmp_path / name, verbose=False)
    first, again, changed = (
        made_with(tc.wrap(tmp_path / name, pixel_range=(0, 1)), data, [])["weights"] for name in ("first", "first", "changed")
    )
    assert first == again != changed
