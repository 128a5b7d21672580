"""The page of a run while it can ask the real network."""

from collections.abc import Callable
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.files.names import to_bytes
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.explore.live import LiveServer
from tfcollide.recipes.explore.opened import OpenRun
from tfcollide.report.explore.page import explore_html

__all__ = ["serve"]


def serve(run: OpenRun, config: ExploreConfig, index: Path | None, say: Callable[[str], None]) -> None:
    """Serves until it is interrupted, and says at which address.

    Raises:
        RequestError: the port cannot be had.
    """
    page = to_bytes(explore_html(run.scene(points=config.points, in_page=False, index=index, live=True)))
    corners = len(run.finished.arrays["corners"])
    try:
        server = LiveServer(page, run.answer, corners, config.port)
    except OSError as error:
        raise RequestError(f"--port={config.port}, which cannot be had ({error})", "a free port", "Say --port=0.") from error
    with server:
        say(f"{server.address} until Ctrl-C")
        server.serve_forever()
