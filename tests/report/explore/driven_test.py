"""The page in a browser, where there is one: under a finger, a mouse and keys, on paper, and in a part that is proven."""

import base64
import re

import numpy as np
import pytest

from tests.report.explore.chromium import browser, opened
from tests.report.explore.page_test import scene
from tests.report.explore.scripts import call
from tests.report.summaries import summary
from tfcollide.files.atomic import to_json
from tfcollide.records import Certificate, ProvenParts
from tfcollide.report.explore.page import explore_html
from tfcollide.report.explore.words import words_of

pytestmark = pytest.mark.skipif(browser() is None, reason="there is no Chromium")

# The edge of corners 0 and 1 is halved: what is nearer to corner 1 is proven, and of the rest nothing.
PARTS = ProvenParts(np.array([(0, 1), (-1, -1), (-1, -1)], np.int16), np.array([2.5, -1.0], np.float32))


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    _, made = scene(16)
    certificate = Certificate("undecided", -1.0, 0.5, parts=PARTS)
    made = made._replace(parts=PARTS, words=words_of(to_json(summary(certificate=certificate)), "", parts=True))
    path = tmp_path_factory.mktemp("page") / "explore.html"
    path.write_text(explore_html(made), encoding="utf-8")
    return path.as_uri()


def weights(tab):
    """Once the page has drawn what it was told."""
    tab.wait("!tfcollide.state.dirty")
    return tab.evaluate("tfcollide.state.weights")


def touch(tab, kind, *points):
    tab.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])


def swipe(tab, name, across, down):
    """A finger that is put on the middle of an element, moved and lifted; tells how far the page has scrolled meanwhile."""
    tab.evaluate(f"document.getElementById('{name}').scrollIntoView({{ block: 'center' }})")
    before, (left, top, width, height) = tab.evaluate("scrollY"), tab.box(name)
    x, y = left + width / 2, top + height / 2
    touch(tab, "touchStart", (x, y))
    for step in range(1, 6):
        touch(tab, "touchMove", (x + across * step / 5, y + down * step / 5))
    touch(tab, "touchEnd")
    tab.evaluate("new Promise((done) => setTimeout(done, 200))")
    return tab.evaluate("scrollY") - before


def test_a_finger_moves_the_point_and_not_the_page(tab, page):
    tab.open(page, width=400, height=700, touch=True)
    side = tab.box("map")[2]
    assert swipe(tab, "map", 0.1 * side, -0.15 * side) == 0
    expected = call("weightsAt", [0.3, -0.45], call("polygonOf", 5))
    np.testing.assert_allclose(weights(tab), expected, atol=0.02)  # places of a finger are whole pixels
    assert tab.evaluate("!tfcollide.state.down && scrollX === 0")
    assert swipe(tab, "conclusion", 0, -60) != 0 or swipe(tab, "class", 0, -60) != 0  # elsewhere a page is scrolled
    np.testing.assert_allclose(weights(tab), expected, atol=0.02)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400


def test_a_mouse_and_keys_move_it_and_nothing_is_requested(tab, page):
    tab.asked.clear()
    tab.open(page)
    left, top, width, height = tab.box("map")
    for kind, share in (("mousePressed", 0.5), ("mouseMoved", 0.55), ("mouseMoved", 0.6), ("mouseReleased", 0.6)):
        place = {"x": left + share * width, "y": top + height / 2}
        tab.call("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, clickCount=1, **place)
    expected = call("snapped", call("weightsAt", [0.3, 0], call("polygonOf", 5)))
    np.testing.assert_allclose(weights(tab), expected, atol=0.01)
    for key, number in (("1", 0), ("3", 2)):
        tab.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        assert weights(tab) == np.eye(5)[number].tolist()
    assert tab.said == [] and tab.asked == [page]


@pytest.mark.parametrize(
    ("link", "proven"),
    [("0.1,0.6,0.1,0.1,0.1", True), ("0.6,0.1,0.1,0.1,0.1", False), ("0,0,1,0,0", True), ("0.5,0.5,0,0,0", True)],
)
def test_a_part_of_a_proof_speaks_of_its_own_points_alone(tab, page, link, proven):
    tab.open(page)
    tab.evaluate(f"location.hash = '#w={link}'")
    tab.wait(f"weights = '{link}', tfcollide.state.weights[1] !== 0.2 && !tfcollide.state.dirty")
    said = tab.evaluate("document.getElementById('proof').textContent")
    assert said.startswith("Proven here") == proven and ("at least 2.5 logits" in said) == proven
    assert said.startswith("Not proven here") != proven
    assert tab.evaluate("document.getElementById('proof').className") == ("certified" if proven else "undecided")
    assert "50.00 %" in tab.evaluate("document.getElementById('proof-whole').textContent")


def test_on_paper_it_is_light_and_has_no_controls(tab, page):
    tab.open(page)
    tab.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    style = "getComputedStyle(document.querySelector('{}')).{}"
    for name, there in ((".buttons", 0), ("#sliders", 0), (".amplify", 0), ("#handle", 1), ("#top", 1), ("#proof", 1)):
        assert (tab.evaluate(style.format(name, "display")) != "none") == there, name
    for name, color in ((".answer", "rgb(255, 255, 255)"), ("body", "rgb(255, 255, 255)")):
        assert tab.evaluate(style.format(name, "backgroundColor")) == color
    assert tab.evaluate(style.format("body", "color")) == "rgb(0, 0, 0)"
    assert tab.evaluate(style.format("#corner-0 span", "display")) != "none"  # the weights
    tab.call("Emulation.setEmulatedMedia", media="", features=[])
    printed = base64.b64decode(tab.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    assert len(re.findall(rb"/Type /Page\b", printed)) == 1
