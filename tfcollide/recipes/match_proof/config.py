"""What a comparison of a proof with a network is asked: fields here are flags of the command line."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.models.model_file import inspect
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
        """Raises `RequestError` for files that are missing, are no proof or corners of a run, or are no network."""
        for name, mend in (("proof", "--proof=runs/first/proof.npz"), ("model", "--model=NET.keras")):
            path = getattr(self, name)
            if path is None or not Path(path).exists():
                raise RequestError(f"--{name}={path or ''}", "a file", f"Say, for example, {mend}.")
        self.proof_arrays()
        self.run_corners()
        inspect(Path(self.model or ""), allow_custom_code=self.allow_custom_code)

    def proof_arrays(self) -> dict[str, np.ndarray]:
        """Content of the proof's file.

        Raises:
            RequestError: it is no proof.
        """
        found = _arrays(Path(self.proof or ""), "proof", ("claim", "corners"))
        try:
            json.loads(str(found["claim"]))["layers"]
        except Exception as error:  # of any JSON, too
            raise RequestError(f"--proof={self.proof}, whose claim cannot be read", "a proof of collide --proof") from error
        return found

    def run_corners(self) -> np.ndarray | None:
        """The corners `[N, H, W, C]` of the run; None where it is not known which they are.

        Raises:
            RequestError: the file holds none.
        """
        path = self.corner_file()
        return _arrays(path, "corners", ("corners",))["corners"] if path else None

    def corner_file(self) -> Path | None:
        """Where the corners are; None where nothing is known of them."""
        beside = Path(self.proof or "").with_name("corners.npz")
        return Path(self.corners) if self.corners else beside if beside.exists() else None


def _arrays(path: Path, name: str, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Content of the .npz file that a flag names; some arrays have to be among it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except Exception as error:  # what a damaged file makes NumPy raise is any of many
        raise RequestError(f"--{name}={path}, which cannot be read", "an .npz file of arrays, whole") from error
    if missing := [one for one in wanted if one not in found]:
        raise RequestError(f"--{name}={path} without {missing[0]}", "the file that a run has written")
    return found
