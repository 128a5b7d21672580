"""How fast the page of a hull draws: frames per second, and what one costs.

    python benchmarks/explore_frames.py                 # five corners of 224x224, the network left out, and in the page
    python benchmarks/explore_frames.py --side=64 --seconds=10

Opens each page in a Chromium without a window, plays its tour, then drags the point around by mouse. Prints for both
the frames drawn per second, the median and the longest time between two, and per frame the processor time of the page's main
thread: all of it, and that of the script, which mixes, takes the differences, measures the distances and draws.

A Chromium without a graphics card also composes each frame on a processor; where others are at work on it, too, frames come
late whatever the page costs. So the processor time tells more than the frames do.
"""

import argparse
import itertools
import json
import math
import statistics
import tempfile
import time
from pathlib import Path

from tests.report.explore.chromium import Tab, opened
from tests.report.explore.page_test import scene
from tfcollide.report.explore.page import explore_html

_TICKS = """{
  globalThis.ticks = [];
  const tick = (now) => { ticks.push([now, tfcollide.state.frames]); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels")
    parser.add_argument("--corners", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each of the two ways to move")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for in_page in (False, True):
            path = Path(folder) / f"{in_page}.html"
            path.write_text(explore_html(scene(options.side, corners=options.corners, in_page=in_page)[1]), encoding="utf-8")
            with opened(Path(folder) / f"profile {in_page}") as tab:
                tab.open(path.as_uri(), width=1400, height=1000)
                for name, move in (("tour", _tour), ("drag", _drag)):
                    found = _measure(tab, lambda move=move: move(tab, options.seconds))  # type: ignore[misc]
                    print(json.dumps({"network in the page": in_page, "moved by": name, **found}))


def _tour(tab: Tab, seconds: float) -> None:
    tab.evaluate("document.getElementById('tour').click()")
    time.sleep(seconds)
    tab.evaluate("document.getElementById('tour').click()")


def _drag(tab: Tab, seconds: float) -> None:
    """Around the middle of the map, a place every ten milliseconds."""
    left, top, width, height = tab.box("map")
    began, kind = time.monotonic(), "mousePressed"
    while (spent := time.monotonic() - began) < seconds:
        x, y = left + width * (0.5 + 0.2 * math.cos(3 * spent)), top + height * (0.5 + 0.2 * math.sin(3 * spent))
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
        kind = "mouseMoved"
        time.sleep(0.01)
    tab.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)


def _measure(tab: Tab, move) -> dict[str, float]:
    tab.call("Performance.enable", timeDomain="threadTicks")
    time.sleep(0.5)  # what the opening left behind
    tab.evaluate(_TICKS)
    before = _spent(tab)
    move()
    after, ticks = _spent(tab), tab.evaluate("ticks")
    drawn = [now for (now, frames), (_, last) in zip(ticks[1:], ticks[:-1], strict=True) if frames > last]
    gaps = [b - a for a, b in itertools.pairwise(drawn)]
    each = {name: round(1000 * (after[name] - before[name]) / len(drawn), 2) for name in ("TaskDuration", "ScriptDuration")}
    return {
        "frames per second": round(1000 * len(gaps) / (drawn[-1] - drawn[0]), 1),
        "median ms between two": round(statistics.median(gaps), 1),
        "longest": round(max(gaps), 1),
        "processor ms of the page per frame": each["TaskDuration"],
        "of them the script": each["ScriptDuration"],
    }


def _spent(tab: Tab) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in tab.call("Performance.getMetrics")["metrics"]}


if __name__ == "__main__":
    main()
