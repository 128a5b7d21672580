"""What a figure says below its images, beside whether a collision was found."""

from tfcollide.records import Summary
from tfcollide.report.phrases import in_which_arithmetic

__all__ = ["explained", "hull_words"]


def hull_words(summary: Summary) -> str:
    """How far apart corners are, and what is known of their mixtures."""
    where = f"{summary.model} at {summary.tap}"
    if summary.pixel_range:
        where += f", pixels {summary.pixel_range[0]:g}..{summary.pixel_range[1]:g}"
    if summary.nothing_found:
        return where
    if summary.distance.corner_mean is None:
        return f"{where}: {summary.distance.corner_to_source_mean:.2f} from the source"
    mixtures = summary.interpolation
    hits = f"{round(mixtures.accuracy * mixtures.samples):,} of {mixtures.samples:,}"
    proof = summary.certificate
    others = f", and all others by proof{in_which_arithmetic(proof)}" if proof and proof.status == "certified" else ""
    apart = f"corners {summary.distance.corner_mean:.2f} apart"
    return f'{where}: {apart}; {hits} mixtures of them are "{summary.target.predicted}"{others}'


def explained(summary: Summary) -> str:
    """What stands below a corner; nothing where there is nothing but the class."""
    if all(corner.source_share is None for corner in summary.corners):
        return ""
    text = "Below each image: what the network takes it for, with its probability. Below a corner: its distances to source and "
    text += "target, as shares of the distance between those two"
    if any(corner.reader is not None for corner in summary.corners):
        who = summary.reader.name if summary.reader and summary.reader.name else "another network"
        return f"{text}, and what an independent reader ({who}) takes it for."
    reason = summary.reader.reason if summary.reader else None
    return f"{text}. There is no independent reader: {reason}." if reason else f"{text}."
