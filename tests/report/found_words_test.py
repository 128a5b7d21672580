import pytest

from tfcollide.records import Certificate, Distance, ReaderRecord
from tfcollide.report.found_words import explained, found_words, hull_words

from .summaries import corner, summary


def test_what_was_found_is_said():
    text = found_words(summary())
    assert text == "A collision was found: the 5 corners still are the source, with the target's features at hidden_1."
    assert "the corner still is the source" in found_words(summary(corners=(corner(),)))


TRIVIAL = {"trivial": True, "trivial_because": "nearer to the target (0.23 of source-to-target) than to the source (0.99)"}


@pytest.mark.parametrize(
    ("word", "changed", "said"),
    [
        ("diverged", {"diverged_at": 7, "converged": False}, "1 of 2 corners diverged"),
        ("not converged", {"converged": False}, "1 of 2 corners did not converge (no more progress)"),
        ("trivial", TRIVIAL, f"1 of 2 corners has become the target (trivial): corner 1 is {TRIVIAL['trivial_because']}"),
        ("lost", {"lost": True}, "1 of 2 corners is neither source nor target (lost)"),
        ("a corner misses the class", {"predicted": "3"}, '1 of 2 corners is not "7" to the network'),
        ("a mixture misses the class", {}, 'not every mixture of the corners is "7" to the network'),
        ("features do not match", {}, "features come not near enough to the target's"),
    ],
)
def test_what_was_not_found_says_why(word, changed, said):
    run = summary(corners=(corner(), corner(**changed)), found=False, missing=(word,), ended="stagnated")
    assert found_words(run) == f"No collision was found: {said}."


def test_every_reason_is_said():
    run = summary(corners=(corner(**TRIVIAL, predicted="3"),), found=False, missing=("trivial", "a corner misses the class"))
    why = f"the corner has become the target (trivial): it is {TRIVIAL['trivial_because']}"
    assert found_words(run) == f'No collision was found: {why}; the corner is not "7" to the network.'


def test_what_is_allowed_is_not_praised():
    run = summary(corners=(corner(**TRIVIAL),) * 5, allow_trivial=True)
    assert found_words(run).startswith("Counted as found by --allow_trivial, although 5 of 5 corners have become the target")


def test_mixtures_and_proof():
    assert hull_words(summary()) == 'mlp at hidden_1: corners 1.23 apart; 2,000 of 2,000 mixtures of them are "7"'
    assert hull_words(summary(certificate=Certificate("certified", 2.5, 1.0))).endswith('"7", and all others by proof')
    assert hull_words(summary(distance=Distance(None, None, 2.5))) == "mlp at hidden_1: 2.50 from the source"


def test_the_words_below_corners_are_explained():
    assert explained(summary()) == ""
    seen = (corner(source_share=0.3, target_share=0.9, reader="3"),)
    assert "independent reader (k nearest neighbors)" in explained(
        summary(corners=seen, reader=ReaderRecord("k nearest neighbors", 0.96, None))
    )
    nobody = summary(corners=(corner(source_share=0.3, target_share=0.9),), reader=ReaderRecord("knn", 0.2, "it is blind"))
    assert explained(nobody).endswith("There is no independent reader: it is blind.")
