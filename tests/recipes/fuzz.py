"""Random networks, images, flags and surroundings for whole runs: shared by a test and by benchmarks/fuzz_runs.py."""

import contextlib
import functools
import io
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from tfcollide.cli import collide

ROOT = Path(__file__).resolve().parents[2]
L, A = keras.layers, keras.activations
NAMES = ["fc", "_fc1", "fc 1", "a:b", "\u03c6", "Dense", "x.y", "-"]
RELUS = [
    lambda: L.ReLU(),
    lambda: L.ReLU(max_value=6.0),
    lambda: L.Activation("relu"),
    lambda: L.Activation(L.ReLU()),
    lambda: A.relu,
    lambda: keras.ops.relu,
    lambda: A.relu6,
    lambda: functools.partial(keras.ops.maximum, x2=0.0),
    lambda: functools.partial(keras.ops.clip, x_min=0.0, x_max=3.0),
    lambda: L.LeakyReLU(negative_slope=0.0),
]
OTHERS = [lambda: A.gelu, lambda: L.Activation("tanh"), lambda: L.LeakyReLU(), lambda: L.PReLU(), lambda: A.softplus]
SPATIAL = [
    lambda d: L.Conv2D(int(d.integers(1, 5)), int(d.integers(1, 4)), padding="same", strides=int(d.integers(1, 3))),
    lambda d: L.Conv2D(3, 2, padding="same", activation="relu", dilation_rate=2),
    lambda d: L.SeparableConv2D(3, 3, padding="same", activation="relu6"),
    lambda d: L.DepthwiseConv2D(2, padding="same"),
    lambda d: L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="relu"),
    lambda d: L.MaxPooling2D(2, padding="same"),
    lambda d: L.AveragePooling2D(2, padding="same"),
    lambda d: L.BatchNormalization(),
    lambda d: L.LayerNormalization(),
    lambda d: L.Dropout(0.5),
    lambda d: L.SpatialDropout2D(0.3),
    lambda d: L.GaussianNoise(0.3),
    lambda d: L.RandomFlip(),
    lambda d: L.ZeroPadding2D(1),
    lambda d: L.UpSampling2D(2),
    lambda d: L.Resizing(5, 7),
]


class Case(NamedTuple):
    """A configuration: the flags, and the network in memory, where there is one to ask."""

    flags: list
    model: object
    words: str


def pick(draw, values):
    return values[int(draw.integers(len(values)))]


def network(draw):
    """A random network and a word on it."""
    keras.utils.set_random_seed(int(draw.integers(2**31)))
    size, channels = draw.integers(3, 13, 2), int(pick(draw, [1, 3, 3]))
    kind = pick(draw, ["image"] * 6 + ["grey", "flat", "open"])
    dtype = pick(draw, ["float32"] * 6 + ["uint8", "float16", "int32", "float64"])
    batch = pick(draw, [None] * 6 + [1, 2, 3])
    shape = {"image": (*size, channels), "grey": tuple(size), "flat": (int(size[0]) ** 2 * channels,)}.get(
        kind, (None, None, 3)
    )
    images = x = keras.Input(batch_shape=(batch, *(n and int(n) for n in shape)), dtype=dtype)
    x = pick(draw, [lambda x: x, L.Rescaling(1 / 255), L.Rescaling(2.0, -1.0), L.Rescaling(1 / 127.5, -1.0)])(x)
    if kind in ("image", "open"):
        for _ in range(int(draw.integers(0, 4))):
            x = body(draw, x)
    if kind == "open":
        x = L.GlobalAveragePooling2D()(x)
    elif len(x.shape) > 2 and draw.random() < 0.95:
        x = L.Flatten()(x)
    if draw.random() < 0.85:
        x = L.Dense(int(pick(draw, [1, 8, 16, 16, 30, 30])), name=pick(draw, NAMES))(x)
        x = pick(draw, RELUS if draw.random() < 0.9 else OTHERS)()(x)
    if draw.random() < 0.2:
        inner = keras.Sequential([keras.Input(x.shape[1:]), L.Dense(8, activation="relu")], name="an inner one")
        x = inner(x)
    classes = int(pick(draw, [2, 2, 3, 3, 3, 4, 4, 10, 10, 10, 40, 1]))
    x = L.Dense(classes, name="top")(x)
    if draw.random() < 0.6:
        x = pick(draw, [L.Softmax(), A.softmax, L.Activation("softmax"), L.Activation("sigmoid")])(x)
    model = keras.Model(images, x)
    spoil(draw, model)
    return model, f"{kind} {shape} {dtype} batch {batch}, {classes} classes"


def body(draw, x):
    """One more layer, or a branch."""
    if draw.random() < 0.2:
        return L.Add()([x, L.Conv2D(x.shape[-1], 3, padding="same", activation="relu")(x)])
    return pick(draw, RELUS)()(x) if draw.random() < 0.3 else pick(draw, SPATIAL)(draw)(x)


