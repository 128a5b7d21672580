"""A sweep on Beam leaves what a sweep on one machine leaves."""

import dataclasses
import json

import pytest

from tfcollide.errors import RequestError
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.run import run
from tfcollide.runtime.beam_pipeline import new_pipeline


@pytest.mark.parametrize(("runner", "needs"), [("DirectRunner", "apache_beam"), ("DaskRunner", "dask.distributed")])
def test_equals_the_local_sweep(tmp_path, runner, needs):
    """Dask starts workers of its own, in processes."""
    pytest.importorskip("apache_beam")
    pytest.importorskip(needs)
    (tmp_path / "pairs.csv").write_text("source,target\n3,7\n1,test:99999\n0,1\n")
    config = CollideConfig(
        pairs=str(tmp_path / "pairs.csv"), epochs=5, model_dir=str(tmp_path / "models"), corners=2, interpolations=20
    )
    local = run(config, tmp_path / "local")
    beam = run(dataclasses.replace(config, runner=runner), tmp_path / "beam")
    assert [pair.error is None for pair in local.pairs] == [True, False, True]
    assert dataclasses.replace(beam, seconds={}) == dataclasses.replace(local, seconds={})
    for pair in local.pairs:
        if pair.directory:
            for name in ("corners.npz", "run.flags", "trace.csv"):
                parts = [(tmp_path / place / pair.directory / name).read_bytes() for place in ("local", "beam")]
                assert parts[0] == parts[1], name
    assert json.loads((tmp_path / "beam" / "summary.json").read_text())["num_pairs"] == 3


@pytest.mark.parametrize(
    ("runner", "options", "says"),
    [
        ("DirectRunner", "--direct_num_wokers=2", "direct_num_wokers: expected options of Beam"),
        ("DirectRuner", "", "expected DirectRunner, DaskRunner"),
    ],
)
def test_what_beam_does_not_know_is_refused(runner, options, says):
    pytest.importorskip("apache_beam")
    with pytest.raises(RequestError, match=says):
        new_pipeline(runner, options)
