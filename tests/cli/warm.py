"""A process that has imported TensorFlow and forks: each fork is a program of `bin/`, started in a moment.

Importing TensorFlow takes longer than most runs of these tests. A fork has everything else of its own, as a fresh process
has: arguments, environment, folder, files, exit code. What is read while TensorFlow is imported (variables such as
KERAS_BACKEND, `keras.json`) and how long a start takes is nothing that a fork can show; tests of these start cold.
"""

import json
import os
import runpy
import select
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Warm:
    """The client's side of the process; it starts with the first run."""

    def __init__(self):
        self._process = None

    def run(self, argv, *, cwd, env, timeout, folder):
        """Runs a program to its end.

        Args:
            argv: the file of the program and its flags.
            cwd: its folder.
            env: its whole environment.
            timeout: seconds until it is killed.
            folder: takes what it prints, as two files.

        Returns:
            Exit code (negative for a signal), standard output, standard error.

        Raises:
            subprocess.TimeoutExpired: it took too long.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
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
    from tfcollide.runtime.quiet import import_tensorflow

    import_tensorflow()
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
