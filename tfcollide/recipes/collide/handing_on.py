"""For those who do not trust a run: the proof of its hull, the claim for verifiers, and what one of them says."""

import dataclasses
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfcollide.exports.marabou import Answer, ask_marabou, find_marabou
from tfcollide.exports.mixture_graph import exported
from tfcollide.exports.vnnlib import write_property
from tfcollide.files.checkpoint import Ledger
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.polytope.hull.mixing import mix
from tfcollide.polytope.proof.carrying import PROOF_FILE, carry_proof
from tfcollide.polytope.proof.engine import Splits
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.records import ProofRecord, SecondOpinion, Summary

__all__ = ["Proven", "handed_on"]


class Proven(NamedTuple):
    """A hull that was judged.

    Attributes:
        classifier: the network.
        corners: `[N, H, W, C]` float32.
        code: of the target's class or labels.
        splits: of the prover, where they were noted.
    """

    classifier: Classifier
    corners: np.ndarray
    code: int
    splits: Splits | None


def handed_on(config: CollideConfig, hull: Proven, summary: Summary, folder: Path, ledger: Ledger) -> Summary:
    """Writes what was asked for, and adds to the summary what came of it.

    Args:
        config: the settings.
        hull: what is claimed.
        summary: so far.
        folder: of the run.
        ledger: keeps the second opinion.
    """
    if config.proof:
        summary = dataclasses.replace(summary, proof=_proof(hull, summary, folder))
    network = exported(hull.classifier) if config.vnnlib or config.second_opinion else None
    if network is None or isinstance(network, Unreadable):
        return summary
    (folder / "verify").mkdir(exist_ok=True)
    write_property(folder / "verify", network, hull.corners, hull.code, hull.classifier.reading)
    return dataclasses.replace(summary, second_opinion=_opinion(config, hull, folder, ledger))


def _proof(hull: Proven, summary: Summary, folder: Path) -> ProofRecord:
    if summary.certificate is None or summary.certificate.status != "certified" or hull.splits is None:
        return ProofRecord(None, "the hull is not certified")
    carried = carry_proof(hull.classifier, hull.corners, hull.code, summary.certificate, hull.splits)
    if isinstance(carried, Unreadable):
        tqdm.write(f"No {PROOF_FILE} is written: {carried.reason}", file=sys.stderr)
        return ProofRecord(None, carried.reason)
    carried.write(folder / PROOF_FILE)
    return ProofRecord(PROOF_FILE, None, carried.margin, carried.leaves)


def _opinion(config: CollideConfig, hull: Proven, folder: Path, ledger: Ledger) -> SecondOpinion | None:
    if config.second_opinion is None:
        return None
    python, limit = find_marabou(config.marabou_python, Path(config.model_dir or "")), config.second_opinion_seconds

    def ask() -> dict[str, np.ndarray]:
        answer = ask_marabou(python, folder / "verify", seconds=limit)
        return {name: np.array(value) for name, value in answer._asdict().items() if value is not None}

    kept = ledger.do("second opinion", ask)
    answer = Answer(str(kept["verifier"]), str(kept["verdict"]), float(kept["seconds"]), kept.get("weights"))
    opinion = SecondOpinion(answer.verifier, answer.verdict, answer.seconds, limit)
    if answer.weights is None:
        return opinion
    weights = answer.weights.astype(np.float32)
    judged = hull.classifier.judge(mix(weights[None], hull.corners))
    return dataclasses.replace(
        opinion,
        mixture=tuple(weights.tolist()),
        predicted=hull.classifier.name_of(judged.predicted[0]),
        margin=float(hull.classifier.reading.margins(judged.logits, hull.code)[0]),
    )
