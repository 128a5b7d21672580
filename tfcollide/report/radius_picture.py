"""The collision-free radii of many images, sorted, with how far the nearest image of another class is."""

from pathlib import Path

import numpy as np

from tfcollide.records import FreeRadii
from tfcollide.report.curve_style import figure_of, legend, look_of, quiet
from tfcollide.report.lettering import save

__all__ = ["write_radii_picture"]


def write_radii_picture(path: Path, radii: FreeRadii) -> None:
    """Draws the share of images whose radius is at most so large, for each kind of radius.

    Args:
        path: a PNG file.
        radii: of at least one image.
    """
    figure = figure_of(7.0, 3.8)
    axes = figure.subplots()
    curves = {
        "exactly the features": [one.radius for one in radii.images],
        "the same features in float32": [one.radius_float32 for one in radii.images],
        "features within the match quantile": [one.radius_match for one in radii.images if one.radius_match is not None],
        "distance to the target image": [one.source_to_target for one in radii.images],
    }
    for n, (label, values) in enumerate(curves.items()):
        if values:
            look = look_of(n) | {"marker": ""}
            shares = np.arange(len(values) + 1) / len(values)
            axes.step(np.append(min(values), np.sort(values)), shares, where="post", linewidth=1.5, label=label, **look)
    quiet(axes, f"No image is nearer with these features: {len(radii.images):,} images at {radii.tap}", 6.0)
    axes.set_xlabel("distance from the image (L2, in pixel values)", fontsize=9)
    axes.set_ylabel("share of the images", fontsize=9)
    axes.set_xlim(left=0.0)
    axes.set_ylim(0.0, 1.02)
    legend(figure, 2)
    save(figure, path)
