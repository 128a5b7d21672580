"""Random networks, images and flags for whole runs."""

import contextlib
import functools
import io
import math
import os
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from tfcollide.images import decode, from_uint8, scale_and_crop
from tfcollide.shapes import Bounds

SOUND = 0.9
"""The share of configurations that are drawn such that most of them run; the others may be anything."""

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


def network(draw, sound):
    """A random network, a word on it, and how an image is to be shaped for it: `(H, W, C)`."""
    keras.utils.set_random_seed(int(draw.integers(2**31)))
    size, channels = [int(n) for n in draw.integers(3, 13, 2)], int(pick(draw, [1, 3, 3]))
    kind = pick(draw, ["image"] * 6 + ["gray", "flat", "open"])
    dtype = pick(draw, ["float32"] * 6 + ["uint8", "float16", "int32", "float64"])
    batch = pick(draw, [None] * 6 + [1, 2, 3])
    channels = {"gray": 1, "open": 3, "flat": 1 if sound else channels}.get(kind, channels)
    size = [size[0]] * 2 if kind in ("flat", "open") else size
    reads = (*size, channels)
    shape = {"image": reads, "gray": tuple(size), "flat": (math.prod(reads),), "open": (None, None, 3)}[kind]
    images = x = keras.Input(batch_shape=(batch, *shape), dtype=dtype)
    rescale = [L.Rescaling(1 / 255), L.Rescaling(2.0, -1.0), L.Rescaling(1 / 127.5, -1.0)]
    x = pick(draw, rescale + ([] if sound else [lambda x: x]))(x)
    if kind in ("image", "open"):
        for _ in range(int(draw.integers(0, 4))):
            x = body(draw, x)
    if kind == "open":
        x = L.GlobalAveragePooling2D()(x)
    elif len(x.shape) > 2 and (sound or draw.random() < 0.75):
        x = L.Flatten()(x)
    x = head(draw, x, sound)
    model = keras.Model(images, x)
    spoil(draw, model, sound)
    return model, f"{kind} {shape} {dtype} batch {batch}", reads


def head(draw, x, sound):
    """Dense layers with a ReLU, and classes."""
    if sound or draw.random() < 0.5:
        x = L.Dense(int(pick(draw, [16, 16, 30, 30] if sound else [1, 2, 8])), name=pick(draw, NAMES))(x)
        x = pick(draw, RELUS if sound or draw.random() < 0.5 else OTHERS)()(x)
    if draw.random() < 0.2:
        x = keras.Sequential([keras.Input(x.shape[1:]), L.Dense(8, activation="relu")], name="an inner one")(x)
    x = L.Dense(int(pick(draw, [2, 2, 3, 3, 3, 4, 4, 10, 10, 10, 40] if sound else [1, 2, 10])), name="top")(x)
    if draw.random() < 0.6:
        x = pick(draw, [L.Softmax(), A.softmax, L.Activation("softmax"), L.Activation("sigmoid")])(x)
    return x


def body(draw, x):
    """One more layer, or a branch."""
    if draw.random() < 0.2:
        return L.Add()([x, L.Conv2D(x.shape[-1], 3, padding="same", activation="relu")(x)])
    return pick(draw, RELUS)()(x) if draw.random() < 0.3 else pick(draw, SPATIAL)(draw)(x)


def spoil(draw, model, sound):
    """Draws weights: sound ones, or such as no training gives."""
    how = pick(draw, ["given"] * 3 + ["wide"] if sound else ["given", "huge", "nan", "zero", "infinite"])
    scale = {"wide": 1.0, "huge": 1e25, "zero": 0.0}.get(how)
    weights = [w if scale is None else scale * draw.normal(size=w.shape) for w in model.get_weights()]
    if how in ("nan", "infinite") and weights:
        weights[-1] = np.full_like(weights[-1], np.nan if how == "nan" else np.inf)
    model.set_weights(weights)


def part(model, reads, flags):
    """Takes the mean logits of source and target off the last bias: else a random network reads both as one class."""
    given = next((flag.partition("=")[2] for flag in flags if flag.startswith("--pixel_range=")), None)
    unit = getattr(model.layers[1], "offset", 0.0) == -1.0 and model.layers[1].scale == 2.0
    bounds = Bounds(*map(float, given.split(","))) if given else Bounds(0.0, 1.0 if unit else 255.0)
    files = [next(flag.partition("=")[2] for flag in flags if flag.startswith(end)) for end in ("--source=", "--target=")]
    if not all(map(os.path.exists, files)):
        return  # a class of a data set
    images = np.stack([scale_and_crop(decode(Path(file)), reads) for file in files])
    top = model.get_layer("top")
    try:
        logits = predictions(keras.Model(model.inputs, top.output), from_uint8(images, bounds))
    except Exception:
        return  # what cannot compute is a case, too
    kernel, bias = top.get_weights()
    mean = logits.reshape(-1, len(bias)).mean(axis=0)
    if np.isfinite(mean).all():
        top.set_weights([kernel, (bias - mean).astype(bias.dtype)])


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


