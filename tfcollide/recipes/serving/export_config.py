"""What an export is asked to do: fields here are flags of the command line."""

import dataclasses

from tfcollide.errors import RequestError
from tfcollide.registry import EXPORTS
from tfcollide.settings import carrying_variants, check_choices, check_variants, flag

__all__ = ["ExportConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class ExportConfig:
    """A SavedModel from a run directory."""

    run: str | None = flag(None, "The directory of a finished run.")
    what: str = flag(
        "classifier",
        "classifier: the network. mixture: the hull of the corners, judged by the network. composite: patches, blend and hull.",
        variants=EXPORTS,
    )

    def check(self) -> None:
        """Raises `RequestError` for what no run can make right."""
        if not self.run:
            raise RequestError("no --run", "the directory of a finished run", "Say, for example, --run=runs/first.")
        check_choices(self)
        check_variants(self)
