"""Random networks, images and flags through whole runs: shared by a test and by benchmarks/fuzz_runs.py."""

import contextlib
import io
import json
import os
import shutil

import keras
import numpy as np

from tfcollide.cli import collide

from .fuzz_draws import A, draw_case, predictions


def run_case(case, out):
    """Runs a configuration in this process. Returns the exit code, and how many images were compared with Keras.

    Raises:
        AssertionError: the run ended as none should, or says another class of a corner than Keras.
    """
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = collide(["collide", *case.flags, f"--out={out}"])
    check_ending(code, wrong.getvalue(), out)
    if os.environ.get("FUZZ_VERBOSE"):
        print(code, case.words, " ".join(case.flags), wrong.getvalue().strip().splitlines()[-1:], flush=True)
    return code, check_classes(case, out) if code != 2 and (out / "corners.npz").exists() else 0


def check_ending(code, stderr, out):
    assert code in (0, 1, 2), f"exit code {code}: {stderr[-3000:]}"
    assert "Traceback" not in stderr, stderr[-3000:]
    if code == 2:
        assert stderr.count("error: ") >= 1, stderr
        assert not out.exists() and not out.with_name(out.name + ".partial").exists(), f"{out} was left behind: {stderr}"
    else:
        assert (out / "summary.json").exists(), stderr[-3000:]


def check_classes(case, out):
    """What the run says of its corners and ends beside Keras's own prediction. Returns how many were compared."""
    found, arrays = json.loads((out / "summary.json").read_text()), np.load(out / "corners.npz")
    named = [corner["predicted"] for corner in found["corners"]] + [found[end]["predicted"] for end in ("source", "target")]
    images = np.concatenate([arrays["corners"], arrays["source"][None], arrays["target"][None]])
    if not np.isfinite(images).all() or any("bfloat16" in flag for flag in case.flags):
        return 0
    values = predictions(case.model, images)
    sigmoid = getattr(case.model.layers[-1], "activation", None) is A.sigmoid or "sigmoid" in str(case.model.outputs[0].name)
    compared = 0
    for name, row in zip(named, values, strict=True):
        expected, close = (labels_of if sigmoid else class_of)(row)
        known = name == "none" or all(part.startswith("class ") for part in name.split(" + "))
        if np.isfinite(row).all() and known and not close:
            assert name == expected, f"{name}, but Keras says {row}"
            compared += 1
    return compared


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


def fuzz_models(workplace, rounds, seed, *, report=print):
    """Runs random configurations.

    Returns:
        How many ended in each way; "compared", those of which images were compared with Keras, and "images", how many;
        "wrong", those that ended as none should.
    """
    ended, draw, number = dict.fromkeys((0, 1, 2, "compared", "images", "wrong"), 0), np.random.default_rng(seed), 0
    for _ in range(rounds):
        case = None
        while case is None:
            number += 1
            folder = workplace / f"case{number}"
            folder.mkdir()
            keras.backend.clear_session()
            case = draw_case(draw, folder)
        try:
            code, images = run_case(case, folder / "out")
            ended[code] += 1
            ended["compared"] += images > 0
            ended["images"] += images
        except Exception as error:
            report(f"configuration {number} of seed {seed} ({case.words}): {' '.join(case.flags)}\n{error!r}")
            ended["wrong"] += 1
        for used in workplace.glob("case*"):
            shutil.rmtree(used)
    return ended
