"""Drives pages of runs in a Chromium without a window, as a person would, and says what came of it.

    pip install playwright; apt-get install chromium; npm install axe-core
    python benchmarks/explore_in_browser.py --axe=node_modules/axe-core/axe.min.js RUN/explore.html ...

Drags, presses keys, clicks a corner, plays a tour for five seconds, saves, copies a link and opens one. Prints for each
page what the weights were after each, frames per second and milliseconds per frame, what the console said, what was
requested, and what axe-core finds in light and in dark.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SIZE = {"width": 1400, "height": 1000}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--axe", type=Path, help="axe.min.js of axe-core")
    parser.add_argument("--browser", default=shutil.which("chromium"))
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        for path in options.pages:
            address = path.resolve().as_uri()
            found = drive(browser, address)
            if options.axe:
                found |= {f"axe, {scheme}": axe(browser, address, scheme, options.axe) for scheme in ("light", "dark")}
            print(json.dumps({str(path): found}, indent=1))
        browser.close()


def drive(browser: Browser, address: str) -> dict:
    """What a person does, and what the page made of it."""
    page = browser.new_page(viewport=SIZE, accept_downloads=True)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url[:100]) if request.url[:5] not in ("data:", "blob:") else None)
    page.goto(address)
    page.wait_for_timeout(1000)
    walks = page.locator("#map").count()  # the page of a sweep has none
    found = {"at first": weights(page)} | {name: act(page) for name, act in ACTS.items()} if walks else {}
    page.close()
    return found | {"console": said, "requests": asked}


def weights(page: Page) -> list[float]:
    page.wait_for_timeout(300)
    return [round(weight, 3) for weight in page.evaluate("tfcollide.state.weights")]


def drag(page: Page) -> list[float]:
    box = page.locator("#map").bounding_box()
    place = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    page.mouse.move(*place(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*place(0.62, 0.4), steps=10)
    page.mouse.up()
    return weights(page)


def press(page: Page, key: str) -> list[float]:
    page.locator("#handle").focus()
    page.keyboard.press(key)
    return weights(page)


def click(page: Page) -> list[float]:
    page.locator("#corner-0").click()
    return weights(page)


def play(page: Page) -> dict:
    counts = "[tfcollide.state.frames, tfcollide.state.drawing]"
    page.locator("#tour").click()
    began, (frames, drawing) = time.perf_counter(), page.evaluate(counts)
    page.wait_for_timeout(5000)
    spent, (frames_after, drawing_after) = time.perf_counter() - began, page.evaluate(counts)
    page.locator("#tour").click()
    drawn = frames_after - frames
    return {"frames per second": round(drawn / spent, 1), "ms of script per frame": (drawing_after - drawing) / max(drawn, 1)}


def save(page: Page) -> dict:
    with page.expect_download() as download:
        page.locator("#save").click()
    return {"name": download.value.suggested_filename, "bytes": download.value.path().stat().st_size}


def link(page: Page) -> list[float]:
    page.locator("#link").click()
    count = page.evaluate("tfcollide.count")
    asked = [0.25 if k == 0 else 0.75 if k == count - 1 else 0 for k in range(count)]
    page.evaluate("link => { location.hash = link; }", f"#w={','.join(map(str, asked))}")
    return weights(page)


def axe(browser: Browser, address: str, scheme: str, script: Path) -> list:
    """What axe-core finds; the page's own policy, which lets no foreign script in, is lifted for it."""
    context = browser.new_context(viewport=SIZE, bypass_csp=True, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(800)
    page.evaluate(script.read_text())
    found = page.evaluate("axe.run()")["violations"]
    context.close()
    return [[violation["id"], violation["impact"], violation["nodes"][0]["html"][:120]] for violation in found]


ACTS = {
    "dragged": drag,
    "arrow left": lambda page: press(page, "ArrowLeft"),
    "key 1": lambda page: press(page, "1"),
    "Home": lambda page: press(page, "Home"),
    "corner 0 clicked": click,
    "played": play,
    "saved": save,
    "link opened": link,
}

if __name__ == "__main__":
    main()
