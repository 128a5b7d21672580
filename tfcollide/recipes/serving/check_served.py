"""Does a served model collide as a run recorded?"""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.images import from_uint8, read_images
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.finished_run import FinishedRun, read_run
from tfcollide.recipes.serving.config import CheckServedConfig
from tfcollide.recipes.serving.serve import check_serving_packages
from tfcollide.runtime.progress import progress
from tfcollide.runtime.quiet import import_tensorflow

if TYPE_CHECKING:
    from tfcollide.models.classifier import Classifier
    from tfcollide.models.reading import Reading
    from tfcollide.serving.client.asking import Pace
    from tfcollide.serving.client.grpc_client import GrpcModel
    from tfcollide.serving.client.image_form import ImageForm
    from tfcollide.serving.client.judged import Judged
    from tfcollide.serving.client.rest_client import RestModel
    from tfcollide.serving.client.signature import Signature

__all__ = ["ServedReport", "run"]


class ServedReport(NamedTuple):
    """The outcome of a check.

    Attributes:
        text: to print.
        collides: whether the served model collides as recorded; None where no run was given.
        numbers: what goes to JSON: served, here and recorded, differences, departures.
    """

    text: str
    collides: bool | None
    numbers: dict[str, Any]


def run(config: CheckServedConfig) -> ServedReport:
    """Asks the served model about every image of a run.

    Raises:
        RequestError: the model could not be asked, or takes other images.
    """
    config.check()
    finished = read_run(absolute(config.run)) if config.run else None
    data = network_data(finished.config) if finished else None
    check_serving_packages()
    import_tensorflow()
    from tfcollide.serving.client.signature import shown
    from tfcollide.serving.codes import Code, ServingError

    model = _connect(config)
    try:
        states = _wait_until_ready(config, model)
        signatures = model.signatures()
        if finished is None or data is None:
            known = ", ".join(f"{number} {state}" for number, state in states.items())
            return ServedReport(f"{config.model_name}: {known}\n{shown(signatures)}", None, {})
        return _check(config, finished, data, model, signatures)
    except ServingError as error:
        raise RequestError(
            f"--server={config.server} --model_name={config.model_name}: {error.code.name}: {error.message[:300].rstrip('.')}",
            "a served model that answers",
            _mend(config, error.message) if error.code in (Code.UNAVAILABLE, Code.UNKNOWN) else "",
        ) from error
    finally:
        model.close()


def _mend(config: CheckServedConfig, said: str) -> str:
    if "refused" in said.lower():
        return "Nothing listens there: is the server running, and is this its port?"
    other = "gRPC (asked without --rest)" if config.rest else "REST (asked with --rest)"
    return f"Is the server running, and is this not its port for {other}?"


def _connect(config: CheckServedConfig) -> Any:
    from tfcollide.serving.client.signature import Connection

    connection = Connection(
        server=config.server or "",
        model=config.model_name or "",
        version=config.model_version,
        deadline_seconds=config.deadline_seconds,
        tls=config.tls,
        ca_file=config.ca_file,
        cert_file=config.cert_file,
        key_file=config.key_file,
        metadata=config.metadata_pairs(),
        concurrency=config.concurrency,
    )
    if config.rest:
        from tfcollide.serving.client.rest_client import RestModel

        return RestModel(connection)
    from tfcollide.serving.client.grpc_client import GrpcModel

    return GrpcModel(connection)


def _wait_until_ready(config: CheckServedConfig, model: "GrpcModel | RestModel") -> dict[int, str]:
    """The states of the model's versions, once one is available."""
    from tfcollide.serving.client.retry import retrying
    from tfcollide.serving.codes import Code, ServingError

    def ask() -> dict[int, str]:
        states = model.states()
        if "AVAILABLE" not in states.values():
            known = ", ".join(f"version {number} is {state}" for number, state in states.items())
            raise ServingError(Code.UNAVAILABLE, f"no version is available ({known})")
        return states

    return retrying(ask, seconds=config.wait_seconds)


