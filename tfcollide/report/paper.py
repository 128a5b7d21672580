"""What the paper reports, for the cases that it has."""

from typing import NamedTuple

from tfcollide.records import Summary

__all__ = ["PaperResult", "paper_result"]


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


_MNIST = PaperResult("Table 1", 0.9664, 10.21, 1.28, 1.0, 1.0, 1.0)
_VGG16 = {
    # From pixels; the classes are ImageNet's, as Keras spells them.
    ("home_theater", "jeep"): PaperResult("Table 2", None, 37538.22, 4906.56, 0.993, 0.995, 1.0),
    ("Blenheim_spaniel", "goldfish"): PaperResult("Table 2", None, 37538.22, 8959.69, 0.999, 0.999, 1.0),
}


def paper_result(summary: Summary) -> PaperResult | None:
    """The paper's row for this case, or None where the paper has none."""
    how = (summary.solver, summary.objective, summary.parameterization, len(summary.corners))
    if how != ("gradient", "corners", "pixels", 5):
        return None
    where = (summary.dataset.split(":")[0], summary.model, summary.tap, summary.source.label, summary.target.label)
    if where == ("mnist", "mlp", "hidden_1", "3", "7"):
        return _MNIST
    seen = (summary.source.predicted, summary.target.predicted)
    return _VGG16.get(seen) if (summary.model, summary.tap) == ("vgg16", "fc1") else None
