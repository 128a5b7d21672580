"""The pieces of an audit's work, and what they find as arrays, which a ledger keeps."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfcollide.files.atomic import json_bytes
from tfcollide.library.tap_audit import FrontFound, HullFound
from tfcollide.measure.audit_record import PairHull
from tfcollide.measure.layer_look import LayerLook
from tfcollide.records import FrontEnd

__all__ = ["Piece", "pack_front", "pack_hulls", "pack_look", "unpack_front", "unpack_hulls", "unpack_look"]


class Piece(NamedTuple):
    """A piece of an audit's work.

    Attributes:
        kind: "front", of a pair; "hull", of a batch of pairs; "layer", of an image.
        tap: the ReLU.
        numbers: of the pairs, or of the image.
        spread: asked of a hull's corners.
        longer: whether with four times the budget.
    """

    kind: str
    tap: str
    numbers: tuple[int, ...]
    spread: float | None = None
    longer: bool = False

    @property
    def name(self) -> str:
        """In a ledger."""
        kind, spread = f"longer {self.kind}" if self.longer else self.kind, () if self.spread is None else (self.spread,)
        return " ".join(map(str, [kind, self.tap, *spread, *self.numbers]))


def _note(value: object) -> np.ndarray:
    return np.frombuffer(json_bytes(value), np.uint8)


def _read(note: np.ndarray) -> Any:
    return json.loads(note.tobytes())


def pack_front(found: FrontFound) -> dict[str, np.ndarray]:
    """The front of a pair as arrays."""
    return {"note": _note([found.end, found.least, found.exact]), "image": found.image}


def unpack_front(arrays: Mapping[str, np.ndarray]) -> FrontFound:
    """The front of a pair, from what `pack_front` made of it."""
    end, least, exact = _read(arrays["note"])
    return FrontFound(FrontEnd(**end), least, exact, arrays["image"])


def pack_hulls(found: list[HullFound]) -> dict[str, np.ndarray]:
    """The hulls of a batch as arrays."""
    notes = [[one.row, one.nearest, one.quantile, one.target_share] for one in found]
    stacked = {name: np.stack([getattr(one, name) for one in found]) for name in ("image", "corners")}
    return {"note": _note(notes), **stacked}


def unpack_hulls(arrays: Mapping[str, np.ndarray]) -> list[HullFound]:
    """The hulls of a batch, from what `pack_hulls` made of them."""
    notes = zip(_read(arrays["note"]), arrays["image"], arrays["corners"], strict=True)
    return [HullFound(PairHull(**row), *rest, *images) for (row, *rest), *images in notes]


def pack_look(look: LayerLook) -> dict[str, np.ndarray]:
    """A look at a layer as arrays."""
    return {"note": _note(look)}


def unpack_look(arrays: Mapping[str, np.ndarray]) -> LayerLook:
    """A look at a layer, from what `pack_look` made of it."""
    found: dict[str, Any] = _read(arrays["note"])
    rows: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return LayerLook(**rows)
