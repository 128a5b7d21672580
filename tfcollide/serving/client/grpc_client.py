"""A served model over gRPC, through TF Serving's public stubs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfcollide.serving.client.signature import Connection, Signature, TensorShape
from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.tensors import array_of

__all__ = ["GrpcModel"]

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A server that comes back is found at once; the waiting is `retry`'s.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class GrpcModel:
    """A `ServedModel`.

    Args:
        connection: where it is served.
    """

    def __init__(self, connection: Connection):
        self._connection = connection
        self._channel = _channel(connection)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def states(self) -> dict[int, str]:
        """See `ServedModel`."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec())
        response = self._ask(self._models.GetModelStatus, request)
        name = get_model_status_pb2.ModelVersionStatus.State.Name
        return {status.version: name(status.state) for status in response.model_version_status}

    def signatures(self) -> dict[str, Signature]:
        """See `ServedModel`."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=self._spec(), metadata_field=["signature_def"])
        response = self._ask(self._predictions.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        return {
            name: Signature(_shapes(signature.inputs), _shapes(signature.outputs))
            for name, signature in found.signature_def.items()
            if signature.inputs
        }

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `ServedModel`."""
        request = predict_pb2.PredictRequest(model_spec=self._spec(signature))
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        response = self._ask(self._predictions.Predict, request)
        return {name: array_of(name, proto) for name, proto in response.outputs.items()}

    def close(self) -> None:
        """See `ServedModel`."""
        self._channel.close()

    def _spec(self, signature: str = "") -> model_pb2.ModelSpec:
        spec = model_pb2.ModelSpec(name=self._connection.model, signature_name=signature)
        if self._connection.version is not None:
            spec.version.value = self._connection.version
        return spec

    def _ask(self, method: Callable, request: Message) -> Any:
        try:
            return method(request, timeout=self._connection.deadline_seconds, metadata=self._connection.metadata)
        except grpc.RpcError as error:
            code = Code(error.code().value[0])
            if code == Code.CANCELLED:  # not by us: a server that shuts down drops what it has just accepted
                code = Code.UNAVAILABLE
            raise ServingError(code, error.details() or "") from error


def _channel(connection: Connection) -> grpc.Channel:
    if not connection.tls:
        return grpc.insecure_channel(connection.server, options=_OPTIONS)
    ca, key, cert = (
        Path(path).read_bytes() if path else None for path in (connection.ca_file, connection.key_file, connection.cert_file)
    )
    return grpc.secure_channel(connection.server, grpc.ssl_channel_credentials(ca, key, cert), options=_OPTIONS)


def _shapes(infos: Mapping[str, Any]) -> dict[str, TensorShape]:
    def sizes(shape: Any) -> tuple[int | None, ...] | None:
        return None if shape.unknown_rank else tuple(dim.size if dim.size >= 0 else None for dim in shape.dim)

    return {name: TensorShape(tf.dtypes.as_dtype(info.dtype).name, sizes(info.tensor_shape)) for name, info in infos.items()}
