"""The page of a run on the loopback, and the real network's answers to it; nothing else is to be had there."""

import http.server
import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Judge", "LiveServer", "read_weights"]

_MOST_BYTES = 100_000
Judge = Callable[[np.ndarray], dict[str, Any]]
"""From convex weights `[N]` to what `LatticeAnswers` holds of one image, as JSON types."""


def read_weights(body: bytes, corners: int) -> np.ndarray | None:
    """The weights `[N]` float32 of a question `{"weights": [...]}`; None where it holds no convex weights."""
    try:
        weights = np.array(json.loads(body)["weights"], np.float64)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    fits = weights.shape == (corners,) and bool(np.all(weights >= 0)) and abs(weights.sum() - 1) <= 1e-3
    return (weights / weights.sum()).astype(np.float32) if fits else None


class LiveServer(http.server.ThreadingHTTPServer):
    """Serves `/`, the page, and answers `/judge` to that page alone.

    What names another host than this one, as a page that had its name point here would, is refused, and so
    is what another page asks.

    Args:
        page: HTML.
        judge: asks the network; one question at a time.
        corners: N.
        port: to listen at, on the loopback; 0 for a free one.
    """

    daemon_threads = True

    def __init__(self, page: bytes, judge: Judge, corners: int, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.page, self.judge, self.corners, self.turn = page, judge, corners, threading.Lock()
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: LiveServer
    timeout = 30

    def do_GET(self) -> None:
        if self._refused():
            return
        if self.path.partition("?")[0] == "/":
            self._send(200, "text/html; charset=utf-8", self.server.page)
        else:
            self._say(404, "there is nothing but the page, at /")

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if self._refused(asks=True):
            return
        if self.path != "/judge":
            self._say(404, "questions are asked at /judge")
        elif not size.isdecimal() or int(size) > _MOST_BYTES:
            self._say(413, f"a question has a Content-Length of at most {_MOST_BYTES} bytes")
        else:
            self._answer(self.rfile.read(int(size)))

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the page shows what happens."""

    def _answer(self, body: bytes) -> None:
        weights = read_weights(body, self.server.corners)
        if weights is None:
            self._say(400, f'a question is {{"weights": [...]}} with {self.server.corners} weights, none negative, 1 in sum')
            return
        with self.server.turn:
            found = self.server.judge(weights)
        self._send(200, "application/json", json.dumps(found).encode())

    def _refused(self, *, asks: bool = False) -> bool:
        """Refuses what was sent to another host's name, or by a page of another origin; a question has to tell its page."""
        origin = self.headers.get("Origin")
        own = origin is not None and origin.removeprefix("http://") in self.server.hosts
        if self.headers.get("Host") in self.server.hosts and (own or (origin is None and not asks)):
            return False
        self.close_connection = True
        self._say(403, "this page is for this machine, by the name 127.0.0.1 or localhost")
        return True

    def _say(self, status: int, text: str) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{text}\n".encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()
        self.wfile.write(content)
