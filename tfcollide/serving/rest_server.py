"""TF Serving's REST API over `Answers`."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from google.protobuf import json_format

from tfcollide.serving import rest_json
from tfcollide.serving.answers import Answers
from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.grpc_server import metadata_of, status_of
from tfcollide.serving.loaded_model import DEFAULT_SIGNATURE, LoadedModel

__all__ = ["rest_app"]

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?"
_PREDICT = re.compile(_MODEL + r":(?P<method>classify|predict)", re.IGNORECASE)
_STATUS = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.IGNORECASE)


def rest_app(answers: Answers, *, max_bytes: int) -> web.Application:
    """The HTTP application.

    Args:
        answers: what to answer.
        max_bytes: of a request; a larger one is refused with 413.
    """
    app = web.Application(client_max_size=max_bytes)
    app.router.add_route("*", "/{path:.*}", lambda request: _handle(answers, request))
    return app


async def _handle(answers: Answers, request: web.Request) -> web.Response:
    try:
        return _json(200, await _answer(answers, request))
    except ServingError as error:
        return _json(error.code.http, {"error": error.message})
    except web.HTTPRequestEntityTooLarge as error:
        return _json(413, {"error": error.text})
    except web.HTTPException:
        raise
    except ConnectionError:
        raise  # the client went away midway
    except Exception as error:  # a mistake of ours; the client learns of it and the server goes on
        return _json(500, {"error": f"{type(error).__name__}: {error}"})


async def _answer(answers: Answers, request: web.Request) -> Any:
    if request.method == "POST" and (found := _PREDICT.fullmatch(request.path)):
        body = rest_json.parse_object(await request.read())
        methods: dict[str, Callable[..., Awaitable[Any]]] = {"predict": _predict, "classify": _classify}
        return await methods[found["method"].lower()](answers, answers.store.find(found["name"], _version(found)), body)
    if request.method == "GET" and (found := _STATUS.fullmatch(request.path)):
        if found["metadata"]:
            return _metadata(answers.store.find(found["name"], _version(found)))
        return _message(status_of(answers, found["name"], _version(found)))
    raise ServingError(Code.INVALID_ARGUMENT, f"Malformed request: {request.method} {request.path}")


async def _predict(answers: Answers, model: LoadedModel, body: dict[str, Any]) -> Any:
    name = rest_json.signature_name(body) or DEFAULT_SIGNATURE
    if name not in model.signatures:
        raise ServingError(Code.INVALID_ARGUMENT, f'Serving signature name: "{name}" not found in signature def')
    inputs, rows = rest_json.predict_inputs(body, model.signatures[name].inputs)
    return rest_json.predict_outputs(await answers.predict(model, name, inputs), rows=rows)


async def _classify(answers: Answers, model: LoadedModel, body: dict[str, Any]) -> Any:
    results = await answers.classify(model, rest_json.signature_name(body), rest_json.classify_examples(body))
    return {"results": [[[label or "", score or 0.0] for label, score in result] for result in results]}


def _metadata(model: LoadedModel) -> Any:
    """As TF Serving prints it: the packed map of signatures is spelled out."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    response = metadata_of(model)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return {"model_spec": _message(response.model_spec), "metadata": {"signature_def": _message(signatures)}}


def _message(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _version(found: re.Match) -> int | None:
    if found["version"] is None:
        return None
    if len(found["version"]) > 18:
        raise ServingError(Code.INVALID_ARGUMENT, f"Failed to convert version: {found['version']} to numeric.")
    return int(found["version"])


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, text=json.dumps(value, allow_nan=True), content_type="application/json")
