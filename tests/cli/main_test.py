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
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_one_line_each(capsys, error, code, said):
    assert cli.main(failing(error), ["collide"]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(said) and err.count("\n") == 1


def test_a_defect_is_no_result(capsys):
    assert cli.main(failing(KeyError("lost")), ["collide"]) == 70
    assert "KeyError: 'lost'" in capsys.readouterr().err


def test_what_goes_on_says_so(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_collide", failing(KeyboardInterrupt()))
    assert cli.collide(["collide"]) == 130
    assert "goes on from the last checkpoint" in capsys.readouterr().err
