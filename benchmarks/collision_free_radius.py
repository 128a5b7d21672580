"""Collision-free radii of test images at an affine tap, and attempts to find a collision inside.

    python benchmarks/collision_free_radius.py [--model=FILE.keras --pixel_range=0,1] [--data_dir=FOLDER] [--images=100]

Without --model it is the network that bin/collide trains by default. Of each image and the target with its least radius:
random images within the radius, and a projected gradient descent of the feature distance that stays within it. Neither may
come to the target's features. The control is the same descent with 2 % more room than the distance of the nearest
collision: there it has to get much nearer. Radii that are done are kept in --keep, a file.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from absl import flags

from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("model", None, "A Keras model; else the one that bin/collide trains.", flag_values=_KNOWN)
flags.DEFINE_string("pixel_range", "0,1", "Of --model.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", "mnist", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("model_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_integer("images", 100, "Test images, the first.", flag_values=_KNOWN)
flags.DEFINE_integer("perturbations", 1000, "Random images within the radius, of each.", flag_values=_KNOWN)
flags.DEFINE_integer("steps", 300, "Of each descent.", flag_values=_KNOWN)
flags.DEFINE_string("keep", None, "Keeps radii that are done.", flag_values=_KNOWN)


_INSIDE = 1.0 - 1e-4
"""The share of the radius within which collisions are sought."""


def within(x, source, radius, bounds):
    """`x` `[..., D]` brought into the bounds, and then at most `radius` away from `source` `[D]` by scaling the change."""
    change = np.clip(x, *bounds) - source
    size = np.linalg.norm(change, axis=-1, keepdims=True)
    return source + change * np.minimum(1.0, radius / np.maximum(size, 1e-300))


def feature_distance(affine, x, features):
    return ((np.maximum(affine(x), 0.0) - features) ** 2).sum(axis=-1)


def perturbed(affine, source, features, radius, bounds, count, rng):
    """The least feature distance of random images within a radius, most of them near its end."""
    directions = rng.standard_normal([count, source.size])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    sizes = radius * rng.random([count, 1]) ** (1.0 / source.size) * 2.0 ** rng.integers(0, 4, [count, 1])
    return feature_distance(affine, within(source + sizes * directions, source, radius, bounds), features).min()


def descended(affine, source, features, radius, bounds, steps):
    """The least feature distance of a projected, accelerated descent from the image, within a radius of it."""
    rate = 0.5 / np.linalg.eigvalsh(affine.weights.T @ affine.weights)[-1]
    x = ahead = source
    least, momentum = np.inf, 1.0
    for _ in range(steps):
        pre = affine(ahead)
        # Units that are off have no gradient; those that should be on are pulled up all the same.
        error = np.where((pre > 0) | (features > 0), pre - features, 0.0)
        new = within(ahead - rate * 2.0 * affine.weights @ error, source, radius, bounds)
        next_momentum = (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5) / 2.0
        ahead = within(new + (momentum - 1.0) / next_momentum * (new - x), source, radius, bounds)
        x, momentum = new, next_momentum
        least = min(least, feature_distance(affine, x, features))
    return least


def attacked(affine, one, sources, pool, bounds, *, perturbations, steps, rng):
    """The least feature distances inside, by both, and of the control; shares of the image's own."""
    source, target = (images[int(name.split(":")[1])].astype(np.float64).ravel() for images, name in _pairs(one, sources, pool))
    features = np.maximum(affine(target), 0.0)
    own, inside = feature_distance(affine, source, features), _INSIDE * one.radius
    random = perturbed(affine, source, features, inside, bounds, perturbations, rng)
    found = [descended(affine, source, features, room, bounds, steps) for room in (inside, 1.02 * one.distance)]
    return random / own, found[0] / own, found[1] / own


def _pairs(one, sources, pool):
    return (sources, one.image), (pool, one.target)


def main() -> int:
    _KNOWN(sys.argv)
    import_tensorflow()
    import tfcollide as tc
    from tfcollide.files.checkpoint import Ledger
    from tfcollide.images import from_uint8
    from tfcollide.library.polytopes import affine_of
    from tfcollide.library.radii import Candidates, free_radii
    from tfcollide.library.yardstick import Yardstick
    from tfcollide.recipes.classifiers.network_request import network_data
    from tfcollide.recipes.classifiers.open import open_classifier
    from tfcollide.recipes.collide.config import CollideConfig

    config = CollideConfig(dataset=_KNOWN.dataset, data_dir=_KNOWN.data_dir, model_dir=_KNOWN.model_dir).resolved()
    data = network_data(config)
    if _KNOWN.model:
        network = tc.wrap(_KNOWN.model, pixel_range=tuple(map(float, _KNOWN.pixel_range.split(","))))
    else:
        network = open_classifier(config, data).classifier
    tap = network.tap(network.default_tap)
    affine, null = affine_of(network, tap.name), Yardstick(network, tap, data).null
    pool = from_uint8(np.asarray(data.test.images), network.bounds)
    names = [f"test:{n}" for n in range(len(pool))]
    chosen = min(_KNOWN.images, len(pool))
    radii = free_radii(
        affine,
        Candidates.of(network, pool, names),
        pool[:chosen],
        names[:chosen],
        tap=tap.name,
        null=null,
        quantile=0.01,
        ledger=Ledger(Path(_KNOWN.keep) if _KNOWN.keep else None, 20.0),
    )
    print(f"{network.name} at {tap.name}, {chosen} images, {sum(one.targets for one in radii.images)} pairs")
    report(radii)
    return int(report_attacks(affine, radii.images, pool, network.bounds))


def report(radii) -> None:
    """Prints how far around images nothing collides."""
    for name in ("exact", "in_float32", "matching"):
        print(f"  {name:12} {getattr(radii, name)}")
    shares = [one.radius / one.source_to_target for one in radii.images]
    print(
        f"  radius as a share of source-to-target: {min(shares):.2f}, median {statistics.median(shares):.2f}, {max(shares):.2f}"
    )
    print(f"  tolerances: float32 {radii.tolerance_float32:.3g}, match {radii.tolerance_match:.3g}")
    print(
        f"  largest relative duality gap {radii.largest_gap:.2g}; {radii.seconds_per_image:.2f} s of processor time per image"
    )


def report_attacks(affine, images, pool, bounds) -> bool:
    """Tries to find a collision inside of each radius, and prints how near that came. Returns whether one was found."""
    from tfcollide.polytope.exact.blas import one_blas_thread

    began, rng = time.process_time(), np.random.default_rng(0)
    each = {"perturbations": _KNOWN.perturbations, "steps": _KNOWN.steps, "rng": rng}
    with one_blas_thread():
        table = np.array([attacked(affine, one, pool, pool, bounds, **each) for one in images])
    for name, column in zip(("random inside", "descent inside", "control, 2 % beyond"), table.T, strict=True):
        print(f"  feature distance, share of the start: {name:20} least {column.min():.3g}, median {np.median(column):.3g}")
    print(f"  {time.process_time() - began:.0f} s of processor time for these")
    return bool((table[:, :2] <= 1e-12).any())


if __name__ == "__main__":
    sys.exit(main())