def spoil(draw, model):
    """Draws weights: mostly sound ones, sometimes none that any training gives."""
    how = pick(draw, ["given"] * 12 + ["wide"] * 4 + ["huge", "nan", "zero", "infinite"])
    scale = {"wide": 1.0, "huge": 1e25, "zero": 0.0}.get(how)
    weights = [w if scale is None else scale * draw.normal(size=w.shape) for w in model.get_weights()]
    if how in ("nan", "infinite") and weights:
        weights[-1] = np.full_like(weights[-1], np.nan if how == "nan" else np.inf)
    model.set_weights(weights)


def center(draw, model):
    """Takes the mean logits of noise off the last bias: else a random network reads all images as one class."""
    shape, batch = model.inputs[0].shape[1:], model.inputs[0].shape[0] or 8
    noise = draw.integers(0, 256, [batch, *(n or 8 for n in shape)]).astype(model.inputs[0].dtype)
    top = model.get_layer("top")
    try:
        logits = np.asarray(keras.Model(model.inputs, top.output)(noise, training=False), np.float64)
    except Exception:
        return  # what cannot compute is a case, too
    kernel, bias = top.get_weights()
    mean = logits.reshape(-1, len(bias)).mean(axis=0)
    if np.isfinite(mean).all() and draw.random() < 0.9:
        top.set_weights([kernel, (bias - mean).astype(bias.dtype)])


def picture(draw, path):
    mode = pick(draw, ["RGB", "RGB", "L", "P", "RGBA", "1", "CMYK"])
    suffix = {"RGB": ".jpg", "CMYK": ".tif"}.get(mode, ".png")
    size = tuple(int(n) for n in draw.integers(2, 40, 2))
    pixels = draw.integers(0, 256, [size[1], size[0], 3], np.uint8)
    if draw.random() < 0.2:
        pixels[:] = pick(draw, [0, 255, 128])
    Image.fromarray(pixels).convert(mode).save(path.with_suffix(suffix))
    return path.with_suffix(suffix)


def flags_of(draw, folder):
    """Flags beside the network: images, solver and checks."""
    found = [f"--max_steps={draw.integers(1, 40)}", f"--interpolations={draw.integers(1, 30)}", "--dataset=none"]
    found += [f"--{end}={picture(draw, folder / end)}" for end in ("source", "target")]
    if draw.random() < 0.02:
        found.append(found[-1].replace("target=", "source="))  # one image twice
    found.append(f"--worst_starts={draw.integers(0, 3)}")
    found.append(f"--certify_boxes={pick(draw, [0, 1, 30])}")
    choices = [
        ["--solver=exact"],
        ["--solver=exact", "--direction=diverse"],
        ["--solver=exact", "--nearest=l1"],
        ["--solver=exact", "--nearest=l2", "--max_change=0.5"],
        ["--objective=match", "--corners=1"],
        ["--hull_samples=0"],
        ["--preset=mnist"],
        ["--preset=paper"],
        ["--learning_rate=1e30"],
        ["--optimizer=gradient_descent", "--learning_rate=1"],
        ["--pixel_range=0,1"],
        ["--pixel_range=-1,1"],
        ["--pixel_range=-1e30,1e30"],
        ["--image_size=9"],
        ["--precision=mixed_bfloat16"],
        ["--sampling=stick_breaking"],
        ["--units=0"],
        ["--units=0+1,2"],
        ["--units=900"],
        ["--tap=fc"],
        ["--tap=a:b"],
        ["--vnnlib"],
        ["--tensorboard"],
        ["--stop_loss=1e-9"],
        ["--stop_loss=1e9"],
        ["--start_noise=0.5"],
        ["--dataset=digits", "--source=3"],
        ["--seed=4294967295"],
    ]
    for _ in range(int(pick(draw, [0, 0, 1, 1, 1, 2, 3]))):
        found += pick(draw, choices)
    if not any(flag.startswith(("--corners", "--units", "--nearest")) for flag in found):
        found.append(f"--corners={pick(draw, [1, 1, 2, 2, 3, 5])}")
    return found


def draw_case(draw, folder):
    """A configuration, its files in `folder`."""
    try:
        model, words = network(draw)
    except ValueError:
        return None  # layers that do not fit each other
    center(draw, model)
    form = pick(draw, ["keras", "keras", "keras", "saved", "saved", "h5"])
    path = folder / (pick(draw, ["net", "my net", "n\u00e9t"]) + {"saved": ""}.get(form, f".{form}"))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model.export(path, verbose=False) if form == "saved" else model.save(path)
    except Exception:
        return None  # Keras does not save every network in every form
    if draw.random() < 0.03:
        damaged = path if path.is_file() else path / "saved_model.pb"
        os.truncate(damaged, int(draw.integers(damaged.stat().st_size)))
    return Case([f"--model={path}", *flags_of(draw, folder)], model, f"{form}: {words}")


