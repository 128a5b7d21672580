"""Clients as TF Serving's documentation has them, with nothing of ours."""

import base64
import gzip
import json
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.limits import HANG_SECONDS

INIT = "__saved_model_init_op"
CLASSIFY = b'{"signature_name": "classify", "examples": [{"images": [%s]}]}'


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


def example_of(image):
    example = tf.train.Example()
    example.features.feature["images"].float_list.value.extend(image.ravel())
    return example


def test_predict(channel, direct, images):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "digits"
    request.model_spec.signature_name = "serving_default"
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(images[0], shape=[1, 28, 28, 1]))
    result = stub.Predict(request, 10.0)
    expected = direct("digits")["serving_default"](images=tf.constant(images[:1]))["probabilities"].numpy()
    np.testing.assert_allclose(result.outputs["probabilities"].float_val, expected[0], atol=1e-5)
    assert list(result.outputs["class_ids"].int64_val) == [expected.argmax()]
    assert (result.model_spec.name, result.model_spec.signature_name) == ("digits", "serving_default")
    assert result.model_spec.version.value >= 1


def test_predict_some_outputs(channel, images):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest(output_filter=["class_ids"])
    request.model_spec.name = "digits"
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(images))
    assert set(stub.Predict(request, 10.0).outputs) == {"class_ids"}


def test_classify(channel, direct, images):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "digits"
    request.model_spec.signature_name = "classify"
    request.input.example_list.examples.extend([example_of(image) for image in images[:3]])
    result = prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify(request, 10.0).result
    expected = direct("digits")["serving_default"](images=tf.constant(images[:3]))["probabilities"]
    assert [[c.label for c in one.classes] for one in result.classifications] == [list("0123456789")] * 3
    np.testing.assert_allclose([[c.score for c in one.classes] for one in result.classifications], expected, atol=1e-5)


def test_metadata_and_status(channel):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "digits"
    response = prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(request, 10.0)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    assert signatures.signature_def["classify"].method_name == "tensorflow/serving/classify"
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "digits"
    (status,) = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, 10.0).model_version_status
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE


