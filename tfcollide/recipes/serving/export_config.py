"""What an export is asked to do: fields here are flags of the command line."""

import dataclasses

from tfcollide.errors import RequestError
from tfcollide.recipes.settings import flag

__all__ = ["ExportConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """A SavedModel from a run directory."""

    run: str | None = flag(None, "The directory of a finished run.")
    what: str = flag(
        "classifier",
        "classifier: the network. mixture: the hull of the corners, judged by the network. composite: patches, blend and hull.",
    )
    index: str | None = flag(None, "With --what=composite: the index that the run used. Default: where it was then.")

    def check(self) -> None:
        """Raises `RequestError` for what no run can make right."""
        if not self.run:
            raise RequestError("no --run", "the directory of a finished run", "Say, for example, --run=runs/first.")
        if self.index is not None and self.what != "composite":
            raise RequestError(f"--index={self.index} with --what={self.what}", "--what=composite beside it", "Leave it out.")
