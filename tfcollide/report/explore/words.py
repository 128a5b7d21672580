"""What a page says of a run as a whole, in sentences, from the run's numbers."""

from collections.abc import Mapping
from typing import Any

__all__ = ["words_of"]


def words_of(summary: Mapping[str, Any], conclusion: str) -> dict[str, Any]:
    """The words of a `Scene`.

    Args:
        summary: the content of `summary.json`.
        conclusion: what came out, in a sentence.
    """
    source, target, corners = summary["source"], summary["target"], len(summary["corners"])
    scale, reader = summary.get("scale") or {}, summary.get("reader") or {}
    status, proof = _proof(summary.get("certificate"), target["predicted"])
    begins, ends = (f"“{end['label'] or end['id']}”" for end in (source, target))
    several = f"{corners} images between {begins} and {ends}, and all their mixtures"
    return {
        "title": several if corners > 1 else f"An image between {begins} and {ends}",
        "conclusion": conclusion,
        "source": _end(source),
        "target_image": _end(target),
        "target": target["predicted"],
        "proof": proof,
        "proof_status": status,
        "match": scale.get("distance"),
        "stop_loss": max((value for value in summary["stop_loss"] if value is not None), default=None),
        "reader": _reader(reader),
        "facts": _facts(summary),
    }


def _end(end: Mapping[str, Any]) -> str:
    called = end["label"] if end["label"] is not None else end["id"].rpartition("/")[2]
    return f"{called} ({end['id'].rpartition('/')[2]}); to the network “{end['predicted']}”, {100 * end['probability']:.2f} %"


def _proof(certificate: Mapping[str, Any] | None, target: str) -> tuple[str, str]:
    """The certificate's status, and what it means for the point that is shown."""
    if certificate is None:
        return (
            "none",
            "No proof was tried: nothing is certified about the points between those that the network was asked about.",
        )
    if certificate["status"] == "certified":
        margin = f"by at least {certificate['margin']:,.4g} logits"
        return "certified", f"Certified: this and every other mixture is “{target}” by proof, {margin}."
    if certificate["status"] == "refuted":
        return "refuted", f"Refuted: the proof ended with a mixture that is not “{target}”. This point is not certified."
    share = 100 * (certificate["share_proven"] or 0)
    return (
        "undecided",
        f"Undecided: {share:.2f} % of all mixtures are proven; which ones was not kept, so this point is not certified.",
    )


def _reader(reader: Mapping[str, Any]) -> str:
    if not reader:
        return "No independent reader was asked."
    if reader.get("reason") is None:
        return str(reader["name"])
    return f"Nobody else reads it: {reader['reason']}."


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    mixtures, worst, bound = summary["interpolation"], summary.get("worst_mixture"), summary.get("failure_bound")
    facts = [("Network", f"{summary['model']}, features compared at {summary['tap']}"), ("Data", summary["dataset"])]
    if summary.get("test_accuracy") is not None:
        facts.append(("Right on test images", f"{100 * summary['test_accuracy']:.2f} %"))
    sampled = f"{100 * mixtures['accuracy']:.2f} % of {mixtures['samples']:,} are “{summary['target']['predicted']}”"
    facts.append(("Random mixtures", sampled))
    if bound:
        facts.append(
            ("Mixtures that may fail", f"less than {100 * bound['share']:.2f} %, {100 * bound['confidence']:g} % sure")
        )
    if worst and worst["margin"] is not None:
        facts.append(("Worst mixture found", f"“{worst['predicted']}”, margin {worst['margin']:,.4g}"))
    for name, key in (("Between corners", "corner_mean"), ("Between two test images", "dataset_mean")):
        if summary["distance"].get(key) is not None:
            facts.append((f"{name}, mean distance", f"{summary['distance'][key]:,.4g}"))
    versions = summary["versions"]
    return [*facts, ("Made by", f"tfcollide {versions['tfcollide']}, TensorFlow {versions['tensorflow']}")]
