"""How much of the source is left in composites, against how well features match, setting by setting.

    python benchmarks/composite_front.py --data_dir=FOLDER --model=vgg16_tiny_imagenet20.keras --indexes=FOLDER
        --reader=squeezenet_imagenet.keras --photographs=FOLDER [--what=yardstick,seeds,front] [--pairs=4] [--steps=300]
        [--settings=0,3] [--out=front.jsonl]

INDEXES/N is an index of windows of N pixels. `yardstick`: SSIM of validation images to themselves after JPEG, of two
photographs of a class and of two classes, and what the reader takes them for. `seeds`: the composites that searches start
from, without a search. `front`: corners of the first pairs of the recipe `composite_tiny_imagenet`; a line of OUT per setting
and pair, which are not done again. The reader is SqueezeNet with ImageNet's weights on images scaled up, over the data
set's twenty classes; it has learned neither from them nor from the network under test. PHOTOGRAPHS/wnid_name names its classes.
"""

import argparse
import io
import itertools
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow

CLASSES_AT = 227  # SqueezeNet's input
# window, stride, surround, spacing (0: the default), patches per window, weight of total variation, spread
TODAY = {"window": 16, "stride": 4, "surround": 8, "spacing": 0, "per_window": 1, "variation": 0.2, "spread": 0.08}
CHANGES = [
    {},
    {"window": 8, "stride": 2, "surround": 0},
    {"window": 8, "stride": 4, "surround": 2},
    {"window": 8, "stride": 2, "surround": 0, "per_window": 3},
    {"window": 8, "stride": 4, "surround": 2, "per_window": 3},
    {"surround": 0},
    {"window": 8, "stride": 4, "surround": 2, "variation": 0.0},
    {"window": 8, "stride": 4, "surround": 2, "spread": 0.04},
    {"window": 8, "stride": 4, "surround": 2, "spacing": 4},
    {"window": 8, "stride": 4, "surround": 2, "spacing": 1},
    {"window": 8, "stride": 4, "surround": 2, "variation": 0.8},
    {"surround": 0, "per_window": 3},
    {"window": 8, "stride": 2, "surround": 4},
    {"surround": 4},
]


class Setup:
    """The network, its data and what both tell."""

    def __init__(self, asked):
        import tfcollide as tc
        from tfcollide.data.from_tfds import load_tfds
        from tfcollide.library.yardstick import Yardstick
        from tfcollide.models.predictions import Predictions

        self.data = load_tfds("tiny_imagenet20", asked.data_dir)
        self.network = tc.wrap(asked.model, class_names=self.data.class_names)
        self.predicted = Predictions(self.network, self.data.test.images)
        other = tc.wrap(reader_model(asked, self.data.class_names), pixel_range=(0, 255), class_names=self.data.class_names)
        tap = self.network.tap("fc1")
        self.yardstick = Yardstick(self.network, tap, self.data, predicted=self.predicted, other_reader=other)

    def pairs(self, count):
        """(number of the source, of the target), test images: those of a sweep with seed 0."""
        from tfcollide.data.select import draw_pairs

        drawn = draw_pairs(self.data, self.predicted, 20, 0)[:count]
        return [tuple(int(one.split(":")[1]) for one in pair) for pair in drawn]

    def index(self, asked, setting):
        """The index of a setting, as `find_corners` takes it."""
        import tfcollide as tc

        return tc.PatchIndex(
            Path(asked.indexes) / str(setting["window"]),
            window_stride=setting["stride"],
            surround=setting["surround"],
            control_spacing=setting["spacing"] or None,
            patches_per_window=setting["per_window"],
        )


def reader_model(asked, names):
    """SqueezeNet on images of any size, its logits those of some classes."""
    import keras

    known = [path.name.split("_", 1)[1].lower() for path in sorted(Path(asked.photographs).iterdir())]
    chosen = np.array([known.index(name) for name in names])
    whole = keras.models.load_model(asked.reader)
    image = keras.Input([64, 64, 3])
    large = keras.layers.Resizing(CLASSES_AT, CLASSES_AT, interpolation="bicubic")(image)
    picked = keras.layers.Dense(len(chosen), use_bias=False, activation="softmax", name="picked")
    logits = whole(keras.layers.ReLU(max_value=255)(large))
    model = keras.Model(image, picked(keras.ops.log(keras.ops.maximum(logits, 1e-30))))
    picked.set_weights([np.eye(len(known), dtype=np.float32)[:, chosen]])
    return model


