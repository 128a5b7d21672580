"""The report of an audit in a browser, where there is one: nothing goes wrong, nothing is asked for, nothing sticks out."""

import shutil
import subprocess

import pytest

from tests.limits import HANG_SECONDS
from tests.measure.audits import made_up
from tests.report.audit.audit_page_test import CHARTS, pictures
from tfcollide.report.audit.audit_page import page

# The page itself is asked, once laid out: how wide it is, and how large each chart was drawn.
# A frame has any width; a window of headless Chromium has 500 pixels at least.
FRAME = """<title></title><iframe src="report.html" width="{width}" height="900"></iframe>
<script>addEventListener("message", (event) => {{ document.title = event.data; }});</script>"""
LOOK = """<script>addEventListener("load", () => {
  const charts = [...document.querySelectorAll("figure.chart")].map((one) => {
    const box = one.querySelector("svg").getBoundingClientRect();
    return `${one.id}:${Math.round(box.width)}x${Math.round(box.height)}`;
  });
  const shown = [...document.images].filter((one) => one.naturalWidth > 0).length;
  const asked = performance.getEntriesByType("resource").filter((one) => !one.name.startsWith("data:")).length;
  parent.postMessage(`looked ${document.documentElement.scrollWidth} ${shown} ${asked} ${charts.join(" ")}`, "*");
});</script>"""


@pytest.mark.parametrize("width", [400, 1400])
def test_the_report_opens_from_disk(tmp_path, width):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium")
    text = page(made_up(taps=("hidden_1", "hidden_2")), pictures())
    (tmp_path / "report.html").write_text(text.replace("</main>", f"</main>{LOOK}"))
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    asked = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1500,1000", "--virtual-time-budget=4000"]
    opened = [browser, *asked, "--enable-logging=stderr", "--dump-dom", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run([*opened, (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=HANG_SECONDS)
    assert "CONSOLE" not in done.stderr, done.stderr
    title = done.stdout.partition("<title>")[2].partition("</title>")[0].split()
    assert title[0] == "looked", done.stdout[:500]
    assert int(title[1]) <= width and title[2] == "24" and title[3] == "0"
    sizes = dict(one.split(":") for one in title[4:])
    assert set(sizes) == CHARTS
    for name, size in sizes.items():
        across, down = map(int, size.split("x"))
        assert 300 <= across <= width and down >= 60, (name, size)
