import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfcollide.errors import RequestError
from tfcollide.files.disk import full_at, is_full, naming, size_text

ROOT = Path(__file__).resolve().parents[2]
ON_SMALL_DISK = """
import sys
from pathlib import Path
from tfcollide.files.disk import reserve
path = Path(sys.argv[1], "file")
path.write_bytes(b"x")
reserve(path, 2**19)
assert path.stat().st_size == 1 and path.stat().st_blocks * 512 >= 2**19
try:
    reserve(path, 2**21)
except OSError as error:
    print(error.errno, error.filename)
"""


def full(words="No space left on device", name=None):
    return OSError(errno.ENOSPC, words, name)


@pytest.mark.parametrize(
    ("error", "path"),
    [
        (full(), None),
        (full(name="/a/b"), "/a/b"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/a"), "/a"),
        (RuntimeError("/m/variables/x.tempstate12; No space left on device [Op:SaveV2]"), "/m/variables/x.tempstate12"),
        (RuntimeError("{{function_node __wrapped__SaveV2}} /m/x; No space left on device"), "/m/x"),
        (Exception("Unable to write: No space left on device (28)"), None),
        (OSError("160 requested and 32 written"), None),
    ],
)
def test_a_full_disk_in_the_words_of_many_libraries(error, path):
    assert is_full(error) and full_at(error) == path
    above = RuntimeError("cannot save the model")
    above.__cause__ = error
    assert is_full(above) and full_at(above) == path


def test_other_errors_are_others():
    assert not is_full(OSError(errno.ENOENT, "No such file or directory", "/a"))
    assert not is_full(MemoryError("of 9 GiB"))


def test_a_path_is_named_where_the_error_names_none():
    for error, path in ((full(), "/mine"), (full(name="/theirs"), "/theirs"), (Exception("No space left on device"), "/mine")):
        with pytest.raises(Exception, match="No space left") as caught, naming(Path("/mine")):
            raise error
        assert full_at(caught.value) == path
    for other in (KeyError("x"), RequestError("--out=x (No space left on device)", "a writable place")):
        with pytest.raises(type(other)) as caught, naming(Path("/mine")):
            raise other
        assert caught.value is other


def test_room_is_reserved_or_refused(tmp_path):
    script = f'mount -t tmpfs -o size=1m tmpfs {tmp_path} && exec "$@"'
    inside = ["unshare", "-rm", "sh", "-c", script, "sh"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("no mount of one's own here")
    program = [sys.executable, "-c", ON_SMALL_DISK, tmp_path]
    done = subprocess.run([*inside, *program], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.stdout == f"{errno.ENOSPC} {tmp_path}/file\n", done.stderr


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 KiB"),
        (40_000_000, "38.1 MiB"),
        (2**30 - 1, "1.0 GiB"),
        (10.5 * 2**30, "10.5 GiB"),
        (5e15, "4,547.5 TiB"),
    ],
)
def test_sizes_have_a_unit_that_fits(size, text):
    assert size_text(size) == text
