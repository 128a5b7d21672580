"""Writing a SavedModel with everything that travels along."""

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from tfcollide.exports.parts import Parts
from tfcollide.exports.version_directory import new_version
from tfcollide.exports.warmup import write_warmup

__all__ = ["write_saved_model"]


def write_saved_model(path: Path, parts: Parts, extra: Mapping[str, bytes]) -> None:
    """Writes one version, whole or not at all.

    Args:
        path: `BASE/NAME/VERSION`, which must not exist.
        parts: what to write.
        extra: files of `assets.extra` by name; warm-up requests come beside them.
    """
    with new_version(path) as folder:
        tf.saved_model.save(parts.module, str(folder), signatures=dict(parts.signatures))
        _name_methods(folder, parts)
        assets = folder / "assets.extra"
        assets.mkdir()
        for name, content in extra.items():
            (assets / name).write_bytes(content)
        write_warmup(assets, path.parent.name, parts)


def _name_methods(folder: Path, parts: Parts) -> None:
    """Marks signatures in the tf.Example form, which TensorFlow 2 saves as any other, for TF Serving's Classify."""
    if not parts.classify:
        return
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
    for name in parts.classify:
        updater.replace_method_name(signature_key=name, method_name=tf.saved_model.CLASSIFY_METHOD_NAME)
    updater.save()