def run_case(case, out):
    """Runs a configuration in this process. Returns the exit code.

    Raises:
        AssertionError: the run ended as none should, or says another class of a corner than Keras.
    """
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = collide(["collide", *case.flags, f"--out={out}"])
    check_ending(code, wrong.getvalue(), out)
    if os.environ.get("FUZZ_VERBOSE"):
        print(code, case.words, " ".join(case.flags), wrong.getvalue().strip().splitlines()[-1:], flush=True)
    if code != 2 and (out / "corners.npz").exists():
        check_classes(case, out)
    return code


def check_ending(code, stderr, out):
    assert code in (0, 1, 2), f"exit code {code}: {stderr[-3000:]}"
    assert "Traceback" not in stderr, stderr[-3000:]
    if code == 2:
        assert stderr.count("error: ") >= 1, stderr
        assert not out.exists() and not out.with_name(out.name + ".partial").exists(), f"{out} was left behind: {stderr}"
    else:
        assert (out / "summary.json").exists(), stderr[-3000:]


def check_classes(case, out):
    """What the run says of its corners and ends beside Keras's own prediction."""
    found, arrays = json.loads((out / "summary.json").read_text()), np.load(out / "corners.npz")
    named = [corner["predicted"] for corner in found["corners"]] + [found[end]["predicted"] for end in ("source", "target")]
    images = np.concatenate([arrays["corners"], arrays["source"][None], arrays["target"][None]])
    if not np.isfinite(images).all():
        return
    values = predictions(case.model, images)
    sigmoid = getattr(case.model.layers[-1], "activation", None) is A.sigmoid or "sigmoid" in str(case.model.outputs[0].name)
    for name, row in zip(named, values, strict=True):
        if not np.isfinite(row).all() or any("bfloat16" in flag for flag in case.flags):
            continue
        expected, close = (labels_of if sigmoid else class_of)(row)
        known = name == "none" or all(part.startswith("class ") for part in name.split(" + "))
        assert close or not known or name == expected, f"{name}, but Keras says {row}"


def class_of(row):
    """The class on top, and whether another is as good as on top."""
    top = np.sort(row)[-2:]
    return f"class {row.argmax()}", top[-1] - top[0] <= 1e-3 * max(1.0, abs(top[-1]))


def labels_of(row):
    """What sigmoids say, as labels, or as one of two classes where there is one; and whether one is undecided."""
    close = bool((np.abs(row - 0.5) < 1e-3).any())
    if len(row) == 1:
        return f"class {int(row[0] > 0.5)}", close
    return " + ".join(f"class {k}" for k in np.flatnonzero(row > 0.5)) or "none", close


def predictions(model, images):
    """What Keras makes of images `[n, H, W, C]`, in batches and of the shape that the network reads."""
    shape, batch = model.inputs[0].shape[1:], model.inputs[0].shape[0] or len(images)
    padded = np.concatenate([images, np.repeat(images[-1:], -len(images) % batch, 0)])
    if len(shape) < 3:
        padded = padded.reshape(len(padded), *(padded.shape[1:3] if len(shape) == 2 else [math.prod(padded.shape[1:])]))
    try:
        values = model.predict(padded, batch_size=batch, verbose=0)
    except ValueError:  # of names of layers, which Keras compiles no scopes of
        values = np.concatenate([model(padded[i : i + batch], training=False) for i in range(0, len(padded), batch)])
    return np.asarray(values, np.float64).reshape(len(padded), -1)[: len(images)]


def fuzz_models(workplace, rounds, seed, *, report=print):
    """Runs random configurations. Returns how many ended in each way, "wrong" those that ended as none should."""
    ended, draw, number = dict.fromkeys((0, 1, 2, "wrong"), 0), np.random.default_rng(seed), 0
    while sum(ended.values()) < rounds:
        number += 1
        folder = workplace / f"case{number}"
        folder.mkdir()
        keras.backend.clear_session()
        case = draw_case(draw, folder)
        if case is not None:
            try:
                ended[run_case(case, folder / "out")] += 1
            except Exception as error:
                report(f"configuration {number} of seed {seed} ({case.words}): {' '.join(case.flags)}\n{error!r}")
                ended["wrong"] += 1
        shutil.rmtree(folder)
    return ended


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
    """Runs a small search in random surroundings, up to two at a time. Returns how many ended in each way."""
    draw, ended = np.random.default_rng(seed), dict.fromkeys((0, 1, 2, "wrong"), 0)
    flags = small_run(workplace)
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
    keras.Model(images, L.Dense(3)(x)).save(workplace / "net.keras")
    draw = np.random.default_rng(0)
    ends = [f"--{end}={picture(draw, workplace / end)}" for end in ("source", "target")]
    return [f"--model={workplace}/net.keras", *ends, "--corners=2", "--max_steps=5", "--interpolations=5", "--worst_starts=0"]
