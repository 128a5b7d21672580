"""Judging what was found: again through the network, by search, and by proof."""

import dataclasses
import numbers
import zipfile
from pathlib import Path

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.library.calling import called, record_of
from tfcollide.library.checking import judge_hull, mixture_search
from tfcollide.library.found import Found
from tfcollide.library.given import network_given
from tfcollide.library.options import JudgeOptions
from tfcollide.library.problem import Features, Picture, Problem, pose
from tfcollide.library.solution import Solution
from tfcollide.library.verdict import Verdict
from tfcollide.library.yardstick import Yardstick
from tfcollide.models.classifier import Classifier
from tfcollide.models.dense_chain import Unreadable
from tfcollide.models.layer_list import layers_of
from tfcollide.polytope.proof.carrying import carry_proof
from tfcollide.polytope.proof.engine import Splits
from tfcollide.polytope.proof.of_classifier import certify_classifier
from tfcollide.records import Certificate, Trace, WorstMixture

__all__ = ["certify", "judge", "judged_problem", "worst_mixture"]


def judge(network: Classifier, found: Found, *, progress: bool = False, **settings: object) -> Verdict:
    """Every check of corners and of the hull between them: mixtures, the worst mixture, 8-bit pixels, which image they are.

    Args:
        network: of `wrap`; another one than that of the search will do, at a tap of the same name.
        found: the corners.
        progress: whether bars are drawn on standard error.
        **settings: of `JudgeOptions`: samples, sampling, worst_starts, allow_trivial, seed.

    Returns:
        The verdict: `.found`, and `.missing`, the reasons why it does not count as found, such as "trivial".

    Raises:
        RequestError: an argument cannot be used.

    Examples:
        >>> verdict = tc.judge(network, found, samples=100)
        >>> verdict.interpolation.samples, verdict.convex_weights.shape
        (100, (100, 2))
    """
    with called(progress):
        options = record_of(JudgeOptions, settings).check()
        problem, solution, yardstick = judged_problem(network, found)
        return judge_hull(yardstick, problem, solution, options)


def worst_mixture(
    network: Classifier, found: Found, *, starts: int = 64, seed: int = 0, progress: bool = False
) -> WorstMixture:
    """The mixture of the corners that is farthest from being read as the target, as far as gradient descent finds it.

    Args:
        network: of `wrap`.
        found: the corners, for a target that is an image.
        starts: random mixtures to descend from, beside corners, middles of edges and the centroid.
        seed: of them.
        progress: whether a bar is drawn on standard error.

    Returns:
        Its margin (the target's logit less the largest other), what it is read as, and its convex weights `[N]`.

    Raises:
        RequestError: an argument cannot be used, or the target has no class.

    Examples:
        >>> len(tc.worst_mixture(network, found, starts=4).convex_weights)
        2
    """
    with called(progress):
        if starts < 1:
            raise RequestError(f"--starts={starts}", "a number of at least 1")
        code = _code(judged_problem(network, found)[0])
        return mixture_search(network)(found.corners, code, random_starts=starts, batch_size=network.batch_size, seed=seed)


def certify(
    network: Classifier,
    found: Found,
    *,
    max_boxes: int = 20_000,
    tightness: float = 0.9,
    seed: int = 0,
    proof: str | Path | None = None,
) -> Certificate:
    """A proof that every mixture of the corners is read as the target, a mixture that is not, or the share proven.

    Args:
        network: of `wrap`, of affine layers, ReLUs and max-pools, with branches or without.
        found: the corners, for a target that is an image.
        max_boxes: parts of the hull to bound at most.
        tightness: the share of the smallest margin found that is enough to prove, or of what rounding leaves of it; above
            0.9 all parts may be spent on it.
        seed: of the mixtures tried first.
        proof: a file to write the proof to where the hull is certified, such as "proof.npz"; `check_proof` checks it
            with NumPy alone.

    Returns:
        The certificate; `.status` is "certified", "refuted" or "undecided".

    Raises:
        RequestError: the network is none that can be bounded, or none whose proof can be handed on; or the target
            has no class.

    Examples:
        >>> tc.certify(network, found).status in ("certified", "refuted", "undecided")
        True
    """
    with called():
        if not isinstance(max_boxes, numbers.Integral) or isinstance(max_boxes, bool) or max_boxes < 1:
            raise RequestError(f"--max_boxes={max_boxes!r}", "a whole number of at least 1")
        if not isinstance(tightness, numbers.Real) or not 0 <= tightness <= 1:
            raise RequestError(f"--tightness={tightness!r}", "a share from 0 to 1")
        if proof is not None:
            _check_place(Path(proof))
        code = _code(judged_problem(network, found)[0])
        splits = Splits() if proof is not None else None
        if splits is not None and isinstance(layers := layers_of(network), Unreadable):
            raise _not_carried(network, layers)
        certificate = certify_classifier(
            network, found.corners, code, max_boxes=max_boxes, tightness=tightness, seed=seed, splits=splits
        )
        if isinstance(certificate, Unreadable):
            raise RequestError(
                f"--network={network.name}: {certificate.reason}", "a network of affine layers, ReLUs and max-pools"
            )
        if proof is not None and splits is not None and certificate.status == "certified":
            carried = carry_proof(network, found.corners, code, certificate, splits)
            if isinstance(carried, Unreadable):
                raise _not_carried(network, carried)
            carried.write(Path(proof))
        return certificate