def picture(draw, path, sound=False):
    mode = pick(draw, ["RGB", "RGB", "L", "P", "RGBA", "1", "CMYK"])
    suffix = {"RGB": ".jpg", "CMYK": ".tif"}.get(mode, ".png")
    size = tuple(int(n) for n in draw.integers(2, 40, 2))
    pixels = draw.integers(0, 256, [size[1], size[0], 3], np.uint8)
    if not sound and draw.random() < 0.2:
        pixels[:] = pick(draw, [0, 255, 128])
    Image.fromarray(pixels).convert(mode).save(path.with_suffix(suffix))
    return path.with_suffix(suffix)


RUNS = [
    ["--objective=match", "--corners=1"],
    ["--hull_samples=0"],
    ["--learning_rate=1e30"],
    ["--optimizer=gradient_descent", "--learning_rate=1"],
    ["--pixel_range=0,1"],
    ["--pixel_range=-1,1"],
    ["--sampling=stick_breaking"],
    ["--tensorboard"],
    ["--stop_loss=1e-9"],
    ["--stop_loss=1e9"],
    ["--start_noise=0.5"],
    ["--seed=4294967295"],
    ["--xla"],
]
"""Flags that go with any network."""
NEEDS = [
    ["--solver=exact"],
    ["--solver=exact", "--direction=diverse"],
    ["--solver=exact", "--nearest=l1"],
    ["--solver=exact", "--nearest=l2", "--max_change=0.5"],
    ["--vnnlib", "--corners=2"],
    ["--preset=mnist"],
    ["--preset=paper"],
    ["--pixel_range=-1e30,1e30"],
    ["--image_size=9"],
    ["--precision=mixed_bfloat16"],
    ["--units=0"],
    ["--units=0+1,2"],
    ["--units=900"],
    ["--tap=fc"],
    ["--tap=a:b"],
    ["--dataset=digits", "--source=3"],
]
"""Flags that need some kind of network or of images, or go with no other of these."""


def flags_of(draw, folder, sound):
    """Flags beside the network: images, solver and checks."""
    found = [f"--max_steps={draw.integers(1, 40)}", f"--interpolations={draw.integers(1, 30)}", "--dataset=none"]
    found += [f"--{end}={picture(draw, folder / end, sound)}" for end in ("source", "target")]
    if draw.random() < 0.01:
        found.append(found[-1].replace("target=", "source="))  # one image twice
    found.append(f"--worst_starts={draw.integers(0, 3)}")
    found.append(f"--certify_boxes={pick(draw, [0, 1, 30])}")
    for _ in range(int(pick(draw, [0, 1, 1, 2, 3]))):
        found += pick(draw, RUNS if sound else NEEDS + RUNS)
    if sound and draw.random() < 0.12 and "--objective=match" not in found:
        found += pick(draw, NEEDS[:7])
    if not any(flag.startswith(("--corners", "--units", "--nearest")) for flag in found):
        found.append(f"--corners={pick(draw, [1, 1, 2, 2, 3, 5])}")
    return found


def draw_case(draw, folder):
    """A configuration, its files in `folder`."""
    sound = draw.random() < SOUND
    try:
        model, words, reads = network(draw, sound)
    except ValueError:
        return None  # layers that do not fit each other
    flags = flags_of(draw, folder, sound)
    if words.startswith("open"):
        flags.append(f"--image_size={reads[0]}" if sound else "--image_size=9")
    part(model, reads, flags)
    form = pick(draw, ["keras", "keras", "keras", "saved", "saved", "h5"])
    path = folder / (pick(draw, ["net", "my net", "n\u00e9t"]) + {"saved": ""}.get(form, f".{form}"))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model.export(path, verbose=False) if form == "saved" else model.save(path)
            if sound and form == "h5":
                keras.models.load_model(path)
    except Exception:
        return None  # Keras does not save every network in every form, nor read what it saved
    if draw.random() < (0.0 if sound else 0.15):
        damaged = path if path.is_file() else path / "saved_model.pb"
        os.truncate(damaged, int(draw.integers(damaged.stat().st_size)))
    return Case([f"--model={path}", *flags], model, f"{form}: {words}, {'sound' if sound else 'odd'}")
