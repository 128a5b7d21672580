"""A finished run with its network and its reader, as they were."""

from pathlib import Path
from typing import NamedTuple

from tfcollide.audit.reader import Reader, nearest_neighbors, network_reader
from tfcollide.models.classifier import Classifier, Tap
from tfcollide.models.loading import load_classifier
from tfcollide.recipes.classifier.open import Opened
from tfcollide.recipes.explore.patches import patches_of
from tfcollide.recipes.finished_run import FinishedRun
from tfcollide.report.explore.page import Scene
from tfcollide.report.explore.scene import scene_of

__all__ = ["OpenRun", "open_run", "scene_of_run"]


class OpenRun(NamedTuple):
    """A run and its network.

    Attributes:
        finished: the run.
        classifier: its network.
        tap: where features were compared.
        reader: who said what corners show; None where nobody did.
    """

    finished: FinishedRun
    classifier: Classifier
    tap: Tap
    reader: Reader | None


def open_run(finished: FinishedRun, opened: Opened) -> OpenRun:
    """A run with its network, which is open, and with the reader that voted, if one did."""
    classifier, said = opened.classifier, finished.summary.get("reader")
    voted = said is not None and said.get("name") is not None and said.get("reason") is None
    return OpenRun(finished, classifier, classifier.tap(finished.summary["tap"]), _reader(finished, opened) if voted else None)


def scene_of_run(run: OpenRun, *, points: int, in_page: bool, index: Path | None = None, live: bool = False) -> Scene:
    """What the page of a run shows, see `report.explore.scene`.

    Args:
        run: with its network.
        points: of the lattice, at most.
        in_page: whether a small network goes into the page.
        index: of patches, of composites; None for where it was.
        live: whether the page can ask the network itself.
    """
    arrays = {name: run.finished.arrays[name] for name in ("source", "corners", "target")}
    return scene_of(
        run.classifier,
        run.tap,
        **arrays,
        summary=run.finished.summary,
        conclusion=_conclusion(run.finished.path),
        reader=run.reader,
        points=points,
        in_page=in_page,
        patches=patches_of(run.finished, index) if run.finished.config.parameterization == "composite" else None,
        live=live,
    )


def _reader(finished: FinishedRun, opened: Opened) -> Reader | None:
    bounds = opened.classifier.bounds
    if finished.config.reader:
        return network_reader(load_classifier(Path(finished.config.reader)), opened.data, bounds)
    return nearest_neighbors(opened.data, bounds)


def _conclusion(folder: Path) -> str:
    lines = (folder / "table.md").read_text(encoding="utf-8").splitlines()
    return next((line.replace("**", "") for line in lines if line.startswith("**")), "")
