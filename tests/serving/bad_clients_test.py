"""Requests that no well-behaved client sends; the server answers with the right code and goes on."""

import gzip
import http.client
import json
import socket

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from tests.limits import HANG_SECONDS

ONE = np.zeros([1, 28, 28, 1], np.float32)


@pytest.fixture
def stub(server):
    with grpc.insecure_channel(server.grpc) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(autouse=True)
def still_serving(stub):
    yield
    assert len(stub.Predict(request(), timeout=HANG_SECONDS).outputs["probabilities"].float_val) == 10


def request(array=ONE, *, name="digits", signature="", inputs=("images",), version=None):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    for input_name in inputs:
        message.inputs[input_name].CopyFrom(tf.make_tensor_proto(array))
    return message


def refused(ask, message):
    with pytest.raises(grpc.RpcError) as caught:
        ask(message, timeout=HANG_SECONDS)
    return caught.value.code(), caught.value.details()


BAD_ARGUMENTS = {
    "shape": request(np.zeros([1, 14, 28, 1], np.float32)),
    "rank": request(np.zeros([28, 28, 1], np.float32)),
    "scalar": request(np.float32(0)),
    "dtype": request(np.zeros([1, 28, 28, 1], np.float64)),
    "string": request(np.array([b"x"], object)),
    "missing": request(inputs=()),
    "extra": request(inputs=("images", "more")),
    "other name": request(inputs=("pixels",)),
    "file": request(np.array([b"no image"], object), signature="serving_bytes", inputs=("image_bytes",)),
    "empty batch of the wrong shape": request(np.zeros([0, 5], np.float32)),
}


@pytest.mark.parametrize("kind", BAD_ARGUMENTS)
def test_an_invalid_argument(stub, kind):
    code, words = refused(stub.Predict, BAD_ARGUMENTS[kind])
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert words


def test_what_is_not_there_has_the_codes_of_tf_serving(stub):
    labeled = request()
    labeled.model_spec.version_label = "stable"
    for message, code in (
        (request(signature="none"), grpc.StatusCode.FAILED_PRECONDITION),
        (request(signature="__saved_model_init_op"), grpc.StatusCode.FAILED_PRECONDITION),
        (request(name="none"), grpc.StatusCode.NOT_FOUND),
        (request(version=77), grpc.StatusCode.NOT_FOUND),
        (request(name=""), grpc.StatusCode.INVALID_ARGUMENT),
        (labeled, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        found, words = refused(stub.Predict, message)
        assert found == code
        assert words


def test_output_filters(stub):
    for names in (["none"], ["class_ids"] * 2):
        message = request()
        message.output_filter.extend(names)
        code, words = refused(stub.Predict, message)
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert words


def test_an_empty_batch_has_an_empty_answer(stub):
    outputs = stub.Predict(request(ONE[:0]), timeout=HANG_SECONDS).outputs
    assert [dim.size for dim in outputs["probabilities"].tensor_shape.dim] == [0, 10]


def test_not_a_number_stays_with_its_sample(stub):
    """A ReLU may turn it into 0, so the probabilities say nothing; a collision it never is."""
    images = np.repeat(ONE, 2, axis=0)
    images[0, 0] = np.nan
    outputs = stub.Predict(request(images, signature="check"), timeout=HANG_SECONDS).outputs
    alone = stub.Predict(request(ONE, signature="check"), timeout=HANG_SECONDS).outputs
    match = tf.make_ndarray(outputs["active_match"])
    assert np.isnan(match[0])
    assert match[1] == pytest.approx(tf.make_ndarray(alone["active_match"])[0], rel=1e-5)
    assert not tf.make_ndarray(outputs["collides"])[0]


def tensor(shape, **more):
    message = request()
    proto = message.inputs["images"]
    proto.Clear()
    proto.dtype = 1
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    for name, value in more.items():
        (getattr(proto, name).extend if isinstance(value, list) else lambda v, n=name: setattr(proto, n, v))(value)
    return message


@pytest.mark.parametrize(
    "message",
    [
        tensor([1 << 40, 28, 28, 1], float_val=[1.0]),
        tensor([1, -5, 28, 1], float_val=[1.0]),
        tensor([1, 28, 28, 1], tensor_content=b"abc"),
        tensor([1, 28, 28, 1], dtype=99),
        tensor([1, 28, 28, 1], dtype=0),
        tensor([1, 28, 28, 1], float_val=[1.0] * 5000),
    ],
    ids=["huge", "negative", "too short", "unknown type", "no type", "too many"],
)
def test_tensors_that_are_none(local_server, message):
    with grpc.insecure_channel(local_server.grpc) as channel:
        code, words = refused(prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict, message)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert words


def test_bytes_that_are_no_request(local_server):
    with grpc.insecure_channel(local_server.grpc) as channel:
        for method in ("PredictionService/Predict", "PredictionService/Classify", "ModelService/GetModelStatus"):
            code, words = refused(channel.unary_unary(f"/tensorflow.serving.{method}"), b"\xff\xff rubbish")
            assert code == grpc.StatusCode.INTERNAL
            assert words
        assert (
            refused(channel.unary_unary("/tensorflow.serving.PredictionService/None"), b"")[0] == grpc.StatusCode.UNIMPLEMENTED
        )


def test_classify_and_metadata(stub):
    message = classification_pb2.ClassificationRequest()
    message.model_spec.name = "digits"
    message.model_spec.signature_name = "classify"
    assert refused(stub.Classify, message)[0] == grpc.StatusCode.INVALID_ARGUMENT  # no example
    message.input.example_list.examples.add().features.feature["other"].float_list.value.append(1.0)
    assert refused(stub.Classify, message)[0] == grpc.StatusCode.INVALID_ARGUMENT
    message.model_spec.signature_name = "serving_default"
    assert refused(stub.Classify, message)[0] == grpc.StatusCode.INVALID_ARGUMENT
    metadata = get_model_metadata_pb2.GetModelMetadataRequest()
    assert refused(stub.GetModelMetadata, metadata)[0] == grpc.StatusCode.INVALID_ARGUMENT
    metadata.model_spec.name = "digits"
    assert refused(stub.GetModelMetadata, metadata)[0] == grpc.StatusCode.INVALID_ARGUMENT
    metadata.metadata_field.append("other")
    assert refused(stub.GetModelMetadata, metadata)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_request_that_is_cut_off(server):
    host, port = server.rest.split(":")
    head = b"POST /v1/models/digits:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n"
    for sent in (head + b'{"instances": [[1', head[:30], b"\x00\xff" * 50):
        with socket.create_connection((host, int(port)), timeout=HANG_SECONDS) as connection:
            connection.sendall(sent)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 200_000, b"\xff\xfe", b'{"instances": [1e400' + b"0" * 5000 + b"]}"])
