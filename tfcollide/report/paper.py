"""What the paper reports, for the cases that it has."""

from collections.abc import Callable
from typing import NamedTuple

from tfcollide.records import Summary

__all__ = ["PaperResult", "paper_cell", "paper_result"]


class PaperResult(NamedTuple):
    """One case of the paper's tables.

    Attributes:
        place: where it stands.
        test_accuracy: of the classifier, a share; None where the paper gives top-5 only (92.7 %).
        dataset_mean: mean distance between two images.
        corner_mean: mean distance between corners.
        target_probability: of the top class, for the target.
        mean_probability: of that class, for the mixtures.
        accuracy: share of the mixtures classified as the target.
    """

    place: str
    test_accuracy: float | None
    dataset_mean: float
    corner_mean: float
    target_probability: float
    mean_probability: float
    accuracy: float


_TABLE_1 = PaperResult("Table 1", 0.9664, 10.21, 1.28, 1.0, 1.0, 1.0)
_DATA_MEAN = 37538.22
_PHOTOGRAPHS = {
    ("pixels", "home theater", "jeep"): PaperResult("Table 2", None, _DATA_MEAN, 4906.56, 0.993, 0.995, 1.0),
    ("pixels", "Blenheim spaniel", "goldfish"): PaperResult("Table 2", None, _DATA_MEAN, 8959.69, 0.999, 0.999, 1.0),
    ("composite", "trimaran", "obelisk"): PaperResult("Table 3", None, _DATA_MEAN, 5909.37, 0.997, 0.992, 1.0),
    ("composite", "eggnog", "rubber eraser"): PaperResult("Table 3", None, _DATA_MEAN, 6074.86, 0.579, 0.585, 1.0),
    ("composite", "church", "cleaver"): PaperResult("Table 4", None, _DATA_MEAN, 9587.92, 0.999, 0.8, 1.0),
}
"""(parameterization, class of the source, class of the target) -> the paper's VGG16; it gives no top-1 accuracy."""


def paper_result(summary: Summary) -> PaperResult | None:
    """The paper's row for this case, or None where the paper has none."""
    if summary.solver != "gradient" or summary.objective != "corners" or len(summary.corners) != 5:
        return None
    case = (summary.dataset.split(":")[0], summary.model, summary.tap, summary.source.label, summary.target.label)
    if summary.parameterization == "pixels" and case == ("mnist", "mlp", "hidden_1", "3", "7"):
        return _TABLE_1
    if (summary.model, summary.tap) != ("vgg16", "fc1"):
        return None
    source, target = (_first_name(end.predicted) for end in (summary.source, summary.target))
    return _PHOTOGRAPHS.get((summary.parameterization, source, target))


def _first_name(name: str) -> str:
    """The first of a class's names, as ImageNet's own list or Keras's writes it."""
    return name.split(",")[0].replace("_", " ")


def paper_cell(paper: PaperResult | None, name: str, show: Callable[[float], str] = str) -> str:
    """The paper's value of this name; nothing where it has none."""
    value = getattr(paper, name, None)
    return "" if value is None else show(value)
