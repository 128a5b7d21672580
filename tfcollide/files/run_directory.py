"""A run directory: `DIR.partial` while it is worked on, `DIR` once it is whole.

The same request finds its own partial directory and goes on; any other is left
alone. Nothing is created until `open`, so that a bad request leaves no trace.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tfcollide.errors import RequestError
from tfcollide.files import atomic
from tfcollide.files.names import to_bytes

__all__ = ["RunDirectory", "absolute", "check_writable", "is_writable"]

_STATUS = "status.json"
"""How the run ended that left a partial directory."""


class RunDirectory:
    """One directory that appears whole or not at all.

    Args:
        out: the final path, absolute.
        request: text that identifies the request, kept as `run.flags`.
        overwrite: whether a finished run, or another request's partial one, may be replaced.
    """

    def __init__(self, out: Path, request: str, *, overwrite: bool = False):
        if not out.name:
            raise RequestError(f"--out={out}", "a directory with a name", "Choose another.")
        self.out = out
        self.partial = out.with_name(out.name + ".partial")
        self._request = request
        self._overwrite = overwrite
        self._lock: IO[str] | None = None

    def check_place(self) -> None:
        """The part of `check` that does not depend on the request's text."""
        free = not self.out.exists() and not self._overwrite
        if free and (aside := next(filter(_is_run, self._aside()), None)):
            raise RequestError(
                f"--out={self.out}, whose finished run is {aside.name} since its replacement was killed",
                "a new directory",
                f"Say --overwrite to replace it, rename {aside.name} to keep it, or choose another.",
            )
        if self.out.exists() and not self._overwrite:
            finished = self._is_asked_in(self.out / "run.flags")
            received = f"--out={self.out}, which exists{': this very request is finished there' if finished else ''}"
            raise RequestError(received, "a new directory", "Say --overwrite or choose another.")
        if self.out.exists() and not _is_run(self.out):
            raise RequestError(
                f"--out={self.out} --overwrite, which is not a run directory",
                "a directory that this program wrote",
                "Choose another.",
            )
        check_writable("out", self.out)

    def check(self) -> None:
        """Raises `RequestError` unless `open` can be expected to succeed; writes nothing."""
        self.check_place()
        if self.partial.exists() and not self.partial.is_dir():
            raise RequestError(
                f"--out={self.out}, beside which {self.partial.name} is a file", "a folder or nothing there", "Move it away."
            )
        if self.partial.exists() and not self._overwrite and not self._is_ours():
            raise RequestError(
                f"--out={self.out}, beside which {self.partial.name} is the unfinished run of another request "
                "or of another version of tfcollide",
                "a new directory",
                "Repeat that request with that version to finish it, say --overwrite to drop it, or choose another.",
            )
        if (self.partial / ".lock").is_file() and not self._lock:
            self._take_lock()
            self.close()

    def open(self) -> Path:
        """Creates or finds the partial directory, locks it, and returns its path."""
        self.check()
        self.partial.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._put_back()
        if not self._is_ours():
            self._empty()
        atomic.write_bytes(self.partial / "run.flags", to_bytes(self._request))
        (self.partial / _STATUS).unlink(missing_ok=True)
        return self.partial

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Path]:
        """The partial directory, open for as long as one is within; where the program is stopped, a file in it says so."""
        folder = self.open()
        try:
            yield folder
        except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
            with contextlib.suppress(OSError):  # such as a full disk: the exit code says it too
                atomic.write_json(folder / _STATUS, {"ended": "interrupted"})
            raise
        finally:
            self.close()

    def remark(self, words: str) -> None:
        """Adds a comment to `run.flags`: what the run found out, and need not be told again."""
        atomic.write_bytes(self.partial / "run.flags", to_bytes(f"{self._request}# {words}\n"))

    def commit(self) -> Path:
        """Drops hidden files, renames the partial directory, and returns the final path."""
        for hidden in list(self.partial.rglob(".*")):
            if hidden.is_dir():
                shutil.rmtree(hidden)  # of a pair that was being replaced when it was killed
            elif hidden != self.partial / ".lock":
                hidden.unlink(missing_ok=True)
        replaced = self.out.with_name(f".{self.out.name}.{os.getpid()}.replaced")
        if self.out.exists():
            os.rename(self.out, replaced)
        os.rename(self.partial, self.out)
        (self.out / ".lock").unlink(missing_ok=True)  # last, so that nobody else takes the partial directory
        _drop(replaced)
        self.close()
        return self.out

    def close(self) -> None:
        """Gives the lock back; the partial directory stays for the next try."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _aside(self) -> list[Path]:
        """What `commit` had moved aside, or half deleted, when it was killed."""
        name = re.compile(rf"\.{re.escape(self.out.name)}\.\d+\.replaced")
        beside = os.listdir(self.out.parent) if self.out.parent.is_dir() else ()
        return [self.out.with_name(found) for found in sorted(beside) if name.fullmatch(found)]

    def _put_back(self) -> None:
        """Gives a finished run its place again, if that is empty, until its successor is whole; drops what is replaced.

        Nobody is between the two renames of `commit` while the lock is held.
        """
        for path in self._aside():
            if self.out.exists() or not _is_run(path):
                _drop(path)
            else:
                os.rename(path, self.out)

    def _is_ours(self) -> bool:
        flags = self.partial / "run.flags"
        # A kill between mkdir and the first write leaves an empty directory: anybody's.
        if not flags.is_file():
            return self.partial.is_dir() and all(p.name.startswith(".") for p in self.partial.iterdir())
        return self._is_asked_in(flags)

    def _is_asked_in(self, flags: Path) -> bool:
        """Whether a flagfile holds this request."""
        return flags.is_file() and _without_remarks(flags.read_bytes()) == _without_remarks(to_bytes(self._request))

    def _empty(self) -> None:
        """Drops what another request left, but for the lock that is held now."""
        for entry in self.partial.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != ".lock":
                entry.unlink()

    def _take_lock(self) -> None:
        self._lock = open(self.partial / ".lock", "w")  # noqa: SIM115 (held until `close`)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise RequestError(
                f"--out={self.out}, on which another process is at work", "a directory of its own", "Wait, or choose another."
            ) from error


def _is_run(path: Path) -> bool:
    return (path / "run.flags").is_file()


def _without_remarks(text: bytes) -> bytes:
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"#"))


def _drop(run: Path) -> None:
    """Deletes a run that has been replaced; its flags first, so that half a run is never taken for one."""
    with contextlib.suppress(OSError):
        (run / "run.flags").unlink()
    shutil.rmtree(run, ignore_errors=True)


def absolute(path: str) -> Path:
    """`path` from any folder, with ~ replaced.

    Raises:
        RequestError: ~NAME for a user that this machine does not know.
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise RequestError(f"path {path}", "the home of a user of this machine", "Write the folder out.")
    return Path(os.path.abspath(expanded))


def check_writable(flag: str, path: Path) -> None:
    """Tries a directory in the nearest ancestor of `path` that exists, and takes it away again.

    Raises:
        RequestError: nothing can be written there.
    """
    ancestor = path
    while not os.path.lexists(ancestor) and ancestor != ancestor.parent:
        ancestor = ancestor.parent
    if not ancestor.is_dir():
        raise RequestError(f"--{flag}={path}, which lies in the file {ancestor}", "a path in a directory", "Choose another.")
    try:
        _try(ancestor)
    except OSError as error:
        raise RequestError(
            f"--{flag}={path}, where nothing can be written ({error.strerror})", "a writable place", "Choose another."
        ) from error


def is_writable(folder: Path) -> bool:
    """Whether something can be written in a folder that exists."""
    try:
        _try(folder)
    except OSError:
        return False
    return True


def _try(folder: Path) -> None:
    os.rmdir(tempfile.mkdtemp(prefix=".tfcollide-", dir=folder))
