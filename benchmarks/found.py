"""In how many pairs a collision is found, network by network, and why not in the others.

    python benchmarks/train_networks.py --data_dir=FOLDER --out=networks
    python benchmarks/found.py --data_dir=FOLDER --networks=networks --out=found [--only=convnet,mnist] [--vgg=MODEL.keras]

Each case is one sweep of bin/collide into OUT/CASE; one that is there already is only read. Prints a row per case.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.records import Summary, SweepSummary

_KNOWN = flags.FlagValues()
flags.DEFINE_string("data_dir", None, "Of TFDS data sets.", flag_values=_KNOWN)
flags.DEFINE_string("networks", "networks", "What train_networks.py wrote.", flag_values=_KNOWN)
flags.DEFINE_string("vgg", None, "A small VGG16 for tiny_imagenet20.", flag_values=_KNOWN)
flags.DEFINE_string("model_dir", None, "As of bin/collide.", flag_values=_KNOWN)
flags.DEFINE_string("out", "found", "Folder of the sweeps.", flag_values=_KNOWN)
flags.DEFINE_list("only", None, "Names of cases; all by default.", flag_values=_KNOWN)

ROOT = Path(__file__).resolve().parent.parent
_QUICK = ["--interpolations=500", "--worst_starts=8"]


def cases() -> dict[str, list[str]]:
    mnist, networks = ["--dataset=mnist"], Path(_KNOWN.networks)
    mlp = [*mnist, "--tap=hidden_1"]

    def network(name: str, *more: str) -> list[str]:
        return [*mnist, f"--model={networks / name}.keras", "--num_pairs=20", "--front", *_QUICK, *more]

    vgg = [f"--model={_KNOWN.vgg}", "--dataset=tiny_imagenet20", "--tap=fc1", "--num_pairs=20", *_QUICK]
    return {
        "convnet": network("convnet", "--tap=conv2d_1"),
        "four_convolutions": network("four_convolutions", "--tap=dense"),
        "normalized": network("normalized"),
        "two_branches": network("two_branches"),
        "digits": ["--num_pairs=30"],
        "mnist": [*mlp, "--num_pairs=30"],
        "mnist_front": [*mlp, "--num_pairs=20", "--front", *_QUICK],
        "mnist_widest": [*mlp, "--num_pairs=20", "--spread=max", *_QUICK],
        "mnist_exact": [*mlp, "--num_pairs=20", "--solver=exact", *_QUICK],
        **({"vgg": vgg, "vgg_widest": [*vgg, "--spread=max"]} if _KNOWN.vgg else {}),
    }


def quantiles(values: list, form: str = ".2f") -> str:
    known = [value for value in values if value is not None]
    return " / ".join(format(value, form) for value in np.quantile(known, [0, 0.5, 1])) if known else "-"


def row(name: str, folder: Path) -> str:
    found = SweepSummary.read(folder)
    pairs = [pair for pair in found.pairs if pair.directory]
    whole = [Summary.read(folder / pair.directory) for pair in pairs]
    corners = [corner for one in whole for corner in one.corners]
    parts = [
        name,
        f"{found.num_found} of {len(found.pairs)}",
        ", ".join(f"{reason} {count}" for reason, count in found.reasons.items()) or "-",
        ", ".join(f"{reason} {count}" for reason, count in found.ended.items()),
        quantiles([pair.steps for pair in pairs], ".0f"),
        quantiles([corner.source_share for corner in corners]),
        quantiles([corner.target_share for corner in corners]),
        quantiles([corner.ssim_source for corner in corners]),
        quantiles([one.distance.spread_reached for one in whole], ".3f"),
        quantiles([one.distance.corner_mean / one.distance.dataset_mean for one in whole]),
        quantiles([pair.front for pair in pairs]),
        "-" if found.num_censored is None else str(found.num_censored),
        f"{found.seconds['total']:.0f}",
    ]
    return "| " + " | ".join(parts) + " |"


def main() -> int:
    _KNOWN(sys.argv)
    out = Path(_KNOWN.out)
    header = ["case", "found", "reasons", "ended", "steps", "to source", "to target", "SSIM to source", "spread"]
    header += ["of the data set's distance", "front", "censored", "seconds"]
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|", flush=True)
    for name, wanted in cases().items():
        if _KNOWN.only and name not in _KNOWN.only:
            continue
        if not (out / name).exists():
            more = [f"--data_dir={_KNOWN.data_dir}"] if _KNOWN.data_dir else []
            more += [f"--model_dir={_KNOWN.model_dir}"] if _KNOWN.model_dir else []
            command = [sys.executable, str(ROOT / "bin" / "collide"), *wanted, *more, f"--out={out / name}"]
            log = out / f"{name}.log"
            out.mkdir(parents=True, exist_ok=True)
            with open(log, "w") as told:
                if subprocess.run(command, stdout=told, stderr=told).returncode not in (0, 1):
                    print(f"{name} failed: see {log}", flush=True)
                    continue
        print(row(name, out / name), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
