"""What features and images are measured against: a scale, a reader, a front."""

import dataclasses

__all__ = ["FrontEnd", "FrontRecord", "ReaderRecord", "Scale"]


@dataclasses.dataclass(frozen=True)
class Scale:
    """What features are measured against.

    Attributes:
        match: "quantile": of the null distribution; "unscaled": by shares of the start, as there is no data set.
        quantile: up to which features match; None where unscaled.
        distance: the feature distance at it; None likewise.
        pairs: of images of one class that were compared.
        median_same: their median feature distance.
        median_different: that of pairs of two classes.
        start_active_match: L_pos of the source.
        start_feature_distance: feature distance of the source.
        start_inactive_violation: violation of the source.
        feature_size: the target's squared features, summed.
        note: what else there is to say of it.
    """

    match: str
    quantile: float | None
    distance: float | None
    pairs: int
    median_same: float | None
    median_different: float | None
    start_active_match: float
    start_feature_distance: float
    start_inactive_violation: float
    feature_size: float
    note: str | None = None


@dataclasses.dataclass(frozen=True)
class ReaderRecord:
    """Who says what corners show.

    Attributes:
        name: of the reader; None where there is none.
        accuracy: the share of the test images that it reads right; None where that is not known.
        reason: why it does not vote; None where it does.
    """

    name: str | None
    accuracy: float | None
    reason: str | None


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """Where features begin to match.

    Attributes:
        change: the smallest change found at which they do while the image still is the source, a share of
            source-to-target: an upper bound, as descent found it. None where it is censored.
        censored: why there is none: "trivial: ...", "lost: ..." or "not reached: ..."; else None.
        last_change: of the last point, whatever it is.
        last_quantile: of its features.
        target_share: its distance to the target, as a share.
        reader: the class that an independent reader gives it.
    """

    change: float | None
    censored: str | None
    last_change: float
    last_quantile: float
    target_share: float
    reader: str | None


@dataclasses.dataclass(frozen=True)
class FrontRecord:
    """How features match against the change from the source.

    Attributes:
        points: (change as a share of source-to-target, quantile of the features in the null distribution, or, without a
            data set, feature distance as a share of that of the source), by falling pull.
        end: where they begin to match.
    """

    points: tuple[tuple[float, float], ...]
    end: FrontEnd
