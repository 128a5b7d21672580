"""Everything that a run found."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tfcollide.errors import RequestError
from tfcollide.records.corner import CornerRecord, EndPoint
from tfcollide.records.from_json import checked_record, read_content
from tfcollide.records.looks import CompositeRecord, Distance, MixtureLooks, Perceptual
from tfcollide.records.mixtures import FailureBound, Interpolation, PngCheck, SurvivalRow, WorstMixture
from tfcollide.records.proven import Certificate, EdgeRecord, ExactRecord, ProofRecord, SecondOpinion
from tfcollide.records.proven_parts import ProvenParts
from tfcollide.records.radius import RadiusRecord
from tfcollide.records.yardstick_record import FrontEnd, FrontRecord, ReaderRecord, Scale

__all__ = ["Summary"]


@dataclasses.dataclass(frozen=True)
class Summary:
    """Everything a run found: the content of `summary.json`.

    Attributes:
        dataset: as asked for; "none" where source and target are image files.
        model: the name of the network.
        tap: the ReLU at which features collide.
        parameterization: what was optimized, "pixels" or "composite".
        solver: "gradient" or "exact".
        objective: "corners" (Eq. 3) or "match" (Eq. 1).
        seed: of everything drawn outside training.
        steps: of the descent or of the simplex method; 0 where that is not known.
        converged: whether every corner did.
        stop_loss: a corner, what its L_pos or feature distance had to fall below.
        source: where the corners started.
        target: whose features they take.
        test_accuracy: share of the test images that the network gets right; None where their classes are not its own.
        corners: one record each.
        distance: between corners, and from the source.
        interpolation: what the model says of random mixtures.
        png: the same from the saved files.
        worst_mixture: the one of least margin that was found; None where none was searched for.
        failure_bound: how many of the other mixtures may fail.
        certificate: of the whole hull; None where none was tried.
        certificate_reason: why there is none; None where there is one.
        edges: of the hull, walked exactly; None where that was not asked for.
        proof: of the hull, to be checked by others; None where it was not asked for, or nothing is certified.
        second_opinion: of an independent verifier; None where it was not asked for.
        exact: what the exact solver says; None of a descent.
        seconds: stage -> seconds spent on it, and "total"; "mixtures", "png", "worst_mixture" and "proof" are parts of "check".
        versions: package -> version.
        perceptual: how different corners look; None where there is one.
        composite: what composites are made of; None of pixels.
        sole_tap: whether the logits depend on the image through the tap alone, see `models.classifier.Tap`.
        found: whether a collision was found, see `missing`.
        missing: the reasons why it does not count as found, such as "trivial"; empty where it does.
        ended: why the search ended: "met", "stagnated", "max_steps" or "diverged"; of exact corners "met", "too close"
            or "infeasible".
        probe: what the hull's probes said at the end, in words.
        pixel_range: black and white.
        pixel_range_how: how they were decided.
        reader: who says what corners show.
        match: the quantile up to which features match, or "unscaled".
        scale: what features are measured against.
        mixture_looks: which image the mixtures still are.
        front: of one corner, its points; None where it was not asked for.
        front_end: of one corner, where features begin to match.
        hull_front: of all corners together.
        allow_trivial: whether trivial and lost corners count as found.
        dataset_rows_without_label: split of the data set -> how many of its rows were left out, as they have no label.
        survival: what is left of the hull after what may happen to images and networks; None where that was not asked for.
        radius: how far around test images nothing collides; None where that was not asked for.
    """

    dataset: str
    model: str
    tap: str
    parameterization: str
    solver: str
    objective: str
    seed: int
    steps: int
    converged: bool
    stop_loss: tuple[float, ...]
    source: EndPoint
    target: EndPoint
    test_accuracy: float | None
    corners: tuple[CornerRecord, ...]
    distance: Distance
    interpolation: Interpolation
    png: PngCheck
    worst_mixture: WorstMixture | None
    failure_bound: FailureBound
    certificate: Certificate | None
    exact: ExactRecord | None
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    perceptual: Perceptual | None = None
    composite: CompositeRecord | None = None
    sole_tap: bool = True
    found: bool = False
    missing: tuple[str, ...] = ()
    ended: str = "met"
    probe: str | None = None
    pixel_range: tuple[float, float] | None = None
    pixel_range_how: str | None = None
    reader: ReaderRecord | None = None
    match: float | str | None = None
    scale: Scale | None = None
    mixture_looks: MixtureLooks | None = None
    front: tuple[tuple[float, float], ...] | None = None
    front_end: FrontEnd | None = None
    hull_front: FrontRecord | None = None
    allow_trivial: bool = False
    dataset_rows_without_label: Mapping[str, int] = dataclasses.field(default_factory=dict)
    certificate_reason: str | None = None
    edges: tuple[EdgeRecord, ...] | None = None
    survival: tuple[SurvivalRow, ...] | None = None
    proof: ProofRecord | None = None
    second_opinion: SecondOpinion | None = None
    radius: RadiusRecord | None = None

    @classmethod
    def read(cls, folder: Path, *, flag: str = "run") -> Self:
        """The summary of a finished run; keys that later versions added have their defaults in one of an earlier one.

        Numbers that were not finite are None, as JSON has none.

        Args:
            folder: the run's directory.
            flag: that named it, for messages.

        Raises:
            RequestError: it is none, cannot be read, or is that of a sweep.
        """
        content = read_content(folder, flag)
        if isinstance(content.get("pairs"), list):
            pairs = [str(pair["directory"]) for pair in content["pairs"] if pair.get("directory")]
            mend = f"Say --{flag}={folder / pairs[0]}." if pairs else ""
            raise RequestError(f"--{flag}={folder}, a sweep", "the directory of one pair", mend)
        found = checked_record(cls, content, folder, flag)
        if found.certificate is None:
            return found
        parts = ProvenParts.read(folder, flag)
        return dataclasses.replace(found, certificate=dataclasses.replace(found.certificate, parts=parts))

    @property
    def trivial(self) -> tuple[int, ...]:
        """The corners that have become the target."""
        return tuple(n for n, corner in enumerate(self.corners) if corner.trivial)

    @property
    def lost(self) -> tuple[int, ...]:
        """The corners that are neither the source nor the target."""
        return tuple(n for n, corner in enumerate(self.corners) if corner.lost)

    @property
    def misread(self) -> tuple[int, ...]:
        """The corners that do not get the target's class; they are no collisions, whatever their L_pos."""
        return tuple(n for n, corner in enumerate(self.corners) if corner.predicted != self.target.predicted)

    @property
    def absent(self) -> tuple[int, ...]:
        """The corners that an exact solver has not found; the source stands in for them."""
        return tuple(n for n, found in enumerate(self.exact.found) if not found) if self.exact else ()

    @property
    def nothing_found(self) -> str | None:
        """Why an exact solver has found no corner at all; None where it has, and of any descent."""
        if self.exact is None or not self.exact.found or any(self.exact.found):
            return None
        return self.exact.status[0]
