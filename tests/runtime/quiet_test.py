import importlib
import json
import os
import sys
from types import SimpleNamespace

import pytest

from tfcollide.errors import RequestError
from tfcollide.runtime.quiet import import_tensorflow, without_chatter


class Config:
    """Keras's settings, and what they are set to."""

    def __init__(self):
        self.said = {}
        self.experimental = SimpleNamespace(enable_tensor_float_32_execution=lambda value: self.said.update(tf32=value))

    def __getattr__(self, name):
        if name == "backend":
            return lambda: os.environ.get("KERAS_BACKEND")
        return lambda value: self.said.update({name: value})


@pytest.fixture
def imported(monkeypatch):
    """Names asked for; each import chatters on the file descriptor, and Keras may fail."""
    names = []

    def import_module(name):
        names.append(name)
        os.write(2, f"chatter of {name}\n".encode())
        if name == "keras" and "broken" in names:
            raise ImportError("no keras")
        if name == "tensorflow" and "stubborn" in names:
            raise AssertionError
        if name == "keras" and "misled" in names:
            raise ValueError("Invalid `floatx` configuration. Received: floatx=8")
        return SimpleNamespace(config=names_of_settings)

    names_of_settings = Config()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(importlib, "import_module", import_module)
    return names


def test_chatter_is_turned_away_and_stderr_given_back(imported, capfd):
    import_tensorflow()
    assert imported == ["tensorflow", "keras"]
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_chatter_is_shown_where_the_import_fails(imported, capfd):
    imported.append("broken")
    with pytest.raises(ImportError, match="no keras"):
        import_tensorflow()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "chatter of tensorflow\nchatter of keras\nafter\n"


def test_float32_is_all_of_it_and_a_gpu_is_shared(imported, monkeypatch):
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    import_tensorflow()
    assert importlib.import_module("tensorflow").config.said["tf32"] is False
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    import_tensorflow()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"


@pytest.fixture
def fresh(imported, monkeypatch, tmp_path):
    """A process in which Keras is not loaded yet, with a home for its settings."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return imported


def test_keras_runs_on_tensorflow_and_another_wish_is_spoken_of(fresh, monkeypatch, tmp_path, capsys):
    import_tensorflow()
    assert capsys.readouterr().err == "" and os.environ["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import_tensorflow()
    assert capsys.readouterr().err == "Keras runs on tensorflow here, not on torch, which KERAS_BACKEND names\n"
    monkeypatch.delenv("KERAS_BACKEND")
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax", "floatx": "float16"}))
    import_tensorflow()
    said = f"Keras runs on tensorflow here, not on jax, which {tmp_path}/keras.json names\n"
    assert capsys.readouterr().err == said and os.environ["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.parametrize("content", ["[", "[1]", "\x00"])
def test_settings_that_are_none_are_left_to_keras(fresh, tmp_path, content):
    (tmp_path / "keras.json").write_text(content)
    import_tensorflow()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_settings_that_keras_does_not_take_are_refused(fresh, tmp_path):
    fresh.append("misled")
    with pytest.raises(RequestError, match=f"floatx=8.*Mend or remove {tmp_path}/keras.json"):
        import_tensorflow()


def test_settings_that_tensorflow_does_not_take_are_refused(fresh, tmp_path):
    fresh.append("stubborn")
    with pytest.raises(RequestError, match="settings that tensorflow does not take .AssertionError.: expected"):
        import_tensorflow()


def test_keras_on_another_backend_already(imported, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(RequestError, match="Keras on jax: expected Keras on tensorflow. Say KERAS_BACKEND=tensorflow"):
        import_tensorflow()


def test_what_libraries_print_is_dropped_and_what_follows_is_not(capfd):
    with without_chatter():
        os.write(2, b"chatter")
    os.write(2, b"heard")
    with pytest.raises(ValueError), without_chatter():
        raise ValueError
    os.write(2, b" again")
    assert capfd.readouterr().err == "heard again"
