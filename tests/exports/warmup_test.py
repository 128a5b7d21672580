import numpy as np
import tensorflow as tf

from tfcollide.exports.warmup import WARMUP_FILE


def logs_of(path):
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(path / "assets.extra" / WARMUP_FILE))
    return [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in records]


def test_every_signature_is_warmed_by_one_sample_and_by_several(exported):
    sizes = {}
    for log in logs_of(exported / "digits" / "1"):
        if log.WhichOneof("log_type") == "classify_log":
            request = log.classify_log.request
            rows = len(request.input.example_list.examples)
        else:
            request = log.predict_log.request
            (tensor,) = request.inputs.values()
            rows = tf.make_ndarray(tensor).shape[0]
        assert request.model_spec.name == "digits"
        sizes.setdefault(request.model_spec.signature_name, []).append(rows)
    model = tf.saved_model.load(str(exported / "digits" / "1"))
    assert sizes == {name: [1, 3] for name in model.signatures}


def test_requests_are_those_of_a_client(exported, subject):
    first = next(log for log in logs_of(exported / "hull" / "1") if log.predict_log.request.model_spec.signature_name == "mix")
    weights = tf.make_ndarray(first.predict_log.request.inputs["convex_weights"])
    np.testing.assert_array_equal(weights, subject.convex_weights[:1])