def _check_place(proof: Path) -> None:
    """Refuses a place for a proof where another file is, or where there can be none."""
    if proof.suffix != ".npz" or proof.is_dir() or not proof.absolute().parent.is_dir():
        raise RequestError(f"--proof={proof}", "an .npz file in a folder that exists", "Say such as proof.npz.")
    held = zipfile.ZipFile(proof).namelist() if zipfile.is_zipfile(proof) else []
    if proof.exists() and not {"claim.npy", "tree.npy"} <= set(held):
        raise RequestError(f"--proof={proof}, which exists and is no proof", "a new file, or an earlier proof to replace")


def _not_carried(network: Classifier, why: Unreadable) -> RequestError:
    return RequestError(
        f"--proof of {network.name}, which cannot be handed on: {why.reason}",
        "a network of convolutions, dense layers, ReLUs and max-pools, one after the other",
        "Leave proof out for the certificate alone.",
    )


def judged_problem(network: Classifier, found: Found) -> tuple[Problem, Solution, Yardstick]:
    """The problem that a network is to judge corners for: the one that was solved, or posed again from the images.

    Raises:
        RequestError: the corners are of another size than the network reads, or it has no such tap.
    """
    network_given(network)
    if not isinstance(found, Found):
        several = isinstance(found, (list, tuple))
        mend = "Give each by itself: [... for one in found]." if several else "Give what find_corners returned."
        raise RequestError(f"--found of {type(found).__name__}", "one result of a search, or of load_run", mend)
    if found.problem is not None and found.problem.network is network and found.solution and found.yardstick:
        return found.problem, found.solution, found.yardstick
    if found.corners.shape[1:] != network.image_shape or found.bounds != network.bounds:
        received = f"--network={network.name}, which reads {network.image_shape} with pixels {network.bounds}"
        raise RequestError(received, f"one for images of {found.corners.shape[1:]} with pixels {found.bounds}")
    count = len(found.corners)
    yardstick = Yardstick(network, network.tap(found.tap))
    source = Picture(found.source, found.ends[0].id, found.ends[0].label)
    problem = pose(yardstick, source, _target(found), corners=count, pushes_units=False)
    problem = dataclasses.replace(problem, units=found.units)
    converged = np.array([record.converged for record in found.records])
    nowhere = np.array([-1 if one.diverged_at is None else one.diverged_at for one in found.records])
    stop = np.array(found.summary.stop_loss if found.summary else [np.inf] * count)
    trace = found.trace or Trace(np.zeros([0], np.int64), {})
    solution = Solution(found.corners, found.corners, found.steps, converged, nowhere, stop, trace, ended=found.ended)
    return problem, solution, yardstick


def _target(found: Found) -> Picture | Features:
    if found.target is not None:
        return Picture(found.target, found.ends[1].id, found.ends[1].label)
    if found.problem is None:
        raise RequestError("--found without a target image", "corners of an image", "Judge them where they were found.")
    return Features(np.asarray(found.problem.seen.pre_activation))


def _code(problem: Problem) -> int:
    """Of the target's class or labels."""
    if problem.seen.predicted is None:
        raise RequestError("--found for a target of features", "one for an image, which has a class")
    return problem.seen.predicted
