"""Replaying a version's warm-up requests before it takes traffic, as TF Serving does."""

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfcollide.serving.local.grpc_server import examples_of
from tfcollide.serving.local.loaded_model import LoadedModel
from tfcollide.serving.tensors import array_of

__all__ = ["warm_up"]

_FILE = Path("assets.extra", "tf_serving_warmup_requests")


def warm_up(model: LoadedModel, path: Path) -> int:
    """Replays the warm-up requests of the SavedModel in `path`. Returns how many there were.

    Raises:
        ServingError: a request does not fit the model.
        tf.errors.OpError: the file is damaged, or the model fails.
    """
    if not (path / _FILE).is_file():
        return 0
    count = 0
    for record in tf.compat.v1.io.tf_record_iterator(str(path / _FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record)
        kind = log.WhichOneof("log_type")
        if kind == "predict_log":
            request = log.predict_log.request
            inputs = {name: array_of(name, proto) for name, proto in request.inputs.items()}
        elif kind == "classify_log":
            request = log.classify_log.request
            inputs = {"inputs": tf.constant(examples_of(request.input)).numpy()}
        else:
            continue
        call = model.call(request.model_spec.signature_name, inputs)
        call.run(*call.inputs)
        count += 1
    return count
