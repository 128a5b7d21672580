"""The page in a browser without a window, where there is one: what stands on it after its script has run."""

import html
import re
import shutil
import subprocess

import numpy as np
import pytest

from tests.report.explore.page_test import scene
from tests.report.explore.scripts import call
from tfcollide.polytope.hull.mixing import mix
from tfcollide.report.explore.page import explore_html

WEIGHTS = (0.5, 0.25, 0.125, 0.0, 0.125)


def shown(page, folder):
    """The elements of the page by their id, as text, and what the console said."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium")
    (folder / "explore.html").write_text(page, encoding="utf-8")
    link = f"{(folder / 'explore.html').as_uri()}#w={','.join(map(str, WEIGHTS))}"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr")
    wait = ("--virtual-time-budget=3000", "--dump-dom")
    found = subprocess.run([browser, *flags, *wait, link], capture_output=True, text=True, timeout=120)
    texts = re.findall(r'<(?:p|strong|dl|dd) [^>]*id="([\w-]+)"[^>]*>(.*?)</(?:p|strong|dl|dd)>', found.stdout, re.DOTALL)
    said = [line for line in found.stderr.splitlines() if "CONSOLE" in line]
    return {name: html.unescape(re.sub(r"<[^>]+>", " ", text)) for name, text in texts}, said


@pytest.mark.parametrize("in_page", [True, False])
def test_a_link_opens_the_page_at_its_point(tmp_path, in_page):
    classifier, made = scene(16, in_page=in_page)
    texts, said = shown(explore_html(made), tmp_path)
    assert said == []
    weights = np.array([WEIGHTS], np.float32)
    if not in_page:
        distances = np.square(made.lattice.weights - weights).sum(axis=1)
        weights = made.lattice.weights[distances.argmin()][None]
        assert "Nothing is interpolated" in texts["origin"] and "in steps of 1/6" in texts["origin"]
    judged = classifier.judge(mix(weights, made.corners))
    top = classifier.name_of(judged.predicted[0])
    assert texts["class"] == f"“{top}”"
    chance = max(call("softmax", judged.logits[0])) if in_page else judged.probabilities.max()
    assert texts["mixture-words"] == f"“{top}”, {call('percent', float(chance))}"
