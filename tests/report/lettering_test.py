import pytest

from tfcollide.report.lettering import cut_to_width, plain, text_width, wrap

WORDS = "the quick brown fox jumps over the lazy dog"


def test_what_fits_is_left_as_it_is():
    assert cut_to_width(WORDS, 10.0, 9.0) == WORDS
    assert wrap(WORDS, 10.0, 9.0, 1) == [WORDS]
    assert wrap("", 1.0, 9.0, 2) == []


@pytest.mark.parametrize("text", [WORDS.replace(" ", ""), "Überschußgesellschaft", "i" * 200, "鉄" * 40])
@pytest.mark.parametrize("width", [0.3, 1.0])
def test_what_is_too_long_keeps_its_ends(text, width):
    short = cut_to_width(text, width, 9.0)
    start, end = short.split("…")
    assert text.startswith(start) and text.endswith(end) and start
    assert 0.5 * width < text_width(short, 9.0) <= width


def test_a_place_too_narrow_for_a_letter():
    assert cut_to_width("word", 0.01, 9.0) == "…"


def test_lines_break_between_words_and_at_hyphens():
    lines = wrap(WORDS, 1.0, 9.0, 9)
    assert len(lines) > 2 and " ".join(lines) == WORDS
    assert all(text_width(line, 9.0) <= 1.0 for line in lines)
    assert wrap("steel_arch_bridge/of-old", 0.8, 9.0, 9) == ["steel_arch_", "bridge/of-", "old"]
    assert wrap("see the flag --max_steps", 1.0, 9.0, 9) == ["see the flag", "--max_steps"]  # which fits in a line


def test_of_too_many_lines_the_last_is_kept():
    lines = wrap(f"{WORDS} {WORDS} 0.987", 1.0, 9.0, 3)
    assert len(lines) == 3 and lines[1].endswith("…") and lines[-1].endswith("0.987")
    assert all(text_width(line, 9.0) <= 1.0 for line in lines)


def test_what_cannot_be_drawn_is_escaped():
    assert plain("a\n b\tc\udcff ") == "a  b c\\udcff"
