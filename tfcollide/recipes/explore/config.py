"""What a page is asked to show: fields here are flags of the command line."""

import dataclasses

from tfcollide.errors import RequestError
from tfcollide.settings import at_least, flag

__all__ = ["ExploreConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExploreConfig:
    """A page for a run directory, or for each pair of a sweep and one of all pairs."""

    run: str | None = flag(None, "The directory of a finished run, or of a sweep.")
    points: int = flag(1000, "How many mixtures the network is asked about before the page is written, at most.")
    in_page: bool = flag(True, "Put a small network into the page, which then computes itself.")
    index: str | None = flag(None, "Of composites: the index that the run used. Default: where it was then.")
    animate: str | None = flag(None, "Also write a tour of the hull to this file, an animated .webp or .gif.")
    seconds: float = flag(12.0, "With --animate: how long the tour takes.")
    serve: bool = flag(False, "Serve the page on this machine instead, and answer from the real network, until Ctrl-C.")
    port: int = flag(0, "With --serve: the port; 0 takes one that is free.")

    def check(self) -> None:
        """Raises `RequestError` for what no run can make right."""
        if not self.run:
            raise RequestError("no --run", "the directory of a finished run", "Say, for example, --run=runs/first.")
        at_least(self, 1, "points")
        at_least(self, 1.0, "seconds")
        if not 0 <= self.port <= 65535:
            raise RequestError(f"--port={self.port}", "a port, 0 to 65535")
        if self.animate is not None and not self.animate.lower().endswith((".webp", ".gif")):
            raise RequestError(f"--animate={self.animate}", "a file that ends in .webp or .gif")
        if self.animate is not None and self.serve:
            raise RequestError("--animate with --serve", "one of the two", "Run it twice.")