def test_malformed_json(server, body):
    connection = http.client.HTTPConnection(server.rest, timeout=HANG_SECONDS)
    connection.request("POST", "/v1/models/digits:predict", body)
    response = connection.getresponse()
    assert response.status == 400
    assert json.loads(response.read())["error"]


def test_a_bomb_is_too_large(background, exported):
    bomb = gzip.compress(bytes(2**24))
    with background(exported, max_message_bytes=2**20) as running:
        connection = http.client.HTTPConnection(running.server.rest, timeout=30)
        connection.request("POST", "/v1/models/digits:predict", bomb, {"Content-Encoding": "gzip"})
        response = connection.getresponse()
        assert response.status == 413
        assert json.loads(response.read())["error"]


def test_oversized_requests(background, exported, images):
    many = np.zeros([33, 28, 28, 1], np.float32)
    with background(exported, max_batch_size=32, max_message_bytes=150_000) as running:
        with grpc.insecure_channel(running.server.grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            code, words = refused(stub.Predict, request(many))
            assert code == grpc.StatusCode.INVALID_ARGUMENT
            assert words
            too_long = request(np.zeros([99, 28, 28, 1], np.float32))
            assert refused(stub.Predict, too_long)[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert stub.Predict(request(), timeout=HANG_SECONDS).outputs
        from tfcollide.serving.client.asking import Pace, ask_all
        from tfcollide.serving.client.grpc_client import GrpcModel
        from tfcollide.serving.client.rest_client import RestModel

        for model in (
            GrpcModel(running.server.connection("digits")),
            RestModel(running.server.connection("digits", rest=True)),
        ):
            samples = np.concatenate([images] * 5)
            found = ask_all(model, "serving_default", "images", samples, Pace(batch_size=100))  # halved until it fits
            np.testing.assert_array_equal(found["class_ids"][:20], found["class_ids"][80:])
