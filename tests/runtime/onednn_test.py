import os
import platform
import sys

import pytest

from tfcollide.runtime.onednn import prefer_onednn


@pytest.mark.parametrize(
    "machine, imported, given, used",
    [
        ("x86_64", False, None, "1"),
        ("x86_64", False, "0", "0"),
        ("x86_64", True, None, None),
        ("aarch64", False, None, None),
    ],
)
def test_it_is_asked_for_on_x86_unless_the_user_has_chosen(monkeypatch, machine, imported, given, used):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given or "")
    if given is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if imported:
        monkeypatch.setitem(sys.modules, "tensorflow", object())
    else:
        monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    prefer_onednn()
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == used
