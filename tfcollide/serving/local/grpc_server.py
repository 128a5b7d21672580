"""TF Serving's gRPC services over `Answers`."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import grpc
import numpy as np
from google.protobuf import any_pb2
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local.answers import Answers
from tfcollide.serving.local.loaded_model import DEFAULT_SIGNATURE, LoadedModel
from tfcollide.serving.tensors import array_of, proto_of

__all__ = ["ModelService", "PredictionService", "examples_of", "metadata_of", "status_of"]

_SMALL = 2**20
_Result = TypeVar("_Result")
_Asking: TypeAlias = (
    "predict_pb2.PredictRequest | classification_pb2.ClassificationRequest | get_model_metadata_pb2.GetModelMetadataRequest"
    " | get_model_status_pb2.GetModelStatusRequest"
)
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _answering(method: Callable[..., Awaitable[_Result]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """Turns errors into statuses; nothing that a client sends ends in a traceback."""

    @functools.wraps(method)
    async def answer(self: object, request: Message, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await method(self, request)
        except ServingError as error:
            await context.abort(_CODES[error.code], error.message)
        except Exception as error:  # a mistake of ours; the client learns of it and the server goes on
            await context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")

    return answer


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify and GetModelMetadata; the rest is UNIMPLEMENTED.

    Args:
        answers: what to answer.
    """

    def __init__(self, answers: Answers):
        self._answers = answers

    @_answering
    async def Predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """One PredictRequest."""
        model, spec = _find(self._answers, request), request.model_spec
        inputs = await _aside(request.ByteSize(), _arrays, request)
        outputs = await self._answers.predict(model, spec.signature_name, inputs, list(request.output_filter))
        response = predict_pb2.PredictResponse(model_spec=_spec(model, spec.signature_name or DEFAULT_SIGNATURE))
        await _aside(sum(array.nbytes for array in outputs.values()), _fill, response, outputs)
        return response

    @_answering
    async def Classify(self, request: classification_pb2.ClassificationRequest) -> Any:
        """One ClassificationRequest."""
        model = _find(self._answers, request)
        spec = request.model_spec
        results = await self._answers.classify(model, spec.signature_name, examples_of(request.input))
        response = classification_pb2.ClassificationResponse(model_spec=_spec(model, spec.signature_name or DEFAULT_SIGNATURE))
        for result in results:
            classes = response.result.classifications.add().classes
            for label, score in result:
                classes.add(label=label or "", score=score or 0.0)
        return response

    @_answering
    async def GetModelMetadata(self, request: get_model_metadata_pb2.GetModelMetadataRequest) -> Any:
        """The signatures of a model."""
        if not request.metadata_field:
            raise ServingError(Code.INVALID_ARGUMENT, "metadata_field is empty: expected signature_def")
        for field in request.metadata_field:
            if field != "signature_def":
                raise ServingError(Code.INVALID_ARGUMENT, f"metadata_field {field}: expected signature_def")
        return metadata_of(_find(self._answers, request))


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; reloading a config is UNIMPLEMENTED.

    Args:
        answers: what to answer.
    """

    def __init__(self, answers: Answers):
        self._answers = answers

    @_answering
    async def GetModelStatus(self, request: get_model_status_pb2.GetModelStatusRequest) -> Any:
        """The states of a model's versions, newest first."""
        return status_of(self._answers, *_asked(request))


def status_of(answers: Answers, name: str, version: int | None, label: str) -> get_model_status_pb2.GetModelStatusResponse:
    """The states of a model's versions as a message."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for number, known in answers.store.states(name, version, label).items():
        status = response.model_version_status.add(version=number, state=known.state)
        status.status.error_code, status.status.error_message = known.code, known.message
    return response


def metadata_of(model: LoadedModel) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a model as a message."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in model.signatures.items():
        signatures.signature_def[name].CopyFrom(signature)
    response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=_spec(model, ""))
    packed = any_pb2.Any()
    packed.Pack(signatures)
    response.metadata["signature_def"].CopyFrom(packed)
    return response


def examples_of(message: input_pb2.Input) -> list[bytes]:
    """The serialized tf.Examples of a request; a context, serialized, goes before each."""
    if message.WhichOneof("kind") == "example_list_with_context":
        listed = message.example_list_with_context
        context = listed.context.SerializeToString()
        return [context + example.SerializeToString() for example in listed.examples]
    return [example.SerializeToString() for example in message.example_list.examples]


async def _aside(size: int, function: Callable[..., _Result], *arguments: object) -> _Result:
    """The result of a function; in a thread if `size`, of tensors in bytes, is so large that others would wait."""
    return function(*arguments) if size <= _SMALL else await asyncio.to_thread(function, *arguments)


def _arrays(request: predict_pb2.PredictRequest) -> dict[str, np.ndarray]:
    return {name: array_of(name, proto) for name, proto in request.inputs.items()}


def _fill(response: predict_pb2.PredictResponse, outputs: Mapping[str, np.ndarray]) -> None:
    for name, array in outputs.items():
        response.outputs[name].CopyFrom(proto_of(array))


def _find(answers: Answers, request: _Asking) -> LoadedModel:
    return answers.store.find(*_asked(request))


def _asked(request: _Asking) -> tuple[str, int | None, str]:
    """Name, version and label of the model that a request is for."""
    if not request.HasField("model_spec"):
        raise ServingError(Code.INVALID_ARGUMENT, "The request has no model_spec")
    spec = request.model_spec
    return spec.name, spec.version.value if spec.HasField("version") else None, spec.version_label


def _spec(model: LoadedModel, signature_name: str) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=model.name, signature_name=signature_name)
    spec.version.value = model.version
    return spec
