"""What a search found: arrays and records, a picture of them, and a run directory on request."""

import base64
import dataclasses
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.images import to_uint8
from tfcollide.library.calling import called
from tfcollide.library.problem import Problem
from tfcollide.library.solution import Solution
from tfcollide.library.yardstick import Yardstick
from tfcollide.numerals import significant
from tfcollide.polytope.hull.mixing import mix
from tfcollide.records import CornerRecord, EndPoint, ExactRecord, Summary, SurvivalRow, Trace
from tfcollide.shapes import Bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tfcollide.library.verdict import Verdict
    from tfcollide.models.classifier import Classifier
    from tfcollide.records import Certificate

__all__ = ["Found"]


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Found:
    """Corners, and what is known of them.

    Attributes:
        corners: `[N, H, W, C]` float32 in the network's bounds.
        records: one per corner, judged from the image through the network.
        source: `[H, W, C]` float32.
        target: `[H, W, C]` float32; None where it was given as features.
        units: N groups of inactive units that were pushed; empty groups where none were.
        ends: what the network takes source and target for.
        network: the name of the network.
        tap: the ReLU at which features are to match.
        bounds: of the pixels.
        steps: taken.
        ended: why the search ended: "met", "stagnated", "max_steps" or "diverged"; of exact corners "met", "too close" (than
            was asked) or "infeasible" (some do not exist).
        trace: the terms along the way; None of a run that was read back.
        exact: what an exact solver says; None of a descent.
        summary: everything, of a run that was read back; else None.
        problem: as it was posed; None of a run that was read back.
        solution: as the solver left it; None likewise.
        yardstick: what a data set tells; None likewise.
        asked: what `save` repeats of the request.

    Examples:
        >>> found
        Found(2 corners, "class 0" to "class 1" at hidden of small: met, feature distance up to ...)
        >>> len(found.records), found.tap
        (2, 'hidden')
    """

    corners: np.ndarray
    records: tuple[CornerRecord, ...]
    source: np.ndarray
    target: np.ndarray | None
    units: tuple[tuple[int, ...], ...]
    ends: tuple[EndPoint, EndPoint]
    network: str
    tap: str
    bounds: Bounds
    steps: int
    ended: str
    trace: Trace | None = None
    exact: ExactRecord | None = None
    summary: Summary | None = None
    problem: Problem | None = None
    solution: Solution | None = None
    yardstick: Yardstick | None = None
    asked: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether every corner reached its stopping loss."""
        return all(record.converged for record in self.records)

    def mix(self, convex_weights: np.ndarray) -> np.ndarray:
        """Mixtures `[S, H, W, C]` float32 of the corners, with convex weights `[S, N]`, or one with `[N]`.

        Raises:
            RequestError: weights of another shape, below 0, or that do not sum to 1.

        Examples:
            >>> found.mix([0.5, 0.5]).shape
            (1, 4, 4, 1)
        """
        rows = np.atleast_2d(np.asarray(convex_weights, np.float32))
        if rows.ndim != 2 or rows.shape[1] != len(self.corners):
            raise RequestError(f"weights of shape {np.shape(convex_weights)}", f"[S, {len(self.corners)}], one per corner")
        if not ((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1.0, atol=1e-4)):
            raise RequestError("weights that are no convex ones", "rows of numbers of at least 0 that sum to 1")
        return mix(rows, self.corners)

    def plot(self) -> "Figure":
        """The source, the corners and the target in a row, as a Matplotlib figure, over what the network takes them for."""
        from tfcollide.report.figure import compose, corner_panel, end_panel

        panels = [end_panel("source", to_uint8(self.source, self.bounds), self.ends[0], "source")]
        images = zip(to_uint8(self.corners, self.bounds), self.records, strict=True)
        wanted = self.ends[1].predicted
        panels += [corner_panel(n, pixels, record, wanted or record.predicted) for n, (pixels, record) in enumerate(images)]
        if self.target is not None:
            panels.append(end_panel("target", to_uint8(self.target, self.bounds), self.ends[1], "target"))
        return compose([panels], f"{self.network} at {self.tap}")

    def save(self, folder: str | Path, verdict: "Verdict | None" = None, certificate: "Certificate | None" = None) -> Path:
        """Writes a run directory as `collide` does, but for `run.flags`; `load_run` reads it back.

        Where the target was given as features there is no `table.md` and no `figure.png`.

        Args:
            folder: must not exist; it appears whole or not at all.
            verdict: of `judge`; None: the hull is judged here.
            certificate: of `certify`; None: nothing is said of a proof.

        Returns:
            The folder.

        Raises:
            RequestError: the folder exists, or this has been read from one.
        """
        from tfcollide.library.saving import save_run

        with called():
            if self.problem is None or self.solution is None or self.yardstick is None:
                raise RequestError("a result that was read from a run directory", "one of a search", "Copy the directory.")
            save_run(Path(folder), self.problem, self.solution, self.yardstick, verdict, certificate, self.asked)
        return Path(folder)

    def survival(
        self,
        network: "Classifier | None" = None,
        *,
        check_file: str | Path | None = None,
        samples: int = 200,
        seed: int = 0,
        progress: bool = False,
    ) -> tuple[SurvivalRow, ...]:
        """What is left of the hull after what may happen to images, and in other forms of the network.

        Random mixtures after PNG, JPEG, resizing, a shift and noise; and in bfloat16, and as TFLite in float16 and int8.

        Args:
            network: of `wrap`, for a result that was read from a run directory; else that of the search.
            check_file: a TFLite file of your own, to be asked, too.
            samples: mixtures of the corners.
            seed: of the mixtures.
            progress: whether a bar is drawn on standard error.

        Returns:
            A row per treatment: `.kept` is the share of mixtures that are still read as the target.

        Raises:
            RequestError: the target is no image, or the network or the file does not fit the corners.

        Examples:
            >>> found.survival(samples=20)[0]
            SurvivalRow(treatment='none', kept=1.0, as_source=0.0, target_kept=True, reason=None)
        """
        from tfcollide.library.exploring import network_for
        from tfcollide.library.surviving import survive

        with called(progress):
            known = network_for(self.problem.network if self.problem and not network else network, self.corners, self.bounds)
            if self.target is None:
                raise RequestError("a target that is known by its features alone", "one that is an image, with a class")
            data = self.yardstick.data if self.yardstick else None
            file = None if check_file is None else Path(check_file)
            ends = (self.source, self.target)
            return survive(known, self.corners, ends, data=data, check_file=file, samples=samples, seed=seed)

    def to_html(
        self,
        network: "Classifier | None" = None,
        verdict: "Verdict | None" = None,
        certificate: "Certificate | None" = None,
        *,
        points: int = 1000,
        in_page: bool = True,
    ) -> str:
        """The page on which the hull is walked through, one HTML text that loads nothing, as `collide-explore` writes it.

        Args:
            network: of `wrap`, for a result that was read from a run directory; else that of the search.
            verdict: of `judge`; None: the hull is judged here, or was by the run that was read back.
            certificate: of `certify`; None: nothing is called certified that no run has proven.
            points: how many mixtures the network is asked about, at most.
            in_page: whether a small network goes into the page, which then computes itself.

        Raises:
            RequestError: the target is no image, or the network does not fit the corners.
        """
        from tfcollide.library.exploring import network_for, page_of, summary_of

        with called():
            summary, reader = self.summary, None
            if self.problem is not None and self.solution is not None and self.yardstick is not None:
                network, reader = self.problem.network, self.problem.reader.reader
                parts = (self.problem, self.solution, self.yardstick)
                summary = summary_of(*parts, verdict, certificate, self.asked) if self.target is not None else None
            known = network_for(network, self.corners, self.bounds)
            if self.target is None or summary is None:
                raise RequestError("a target that is known by its features alone", "one that is an image, to be shown")
            images = (self.source, self.corners, self.target)
            return page_of(known, summary, *images, reader=reader, points=points, in_page=in_page)

    def __repr__(self) -> str:
        """In one line."""
        far = max((record.feature_distance for record in self.records), default=float("nan"))
        kind = f"{len(self.corners)} corner{'s' if len(self.corners) > 1 else ''}"
        ends = f'"{self.ends[0].predicted}" to "{self.ends[1].predicted or "features"}"'
        return f"Found({kind}, {ends} at {self.tap} of {self.network}: {self.ended}, feature distance up to {significant(far)})"

    def _repr_html_(self) -> str:
        """The picture over one line, for notebooks."""
        file = io.BytesIO()
        self.plot().savefig(file, format="png", dpi=80)
        picture = base64.b64encode(file.getvalue()).decode()
        words = repr(self).replace("<", "&lt;")
        return f'<figure><img src="data:image/png;base64,{picture}"><figcaption>{words}</figcaption></figure>'
