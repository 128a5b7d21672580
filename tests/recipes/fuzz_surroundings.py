"""Random surroundings of whole runs: shared by benchmarks/fuzz_runs.py and whoever looks into one of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from .fuzz_draws import L, pick

ROOT = Path(__file__).resolve().parents[2]
SURROUNDINGS = [
    {"KERAS_BACKEND": "torch"},
    {"KERAS_BACKEND": "jax"},
    {"KERAS_BACKEND": "numpy"},
    {"KERAS_BACKEND": ""},
    {"KERAS_BACKEND": "none\u00e9"},
    {"keras.json": '{"backend": "torch"}'},
    {"keras.json": '{"floatx": "float16"}'},
    {"keras.json": '{"floatx": "float64"}'},
    {"keras.json": '{"floatx": "bfloat16"}'},
    {"keras.json": '{"epsilon": 1}'},
    {"keras.json": '{"image_data_format": "channels_first"}'},
    {"keras.json": "{"},
    {"keras.json": "[]"},
    {"keras.json": ""},
    {"closed": "0"},
    {"closed": "1"},
    {"closed": "2"},
    {"closed": "012"},
    {"full": "1"},
    {"full": "2"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "tr_TR.UTF-8"},
    {"LANG": "nowhere"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "utf-16"},
    {"PYTHONOPTIMIZE": "2"},
    {"PYTHONWARNINGS": "error"},
    {"PYTHONDEVMODE": "1"},
    {"PYTHONHASHSEED": "7"},
    {"HOME": "/nonexistent"},
    {"HOME": ""},
    {"XDG_CACHE_HOME": "/dev/null"},
    {"TMPDIR": "/nonexistent"},
    {"MPLBACKEND": "TkAgg"},
    {"MPLBACKEND": "nonsense"},
    {"MPLCONFIGDIR": "/dev/null"},
    {"TF_USE_LEGACY_KERAS": "1"},
    {"TF_CPP_MIN_LOG_LEVEL": "0"},
    {"TF_DETERMINISTIC_OPS": "0"},
    {"TF_NUM_INTRAOP_THREADS": "1"},
    {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2"},
    {"TF_ENABLE_ONEDNN_OPTS": "0"},
    {"OMP_NUM_THREADS": "1"},
    {"CUDA_VISIBLE_DEVICES": ""},
    {"TERM": "dumb"},
    {"COLUMNS": "1", "LINES": "1"},
    {"TQDM_MININTERVAL": "soon"},
    {"TQDM_DISABLE": "1"},
    {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    {"KERAS_MAX_EPOCHS": "many"},
    {"KERAS_HOME": "/dev/null"},
    {"TFDS_DATA_DIR": "/nonexistent"},
    {"cwd": "gone"},
    {"umask": "0777"},
    {"limit": "ulimit -n 40"},
    {"limit": "ulimit -f 4"},
    {"limit": "ulimit -c 0 -s 512"},
]


def run_surrounded(surroundings, folder, flags):
    """Runs `bin/collide` in a process with such variables, streams and limits. Returns the exit code."""
    settings, home = dict(surroundings), folder / "home"
    (home / ".keras").mkdir(parents=True)
    if "keras.json" in settings:
        (home / ".keras" / "keras.json").write_text(settings.pop("keras.json"))
    closed, full = settings.pop("closed", ""), settings.pop("full", "")
    before = [settings.pop("limit", ":"), "umask " + settings.pop("umask", "022")]
    if settings.pop("cwd", None):
        before += ["mkdir gone", "cd gone", "rmdir ../gone"]
    after = [f"{n}{'<' if n == '0' else '>'}&-" for n in closed] + [f"{n}>/dev/full" for n in full]
    line = "; ".join(before) + '; exec "$@" ' + " ".join(after)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("KERAS", "TF_"))}
    command = [sys.executable, str(ROOT / "bin" / "collide"), *flags, f"--out={folder}/out"]
    done = subprocess.run(
        ["bash", "-c", line, "bash", *command],
        cwd=folder,
        env=environment | {"HOME": str(home)} | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=1200,
    )
    stderr = done.stderr.decode(errors="replace")
    assert done.returncode in (0, 1, 2) and "Traceback" not in stderr, f"exit code {done.returncode}: {stderr[-3000:]}"
    return done.returncode


def fuzz_surroundings(workplace, rounds, seed, *, report=print):
    """Runs a small search in each of the surroundings, then in two at once. Returns how many ended in each way."""
    draw, ended = np.random.default_rng(seed), dict.fromkeys((0, 1, 2, "wrong"), 0)
    flags = small_run(workplace)
    (workplace / "plain").mkdir()
    assert run_surrounded({}, workplace / "plain", flags) in (0, 1), "the run that is surrounded is refused by itself"
    single = [SURROUNDINGS[int(i)] for i in draw.permutation(len(SURROUNDINGS))]
    for number in range(rounds):
        chosen = single[number] if number < len(single) else pick(draw, SURROUNDINGS) | pick(draw, SURROUNDINGS)
        folder = workplace / f"surroundings{number}"
        folder.mkdir()
        try:
            ended[run_surrounded(chosen, folder, flags)] += 1
        except Exception as error:
            report(f"surroundings {number} of seed {seed}: {chosen}\n{error}")
            ended["wrong"] += 1
        subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=True)
        shutil.rmtree(folder)
    return ended


def small_run(workplace):
    """Flags of a run that takes no time, its files in `workplace`."""
    keras.utils.set_random_seed(0)
    images = keras.Input((6, 6, 3))
    x = L.Dense(8, activation="relu", name="fc")(L.Flatten()(L.Rescaling(1 / 255)(images)))
    model = keras.Model(images, L.Dense(3)(x))
    model.save(workplace / "net.keras")
    pixels = np.random.default_rng(0).integers(0, 256, [100, 6, 6, 3], np.uint8)
    predicted = np.argmax(model.predict(pixels.astype(np.float32), verbose=0), axis=1)
    other = int(np.flatnonzero(predicted != predicted[0])[0])  # a source of the target's class would be refused
    for end, image in (("source", pixels[0]), ("target", pixels[other])):
        Image.fromarray(image).save(workplace / f"{end}.png")
    ends = [f"--{end}={workplace / end}.png" for end in ("source", "target")]
    return [f"--model={workplace}/net.keras", *ends, "--corners=2", "--max_steps=5", "--interpolations=5", "--worst_starts=0"]
