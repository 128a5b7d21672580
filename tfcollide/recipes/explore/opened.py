"""A finished run with its network and its reader, as they were; and its page while that can ask them."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.atomic import to_json
from tfcollide.files.names import to_bytes
from tfcollide.measure.reader import Reader, nearest_neighbors, network_reader
from tfcollide.models.loading import load_classifier
from tfcollide.polytope.hull.mixing import mix
from tfcollide.recipes.classifiers.open import Opened
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.explore.live import LiveServer
from tfcollide.recipes.explore.origins import patches_of
from tfcollide.recipes.finished_run import FinishedRun
from tfcollide.report.conclusion import conclusion
from tfcollide.report.explore.lattice import LatticeAnswers, answers_at
from tfcollide.report.explore.page import Scene, explore_html
from tfcollide.report.explore.scene import scene_of
from tfcollide.report.explore.tour import Frame, animation, tour_weights

__all__ = ["OpenRun", "Opening", "serve"]


class Opening:
    """What the runs of a sweep share: a network that is open, and a reader that learns once.

    Args:
        opened: the network and the data.
    """

    def __init__(self, opened: Opened):
        self.opened, self.classifier = opened, opened.classifier

    @functools.cache  # noqa: B019 (it lives as long as its process)
    def reader(self, path: str | None) -> Reader | None:
        """Who reads images: the network in a file, or the nearest training images."""
        data, bounds = self.opened.data, self.classifier.bounds
        return network_reader(load_classifier(Path(path)), data, bounds) if path else nearest_neighbors(data, bounds)


@dataclasses.dataclass(frozen=True)
class OpenRun:
    """A run and what it needs to be looked at again.

    Attributes:
        finished: the run.
        opening: its network.
    """

    finished: FinishedRun
    opening: Opening

    def scene(self, *, points: int, in_page: bool, index: Path | None = None, live: bool = False) -> Scene:
        """What the page of the run shows, see `report.explore.scene`.

        Args:
            points: of the lattice, at most.
            in_page: whether a small network goes into the page.
            index: of patches, of composites; None for where it was.
            live: whether the page can ask the network itself.
        """
        run, composite = self.finished, self.finished.config.parameterization == "composite"
        return scene_of(
            self.opening.classifier,
            self.opening.classifier.tap(run.summary.tap),
            **{name: run.arrays[name] for name in ("source", "corners", "target")},
            summary=to_json(run.summary),
            conclusion=conclusion(run.summary),
            reader=self._reader,
            points=points,
            in_page=in_page,
            patches=patches_of(run, index) if composite else None,
            parts=run.summary.certificate.parts if run.summary.certificate else None,
            live=live,
        )

    def answers(self, weights: np.ndarray, reader: bool = True) -> LatticeAnswers:
        """What the network, and the reader, say of mixtures with `weights` `[M, N]`."""
        run, classifier = self.finished, self.opening.classifier
        tap = classifier.tap(run.summary.tap)
        arrays = (run.arrays["corners"], run.arrays["target"])
        return answers_at(weights, *arrays, classifier, tap, self._reader if reader else None)

    def answer(self, weights: np.ndarray) -> dict[str, Any]:
        """The same of one mixture with `weights` `[N]`, as the page's script takes it."""
        found = self.answers(weights[None])
        names = ("top", "chances", "hit", "probability", "margin", "active_match", "feature_distance")
        return {name: getattr(found, name)[0].tolist() for name in names} | {
            "name": found.names[0],
            "read": found.read[0] if found.read else None,
            "row": None,
        }

    def film(self, kind: str, seconds: float) -> bytes:
        """An animated tour, "webp" or "gif"."""
        run, summary = self.finished, self.finished.summary
        weights = tour_weights(len(run.arrays["corners"]), seconds)
        found = self.answers(weights, reader=False)
        said = zip(weights, mix(weights, run.arrays["corners"]), found.names, found.chances[:, 0], found.hit, strict=True)
        labels = (summary.source.label or summary.source.predicted, summary.target.label or summary.target.predicted)
        ends = (run.arrays["source"], run.arrays["target"])
        bounds = self.opening.classifier.bounds
        return animation([Frame(w, x, name, float(p), bool(hit)) for w, x, name, p, hit in said], *ends, bounds, labels, kind)

    @functools.cached_property
    def _reader(self) -> Reader | None:
        """The reader, where it voted."""
        said = self.finished.summary.reader
        voted = said is not None and said.name is not None and said.reason is None
        return self.opening.reader(self.finished.config.reader) if voted else None


def serve(run: OpenRun, config: ExploreConfig, index: Path | None, say: Callable[[str], None]) -> None:
    """Serves until it is interrupted, and says at which address.

    Raises:
        RequestError: the port cannot be had.
    """
    page = to_bytes(explore_html(run.scene(points=config.points, in_page=False, index=index, live=True)))
    corners = len(run.finished.arrays["corners"])
    try:
        server = LiveServer(page, run.answer, corners, config.port)
    except OSError as error:
        raise RequestError(f"--port={config.port}, which cannot be had ({error})", "a free port", "Say --port=0.") from error
    with server:
        say(f"{server.address} until Ctrl-C")
        server.serve_forever()
