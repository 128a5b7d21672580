"""A few of the runs of benchmarks/fuzz_runs.py, the same each time."""

from .fuzz import fuzz_models


def test_random_runs_end_as_runs_do_and_say_what_keras_says(tmp_path):
    reports = []
    ended = fuzz_models(tmp_path, 4, 2, report=reports.append)
    assert not ended["wrong"], reports
    assert ended["compared"] >= 1, ended  # some search, others are refused
