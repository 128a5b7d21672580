"""What rows of an audit say together, and its tables."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pandas
import pytest

from tests.measure.audits import made_up
from tfcollide.errors import RequestError
from tfcollide.measure.audit_record import Convergence, held_pairs
from tfcollide.measure.audit_tables import COLUMNS, frame
from tfcollide.measure.intervals import median_interval, rate_interval

ROOT = Path(__file__).parent.parent.parent


def test_the_front_is_the_median_with_censored_pairs_above_all():
    record = made_up()
    changes = record.changes_at("hidden_1")
    assert np.isinf(changes).sum() == 5 and record.front() == median_interval(changes, seed=0)
    assert record.censored() == {"lost": 2, "not reached": 1, "trivial": 2}


def test_a_pair_counts_by_any_hull_that_is_found_near_and_wide_enough():
    record = made_up(pairs=6)
    hulls = [dataclasses.replace(one, largest_change=0.6, spread=one.spread_asked) for one in record.hulls]
    record = dataclasses.replace(record, hulls=tuple(hulls))
    # Outcomes of the first hulls: proven, sampled, sampled, trivial, lost, failed; of the second ones shifted by one.
    assert held_pairs(record.hulls_at("hidden_1"), 6, 0.6, 0.05).tolist() == [True, True, True, False, False, True]
    assert held_pairs(record.hulls_at("hidden_1"), 6, 0.6, 0.1).tolist() == [True, True, False, False, False, True]
    assert record.rate(0.5).value == 0.0 and record.rate(0.6, 0.1) == rate_interval(np.arange(6) < 3)
    assert record.rate() == record.rate(0.75, 0.05) and record.rate().value == pytest.approx(4 / 6)
    assert record.outcomes() == {"proven": 2, "sampled": 2, "trivial": 1, "lost": 1, "failed": 0}


def test_rates_fall_with_the_spread_and_rise_with_the_change():
    record = made_up()
    table = np.array([cell.rate.value for cell in record.grid()]).reshape(2, 4)
    assert (np.diff(table, axis=1) >= 0).all() and (np.diff(table, axis=0) <= 0).all()


@pytest.mark.parametrize(
    ("rates", "fronts", "converged"),
    [
        ((0.5, 0.55), (0.4, 0.38), True),
        ((0.5, 0.6), (0.4, 0.4), False),
        ((0.5, 0.5), (0.4, 0.37), False),
        ((0.5, 0.5), (np.inf, np.inf), True),
        ((0.5, 0.5), (np.inf, 0.9), False),
    ],
)
def test_a_search_that_finds_more_with_more_has_not_converged(rates, fronts, converged):
    assert Convergence(20, *rates, *fronts).converged is converged


def test_what_fails_above_a_rate():
    record = made_up()
    high = record.rate().high
    assert record.exceeds(high - 0.01) and not record.exceeds(high)
    assert dataclasses.replace(record, convergence=Convergence(20, 0.5, 0.7, 0.4, 0.4)).exceeds(1.0)


@pytest.mark.parametrize(("table", "rows"), [("pairs", 80), ("hulls", 160), ("layers", 12)])
def test_tables_keep_their_types_in_csv_and_parquet(tmp_path, table, rows):
    made = frame(made_up(taps=("hidden_1", "hidden_2")), table)
    assert len(made) == rows and list(made.columns) == list(COLUMNS[table])
    made.to_parquet(tmp_path / "table.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "table.parquet"), made)
    text = made.to_csv(index=False)
    pandas.testing.assert_frame_equal(pandas.read_csv(io.StringIO(text), dtype=COLUMNS[table]), made)


def test_an_unknown_table_is_refused():
    with pytest.raises(RequestError, match="table=rows: expected one of pairs, hulls, layers"):
        frame(made_up(), "rows")


def test_every_column_is_documented():
    text = (ROOT / "docs" / "audit.md").read_text()
    for table, columns in COLUMNS.items():
        assert f"`{table}.csv`" in text
        for name in columns:
            assert f"| `{name}` |" in text, (table, name)
