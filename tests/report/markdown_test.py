import pytest

from tfcollide.report.markdown import markdown_table


def test_columns_are_as_wide_as_their_widest_cell():
    assert markdown_table(["", "here"], [["class", '"3"'], ["p", "0.5000"]]) == (
        "|       | here   |\n"
        "| ----- | ------ |\n"
        '| class | "3"    |\n'
        "| p     | 0.5000 |\n"
    )  # fmt: skip


def test_a_table_without_rows_is_its_header():
    assert markdown_table(["pair"], []) == "| pair |\n| ---- |\n"


def test_a_row_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        markdown_table(["a", "b"], [["1"]])
