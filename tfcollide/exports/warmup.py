"""Warm-up requests: what TF Serving replays before a version takes traffic."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.exports.parts import Parts

__all__ = ["WARMUP_FILE", "check_protos", "warmup_logs", "write_warmup"]

WARMUP_FILE = "tf_serving_warmup_requests"
"""In `assets.extra`; TF Serving looks for this name."""


def check_protos() -> None:
    """Raises `RequestError` where TF Serving's public protos are not installed."""
    try:
        import tensorflow_serving.apis.prediction_log_pb2  # noqa: F401
    except ImportError as error:
        raise RequestError(
            "no package tensorflow-serving-api",
            "its messages for the warm-up requests",
            'Install it with pip install "tfcollide[serving]".',
        ) from error


def write_warmup(folder: Path, model_name: str, parts: Parts) -> None:
    """Writes a TFRecord file of PredictionLogs into `folder`."""
    with tf.io.TFRecordWriter(str(folder / WARMUP_FILE)) as writer:
        for log in warmup_logs(model_name, parts):
            writer.write(log.SerializeToString())


def warmup_logs(model_name: str, parts: Parts) -> list:
    """For every signature one request with one sample, as most clients send, and one with the whole example, if larger.

    Returns:
        PredictionLog messages.
    """
    logs = []
    for signature, inputs in parts.examples.items():
        make = _classify_log if signature in parts.classify else _predict_log
        few = (1,) if max(map(len, inputs.values())) == 1 else (1, None)
        logs += [make(model_name, signature, {k: v[:rows] for k, v in inputs.items()}) for rows in few]
    return logs


def _predict_log(model_name: str, signature: str, inputs: Mapping[str, np.ndarray]) -> object:
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = model_name, signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log


def _classify_log(model_name: str, signature: str, inputs: Mapping[str, np.ndarray]) -> object:
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    request = log.classify_log.request
    request.model_spec.name, request.model_spec.signature_name = model_name, signature
    (examples,) = inputs.values()
    request.input.example_list.examples.extend(tf.train.Example.FromString(data) for data in examples)
    return log