def _check(
    config: CheckServedConfig,
    finished: FinishedRun,
    data: LabeledImages,
    model: "GrpcModel | RestModel",
    signatures: "Mapping[str, Signature]",
) -> ServedReport:
    from tfcollide.recipes.classifiers.open import open_classifier
    from tfcollide.serving.client import judged
    from tfcollide.serving.client.asking import Pace

    classifier = open_classifier(finished.config, data).classifier
    form = _form(config, signatures, classifier)
    names, reading, worst = classifier.class_names, classifier.reading, finished.summary.worst_mixture
    target_class = _target_class(finished, names, reading)
    png = [finished.path / "images" / f"corner_{n}.png" for n in range(len(finished.arrays["corners"]))]
    read_back = from_uint8(read_images(png, classifier.image_shape), classifier.bounds)
    samples = judged.make_samples(finished.arrays, read_back, worst.convex_weights if worst else None)
    pace = Pace(config.batch_size, concurrency=config.concurrency, retry_seconds=config.retry_seconds)

    began = time.perf_counter()
    answers = _ask(model, form.signature, form.input, form.encode(samples.images), pace)
    served = _probabilities(config, answers[form.output], reading)
    seconds = time.perf_counter() - began
    here = classifier.judge(form.as_sent(samples.images)).probabilities
    columns = {
        "served": judged.judge_samples(served, samples, target_class, names, reading),
        "here": judged.judge_samples(here, samples, target_class, names, reading),
        "recorded": judged.recorded(finished.summary),
    }
    differences = {
        "probabilities": _largest(served, here),
        **_compare_features(finished, model, signatures, classifier, pace),
        **_compare_files(model, signatures, classifier, png, read_back, pace),
    }
    return _report(config, finished.path, form.signature, columns, differences, len(samples.images), seconds)


def _form(config: CheckServedConfig, signatures: "Mapping[str, Signature]", classifier: "Classifier") -> "ImageForm":
    """In which form the served model takes images, and which of its outputs holds the answer."""
    from tfcollide.serving.client.image_form import choose_form

    return choose_form(
        signatures,
        signature=config.signature_name,
        input_name=config.input_name,
        output_name=config.output_name,
        shape=classifier.image_shape,
        classes=len(classifier.class_names),
        single=classifier.outputs == "binary",
        bounds=classifier.bounds,
    )


def _report(
    config: CheckServedConfig,
    run: Path,
    signature: str,
    columns: "dict[str, Judged]",
    differences: dict[str, float],
    count: int,
    seconds: float,
) -> ServedReport:
    """What is printed and written; a collision where no column departs from what was recorded."""
    from tfcollide.serving.client.judged import departures
    from tfcollide.serving.client.served_table import served_table

    against = departures(columns["served"], columns["recorded"])
    title = f"{config.model_name} at {config.server} ({'REST' if config.rest else 'gRPC'}, {signature}) against {run}"
    remarks = _remarks(config, count, seconds, differences, against, columns["recorded"])
    numbers = {
        "columns": {name: dataclasses.asdict(column) for name, column in columns.items()},
        "samples": count,
        "seconds": seconds,
        "largest_differences": differences,
        "departures": against,
    }
    return ServedReport(served_table(title, columns, remarks), not against, numbers)


def _target_class(finished: FinishedRun, names: tuple[str, ...], reading: "Reading") -> int:
    """The code of the target's class or labels; names come from files that may have changed since the run."""
    name = finished.summary.target.predicted
    code: int | None = reading.code(name, names)
    if code is None:
        origin = finished.config.labels or "the data set, or Keras's index of ImageNet,"
        raise RequestError(
            f"--run={finished.path}, whose target is {name!r}",
            f"a name that one of the {len(names)} classes has now, such as {names[0]!r}",
            f"Put {origin} back as it was then.",
        )
    return code


def _ask(
    model: "GrpcModel | RestModel", signature: str, input_name: str, samples: np.ndarray, pace: "Pace"
) -> dict[str, np.ndarray]:
    from tfcollide.serving.client.asking import ask_all

    with progress(total=len(samples), desc=signature, unit=" images", leave=False) as bar:
        return ask_all(model, signature, input_name, samples, pace, on_progress=lambda count: bar.update(count))


