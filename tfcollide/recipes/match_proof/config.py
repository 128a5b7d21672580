"""What a comparison of a proof with a network is asked: fields here are flags of the command line."""

import dataclasses
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.settings import flag

__all__ = ["MatchConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchConfig:
    """Whether a proof speaks of a network and of images."""

    proof: str | None = flag(None, "A proof that collide --proof has written.", path=True)
    model: str | None = flag(None, "The network's file: .keras, .h5, or a SavedModel.", path=True)
    corners: str | None = flag(
        None, "corners.npz of the run whose hull is proven. Default: that beside the proof, if there is one.", path=True
    )
    outputs: str = flag("auto", "What the network gives, as of collide.")
    allow_custom_code: bool = flag(False, "Load a model file even if it carries code, which can do all that you can.")

    def check(self) -> None:
        """Raises `RequestError` for files that are missing."""
        for name, mend in (("proof", "--proof=runs/first/proof.npz"), ("model", "--model=NET.keras")):
            path = getattr(self, name)
            if path is None or not Path(path).exists():
                raise RequestError(f"--{name}={path or ''}", "a file", f"Say, for example, {mend}.")

    def corner_file(self) -> Path | None:
        """Where the corners are; None where nothing is known of them."""
        beside = Path(self.proof or "").with_name("corners.npz")
        return Path(self.corners) if self.corners else beside if beside.exists() else None