def test_health(local_server):
    with grpc.insecure_channel(local_server.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "digits"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=HANG_SECONDS)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def fetch(server, path, body=None, **headers):
    """What curl -d BODY would print: the status and the JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{server.rest}/v1/models/{path}", data, dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=HANG_SECONDS) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_rest_status(server):
    status, answer = fetch(server, "digits")
    assert status == 200
    assert answer["model_version_status"][0]["state"] == "AVAILABLE"
    assert answer["model_version_status"][0]["status"] == {"error_code": "OK", "error_message": ""}


def test_rest_metadata(server):
    status, answer = fetch(server, "digits/metadata")
    definition = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert (status, definition["inputs"]["images"]["dtype"]) == (200, "DT_FLOAT")
    sizes = [dim["size"] for dim in definition["inputs"]["images"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", "28", "28", "1"]


def test_rest_rows_and_columns(server, direct, images):
    expected = direct("digits")["serving_default"](images=tf.constant(images[:2]))["probabilities"]
    for body in ({"instances": images[:2].tolist()}, {"instances": [{"images": image.tolist()} for image in images[:2]]}):
        status, answer = fetch(server, "digits:predict", body)
        assert status == 200
        np.testing.assert_allclose([row["probabilities"] for row in answer["predictions"]], expected, atol=1e-5)
    for body in ({"inputs": images[:2].tolist()}, {"inputs": {"images": images[:2].tolist()}}):
        status, answer = fetch(server, "digits:predict", body)
        np.testing.assert_allclose(answer["outputs"]["probabilities"], expected, atol=1e-5)


def test_rest_single_output(server):
    _, row = fetch(server, "hull:predict", {"signature_name": "mix", "instances": [[1, 0, 0]]})
    _, column = fetch(server, "hull:predict", {"signature_name": "mix", "inputs": {"convex_weights": [[1, 0, 0]]}})
    assert np.shape(row["predictions"]) == (1, 28, 28, 1)
    assert row["predictions"] == column["outputs"]


def test_rest_bytes(server, direct, digits):
    pixels = digits.test.images[0]
    data = base64.b64encode(tf.io.encode_png(pixels).numpy()).decode()
    status, answer = fetch(server, "digits:predict", {"signature_name": "serving_bytes", "instances": [{"b64": data}]})
    expected = direct("digits")["serving_uint8"](images=tf.constant(pixels[None]))["probabilities"][0]
    assert status == 200
    np.testing.assert_allclose(answer["predictions"][0]["probabilities"], expected, atol=1e-5)


def test_rest_bytes_as_base64_writes_them_elsewhere(server, digits):
    """In lines, as the program base64 does, or without padding."""
    data = next(
        found
        for pixels in digits.test.images
        if (found := base64.b64encode(tf.io.encode_png(pixels).numpy()).decode()).endswith("=")
    )
    answers = []
    for text in (data, data.rstrip("="), "\n".join(data[i : i + 76] for i in range(0, len(data), 76)), f" {data}\r\n"):
        body = {"signature_name": "serving_bytes", "instances": [{"b64": text}]}
        answers.append(fetch(server, "digits:predict", body))
    assert answers[0][0] == 200
    assert answers == answers[:1] * 4
    for text in (data[:-1] + "*", "=" + data, data + "=", "A"):
        status, answer = fetch(server, "digits:predict", {"signature_name": "serving_bytes", "instances": [{"b64": text}]})
        assert status == 400, text
        assert answer["error"], text


def test_rest_compressed(server, images):
    plain = json.dumps({"instances": images[:2].tolist()}).encode()
    packed = gzip.compress(plain)
    headers = {"Content-Encoding": "gzip"}
    assert fetch(server, "digits:predict", packed, **headers) == fetch(server, "digits:predict", plain)
    for body in (plain, packed[:-4], packed[:-8] + bytes(8)):
        status, answer = fetch(server, "digits:predict", body, **headers)
        assert status == 400
        assert answer["error"]


def test_rest_large_request_and_answer(server, images):
    """Both go through another process, and come out the same."""
    many = np.concatenate([images] * 12)
    body = {"signature_name": "features", "instances": many.tolist()}
    status, answer = fetch(server, "digits:predict", json.dumps(body).encode().ljust(2**20 + 1))
    assert status == 200
    alone = fetch(server, "digits:predict", body | {"instances": images[:1].tolist()})[1]
    assert len(answer["predictions"]) == 240
    np.testing.assert_allclose(
        answer["predictions"][-20]["pre_activation"], alone["predictions"][0]["pre_activation"], rtol=1e-4, atol=1e-4
    )


def test_rest_classify(server, direct, images):
    body = {"signature_name": "classify", "examples": [{"images": image.ravel().tolist()} for image in images[:2]]}
    status, answer = fetch(server, "digits:classify", body)
    expected = direct("digits")["serving_default"](images=tf.constant(images[:2]))["probabilities"]
    assert status == 200
    assert [label for label, _ in answer["results"][0]] == list("0123456789")
    np.testing.assert_allclose([[score for _, score in row] for row in answer["results"]], expected, atol=1e-5)


def test_not_a_number_is_a_number_here(server, images):
    broken = images[:2].copy()
    broken[0, 3, 3] = np.nan
    status, answer = fetch(server, "digits:predict", {"signature_name": "features", "instances": broken.tolist()})
    assert status == 200
    assert np.isnan(answer["predictions"][0]["pre_activation"]).all()
    assert np.isfinite(answer["predictions"][1]["pre_activation"]).all()


@pytest.mark.parametrize(
    "path, body, status",
    [
        ("none", None, 404),
        ("digits/versions/999", None, 404),
        ("none:predict", {"instances": [1]}, 404),
        ("digits/versions/999:predict", {"instances": [1]}, 404),
        ("digits:predict", {"instances": []}, 400),
        ("digits:predict", {"a": 1}, 400),
        ("digits:predict", [1], 400),
        ("digits:predict", {"signature_name": "x", "instances": [1]}, 400),
        ("digits:predict", {"instances": [[1, 2], [3]]}, 400),
        ("digits:predict", {"instances": ["a"]}, 400),
        ("digits:predict", {"instances": [{"x": 1}]}, 400),
        ("digits:predict", {"inputs": {}}, 400),
        ("digits:classify", {"examples": [{"images": 1.5}]}, 400),
        ("digits:classify", {"signature_name": "classify"}, 400),
        ("digits:nothing", {"instances": [1]}, 400),
        (":predict", {"instances": [1]}, 400),
        ("digits/labels/stable:predict", {"instances": [1]}, 400),
        ("digits/labels/stable", None, 400),
        ("digits/labels/stable/metadata", None, 400),
        ("digits:predict", {"signature_name": INIT, "instances": [1]}, 400),
        ("digits:classify", {"signature_name": INIT, "examples": [{}]}, 400),
        ("digits:classify", {"signature_name": "classify", "examples": [{"\ud800": 1}]}, 400),
        ("digits:predict", b'{"instances": [1e39]}', 400),
        ("digits:predict", b'{"instances": [1e999]}', 400),
        ("digits:predict", b'{"instances": [-1E+00400]}', 400),
        ("digits:predict", b'{"instances": [' + b"9" * 400 + b"]}", 400),
        ("digits:predict", b'{"instances": [' + b"9" * 400 + b".5]}", 400),
        ("digits:classify", CLASSIFY % b"1e39", 400),
        ("digits:classify", CLASSIFY % b"1e999", 400),
    ],
)
def test_rest_errors(server, path, body, status):
    found, answer = fetch(server, path, body)
    assert answer["error"]
    assert found == status
