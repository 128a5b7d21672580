"""Our clients against a server."""

import numpy as np
import pytest
import tensorflow as tf

from tfcollide.serving.client.asking import Pace, ask_all
from tfcollide.serving.client.grpc_client import GrpcModel
from tfcollide.serving.client.rest_client import RestModel
from tfcollide.serving.client.signature import Connection, Signature, TensorShape
from tfcollide.serving.codes import Code, ServingError


@pytest.fixture(params=[False, True], ids=["grpc", "rest"])
def connect(request, server):
    rest = request.param
    opened = []

    def open_model(name, **more):
        opened.append((RestModel if rest else GrpcModel)(server.connection(name, rest=rest, **more)))
        return opened[-1]

    yield open_model
    for model in opened:
        model.close()


def test_readiness_and_signatures(connect):
    model = connect("digits")
    assert "AVAILABLE" in model.states().values()
    signatures = model.signatures()
    assert set(signatures) >= {"serving_default", "logits", "features", "check", "classify", "serving_uint8", "serving_bytes"}
    assert signatures["serving_uint8"].inputs == {"images": TensorShape("uint8", (None, 28, 28, 1))}
    assert signatures["serving_bytes"].inputs == {"image_bytes": TensorShape("string", (None,))}
    assert signatures["check"].outputs["collides"] == TensorShape("bool", (None,))


@pytest.mark.parametrize("signature", ["serving_default", "features", "check", "logits"])
def test_answers_are_those_of_the_saved_model(connect, direct, images, signature):
    found = connect("digits").predict(signature, {"images": images})
    expected = direct("digits")[signature](images=tf.constant(images))
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype.as_numpy_dtype
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def test_a_single_output_keeps_its_name(connect, direct):
    weights = np.array([[0.5, 0.25, 0.25]], np.float32)
    found = connect("hull").predict("mix", {"convex_weights": weights})
    np.testing.assert_allclose(found["images"], direct("hull")["mix"](convex_weights=tf.constant(weights))["images"], rtol=1e-5)


def test_eight_bits_and_files(connect, direct, digits):
    pixels = digits.test.images[:4]
    files = np.array([tf.io.encode_png(image).numpy() for image in pixels], object)
    expected = direct("digits")["serving_uint8"](images=tf.constant(pixels))["probabilities"]
    for signature, inputs in {"serving_uint8": {"images": pixels}, "serving_bytes": {"image_bytes": files}}.items():
        found = connect("digits").predict(signature, inputs)
        np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_many_samples_come_back_in_order(connect, direct, images, batch_size):
    found = ask_all(connect("digits"), "serving_default", "images", images, Pace(batch_size, concurrency=3))
    expected = direct("digits")["serving_default"](images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("name, version, code", [("none", None, Code.NOT_FOUND), ("digits", 999, Code.NOT_FOUND)])
def test_what_is_not_there_is_not_found(connect, images, name, version, code):
    model = connect(name, version=version)
    for ask in (model.states, model.signatures):
        with pytest.raises(ServingError) as caught:
            ask()
        assert caught.value.code == code


def test_a_request_that_does_not_fit_is_an_invalid_argument(connect, images):
    model = connect("digits")
    for inputs in ({"images": images[:, :14]}, {"images": images[0]}):
        with pytest.raises(ServingError) as caught:
            model.predict("serving_default", inputs)
        assert caught.value.code == Code.INVALID_ARGUMENT


@pytest.mark.parametrize("model_class", [GrpcModel, RestModel])
def test_no_server_is_unavailable(images, model_class, local_server):
    connection = local_server.connection("digits")._replace(server="127.0.0.1:1")
    with pytest.raises(ServingError) as caught:
        model_class(connection).states()
    assert caught.value.code == Code.UNAVAILABLE


_SIGNATURE = {"inputs": {}, "outputs": {}}


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        ("states", {"models": []}),
        ("states", ["model_version_status"]),
        ("states", {"model_version_status": 3}),
        ("states", {"model_version_status": [{"version": "new", "state": "AVAILABLE"}]}),
        ("signatures", {"metadata": {}}),
        ("signatures", {"metadata": {"signature_def": {"signature_def": [_SIGNATURE]}}}),
        ("signatures", {"metadata": {"signature_def": {"signature_def": {"mix": {"inputs": {"x": {"dtype": 1}}}}}}}),
        ("predict", {"predictions": []}),
        ("predict", {"outputs": {"other": [1]}}),
        ("predict", {"outputs": {"a": [[1], [1, 2]], "b": [1]}}),
    ],
)
def test_another_server_s_json_is_an_error_of_the_client(monkeypatch, ask, answer):
    model = RestModel(Connection("127.0.0.1:1", "digits"))
    model._signatures = {"mix": Signature({}, {name: TensorShape("float32", None) for name in "ab"})}
    monkeypatch.setattr(model, "_ask", lambda *_: answer)
    with pytest.raises(ServingError, match="no answer of TF Serving but") as caught:
        model.predict("mix", {}) if ask == "predict" else getattr(model, ask)()
    assert caught.value.code == Code.UNKNOWN


@pytest.mark.parametrize("model_class", [GrpcModel, RestModel])
def test_deadlines(model_class):
    import socket

    with socket.socket() as deaf:  # accepts and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        server = f"127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(ServingError) as caught:
            model_class(Connection(server, "digits", deadline_seconds=0.3)).states()
        assert caught.value.code in (Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE)
