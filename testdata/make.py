"""Makes the files of this folder again: drawn images, a tiny network, what version 0.1 wrote of them, and damaged copies.

python testdata/make.py --old=CHECKOUT_OF_b9d4831

Version 0.1 writes absolute paths into `run.flags`, so all is made in /tmp/tfcollide/testdata and copied here.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
MADE_IN = Path("/tmp/tfcollide/testdata")
SIDE = 32
PICTURES = ("figure.png", "candidates.png", "dominance.png", "pasted.png")
DIGITS = [
    "--dataset=digits",
    "--hidden_units=32,32",
    "--epochs=8",
    "--model_dir=models",
    "--worst_starts=2",
    "--certify_boxes=50",
]
NETWORK = [
    "--dataset=none",
    "--model_dir=models",
    "--model=network.keras",
    "--source=photographs/rows.png",
    "--target=photographs/checks.png",
]
BLEND = ["--parameterization=composite", "--index=index", "--window_stride=4", "--tap=fc"]
FEW = ["--corners=2", "--max_steps=60", "--interpolations=20"]
ENDLESS = ["--corners=2", "--max_steps=100000000", "--stop_loss=1e-30", "--checkpoint_seconds=0.1"]


def main() -> None:
    """Makes everything anew and replaces what stands here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", type=Path, required=True, help="A checkout of version 0.1, commit b9d4831.")
    old = parser.parse_args().old.resolve()
    shutil.rmtree(MADE_IN, ignore_errors=True)
    (MADE_IN / "photographs").mkdir(parents=True)
    draw_photographs()
    save_network()
    for command in (
        [
            "index_patches",
            "--images=photographs",
            f"--image_size={SIDE}",
            "--patch_size=8",
            "--num_components=8",
            "--out=index",
        ],
        ["collide", *DIGITS, *FEW, "--source=3", "--target=7", "--out=run"],
        ["collide", *DIGITS, "--source=3", "--target=7", "--corners=2", "--solver=exact", "--interpolations=20", "--out=exact"],
        ["collide", *DIGITS, *FEW, "--num_pairs=2", "--out=sweep"],
        ["collide", *NETWORK, *FEW, "--worst_starts=0", "--tap=fc", "--out=pixels"],
        ["collide", *NETWORK, *FEW, "--worst_starts=0", *BLEND, "--out=composite"],
    ):
        run(old, command).wait()
    stop(run(old, ["collide", *DIGITS, *ENDLESS, "--source=3", "--target=7", "--out=stopped"]))
    shutil.rmtree(MADE_IN / "models")
    damage()
    for made in MADE_IN.iterdir():
        shutil.rmtree(HERE / made.name, ignore_errors=True)
        (shutil.copytree if made.is_dir() else shutil.copy)(made, HERE / made.name)


def run(old: Path, command: list[str]) -> subprocess.Popen:
    """Starts a program of version 0.1."""
    print(" ".join(command), flush=True)
    return subprocess.Popen([sys.executable, old / "bin" / command[0], *command[1:]], cwd=MADE_IN)


def stop(process: subprocess.Popen) -> None:
    """Stops a search behind its first checkpoint, as Ctrl-C does."""
    while not list((MADE_IN / "stopped.partial").glob(".checkpoint*")) and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait()
    (MADE_IN / "stopped.partial" / ".lock").unlink()


def draw_photographs() -> None:
    """Four pictures: 4 x 16 patches of 8 x 8 pixels."""
    draw = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    shades = {"rows": y // 4 % 2, "columns": x // 4 % 2, "checks": (x // 4 + y // 4) % 2, "slope": (x + y) / (2 * SIDE)}
    for name, shade in shades.items():
        pixels = 60 + 120 * shade[..., None] + draw.integers(-40, 40, [SIDE, SIDE, 3])
        Image.fromarray(pixels.astype(np.uint8)).save(MADE_IN / "photographs" / f"{name}.png")


def save_network() -> None:
    """A convolutional network that tells rows, columns and checks apart, as a Keras file and as a SavedModel."""
    keras.utils.set_random_seed(0)
    names = ["rows", "columns", "checks"]
    pictures = [np.asarray(Image.open(MADE_IN / "photographs" / f"{name}.png"), np.float32) for name in names]
    labels = np.arange(300) % 3
    images = np.stack([pictures[label] for label in labels]) + np.random.default_rng(1).normal(0, 30, [300, SIDE, SIDE, 3])
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input([SIDE, SIDE, 3]),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu", name="fc"),
            layers.Dense(3),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, epochs=20, verbose=0)
    model.save(MADE_IN / "network.keras", include_optimizer=False)
    model.export(MADE_IN / "saved_model", verbose=False)


def damage() -> None:
    """Copies of each kind of file, cut in the middle, emptied or overwritten."""
    there = MADE_IN / "damaged"
    there.mkdir()
    whole = (MADE_IN / "photographs" / "rows.png").read_bytes()
    (there / "cut.png").write_bytes(whole[: len(whole) // 2])
    (there / "empty.png").write_bytes(b"")
    (there / "text.jpg").write_text("no image\n")
    Image.open(MADE_IN / "photographs" / "rows.png").save(there / "cut.jpg")
    cut(there / "cut.jpg")
    shutil.copy(MADE_IN / "network.keras", there / "cut.keras")
    cut(there / "cut.keras")
    (there / "text.h5").write_text("no network\n")
    shutil.copytree(MADE_IN / "saved_model", there / "cut_saved_model")
    cut(there / "cut_saved_model" / "saved_model.pb")
    shutil.copytree(MADE_IN / "saved_model", there / "saved_model_without_weights")
    shutil.rmtree(there / "saved_model_without_weights" / "variables")
    for file in sorted(path.name for path in (MADE_IN / "index").glob("[!.]*") if path.name != "run.flags"):
        copy_cut("index", file)
    for file in ("run.flags", "summary.json", "corners.npz"):
        copy_cut("run", file)
    copy_cut("composite", "composite.npz")


def copy_cut(name: str, file: str) -> None:
    """A copy of a folder, but for large pictures, in which one file is cut."""
    to = MADE_IN / "damaged" / f"{name}_cut_{file}"
    shutil.copytree(MADE_IN / name, to, ignore=lambda _, names: {*PICTURES, "images"}.intersection(names))
    cut(to / file)


def cut(path: Path) -> None:
    """Leaves the first half of a file."""
    os.truncate(path, path.stat().st_size // 2)


if __name__ == "__main__":
    main()
