"""Which facts about a network and a data set are known already: what decides them, and where they are kept."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import tensorflow as tf

from tfcollide import __version__
from tfcollide.data.labeled import LabeledImages
from tfcollide.files.facts import Facts
from tfcollide.models.classifier import Classifier
from tfcollide.models.identity import identity_of

__all__ = ["known_facts"]

_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "scikit-learn", "tensorflow-datasets")


def known_facts(folder: Path | None, network: Classifier, data: LabeledImages, *, device: str | None = None) -> Facts:
    """Facts about a network and a data set.

    Args:
        folder: where they are kept; None: nowhere.
        network: its weights and configuration are hashed.
        data: identified by the state of its files.
        device: that was asked for, since another one rounds otherwise.
    """
    if folder is None:
        return Facts()
    identity, state = identity_of(network), data.state()
    if identity is None or state is None:
        return Facts()
    versions = {"tfcollide": __version__, **{name: version(name) for name in _PACKAGES}}
    about = {"network": identity, "data": [data.name, list(data.class_names), state], "versions": versions}
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS")  # which sums in another order than Eigen
    return Facts(folder, {**about, "machine": [_processor(), os.cpu_count(), onednn, *_devices(), device]})


def _devices() -> list[str]:
    return [device.name for device in tf.config.list_physical_devices()]


def _processor() -> str:
    """The name of the processor, since another one sums in another order."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
