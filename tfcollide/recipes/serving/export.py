"""From a run directory to a SavedModel that TF Serving and plain TensorFlow load."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tfcollide import __version__
from tfcollide.errors import RequestError
from tfcollide.export.version_directory import check_version_path
from tfcollide.files.atomic import json_bytes
from tfcollide.files.run_directory import absolute
from tfcollide.parameterizations.composite.saved import SavedComposite, read_composite
from tfcollide.recipes.classifier.request import network_data
from tfcollide.recipes.finished_run import FinishedRun, read_run
from tfcollide.recipes.serving.export_config import ExportConfig
from tfcollide.registry import EXPORTS
from tfcollide.runtime.quiet import import_tensorflow

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
    EXPORTS.check(config.what)
    composite = _read_composite(config, finished) if config.what == "composite" else None
    data = network_data(finished.config)

    import_tensorflow()  # after all that can be refused without it
    from tfcollide.export.parts import Parts, Subject
    from tfcollide.export.saved_model import write_saved_model
    from tfcollide.export.warmup import check_protos
    from tfcollide.recipes.classifier.open import open_classifier

    check_protos()
    classifier = open_classifier(finished.config, data).classifier
    arrays = finished.arrays
    subject = Subject(
        classifier=classifier,
        tap=classifier.tap(finished.summary.tap),
        corners=arrays["corners"],
        weights=arrays["convex_weights"],
        target=arrays["target"],
        stop_loss=max(finished.summary.stop_loss),
        composite=composite,
    )
    build: Callable[[Subject], Parts] = EXPORTS.load(config.what)
    write_saved_model(out, build(subject), _extra(config, finished, classifier.class_names))
    return out


def _read_composite(config: ExportConfig, finished: FinishedRun) -> SavedComposite:
    if finished.config.parameterization != "composite":
        raise RequestError(
            f"--what=composite for {finished.path}, a run with --parameterization={finished.config.parameterization}",
            "a run with --parameterization=composite",
            "Say --what=mixture or --what=classifier.",
        )
    return read_composite(finished.path, absolute(config.index or finished.config.index or ""))


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
