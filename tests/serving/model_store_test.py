import shutil
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.limits import HANG_SECONDS
from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local.model_store import ModelStore


@pytest.fixture
def base(tmp_path):
    (tmp_path / "net").mkdir()
    return tmp_path


def save(base, version, value):
    """A version whose answer is `value`; moved into its place when it is whole."""
    module = tf.Module()
    module.value = tf.Variable(float(value))
    function = tf.function(lambda x: {"y": x * 0 + module.value}, input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    module.f = function
    tf.saved_model.save(module, str(base / ".new"), {"serving_default": function.get_concrete_function()})
    (base / ".new").rename(base / "net" / str(version))


def answer(store, **more):
    model = store.find("net", **more)
    call = model.call("", {"x": np.zeros(1, np.float32)})
    return model.version, call.run(*call.inputs)[0].tolist()


def test_the_newest_version_is_served(base):
    for version in (1, 2, 10):
        save(base, version, version)
    store = ModelStore(base)
    store.refresh()
    assert answer(store) == (10, [10.0])
    assert {version: state.state for version, state in store.states("net").items()} == {10: "AVAILABLE"}
    with pytest.raises(ServingError) as caught:
        store.find("net", 2)
    assert caught.value.code == Code.NOT_FOUND


def test_several_versions_on_request(base):
    for version in (1, 2, 3):
        save(base, version, version)
    store = ModelStore(base, keep=2)
    store.refresh()
    assert answer(store) == (3, [3.0])
    assert answer(store, version=2) == (2, [2.0])
    with pytest.raises(ServingError):
        store.find("net", 1)


def test_new_versions_are_picked_up_and_old_ones_end(base):
    save(base, 1, 1)
    store = ModelStore(base)
    store.refresh()
    held = store.find("net")
    save(base, 2, 2)
    assert store.refresh()
    assert answer(store) == (2, [2.0])
    assert [state.state for state in store.states("net").values()] == ["AVAILABLE", "END"]
    call = held.call("", {"x": np.zeros(1, np.float32)})
    assert call.run(*call.inputs)[0].tolist() == [1.0]  # who has it in hand may finish
    shutil.rmtree(base / "net" / "2")
    store.refresh()
    assert answer(store) == (1, [1.0])


@pytest.mark.parametrize("damage", ["empty", "cut", "rubbish", "no variables", "bad warm-up"])
def test_a_bad_version_stays_out_and_the_good_one_up(base, damage):
    save(base, 1, 1)
    bad = base / "net" / "2"
    shutil.copytree(base / "net" / "1", bad)
    definition = bad / "saved_model.pb"
    if damage == "empty":
        definition.write_bytes(b"")
    elif damage == "cut":
        definition.write_bytes(definition.read_bytes()[:-100])
    elif damage == "rubbish":
        definition.write_bytes(b"rubbish" * 100)
    elif damage == "no variables":
        shutil.rmtree(bad / "variables")

    def warm_up(model, path):
        if damage == "bad warm-up" and path == bad:
            raise ServingError(Code.INVALID_ARGUMENT, "does not fit")

    store = ModelStore(base, warm_up=warm_up)
    store.refresh()
    assert answer(store) == (1, [1.0])
    states = store.states("net")
    assert {version: state.state for version, state in states.items()} == {2: "END", 1: "AVAILABLE"}
    assert states[2].code
    assert states[2].message


def test_a_version_that_was_still_being_copied_is_tried_again(base):
    save(base, 1, 1)
    save(base, 2, 2)
    content = (base / "net" / "2" / "saved_model.pb").read_bytes()
    (base / "net" / "2" / "saved_model.pb").write_bytes(content[:50])
    tries = []
    store = ModelStore(base, warm_up=lambda model, path: tries.append(path.name))
    store.refresh()
    store.refresh()
    assert (answer(store)[0], tries) == (1, ["1"])
    (base / "net" / "2" / "saved_model.pb").write_bytes(content)
    store.refresh()
    assert (answer(store), tries) == ((2, [2.0]), ["1", "2"])


def test_what_is_no_version_is_left_alone(base):
    save(base, 1, 1)
    for name in (".2.abc", "latest", "1.5", "20261126011511000000", str(2**63), "\uff12"):
        (base / "net" / name).mkdir()
    (base / "net" / "3").write_text("a file")
    (base / "empty").mkdir()
    store = ModelStore(base)
    store.refresh()
    assert store.available() == {"net": [1]}
    assert list(store.states("net")) == [1]
    with pytest.raises(ServingError):
        store.states("empty")


def test_the_health_of_a_model_that_is_gone(base, background):
    save(base, 1, 1)
    serving = health_pb2.HealthCheckResponse
    with background(base) as running, grpc.insecure_channel(running.server.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        def health(name):
            return stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status

        assert (health("net"), health("")) == (serving.SERVING, serving.SERVING)
        shutil.rmtree(base / "net")
        deadline = time.monotonic() + 60
        while health("net") == serving.SERVING and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (health("net"), health("")) == (serving.NOT_SERVING, serving.NOT_SERVING)


def test_no_request_fails_while_versions_change(base, background):
    save(base, 1, 1)
    failures, seen, done = [], set(), threading.Event()

    def ask(address):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "net"
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([0.0]))
        with grpc.insecure_channel(address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not done.is_set():
                try:
                    response = stub.Predict(request, timeout=HANG_SECONDS)
                    seen.add((response.model_spec.version.value, response.outputs["y"].float_val[0]))
                except grpc.RpcError as error:
                    failures.append(error.details())

    with background(base) as running:
        clients = [threading.Thread(target=ask, args=[running.server.grpc]) for _ in range(3)]
        for client in clients:
            client.start()
        for version in range(2, 7):
            save(base, version, version)
            deadline = time.monotonic() + HANG_SECONDS
            while running.store.available()["net"] != [version] and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.1)
        done.set()
        for client in clients:
            client.join()
    assert not failures
    assert seen == {(version, float(version)) for version in range(1, 7)}
