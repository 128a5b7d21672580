"""How far proofs over whole hulls go in networks with convolutions.

    python benchmarks/train_networks.py --data_dir=FOLDER --out=networks
    python benchmarks/conv_proofs.py --networks=networks --data_dir=FOLDER --out=proofs.json \
        [--only=convnet_dense,four_convolutions] [--found=RUNS] [--hulls=20] [--spreads=0.1,0.2,0.3]
    python benchmarks/conv_proofs.py --depths=1,2,4,8,16 --data_dir=FOLDER --out=depths.json
    python benchmarks/conv_proofs.py --read=proofs.json,depths.json --figure=proofs.png

Hulls are those that bin/collide has found (RUNS/NETWORK/pair_*, found, corners at least 0.1
of source-to-target apart), filled up with synthetic ones: a target and four random images
at an L2 distance of 0.1, 0.2 and 0.3 of source-to-target, one after the other. Seconds are
of the clock and of the processor; where other work goes on, half of the latter says what
two free cores would take. The figure has the share of hulls certified whole, and of the hull proven on average,
against the spread. Each verdict is tried on `--mixtures` random mixtures. Rows that --out
holds already are kept: what is interrupted goes on there.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.records import Summary
from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_string("networks", None, "Folder of networks, NAME.keras.", flag_values=_KNOWN)
flags.DEFINE_list("only", None, "Names of networks; all by default.", flag_values=_KNOWN)
flags.DEFINE_string("found", None, "Folder with a sweep of bin/collide per network.", flag_values=_KNOWN)
flags.DEFINE_string("dataset", "mnist", "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("data_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("out", None, "A JSON file of all rows.", flag_values=_KNOWN)
flags.DEFINE_list("read", None, "Files that --out has written: nothing is proven anew.", flag_values=_KNOWN)
flags.DEFINE_string("figure", None, "A picture of what is proven against the spread.", flag_values=_KNOWN)
flags.DEFINE_integer("hulls", 20, "Of each network.", flag_values=_KNOWN)
flags.DEFINE_list("spreads", ["0.1", "0.2", "0.3"], "Of synthetic hulls.", flag_values=_KNOWN)
flags.DEFINE_list("depths", None, "Numbers of convolutions of networks to train and prove instead.", flag_values=_KNOWN)
flags.DEFINE_integer("boxes", 20_000, "Sub-simplices of a hull at most.", flag_values=_KNOWN)
flags.DEFINE_integer("mixtures", 2_000, "Random mixtures that each verdict is tried on.", flag_values=_KNOWN)


def main() -> int:
    """Runs the benchmark and prints it."""
    _KNOWN(sys.argv)
    rows = [row for path in _KNOWN.read for row in json.loads(Path(path).read_text())] if _KNOWN.read else _proven()
    _say(rows)
    if _KNOWN.figure:
        _draw(rows)
    return 0


def _proven():
    """A row for each hull, kept as soon as it is there."""
    import_tensorflow()
    from tfcollide.data.load_dataset import load_dataset
    from tfcollide.files.atomic import write_json

    data = load_dataset(_KNOWN.dataset, data_dir=_KNOWN.data_dir)
    rows = json.loads(Path(_KNOWN.out).read_text()) if _KNOWN.out and Path(_KNOWN.out).exists() else []
    done = {(row["network"], row["hull"]) for row in rows}
    for name, classifier in _classifiers(data):
        for hull, corners, target, spread in list(_hulls(name, classifier, data))[: _KNOWN.hulls]:
            if (name, hull) in done:
                continue
            rows.append({"network": name, "hull": hull, "spread": spread} | _proof(classifier, corners, target))
            print(
                "  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in rows[-1].items())
            )
            sys.stdout.flush()
            if _KNOWN.out:
                write_json(Path(_KNOWN.out), rows)
    return rows


def _classifiers(data):
    """Networks by name."""
    import keras

    from tfcollide.models.classifier import Classifier

    if _KNOWN.depths:
        for depth in map(int, _KNOWN.depths):
            yield f"{depth} convolutions", Classifier(_of_depth(depth, data), name=f"{depth}", bounds=(0.0, 1.0))
        return
    for path in sorted(Path(_KNOWN.networks).glob("*.keras")):
        if not _KNOWN.only or path.stem in _KNOWN.only:
            yield path.stem, Classifier(keras.models.load_model(path), name=path.stem, bounds=(0.0, 1.0))


def _of_depth(depth, data):
    """A chain of `depth` convolutions of 8 channels, a max-pool after the first and the middle one; trained for one pass."""
    import keras

    keras.utils.set_random_seed(depth)
    image = x = keras.Input(data.shape)
    for k in range(depth):
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        x = keras.layers.MaxPooling2D()(x) if k in (0, depth // 2) else x
    x = keras.layers.Dense(len(data.class_names))(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Softmax()(x))
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data.train.images.astype("float32") / 255.0, data.train.labels, batch_size=250, epochs=1, verbose=0)
    few = slice(0, 2000)
    _, right = model.evaluate(data.test.images[few].astype("float32") / 255.0, data.test.labels[few], verbose=0)
    print(f"{depth} convolutions: {100 * right:.1f} % of 2,000 test images", flush=True)
    return model


def _hulls(name, classifier, data):
    """Name, corners `[N, H, W, C]`, target and spread as a share of source-to-target."""
    import numpy as np

    for folder in sorted(Path(_KNOWN.found or ".").glob(f"{name}/pair_*")) if _KNOWN.found else []:
        summary = Summary.read(folder)
        spread = summary.distance.corner_mean / summary.distance.source_to_target
        if summary.found and spread >= 0.1:
            corners = np.load(folder / "corners.npz")["corners"].astype(np.float32)
            target = classifier.class_names.index(f"class {summary.target.predicted}")
            yield folder.name, corners, target, spread
    rng = np.random.default_rng(0)
    images = data.test.images[:2000].astype(np.float32) / 255.0
    for k in range(_KNOWN.hulls):
        share = float(_KNOWN.spreads[k % len(_KNOWN.spreads)])
        target, source = images[rng.choice(len(images), 2, replace=False)]
        corners = synthetic(rng, target, share * float(np.linalg.norm(target - source)))
        yield f"synthetic {k}", corners, int(classifier.judge(corners[:1]).predicted[0]), share


def synthetic(rng, target, radius):
    """`target` and four images at the L2 distance `radius` from it, in random directions but within 0..1."""
    import numpy as np

    corners = [target]
    for _ in range(4):
        direction, low, high = rng.normal(size=target.shape), 0.0, 1e3
        for _ in range(60):
            middle = (low + high) / 2
            short = np.linalg.norm(np.clip(target + middle * direction, 0, 1) - target) < radius
            low, high = (middle, high) if short else (low, middle)
        corners.append(np.clip(target + low * direction, 0, 1))
    return np.array(corners, np.float32)


def _proof(classifier, corners, target):
    """What is proven, and whether random mixtures contradict it."""
    from tfcollide.models.dense_chain import Unreadable
    from tfcollide.polytope.hull.mixing import convex_weights, mix
    from tfcollide.polytope.proof.of_classifier import certify_classifier

    wall, processor = time.perf_counter(), time.process_time()
    found = certify_classifier(classifier, corners, target, max_boxes=_KNOWN.boxes)
    row = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
    if isinstance(found, Unreadable):
        return {"status": found.reason} | row
    weights = convex_weights(_KNOWN.mixtures, len(corners), seed=1)
    lowest = classifier.reading.margins(classifier.judge(mix(weights, corners)).logits, target).min()
    if found.status == "certified" and lowest < found.margin:
        raise SystemExit(f"CONTRADICTED: {found} against a mixture of margin {lowest}")
    kept = {name: getattr(found, name) for name in ("status", "arithmetic", "margin", "margin_real", "share_proven", "boxes")}
    return kept | {"sampled": float(lowest)} | row


def _say(rows):
    """By network and spread: how many whole, medians and extremes."""
    import statistics

    groups = {}
    for row in rows:
        groups.setdefault((row["network"], "found" if row["hull"].startswith("pair") else f"{row['spread']:.1f}"), []).append(
            row
        )
    print("| network | spread | whole hulls certified | sub-simplices | processor seconds | smallest share proven |")
    print("|---|---|---|---|---|---|")
    for (network, spread), group in groups.items():
        known = [row for row in group if "boxes" in row]
        if not known:
            print(f"| {network} | {spread} | {group[0]['status']} | | | |")
            continue
        whole = sum(row["status"] == "certified" and row["arithmetic"] == "float32" for row in known)
        boxes = sorted(row["boxes"] for row in known)
        spent = sorted(row["processor"] for row in known)
        cells = (
            f"{whole} of {len(group)}",
            f"{statistics.median(boxes):.0f} ({boxes[0]} to {boxes[-1]})",
            f"{statistics.median(spent):.0f} ({spent[0]:.0f} to {spent[-1]:.0f})",
            f"{min(row['share_proven'] for row in known):.3f}",
        )
        print(f"| {network} | {spread} | {' | '.join(cells)} |")


def _draw(rows):
    """What is proven against the spread, a line for each network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    whole, share = figure.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(row["network"] for row in rows))
    for k, network in enumerate(names):
        groups = {}
        for row in rows:
            if row["network"] == network:
                groups.setdefault(round(row["spread"], 1), []).append(row)
        spreads = sorted(groups)
        certified = [
            [row["status"] == "certified" and row.get("arithmetic") == "float32" for row in groups[x]] for x in spreads
        ]
        proven = [[row.get("share_proven", 0.0) for row in groups[x]] for x in spreads]
        aside = [x + 0.006 * (k - (len(names) - 1) / 2) for x in spreads]  # or marks would hide each other
        for axes, values in ((whole, certified), (share, proven)):
            axes.plot(
                aside, [sum(some) / len(some) for some in values], marker="o", linewidth=1, label=network.replace("_", " ")
            )
    ticks = sorted({round(row["spread"], 1) for row in rows})
    whole.set(ylabel="share", title="hulls certified whole, in float32", ylim=(-0.03, 1.03))
    share.set(title="of the hull proven, mean")
    for axes in (whole, share):
        axes.set(xlabel="spread, of source-to-target, to one decimal", xticks=ticks)
    figure.legend(*share.get_legend_handles_labels(), loc="outside right", fontsize=8)
    figure.savefig(_KNOWN.figure, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
