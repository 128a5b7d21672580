"""The page of a sweep: all pairs as thumbnails, sorted and filtered, each with a link to its own page."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfcollide.files.atomic import to_json
from tfcollide.images import png_bytes
from tfcollide.report.explore.page import asset, embedded, escaped, fill

__all__ = ["Row", "pairs_html", "thumbnail"]

_SIDE = 64
_KEYS = (
    *("source", "target", "classes", "found", "missing", "error", "steps", "accuracy", "mean_probability", "corner_mean"),
    *("source_share", "target_share", "feature_quantile", "worst_margin", "proof", "trivial", "lost"),
)


class Row(NamedTuple):
    """One pair.

    Attributes:
        numbers: its part of the sweep's `summary.json`.
        labels: of the source and the target.
        pictures: data URLs of the source, the first corner and the target; empty where the pair failed.
        link: to its page; None where it has none.
    """

    numbers: Mapping[str, Any]
    labels: tuple[str, ...]
    pictures: tuple[str, ...]
    link: str | None


def pairs_html(title: str, conclusion: str, rows: Sequence[Row]) -> str:
    """The page as one HTML text that loads nothing; its links lead to the pairs' own pages."""
    content = {
        "title": title,
        "conclusion": conclusion,
        "rows": [
            {key: to_json(row.numbers.get(key)) for key in _KEYS}
            | {"labels": list(row.labels), "pictures": list(row.pictures), "link": row.link}
            for row in rows
        ],
    }
    scripts = f"{asset('numbers.js')}\n{asset('pairs.js')}"
    begun = fill("pairs.html", title=escaped(title), style=asset("page.css") + asset("pairs.css"), script=scripts)
    return begun.replace("{{scene}}", embedded(content))


def thumbnail(pixels: np.ndarray) -> str:
    """An image `[H, W, C]` uint8 as a data URL, at most 64 pixels wide and high."""
    if max(pixels.shape[:2]) > _SIDE:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.convert("RGB").save(file, format="JPEG", quality=85)
        return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return f"data:image/png;base64,{base64.b64encode(png_bytes(pixels)).decode()}"
