import dataclasses

import pytest

from tfcollide.records import ReaderRecord, Scale, SweepSummary, WorstMixture
from tfcollide.report.conclusion import conclusion, sweep_conclusion, time_shares

from .summaries import corner, summary


def test_what_was_found_is_said():
    text = conclusion(summary())
    assert text.startswith('Found: 5 corners, and every mixture of them that was looked at, are "7" to the network')
    assert "and still the source" in text and text.endswith(".")
    assert conclusion(summary(corners=(corner(),))).startswith('Found: the corner is "7" to the network')
    shares = conclusion(summary(corners=(corner(source_share=0.25, target_share=0.5),)))
    assert "(0.25 of source-to-target away from the source, 0.50 from the target)" in shares


TRIVIAL = {"trivial": True, "trivial_because": "nearer to the target (0.23 of source-to-target) than to the source (0.99)"}
LOST = {"lost": True, "lost_because": "read as 8, neither class"}
NONE = "at this tap the search found no collision that keeps the source"


@pytest.mark.parametrize(
    ("word", "changed", "said"),
    [
        ("diverged", {"diverged_at": 7, "converged": False}, "corner 1 diverged"),
        ("not converged", {"converged": False}, "corner 1 did not converge (no progress any more after 470 steps)"),
        ("trivial", TRIVIAL, f"corner 1 became the target ({TRIVIAL['trivial_because']}): {NONE}"),
        ("lost", LOST, f"corner 1 became neither image (read as 8, neither class): {NONE}"),
        ("a corner misses the class", {"predicted": "3"}, 'the network does not read corner 1 as "7"'),
        ("features do not match", {}, "features do not match: L_pos or the violation has not fallen far enough below"),
    ],
)
def test_what_was_not_found_says_why(word, changed, said):
    run = summary(corners=(corner(), corner(**changed)), found=False, missing=(word,), ended="stagnated", steps=470)
    assert conclusion(run).startswith(f"Not found: {said}")


def test_which_mixture_misses_is_said():
    worst = WorstMixture(-1.0, "3", (0.5, 0.5))
    run = summary(found=False, missing=("a mixture misses the class",), worst_mixture=worst)
    assert 'the worst mixture found is not "7" to the network' in conclusion(run)


def test_every_reason_is_said():
    run = summary(corners=(corner(**TRIVIAL, predicted="3"),), found=False, missing=("trivial", "a corner misses the class"))
    why = f"corner 0 became the target ({TRIVIAL['trivial_because']}): {NONE}"
    assert conclusion(run) == f'Not found: {why}; the network does not read corner 0 as "7".'


def test_what_is_allowed_is_not_praised():
    text = conclusion(summary(corners=(corner(**TRIVIAL),) * 2, allow_trivial=True))
    assert "still the source" not in text
    assert text.endswith(f"corners 0, 1 became the target ({TRIVIAL['trivial_because']}): allowed by --allow_trivial.")


def sweep(**changed):
    known = dict.fromkeys(SweepSummary.__dataclass_fields__)
    return SweepSummary(**(known | {"pairs": (None,) * 4, "reasons": {}, "num_trivial": 0, "num_lost": 0} | changed))


def test_a_sweep_counts():
    assert sweep_conclusion(sweep(num_found=4)) == "Found in 4 of 4 pairs."
    some = sweep_conclusion(sweep(num_found=2, reasons={"trivial": 2, "not converged": 1}, num_trivial=2))
    assert some.startswith("Found in 2 of 4 pairs.") and "trivial 2, not converged 1" in some
    none = sweep_conclusion(sweep(num_found=0, reasons={"trivial": 3, "lost": 1}, num_trivial=3, num_lost=1))
    assert none.endswith("At this tap the search found no collision that keeps the source of any pair.")


def test_missing_evidence_is_named():
    reader = ReaderRecord("k nearest neighbors", 0.2, "it is blind")
    scale = Scale("unscaled", None, None, 0, None, None, 9.0, 9.0, 1.0, 5.0)
    text = conclusion(summary(reader=reader, scale=scale))
    assert "no data set gives a scale" in text and text.endswith("distances alone say that they are the source.")
    known = dataclasses.replace(scale, match="quantile", distance=3.0)
    assert conclusion(summary(reader=dataclasses.replace(reader, reason=None), scale=known)) == conclusion(summary())


def test_shares_of_time_add_up():
    seconds = {"load": 10.0, "train": 0.0, "solve": 40.0, "check": 45.0, "mixtures": 20.0, "png": 10.0, "worst_mixture": 5.0}
    said = time_shares({**seconds, "proof": 5.0, "report": 5.0, "total": 100.0})
    parts = "search 40 %, mixtures 20 %, mixtures from PNG 10 %, worst mixture 5 %, proof 5 %, loading 10 %, pictures 5 %"
    assert said == f"100 s: {parts}, everything else 5 %"
    assert "everything else 100 %" in time_shares({"total": 3.0})  # of a version that did not say
