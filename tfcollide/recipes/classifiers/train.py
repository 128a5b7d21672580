"""A classifier on its own: trained once, found again by its recipe."""

from pathlib import Path
from typing import NamedTuple

from tfcollide.recipes.classifiers.config import TrainConfig
from tfcollide.recipes.classifiers.network_request import training_data
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["TrainReport", "run"]


class TrainReport(NamedTuple):
    """A trained classifier.

    Attributes:
        path: of its `.keras` file.
        dataset: name and version.
        test_accuracy: share of the test images that it gets right.
        seconds_training: 0 where it was in the cache.
    """

    path: Path
    dataset: str
    test_accuracy: float
    seconds_training: float


def run(config: TrainConfig) -> TrainReport:
    """Trains the classifier, or finds it in the cache.

    Raises:
        RequestError: the request cannot be carried out.
    """
    config = config.resolved()
    data = training_data(config)
    import_tensorflow()  # after all that can be refused without it
    from tfcollide.models.training import accuracy
    from tfcollide.recipes.classifiers.open import trained

    found = trained(config, data)
    return TrainReport(Path(found.path or ""), data.name, accuracy(found.predicted, data.test.labels), found.seconds_training)
