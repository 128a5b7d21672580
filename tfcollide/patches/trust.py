"""Nothing in an index is used before its bytes are known to be those that were written.

Annoy reads past the end of a file that is too short, and divides by zero on
others; so a file is opened only when its size and its SHA-256 are as the manifest
says. Hashing is done once: a stamp remembers size, times and inode of every file.
"""

import hashlib
import json
import os
from pathlib import Path

from tfcollide.files.atomic import write_bytes
from tfcollide.patches.manifest import Manifest, damaged, read_manifest

__all__ = ["trusted_manifest", "checksum"]

_STAMP = ".checked"


def trusted_manifest(folder: Path, *, rehash: bool = False) -> Manifest:
    """Checks an index and returns its manifest.

    Args:
        folder: the index.
        rehash: read every byte even if the stamp says that nothing has changed.

    Raises:
        RequestError: something is missing, truncated, swapped or changed.
    """
    manifest = read_manifest(folder)
    stats = {name: _stat(folder / name) for name in manifest.all_files()}
    for name, stat in stats.items():
        if stat.st_size != manifest.checksums[name][0]:
            raise damaged(folder / name, f"{stat.st_size:,} bytes instead of {manifest.checksums[name][0]:,}")
    stamp = _stamp(manifest, stats)
    if not rehash and _read(folder / _STAMP) == stamp:
        return manifest
    for name in stats:
        if checksum(folder / name)[1] != manifest.checksums[name][1]:
            raise damaged(folder / name, "its checksum differs")
    _remember(folder / _STAMP, stamp)
    return manifest


def checksum(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return os.fstat(file.fileno()).st_size, digest


def _stat(path: Path) -> os.stat_result:
    if not path.is_file():
        raise damaged(path, "it is missing")
    return path.stat()


def _stamp(manifest: Manifest, stats: dict[str, os.stat_result]) -> bytes:
    times = {name: [s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for name, s in stats.items()}
    hashes = [sha256 for _, sha256 in manifest.checksums.values()]
    return json.dumps([times, hashes]).encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _remember(path: Path, stamp: bytes) -> None:
    try:
        write_bytes(path, stamp)
    except OSError:
        return  # a folder that cannot be written is hashed each time
