"""The page on which a hull is walked through, of what a search found or of a run that was read back."""

from collections.abc import Mapping

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.atomic import to_json
from tfcollide.library.checking import judge_hull
from tfcollide.library.options import JudgeOptions
from tfcollide.library.problem import Problem
from tfcollide.library.solution import Solution
from tfcollide.library.summarize import summarize
from tfcollide.library.verdict import Verdict
from tfcollide.library.yardstick import Yardstick
from tfcollide.measure.reader import Reader
from tfcollide.models.classifier import Classifier
from tfcollide.records import Certificate, Summary
from tfcollide.report.conclusion import conclusion
from tfcollide.report.explore.page import explore_html
from tfcollide.report.explore.scene import scene_of
from tfcollide.shapes import Bounds

__all__ = ["network_for", "page_of", "summary_of"]


def network_for(network: Classifier | None, corners: np.ndarray, bounds: Bounds) -> Classifier:
    """The network, where it reads such images.

    Raises:
        RequestError: it does not, or there is none.
    """
    if network is None:
        raise RequestError("no network for a result that was read from a run directory", "one of wrap")
    if corners.shape[1:] != network.image_shape or bounds != network.bounds:
        received = f"--network={network.name}, which reads {network.image_shape} with pixels {network.bounds}"
        raise RequestError(received, f"one for images of {corners.shape[1:]} with pixels {bounds}")
    return network


def summary_of(
    problem: Problem,
    solution: Solution,
    yardstick: Yardstick,
    verdict: Verdict | None,
    certificate: Certificate | None,
    asked: Mapping[str, object],
) -> Summary:
    """What is known of a search; the hull is judged here where no verdict is given."""
    said = {"dataset": yardstick.data.name if yardstick.data else "none", "allow_trivial": False, **asked}
    verdict = verdict or judge_hull(yardstick, problem, solution, JudgeOptions())
    return summarize(problem, solution, verdict, said, test_accuracy=yardstick.test_accuracy, certificate=certificate)


def page_of(
    network: Classifier,
    summary: Summary,
    source: np.ndarray,
    corners: np.ndarray,
    target: np.ndarray,
    *,
    reader: Reader | None,
    points: int,
    in_page: bool,
) -> str:
    """The page as one HTML text, see `Found.to_html`.

    Raises:
        RequestError: the network has no such tap.
    """
    if points < 1:
        raise RequestError(f"--points={points}", "a number of at least 1")
    scene = scene_of(
        network,
        network.tap(summary.tap),
        source=source,
        corners=corners,
        target=target,
        summary=to_json(summary),
        conclusion=conclusion(summary),
        reader=reader,
        points=points,
        in_page=in_page,
        parts=summary.certificate.parts if summary.certificate else None,
    )
    return explore_html(scene)
