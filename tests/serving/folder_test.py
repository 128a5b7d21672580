"""The settings for the official server say what its protos know."""

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

SERVING = Path(__file__).resolve().parents[2] / "serving"
FIELD = descriptor_pb2.FieldDescriptorProto
INT64 = ".google.protobuf.Int64Value"

# As in tensorflow_serving's session_bundle_config.proto and monitoring_config.proto, which its package leaves out.
BATCHING = {
    "max_batch_size": (1, INT64),
    "batch_timeout_micros": (2, INT64),
    "max_enqueued_batches": (3, INT64),
    "num_batch_threads": (4, INT64),
}
PROMETHEUS = {"enable": (1, FIELD.TYPE_BOOL), "path": (2, FIELD.TYPE_STRING)}
MONITORING = {"prometheus_config": (1, ".settings.PrometheusConfig")}


@pytest.fixture(scope="module")
def messages():
    file = descriptor_pb2.FileDescriptorProto(name="settings.proto", package="settings", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for name, fields in {
        "BatchingParameters": BATCHING,
        "PrometheusConfig": PROMETHEUS,
        "MonitoringConfig": MONITORING,
    }.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            kinds = {"type_name": kind, "type": FIELD.TYPE_MESSAGE} if isinstance(kind, str) else {"type": kind}
            message.field.add(name=field, number=number, label=FIELD.LABEL_OPTIONAL, **kinds)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"settings.{name}"))()


def test_models():
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((SERVING / "models.config").read_text(), config)
    models = {model.name: model for model in config.model_config_list.config}
    assert set(models) == {"digits", "hull"}
    for name, model in models.items():
        assert (model.base_path, model.model_platform) == (f"/models/{name}", "tensorflow")
        assert model.model_version_policy.latest.num_versions == 1


def test_batching(messages):
    config = text_format.Parse((SERVING / "batching.config").read_text(), messages("BatchingParameters"))
    assert config.max_batch_size.value == 64
    assert 0 < config.batch_timeout_micros.value <= 5000
    assert config.num_batch_threads.value >= 1


def test_monitoring(messages):
    config = text_format.Parse((SERVING / "monitoring.config").read_text(), messages("MonitoringConfig"))
    assert config.prometheus_config.enable
    assert config.prometheus_config.path.startswith("/monitoring/")


def test_a_field_that_does_not_exist_would_be_noticed(messages):
    with pytest.raises(text_format.ParseError):
        text_format.Parse("batch_size { value: 3 }", messages("BatchingParameters"))


def test_the_compose_file_mounts_what_it_names():
    text = (SERVING / "compose.yaml").read_text()
    for name in ("models.config", "batching.config", "monitoring.config"):
        assert f"./{name}:/config/{name}:ro" in text
        assert f"=/config/{name}" in text
    assert re.findall(r'"([\d.]+):(\d+):\2"', text) == [("127.0.0.1", "8500"), ("127.0.0.1", "8501")]
