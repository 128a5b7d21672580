"""What leaves a command, as the exit codes of the contract and one line that says why."""

import importlib
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

from absl import logging

from tfcollide.errors import RequestError
from tfcollide.files.disk import full_at, is_full
from tfcollide.runtime.streams import make_unfailing

__all__ = ["EXIT_BUG", "EXIT_DONE", "EXIT_NOT_FOUND", "EXIT_REFUSED", "main"]

_NO_ROOM = "ResourceExhaustedError"  # TensorFlow's; to name the class would be to import it
EXIT_DONE, EXIT_NOT_FOUND, EXIT_REFUSED, EXIT_BUG = 0, 1, 2, 70


def main(command: Callable[[list[str]], int], argv: Sequence[str] | None = None, *, resumes: bool = False) -> int:
    """Runs a command and turns what happens into the exit codes of the contract.

    Args:
        command: takes the arguments, the program's name first, and returns an exit code.
        argv: the arguments; None is `sys.argv`.
        resumes: whether the same command goes on where it was interrupted.
    """
    logging.set_verbosity(logging.ERROR)
    logging.set_stderrthreshold("error")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["MPLBACKEND"] = "agg"  # figures go to files
    make_unfailing()
    try:
        _check_progress()
        return command(list(sys.argv if argv is None else argv))
    except RequestError as error:
        return _refuse(error)
    except UnicodeDecodeError as error:
        named = [word.partition("=")[2] for word in argv or sys.argv if word.lstrip("-").startswith("flagfile=")]
        return _refuse(RequestError(f"--flagfile={','.join(named)} ({error.reason})", "a text file with a flag a line"))
    except UnicodeEncodeError as error:  # of a library that cannot take such names
        around = error.object[max(0, error.start - 60) : error.end + 20]
        return _refuse(RequestError(f"{around!r}, which is no UTF-8", "a name in UTF-8", "Rename the file or folder."))
    except KeyboardInterrupt:
        print(f"Interrupted{'; the same command goes on from the last checkpoint' if resumes else ''}.", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        return _unexpected(error, argv or sys.argv)


def _unexpected(error: Exception, argv: Sequence[str]) -> int:
    """What the machine has too little of, or does not let through, in a line; the rest is a defect, with its trace."""
    if is_full(error):
        out = next((word for word in argv if re.match("--?out=", word)), "a disk that is written to")
        return _refuse(
            RequestError(
                f"{full_at(error) or out}: no space left on the device",
                "room for what is written",
                "Make room, or choose another place.",
            )
        )
    if isinstance(error, MemoryError):
        return _refuse(_too_large(f" ({error})" if str(error) else ""))
    if type(error).__name__ == _NO_ROOM:
        return _refuse(_too_large(""))  # its own message lists every tensor that was there
    if isinstance(error, OSError):
        return _refuse(RequestError(str(error), "files and folders that can be read and written"))
    traceback.print_exception(error)  # a defect must not look like a result
    return EXIT_BUG


def _too_large(detail: str) -> RequestError:
    return RequestError(f"more work than fits in memory{detail}", "numbers that this machine can hold", "Lower them.")


def _refuse(error: RequestError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return EXIT_REFUSED


def _check_progress() -> None:
    """Refuses variables TQDM_... that tqdm, which reads them when it is imported, does not take."""
    given = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("TQDM_")]
    try:
        importlib.import_module("tqdm") if given else None
    except ValueError as error:
        raise RequestError(" ".join(given), f"what tqdm takes ({error})", "Mend or unset it.") from error
