#!/usr/bin/env python3
"""Fails where the built site asks others for anything, or links to a file that it lacks: `check_site.py build/site`."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"src", "srcset", "poster", "data"}
_LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
_IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


class _Page(HTMLParser):
    """What a page loads, and where it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        loads = tag == "link" and _LOADING_LINKS & set(values.get("rel", "").split())
        self.loaded += [values[name] for name in _LOADED & set(values)] + (
            [values["href"]] if loads and "href" in values else []
        )
        self.loaded += _IN_STYLES.findall(values.get("style", ""))
        self.linked += [values["href"]] if tag == "a" and "href" in values else []


def faults(site: Path) -> Iterator[str]:
    """A line per request to the outside, and per file that is linked to or loaded and is not there."""
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        name = path.relative_to(site)
        yield from (f"{name} loads {url}" for url in page.loaded if urlsplit(url).netloc)
        if name.name != "404.html":  # its links count from the root of a server
            local = [url for url in page.loaded + page.linked if not urlsplit(url).scheme and not urlsplit(url).netloc]
            there = {url: path.parent / unquote(urlsplit(url).path) for url in local if urlsplit(url).path}
            yield from (f"{name} lacks {url}" for url, file in there.items() if not file.exists())
    for path in sorted(site.rglob("*.css")):
        yield from (f"{path.relative_to(site)} loads {url}" for url in _IN_STYLES.findall(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found) or "The site opens from disk, and asks nobody for anything.")
    sys.exit(bool(found))