def jpeg(pixels, quality):
    """`[H, W, 3]` uint8 after JPEG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def yardstick(setup, count=200):
    """Prints what SSIM is after JPEG, and between photographs, and what share the reader still takes for what it was."""
    from tfcollide.measure.similarity import pairwise
    from tfcollide.models.predictions import evenly_spread

    bounds, test, reader = setup.network.bounds, setup.data.test, setup.yardstick.reader
    print(f"reader: {reader.accuracy:.1%} of the test images", flush=True)
    chosen = evenly_spread(setup.data.test_size, count)
    images, labels = test.images[chosen], test.labels[chosen]
    right = reader.read(images.astype(np.float32)) == labels
    print("| | SSIM, quartiles | read as its class, of those read right unchanged |\n|---|---|---|")
    for quality in (50, 20, 10, 5, 3, 1):
        changed = np.stack([jpeg(one, quality) for one in images]).astype(np.float32)
        ssim = pairwise(changed, images.astype(np.float32), bounds)[0]
        read = (reader.read(changed[right]) == labels[right]).mean()
        low, middle, high = np.quantile(ssim, [0.25, 0.5, 0.75])
        print(f"| JPEG, quality {quality} | {low:.2f}, {middle:.2f}, {high:.2f} | {read:.0%} |", flush=True)
    draw = np.random.default_rng(0)
    for words, same in (("two of one class", True), ("two of two classes", False)):
        couples = [draw.choice(np.flatnonzero((test.labels == label) == same)) for label in labels]
        ssim = pairwise(test.images[couples].astype(np.float32), images.astype(np.float32), bounds)[0]
        low, middle, high = np.quantile(ssim, [0.25, 0.5, 0.75])
        print(f"| {words} | {low:.2f}, {middle:.2f}, {high:.2f} | |", flush=True)


def seeds(setup, asked):
    """Prints how near to their source the composites are from which a search starts."""
    import tfcollide as tc
    from tfcollide.measure.similarity import similarity

    print("| window | stride | surround | patches per window | SSIM | change, of the pixel range | read as the source |")
    print("|---|---|---|---|---|---|---|")
    seen = set()
    for setting in settings():
        shape = tuple(setting[name] for name in ("window", "stride", "surround", "per_window"))
        if shape in seen:
            continue
        seen.add(shape)
        ssim, change, read = [], [], []
        for source, _ in setup.pairs(asked.pairs):
            pixels = setup.data.test.images[source]
            image = tc.compose(setup.network, setup.index(asked, setting), pixels).image
            ssim.append(similarity(image[None], pixels.astype(np.float32), setup.network.bounds)[0].ssim)
            change.append(np.sqrt(np.mean((image - pixels) ** 2)) / 255)
            read.append(setup.yardstick.reader.read(image[None])[0] == setup.data.test.labels[source])
        print(
            f"| {' | '.join(map(str, shape))} | {np.mean(ssim):.3f} | {np.mean(change):.3f} | {np.mean(read):.2f} |", flush=True
        )


def settings():
    """Those of the study, in its order."""
    return [TODAY | change for change in CHANGES]


def front(setup, asked):
    """Writes a line per setting and pair, and prints one per setting."""
    out = Path(asked.out)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    chosen = [settings()[int(number)] for number in asked.settings.split(",")] if asked.settings else settings()
    for pair, setting in itertools.product(setup.pairs(asked.pairs), chosen):
        key = setting | {"pair": list(pair), "steps": asked.steps}
        if any(all(one[name] == value for name, value in key.items()) for one in done):
            continue
        row = key | searched(setup, asked, setting, pair)
        done.append(row)
        with open(out, "a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def searched(setup, asked, setting, pair):
    """What a search finds."""
    import tfcollide as tc
    from tfcollide.polytope.hull.mixing import convex_weights, mix

    source, target = pair
    test, names = setup.data.test, setup.data.class_names
    found = tc.find_corners(
        setup.network,
        test.images[source],
        test.images[target],
        tap="fc1",
        corners=5,
        patches=setup.index(asked, setting),
        yardstick=setup.yardstick,
        source_label=names[test.labels[source]],
        target_label=names[test.labels[target]],
        max_steps=asked.steps,
        spread=setting["spread"],
        term_weights=(("total_variation", setting["variation"]),),
    )
    if asked.images:
        np.savez(
            Path(asked.images) / f"{len(list(Path(asked.images).iterdir())):03d}.npz",
            corners=found.corners,
            source=found.source,
        )
    mixtures = mix(convex_weights(200, 5), found.corners)
    records, reader = found.records, setup.yardstick.reader
    means = {
        name: float(np.mean([getattr(one, name) for one in records]))
        for name in ("ssim_source", "ssim_target", "source_share", "target_share")
    }
    return means | {
        "distance": max(one.feature_distance for one in records),
        "quantile": max(one.feature_quantile for one in records),
        "converged": int(sum(one.converged for one in records)),
        "mixtures": float(np.mean(setup.network.judge(mixtures).predicted == setup.predicted[np.array([target])][0])),
        "read_source": float(np.mean(reader.read(found.corners) == test.labels[source])),
        "read_target": float(np.mean(reader.read(found.corners) == test.labels[target])),
        "reader_votes": int(found.problem.reader.reader is not None),
        "ended": found.ended,
        "steps_taken": found.steps,
        "apart": float(np.mean([np.sqrt(np.mean((a - b) ** 2)) / 255 for a, b in itertools.combinations(found.corners, 2)])),
    }


def main():
    """Does what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data_dir", "model", "indexes", "reader", "photographs", "images"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--what", default="yardstick,seeds,front")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--settings", help="numbers of those in CHANGES; default: all")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", default="front.jsonl")
    asked = parser.parse_args()
    import_tensorflow()
    setup = Setup(asked)
    for what in asked.what.split(","):
        if what == "yardstick":
            yardstick(setup)
        else:
            {"seeds": seeds, "front": front}[what](setup, asked)


if __name__ == "__main__":
    main()
