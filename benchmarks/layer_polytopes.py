"""The paper's polytope in the values of the layer before: dimension and radius, with and without x >= 0.

    python benchmarks/layer_polytopes.py --model=FILE.keras --dataset=tiny_imagenet20 --data_dir=FOLDER --taps=fc1
    python benchmarks/layer_polytopes.py --model=FILE.keras --dataset=folder:PHOTOGRAPHS --taps=fire2_relu_squeeze1x1,...

One target of each class, in order, until there are --targets. At a convolution nine positions are looked at, three by
three. Seconds are of processor time, for dimension, radius, whether it has an end, and the nearest point to the values of
another target; the aim is at most 3 s per target at fc1 of vgg16_tiny_imagenet20.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from absl import flags

from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("model", None, "A Keras model.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("taps", None, "ReLUs, with commas; else the first of a dense layer.", flag_values=_KNOWN)
flags.DEFINE_integer("targets", 20, "How many.", flag_values=_KNOWN)
flags.DEFINE_boolean("without", True, "Also without x >= 0.", flag_values=_KNOWN)


def main() -> int:
    _KNOWN(sys.argv)
    import_tensorflow()
    from tfcollide.images import from_uint8
    from tfcollide.recipes.classifiers.network_request import network_data
    from tfcollide.recipes.classifiers.open import open_classifier
    from tfcollide.recipes.collide.config import CollideConfig

    config = CollideConfig(model=_KNOWN.model, dataset=_KNOWN.dataset, data_dir=_KNOWN.data_dir).resolved()
    opened = open_classifier(config, network_data(config))
    network, test = opened.classifier, opened.data.test
    labels = np.asarray(test.labels)
    chosen = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)][: _KNOWN.targets]
    images = [from_uint8(np.asarray(test.images[n]), network.bounds) for n in chosen]
    for tap in (_KNOWN.taps or network.default_tap).split(","):
        for bounds in (True, False) if _KNOWN.without else (True,):
            report(network, tap, images, bounds)
    return 0


def report(network, tap, images, bounds):
    """One line per tap."""
    from tfcollide.library.polytopes import layer_polytope
    from tfcollide.models.layer_map import positions_of
    from tfcollide.recipes.collide.layer_space import measured, positions, without_bounds

    found = []
    for source, target in zip([*images[1:], images[0]], images, strict=True):
        for position in positions(positions_of(network, tap)):
            polytope = layer_polytope(network, tap, target, position=position)
            polytope = polytope if bounds else without_bounds(polytope)
            found.append(measured(polytope, tap, position, source, target, bounds=bounds))
    points = sum(one.point for one in found)
    print(
        f"{tap}, {'with' if bounds else 'without'} bounds: {len(found)} polytopes of {found[0].size} values of {found[0].layer}"
    )
    print(f"  a point: {points}; without an end: {sum(not one.bounded for one in found)}")
    for name in ("equations", "dimension", "radius", "scale", "seconds"):
        values = np.array([getattr(one, name) for one in found if name == "seconds" or not one.point], np.float64)
        if len(values):
            print(f"  {name:10} least {values.min():.3g}, median {np.median(values):.3g}, most {values.max():.3g}")
    moved = np.array([one.distance / one.source_distance for one in found])
    print(f"  nearest point to another target's values, a share of the distance between both: median {np.median(moved):.3g}")
    for one in found if len(found) <= 20 else []:
        what = "a point" if one.point else f"dimension {one.dimension}, radius {one.radius:.3g}"
        print(f"    {one.equations} on: {what}{'' if one.bounded else ', no end'}; |x| {one.scale:.3g}; {one.seconds:.2f} s")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
