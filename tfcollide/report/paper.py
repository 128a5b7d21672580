"""The paper's own results, to stand beside ours where the run is the paper's case."""

from typing import NamedTuple

from tfcollide.records import Summary

__all__ = ["PaperResult", "paper_result"]


class PaperResult(NamedTuple):
    """A row of the paper.

    Attributes:
        place: where the paper has it.
        test_accuracy: of the classifier, a share.
        dataset_mean: mean distance between two images.
        corner_mean: mean distance between corners.
        target_probability: of the top class, for the target.
        mean_probability: of that class, for the mixtures.
        accuracy: share of the mixtures classified as the target.
    """

    place: str
    test_accuracy: float
    dataset_mean: float
    corner_mean: float
    target_probability: float
    mean_probability: float
    accuracy: float


_TABLE_1 = PaperResult("Table 1", 0.9664, 10.21, 1.28, 1.0, 1.0, 1.0)


def paper_result(summary: Summary) -> PaperResult | None:
    """The paper's row for this case, or None where the paper has none."""
    case = (summary.dataset.split(":")[0], summary.model, summary.tap, summary.source.label, summary.target.label)
    described = (
        summary.solver == "gradient"
        and summary.objective == "corners"
        and summary.parameterization == "pixels"
        and len(summary.corners) == 5
    )
    return _TABLE_1 if described and case == ("mnist", "mlp", "hidden_1", "3", "7") else None