def _probabilities(config: CheckServedConfig, output: np.ndarray, reading: "Reading") -> np.ndarray:
    """`[n, L]` probabilities, from logits where the flags say so; of one output, for two classes, both."""
    output = output.astype(np.float64)
    if output.shape[1] < reading.classes or reading.several:
        chances = 1.0 / (1.0 + np.exp(-np.clip(output, -700.0, 700.0))) if config.logits else output
        if np.any(np.abs(chances - 0.5) > 0.5):
            outside = chances.flat[np.abs(chances - 0.5).argmax()]
            raise RequestError(
                f"--output_name={config.output_name} with the value {outside:.3g}",
                "probabilities",
                "Say --logits if they are logits.",
            )
        return chances if reading.several else np.concatenate([1.0 - chances, chances], axis=1)
    if config.logits:
        output = np.exp(output - output.max(axis=1, keepdims=True))
        return output / output.sum(axis=1, keepdims=True)
    sums = output.sum(axis=1)
    if not np.allclose(sums, 1.0, atol=1e-2):
        raise RequestError(
            f"--output_name={config.output_name}, whose values for an image sum to {sums.flat[0]:.3g}",
            "probabilities",
            "Say --logits if they are logits.",
        )
    return output


def _compare_features(
    finished: FinishedRun,
    model: "GrpcModel | RestModel",
    signatures: "Mapping[str, Signature]",
    classifier: "Classifier",
    pace: "Pace",
) -> dict[str, float]:
    """The largest difference of the features of corners and target, relative to the largest feature, where they are served."""
    import tensorflow as tf

    images = np.concatenate([finished.arrays["corners"], finished.arrays["target"][None]])
    found = signatures.get("features")
    if found is None or set(found.inputs) != {"images"} or found.inputs["images"].dtype != "float32":
        return {}
    if "pre_activation" not in found.outputs:
        return {}
    served = _ask(model, "features", "images", images, pace)["pre_activation"]
    here = classifier.tap(finished.summary.tap).pre_activation(tf.constant(images)).numpy()
    if served.shape != here.shape:
        return {"features": float("inf")}
    return {"features": _largest(served, here) / float(np.abs(here).max())}


def _compare_files(
    model: "GrpcModel | RestModel",
    signatures: "Mapping[str, Signature]",
    classifier: "Classifier",
    png: list[Path],
    read_back: np.ndarray,
    pace: "Pace",
) -> dict[str, float]:
    """The largest difference of probabilities where the PNG files themselves are sent, if files are taken."""
    found = signatures.get("serving_bytes")
    if found is None or set(found.inputs) != {"image_bytes"} or "probabilities" not in found.outputs:
        return {}
    files = np.array([path.read_bytes() for path in png], object)
    served = _ask(model, "serving_bytes", "image_bytes", files, pace)["probabilities"]
    here = classifier.judge(read_back).probabilities[:, -served.shape[1] :]  # one output may tell two classes apart
    return {"png_files": _largest(served, here)}


def _remarks(
    config: CheckServedConfig, count: int, seconds: float, differences: dict[str, float], against: list[str], recorded: "Judged"
) -> list[str]:
    what = {
        "probabilities": "Largest difference of a probability, served against here",
        "features": "Largest difference of a feature, relative to the largest one",
        "png_files": "Largest difference of a probability where the PNG files are sent",
    }
    lines = [f"{count:,} images in {seconds:.1f} s."]
    lines += [f"{what[name]}: {value:.1e}." for name, value in differences.items()]
    if against:
        return [*lines, f"**{config.model_name} does not collide as recorded**: {'; '.join(against)}."]
    corners, mixtures = f"{100 * recorded.corners:.2f} %", f"{100 * recorded.accuracy:.2f} %"
    shares = f'{corners} of the corners and {mixtures} of the mixtures are "{recorded.target}"'
    return [*lines, f"{config.model_name} collides as recorded: {shares}."]


def _largest(served: np.ndarray, here: np.ndarray) -> float:
    """Not a number counts as infinitely far."""
    difference = float(np.abs(served.astype(np.float64) - here).max())
    return difference if np.isfinite(difference) else float("inf")
