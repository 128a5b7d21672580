"""From a run directory to a SavedModel that TF Serving and plain TensorFlow load."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfcollide import __version__
from tfcollide.exports.version_directory import check_version_path
from tfcollide.files.atomic import json_bytes
from tfcollide.files.run_directory import absolute
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.finished_run import FinishedRun, read_run
from tfcollide.recipes.serving.config import ExportConfig
from tfcollide.registry import EXPORTS
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.settings import options_of

__all__ = ["run"]


def run(config: ExportConfig, out: Path) -> Path:
    """Writes the SavedModel `out` from the run that `config` names.

    Args:
        config: what to export.
        out: `BASE/NAME/VERSION`.

    Returns:
        `out`.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config.check()
    check_version_path(out)
    finished = read_run(absolute(config.run or ""))
    material = _material(config, finished)
    data = network_data(finished.config)

    import_tensorflow()  # after all that can be refused without it
    from tfcollide.exports.parts import Parts, Subject
    from tfcollide.exports.warmup import check_protos
    from tfcollide.exports.write_saved_model import write_saved_model
    from tfcollide.recipes.classifiers.open import open_classifier

    check_protos()
    classifier = open_classifier(finished.config, data).classifier
    arrays = finished.arrays
    subject = Subject(
        classifier=classifier,
        tap=classifier.tap(finished.summary.tap),
        corners=arrays["corners"],
        convex_weights=arrays["convex_weights"],
        target=arrays["target"],
        stop_loss=max(finished.summary.stop_loss),
        material=material,
    )
    build: Callable[[Subject], Parts] = EXPORTS.load(config.what)
    write_saved_model(out, build(subject), _extra(config, finished, classifier.class_names))
    return out


def _material(config: ExportConfig, finished: FinishedRun) -> Any:
    """What the export reads of the run beside corners and network; None where it declares nothing of the kind."""
    options = EXPORTS.options().get(config.what)
    if options is None or not hasattr(options, "material"):
        return None
    return options_of(config, options).material(finished.path, finished.config)


def _extra(config: ExportConfig, finished: FinishedRun, class_names: tuple[str, ...]) -> dict[str, bytes]:
    """Label names and provenance: the run's own files, and what was made of them."""
    provenance = {
        "what": config.what,
        "tfcollide": __version__,
        "source": dataclasses.asdict(finished.summary.source),
        "target": dataclasses.asdict(finished.summary.target),
        "tap": finished.summary.tap,
        "stop_loss": max(finished.summary.stop_loss),
    }
    return {
        "labels.txt": "".join(f"{name}\n" for name in class_names).encode(),
        "provenance.json": json_bytes(provenance),
        **{name: (finished.path / name).read_bytes() for name in ("run.flags", "summary.json")},
    }
