"""A Chromium without a window, driven by its own protocol over two pipes; what a person does is sent as the device would."""

import contextlib
import fcntl
import functools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Tab", "browser", "opened"]


@functools.cache
def browser() -> str | None:
    """The program; None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Tab:
    """A page that is open.

    Attributes:
        said: what its console said, and what went wrong in its script.
        asked: what it requested.
    """

    def __init__(self, to: int, back: int):
        self._to, self._back, self._left, self._number, self._session = to, back, b"", 0, None
        self.said: list[str] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """What the browser answers to a command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": given}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (found := self._next()).get("id") != self._number:
            self._note(found.get("method", ""), found.get("params", {}))
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error']}")
        return found["result"]

    def evaluate(self, code: str) -> Any:
        """The value of an expression in the page, where it is a promise what that becomes."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"])
        return found["result"].get("value")

    def wait(self, code: str, seconds: float = 60.0) -> None:
        """Until an expression is true."""
        ends = time.monotonic() + seconds
        while not self.evaluate(code):
            if time.monotonic() > ends:
                raise TimeoutError(code)
            time.sleep(0.02)

    def open(self, address: str, *, width: int = 1200, height: int = 900, touch: bool = False) -> None:
        """Opens an address in a window of this size and waits until the point is drawn."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.call("Page.navigate", url=address)
        self.wait("globalThis.tfcollide !== undefined && tfcollide.state.frames > 0")

    def box(self, name: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of the element of that id, in the window."""
        found = self.evaluate(f"document.getElementById('{name}').getBoundingClientRect().toJSON()")
        return found["left"], found["top"], found["width"], found["height"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            part = os.read(self._back, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self._left += part
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def _note(self, method: str, given: dict[str, Any]) -> None:
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.said.append(json.dumps(given)[:500])
        if method == "Network.requestWillBeSent":
            self.asked.append(given["request"]["url"][:200])


@contextlib.contextmanager
def opened(profile: Path, *flags: str) -> Iterator[Tab]:
    """A tab of a browser of its own, which ends with the block."""
    ends = [_high(end) for pair in (os.pipe(), os.pipe()) for end in pair]

    def joined() -> None:  # the browser reads at 3 and writes at 4
        os.dup2(ends[0], 3)
        os.dup2(ends[3], 4)

    command = [browser() or "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    made = [*command, f"--user-data-dir={profile}", *flags]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(made, stdout=quiet, stderr=quiet, close_fds=False, preexec_fn=joined)
    try:
        os.close(ends[0])
        os.close(ends[3])
        tab = Tab(ends[1], ends[2])
        yield tab
        os.write(ends[1], b'{"id": 0, "method": "Browser.close"}\0')
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    finally:
        process.kill()
        process.wait()
        os.close(ends[1])
        os.close(ends[2])


def _high(end: int) -> int:
    """The same end of a pipe under a number that is not one of those which the browser expects."""
    try:
        return fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    finally:
        os.close(end)
