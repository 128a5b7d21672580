"""`--radius`: how far around test images nothing collides, as a table and a picture in the run directory."""

import dataclasses
from pathlib import Path

import numpy as np

from tfcollide.files.atomic import write_csv, write_json
from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8
from tfcollide.library.radii import Candidates, free_radii
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.recipes.collide.experiment import Experiment
from tfcollide.records import FreeRadii, FreeRadius
from tfcollide.report.radius_picture import write_radii_picture

__all__ = ["write_radii"]

_MOST_VALUES = 2**26
"""Test images that targets are chosen from, as many as have so many values: 256 MiB."""


def write_radii(config: CollideConfig, experiment: Experiment, folder: Path, ledger: Ledger) -> FreeRadii:
    """Writes radius.csv (one line per image), radius.json and radius.png.

    Args:
        config: the settings.
        experiment: prepared for `config`.
        folder: of the run.
        ledger: keeps what is finished.
    """
    network, test = experiment.classifier, experiment.data.test
    count = min(len(test.labels), _MOST_VALUES // int(np.prod(network.image_shape)))
    images = from_uint8(np.asarray(test.images[np.arange(count)]), network.bounds)
    candidates = Candidates.of(network, images, [f"test:{n}" for n in range(count)])
    chosen = min(config.radius_images, count)
    radii = free_radii(
        experiment.affine,
        candidates,
        images[:chosen],
        candidates.names[:chosen],
        tap=experiment.tap.name,
        null=experiment.yardstick.null,
        quantile=config.match_quantile,
        ledger=ledger,
    )
    names = [field.name for field in dataclasses.fields(FreeRadius)]
    write_csv(folder / "radius.csv", names, [[getattr(one, name) for name in names] for one in radii.images])
    spreads = {"exact": radii.exact, "in_float32": radii.in_float32, "matching": radii.matching}
    write_json(folder / "radius.json", dataclasses.asdict(radii) | {k: v and dataclasses.asdict(v) for k, v in spreads.items()})
    write_radii_picture(folder / "radius.png", radii)
    return radii
