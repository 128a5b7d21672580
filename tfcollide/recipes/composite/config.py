"""What is asked of finished composite runs: fields here are flags of the command line."""

import dataclasses

from tfcollide.errors import RequestError
from tfcollide.settings import flag as _flag

__all__ = ["CompareConfig", "RebuildConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RebuildConfig:
    """Corners again, from the control parameters and the index alone."""

    run: str | None = _flag(None, "The run directory of a composite.")
    index: str | None = _flag(None, "The index that the run used. Default: where it was then.")

    def check(self) -> None:
        """Raises `RequestError` where there is nothing to rebuild."""
        if self.run is None:
            raise RequestError("no --run", "the run directory of a composite", "Say, for example, --run=runs/composite.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """The paper's comparison of micro-level and macro-level differences."""

    pixels: str | None = _flag(None, "Run directory, or sweep, of pixel corners.")
    composites: str | None = _flag(None, "Run directory, or sweep, of composites of the same pairs.")

    def check(self) -> None:
        """Raises `RequestError` where a side is missing."""
        for name in ("pixels", "composites"):
            if getattr(self, name) is None:
                raise RequestError(f"no --{name}", "the directory of a run or of a sweep")
