"""What leaves a command becomes an exit code of the contract."""

import pytest

from tfcollide import cli
from tfcollide.errors import RequestError


class ResourceExhaustedError(Exception):
    """As TensorFlow's: not a `MemoryError`."""


def failing(error):
    def command(argv):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RequestError("--x=1", "2"), 2, "error: --x=1: expected 2.\n"),
        (MemoryError("of 9 GiB"), 2, "error: more work than fits in memory (of 9 GiB): expected numbers"),
        (ResourceExhaustedError("a page of tensors"), 2, "error: more work than fits in memory: expected numbers"),
        (
            ResourceExhaustedError("/models/.saving-1/x; No space left on device [Op:SaveV2]"),
            2,
            "error: /models/.saving-1/x: no space left on the device: expected room for what is written. Make room",
        ),
        (OSError(28, "No space left on device"), 2, "error: --out=runs/x: no space left on the device: expected room"),
        (Exception("Unable to write: No space left on device (28)"), 2, "error: --out=runs/x: no space left on the device"),
        (OSError(13, "Permission denied", "/a"), 2, "error: [Errno 13] Permission denied: '/a': expected files"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_one_line_each(capsys, error, code, said):
    assert cli.main(failing(error), ["collide", "--out=runs/x"]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(said) and err.count("\n") == 1


def test_a_defect_is_no_result(capsys):
    assert cli.main(failing(KeyError("lost")), ["collide"]) == 70
    assert "KeyError: 'lost'" in capsys.readouterr().err


def test_what_goes_on_says_so(capsys, monkeypatch):
    monkeypatch.setattr(cli.commands, "collide", failing(KeyboardInterrupt()))
    assert cli.collide(["collide"]) == 130
    assert "goes on from the last checkpoint" in capsys.readouterr().err
