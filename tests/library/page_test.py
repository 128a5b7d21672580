"""`Found.to_html`: the page of a search, and of a run that was read back."""

import json
import re

import pytest

import tfcollide as tc
from tfcollide.recipes.finished_run import read_run


def content(page):
    return json.loads(re.search(r'<script type="application/json" id="scene">(.*?)</script>', page, re.DOTALL)[1])


def test_a_page_shows_the_search_its_verdict_and_its_proof(network, found, verdict):
    shown = content(found.to_html(verdict=verdict, certificate=tc.certify(network, found), points=20))
    assert shown["words"]["proof_status"] == "certified" and shown["lattice"]["fineness"] == 19
    assert shown["network"]["target_class"] == network.judge(found.target[None]).predicted[0]
    assert content(found.to_html(verdict=verdict, points=5, in_page=False))["words"]["proof_status"] == "none"


def test_a_run_that_was_read_back_needs_a_network(network, found, verdict, tmp_path):
    again = tc.load_run(found.save(tmp_path / "run", verdict, tc.certify(network, found)))
    words = content(again.to_html(network, points=5))["words"]
    assert words["target"] == found.ends[1].predicted and words["proof_status"] == "certified"
    with pytest.raises(tc.RequestError, match=r"does not say its network.*load_run\(DIR\)"):
        read_run(tmp_path / "run")
    with pytest.raises(tc.RequestError, match="no network"):
        again.to_html()
    with pytest.raises(tc.RequestError, match="points=0"):
        again.to_html(network, points=0)
