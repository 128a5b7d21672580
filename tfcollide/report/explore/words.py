"""What a page says of a run as a whole, in sentences, from the run's numbers."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["words_of"]


def words_of(summary: Mapping, conclusion: str, parts: bool = False) -> dict[str, Any]:
    """The words of a `Scene`.

    Args:
        summary: the content of `summary.json`.
        conclusion: what came out, in a sentence.
        parts: whether it is known which parts of the hull are proven.

    Returns:
        "title", "conclusion"; "source_name", "target_name"; "target", the class it is read as; "proof", of the whole
        hull, and its "proof_status"; "arithmetic", of which proofs speak; "match" and "stop_loss", the feature distance
        and L_pos up to which features match, or None; "reader", its name or why nobody reads; "facts", pairs of a name
        and a text.
    """
    source, target = summary["source"], summary["target"]
    scale, reader = summary.get("scale") or {}, summary.get("reader") or {}
    certificate = summary.get("certificate")
    status, proof = _proof(certificate, target["predicted"], summary.get("certificate_reason"))
    if status in ("refuted", "undecided") and not parts:
        proof += " No part of it is known to be proven, so this point is not certified."
    return {
        "title": _title(summary, f"“{source['label'] or _name(source)}”", status == "certified"),
        "conclusion": re.sub(r'"([^"]*)"', r"“\1”", conclusion),
        "source_name": _name(source),
        "target_name": _name(target),
        "target": target["predicted"],
        "proof": proof,
        "proof_status": status,
        "arithmetic": _arithmetic(certificate),
        "match": scale.get("distance"),
        "stop_loss": max((value for value in summary["stop_loss"] if value is not None), default=None),
        "reader": _reader(reader),
        "facts": _facts(summary),
    }


def _title(summary: Mapping, source: str, certified: bool) -> str:
    """What is claimed, and no more."""
    corners, target = len(summary["corners"]), summary["target"]["predicted"]
    if corners == 1:
        return f"One image from {source}: “{target}” to the network?"
    if certified:
        return f"Everything between these {corners} images from {source} is “{target}” to the network"
    return f"{corners} images from {source}, and everything between them: “{target}” to the network?"


def _name(end: Mapping) -> str:
    place = end["id"].rpartition("/")[2]
    return place if end["label"] is None else f"{end['label']} ({place})"


def _proof(certificate: Mapping | None, target: str, reason: str | None) -> tuple[str, str]:
    """The certificate's status, and what it means for the hull as a whole."""
    if certificate is None:
        why = f" ({reason})" if reason else ""
        between = "nothing is certified about the points between those that the network was asked about"
        return "none", f"No proof is known{why}: {between}."
    if certificate["status"] == "certified":
        margin = f"at least {_number(certificate['margin'])} logits ahead ({_arithmetic(certificate)})"
        return "certified", f"Certified: by proof, this and every other mixture is “{target}”, {margin}."
    if certificate["status"] == "refuted":
        return "refuted", f"Refuted as a whole: the proof ended with a mixture that is not “{target}”."
    share = 100 * (certificate["share_proven"] or 0)
    return "undecided", f"Undecided as a whole: {share:.2f} % of all mixtures are proven."


def _arithmetic(certificate: Mapping | None) -> str:
    """Which numbers a proof speaks of."""
    real = certificate is not None and certificate.get("arithmetic") == "real"
    return "in real numbers; rounding may take more" if real else "in float32"


def _reader(reader: Mapping) -> str:
    if not reader:
        return "No independent reader was asked."
    if reader.get("reason") is None:
        return str(reader["name"])
    return f"Nobody else reads it: {reader['reason']}."


def _facts(summary: Mapping) -> list[tuple[str, str]]:
    mixtures, worst, bound = summary["interpolation"], summary.get("worst_mixture"), summary.get("failure_bound")
    facts = [("Network", f"{summary['model']}, features compared at {summary['tap']}"), ("Data", summary["dataset"])]
    if summary.get("test_accuracy") is not None:
        facts.append(("Right on test images", f"{100 * summary['test_accuracy']:.2f} %"))
    if mixtures["accuracy"] is not None:
        sampled = f"{100 * mixtures['accuracy']:.2f} % of {mixtures['samples']:,} are “{summary['target']['predicted']}”"
        facts.append(("Random mixtures", sampled))
    if bound and bound["share"] is not None:
        facts.append(
            ("Mixtures that may fail", f"less than {100 * bound['share']:.2f} %, {100 * bound['confidence']:g} % sure")
        )
    if worst and worst["margin"] is not None:
        facts.append(("Worst mixture found", f"“{worst['predicted']}”, margin {_number(worst['margin'])}"))
    for end in ("source", "target"):
        seen = summary[end]
        facts.append((f"The {end}, to the network", f"“{seen['predicted']}”, {100 * seen['probability']:.2f} %"))
    for name, key in (("Between corners", "corner_mean"), ("Between two test images", "dataset_mean")):
        if summary["distance"].get(key) is not None:
            facts.append((f"{name}, mean distance", _number(summary["distance"][key])))
    versions = summary.get("versions") or {}
    return [*facts, ("Versions of the run", ", ".join(f"{name} {version}" for name, version in versions.items()))]


def _number(value: float) -> str:
    """Four digits; thousands whole."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
