"""The programs of `bin/` as a user runs them: processes, from another folder, with a home of their own."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from tests.limits import HANG_SECONDS

from .warm import Warm

ROOT = Path(__file__).resolve().parents[2]
RUN_FILES = {"run.flags", "summary.json", "corners.npz", "figure.png", "table.md", "trace.csv"}

# Eq. 3 with its weights kept never reaches such a loss, and it has all patience, so the descent goes on to --max_steps.
ENDLESS = ("--corners=2", "--stop_loss=1e-30", "--half_life=0", "--patience=0", "--checkpoint_seconds=0.2", "--certify_boxes=0")

_WARM, _LIGHT = Warm(), Warm("light")
_NO_TENSORFLOW = str(Path(__file__).parent / "no_tensorflow")


class Outcome(NamedTuple):
    code: int
    stdout: str
    stderr: str
    seconds: float


class Run(NamedTuple):
    """A finished process and the directory that it wrote."""

    outcome: Outcome
    out: Path


class Started(NamedTuple):
    """A process at work; what it prints goes to files, so that no pipe can fill up."""

    process: subprocess.Popen
    said: Path

    def stdout(self):
        return self.said.with_suffix(".out").read_text()

    def stderr(self):
        return self.said.with_suffix(".err").read_text()


def environment(home, **more):
    """The caller's environment without what would help or disturb."""
    ours = ("TF", "KERAS", "MPL", "XDG", "PYTHON", "COV", "OMP", "OPENBLAS")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours) and not k.lower().endswith("_proxy")}
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(Path(home, "cache"))} | more


def command(program, *flags):
    return [sys.executable, str(ROOT / "bin" / program), *map(str, flags)]


def run(program, *flags, cwd, home, timeout=HANG_SECONDS, **more):
    """Runs a program of `bin/` to its end: forked from a process that has imported TensorFlow, where that tells nothing."""
    if os.environ.get("TFCOLLIDE_TEST_COLD") or more or Path(home, ".keras").exists():
        return run_cold(program, *flags, cwd=cwd, home=home, timeout=timeout, **more)
    return _forked(_WARM, command(program, *flags)[1:], cwd, environment(home), timeout)


def _forked(warm, argv, cwd, env, timeout=HANG_SECONDS):
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        code, out, err = warm.run(argv, cwd=cwd, env=env, timeout=timeout, folder=Path(folder))
    return Outcome(code, out, err, time.perf_counter() - began)


def run_cold(program, *flags, cwd, home, timeout=HANG_SECONDS, **more):
    """Runs a program of `bin/` to its end, from the start of the interpreter on."""
    began = time.perf_counter()
    done = subprocess.run(
        command(program, *flags), cwd=cwd, env=environment(home, **more), timeout=timeout, capture_output=True, text=True
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.perf_counter() - began)


def run_without_tensorflow(program, *flags, cwd, home):
    """Runs a program that is to answer without TensorFlow; an import of it would end in a traceback."""
    return script_without_tensorflow(ROOT / "bin" / program, *flags, cwd=cwd, home=home)


def script_without_tensorflow(path, *arguments, cwd, home):
    """As `run_without_tensorflow`, for any script: forked from a process that has imported none but light modules."""
    env = environment(home, PYTHONPATH=_NO_TENSORFLOW)
    if os.environ.get("TFCOLLIDE_TEST_COLD"):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, path, *arguments], cwd=cwd, env=env, capture_output=True, text=True)
        return Outcome(done.returncode, done.stdout, done.stderr, time.perf_counter() - began)
    return _forked(_LIGHT, [path, *arguments], cwd, env)


@contextlib.contextmanager
def started(program, *flags, cwd, home, said, **more):
    """Starts a program of `bin/` in the background; it does not outlive the block."""
    with open(said.with_suffix(".out"), "w") as out, open(said.with_suffix(".err"), "w") as err:
        process = subprocess.Popen(
            command(program, *flags),
            cwd=cwd,
            env=environment(home, **more),
            stdout=out,
            stderr=err,
            preexec_fn=_heed_interrupts,
        )
    try:
        yield Started(process, said)
    finally:
        process.kill()
        process.wait()


def _heed_interrupts():
    """A shell starts background jobs deaf to SIGINT, and they would hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition, *running, seconds=HANG_SECONDS):
    """Waits for `condition`; fails if it takes too long or if none of the `running` processes is left to bring it about."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"nothing happened for {seconds} s; {running[0].stderr()[-500:]}")
        if running and all(one.process.poll() is not None for one in running) and not condition():
            raise AssertionError(f"the process ended early, with {running[0].process.returncode}: {running[0].stderr()[-500:]}")
        time.sleep(0.01)


def listing(folder):
    """Every path below a folder; for a file also what writing it would change."""
    paths = sorted(Path(folder).rglob("*"))
    return {str(path.relative_to(folder)): None if path.is_dir() else _stamp(path.lstat()) for path in paths}


def _stamp(stat):
    return stat.st_mode, stat.st_size, stat.st_mtime_ns


def files_below(folder):
    """The files below a folder, relative to it."""
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if not path.is_dir()}


def run_files(corners):
    """What the contract asks of the directory of a run with this many corners."""
    return RUN_FILES | {f"images/{name}.png" for name in ("source", "target", *(f"corner_{n}" for n in range(corners)))}


def checkpoint_of(partial):
    """The checkpoint in a partial run directory, or None."""
    return next((path for path in partial.glob("*") if "checkpoint" in path.name and path.suffix == ".npz"), None)


def read_layers(path):
    """Kernel and bias of each dense layer of a saved MLP, in float64, read without Keras."""
    import zipfile

    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        dense = sorted(name for name in file["layers"] if name.startswith("dense"))  # dense, dense_1, dense_2
        return [tuple(np.asarray(file["layers"][name]["vars"][i], np.float64) for i in "01") for name in dense]


class Network(NamedTuple):
    """The MLP in NumPy: what the programs' numbers are checked against."""

    layers: list

    def hidden_1(self, images):
        """`[n, U]` pre-activations of images `[n, H, W, C]`."""
        kernel, bias = self.layers[0]
        return images.reshape(len(images), -1).astype(np.float64) @ kernel + bias

    def logits(self, images):
        """`[n, L]`."""
        x = self.hidden_1(images)
        for kernel, bias in self.layers[1:]:
            x = np.maximum(x, 0) @ kernel + bias
        return x

    def probabilities(self, images):
        """`[n, L]`."""
        x = self.logits(images)
        exp = np.exp(x - x.max(axis=1, keepdims=True))
        return exp / exp.sum(axis=1, keepdims=True)
