"""A process that has imported much and forks: each fork is a program of `bin/`, or a script, started in a moment.

Importing TensorFlow takes longer than most runs of these tests, and importing what parses flags longer than a refusal. A
fork has everything else of its own, as a fresh process
has: arguments, environment, folder, files, exit code. What is read while TensorFlow is imported (variables such as
KERAS_BACKEND, `keras.json`) and how long a start takes is nothing that a fork can show; tests of these start cold.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


LIGHT = ("tfcollide.cli", "tfcollide.recipes.collide.run", "tfcollide.models.mlp", "tensorflow_datasets")
"""What a program imports that refuses a request or helps."""
HEAVY = ("tfcollide.cli", "tfcollide.recipes.collide.experiment", "tfcollide.recipes.collide.pair", "sklearn.neighbors")
"""What most runs import beside TensorFlow."""


class Warm:
    """The client's side of the process; it starts with the first run.

    Args:
        kind: "tensorflow", which has imported it, or "light", which has not.
    """

    def __init__(self, kind="tensorflow"):
        self._kind = kind
        self._process, self._home = None, tempfile.TemporaryDirectory()  # for what libraries write as they are imported

    def run(self, argv, *, cwd, env, timeout, folder):
        """Runs a program to its end.

        Args:
            argv: the file of the program and its flags.
            cwd: its folder.
            env: its whole environment; what Python reads of it as it starts (PYTHONPATH) is that of the first run.
            timeout: seconds until it is killed.
            folder: takes what it prints, as two files.

        Returns:
            Exit code (negative for a signal), standard output, standard error.

        Raises:
            subprocess.TimeoutExpired: it took too long.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__, self._kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=env | {"HOME": self._home.name, "XDG_CACHE_HOME": self._home.name},
                cwd=ROOT,
            )
        asked = {"argv": [str(a) for a in argv], "cwd": str(cwd), "env": env, "timeout": timeout, "folder": str(folder)}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        code = json.loads(self._process.stdout.readline())
        if code is None:
            raise subprocess.TimeoutExpired(argv, timeout)
        out, err = ((folder / name).read_text() for name in ("out", "err"))
        return code, out, err


def main():
    """Forks for each line of standard input; in a fork this returns, and the program is what is left to do."""
    sys.path.insert(0, str(ROOT))
    if sys.argv[1] == "tensorflow":
        from tfcollide.runtime.quiet import import_tensorflow

        import_tensorflow()
    for name in HEAVY if sys.argv[1] == "tensorflow" else LIGHT:
        importlib.import_module(name)
    gc.freeze()  # else each fork walks all of it as it ends
    sys.path.pop(0)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
            return asked["argv"]
        print(json.dumps(_end_of(child, asked["timeout"])), flush=True)
    sys.exit()


def _become(asked):
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"] | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"})
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(asked["folder"], name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)


def _end_of(child, timeout):
    """The exit code; None where it had to be killed."""
    handle = os.pidfd_open(child)
    late = not select.select([handle], [], [], timeout)[0]
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(handle)
    return None if late else os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.argv = main()
    runpy.run_path(sys.argv[0], run_name="__main__")
