"""A finished sweep read back, and the page of all its pairs."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tfcollide.files.atomic import to_json
from tfcollide.records import Summary, SweepSummary, is_sweep

__all__ = ["Sweep", "read_sweep", "sweep_html"]


class Sweep(NamedTuple):
    """A sweep.

    Attributes:
        path: of its directory.
        summary: the content of its `summary.json`.
    """

    path: Path
    summary: SweepSummary

    @property
    def folders(self) -> list[Path]:
        """The run directories of the pairs that could be run."""
        return [self.path / pair.directory for pair in self.summary.pairs if pair.directory]


def read_sweep(folder: Path) -> Sweep | None:
    """The sweep in a directory; None where there is none, which may then be a run.

    Raises:
        RequestError: there is one, which cannot be read.
    """
    return Sweep(folder, SweepSummary.read(folder)) if is_sweep(folder) else None


def sweep_html(sweep: Sweep, page: str) -> str:
    """The page of all pairs, each with a link to the file `page` of its own directory."""
    from tfcollide.report.explore.pairs_page import Row, pairs_html, thumbnail

    rows = []
    for pair in sweep.summary.pairs:
        labels: tuple[str, ...] = (pair.source, pair.target)
        pictures: tuple[str, ...] = ()
        link = None
        if pair.directory:
            folder = sweep.path / pair.directory
            found = Summary.read(folder)
            labels = tuple(end.label or end.predicted for end in (found.source, found.target))
            pictures = tuple(thumbnail(_pixels(folder, name)) for name in ("source", "corner_0", "target"))
            link = f"{pair.directory}/{page}"
        rows.append(Row(to_json(pair), labels, pictures, link))
    summary = sweep.summary
    title = f"{len(rows)} pairs: {summary.model} on {summary.dataset}, at {summary.tap}"
    reasons = ", ".join(f"{word} {times}" for word, times in summary.reasons.items())
    text = f"A collision was found in {summary.num_found} of {len(rows)} pairs."
    return pairs_html(title, text + (f" Why not in the others: {reasons}." if reasons else ""), rows)


def _pixels(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / "images" / f"{name}.png") as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
