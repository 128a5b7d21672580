"""The pairs that collide nearest to their sources, as pictures."""

import base64
import html
import io
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfcollide.measure.audit_record import AuditRecord, PairFront

__all__ = ["PairPictures", "picture_rows", "worst"]

_MOST_SIDE, _MOST_PAIRS = 160, 8


class PairPictures(NamedTuple):
    """Three images `[H, W, C]` uint8: the source, the nearest one found to collide with the target, and the target."""

    source: np.ndarray
    found: np.ndarray
    target: np.ndarray


def worst(record: AuditRecord, count: int = _MOST_PAIRS) -> list[PairFront]:
    """The fronts that end nearest to the source, of as many pairs of classes as there are first."""
    known = sorted((one for one in record.fronts_at(record.tap) if one.change is not None), key=lambda one: one.change or 0.0)
    first: list[PairFront] = []
    again: list[PairFront] = []
    seen = set()
    for one in known:
        ends = (one.source_class, one.target_class)
        (again if ends in seen else first).append(one)
        seen.add(ends)
    return (first + again)[:count]


def picture_rows(record: AuditRecord, pictures: Mapping[int, PairPictures]) -> str:
    """A figure per pair that has pictures: source, collision, target, and what they are."""
    return "\n".join(_row(one, pictures[one.pair]) for one in worst(record) if one.pair in pictures)


def _row(one: PairFront, pictures: PairPictures) -> str:
    source, target = html.escape(one.source_class), html.escape(one.target_class)
    shown = (
        ("source", pictures.source, f"source: {source}"),
        ("collides", pictures.found, f"features of the {target}"),
        ("target", pictures.target, f"target: {target}"),
    )
    cells = "".join(
        f'<div><img alt="{name} of pair {one.pair}" src="{_data(image)}"><span>{words}</span></div>'
        for name, image, words in shown
    )
    ids = f"{html.escape(one.source)} to {html.escape(one.target)}"
    return (
        f'<figure class="pair"><div class="three">{cells}</div><figcaption>{ids}: change {one.change:.2f}</figcaption></figure>'
    )


def _data(image: np.ndarray) -> str:
    """A PNG as a data URI, no larger than it is shown."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    picture = Image.fromarray(pixels)
    picture.thumbnail((_MOST_SIDE, _MOST_SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
