"""TF Serving's REST API over `Answers`."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local import rest_json
from tfcollide.serving.local.answers import Answers
from tfcollide.serving.local.bodies import Bodies, TooLarge
from tfcollide.serving.local.grpc_server import metadata_of, status_of
from tfcollide.serving.local.loaded_model import DEFAULT_SIGNATURE, LoadedModel
from tfcollide.serving.tensors import dtype_of

__all__ = ["rest_app"]

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(_MODEL + r":(?P<method>classify|predict)", re.IGNORECASE)
_BYTES_A_NUMBER = 10  # of JSON, about
_STATUS = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.IGNORECASE)


def rest_app(answers: Answers, *, max_bytes: int) -> web.Application:
    """The HTTP application; its runner leaves bodies compressed (`auto_decompress=False`).

    Args:
        answers: what to answer.
        max_bytes: of a request, compressed or not; a larger one is refused with 413.
    """
    bodies = Bodies(max_bytes)

    async def handle(request: web.Request) -> web.Response:
        return await _handle(answers, bodies, request)

    async def close(_: web.Application) -> None:
        bodies.close()

    app = web.Application(client_max_size=max_bytes)
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_cleanup.append(close)
    return app


async def _handle(answers: Answers, bodies: Bodies, request: web.Request) -> web.Response:
    try:
        return _response(200, await _answer(answers, bodies, request))
    except ServingError as error:
        return _response(error.code.http, json.dumps({"error": error.message}))
    except (TooLarge, web.HTTPRequestEntityTooLarge):
        return _response(413, json.dumps({"error": f"The body is larger than {bodies.max_bytes} bytes"}))
    except web.HTTPException:
        raise
    except ConnectionError:
        raise  # the client went away midway
    except Exception as error:  # a mistake of ours; the client learns of it and the server goes on
        return _response(500, json.dumps({"error": f"{type(error).__name__}: {error}"}))


async def _answer(answers: Answers, bodies: Bodies, request: web.Request) -> str:
    """The JSON of an answer."""
    if request.method == "POST" and (found := _PREDICT.fullmatch(request.path)):
        body, encoding = await request.read(), request.headers.get("Content-Encoding", "")
        model = answers.store.find(*_spec(found))
        body = await bodies.unpacked(body, encoding)
        ask: Callable[..., Awaitable[str]] = {"predict": _predict, "classify": _classify}[found["method"].lower()]
        return await ask(answers, bodies, model, body)
    if request.method == "GET" and (found := _STATUS.fullmatch(request.path)):
        if found["metadata"]:
            return json.dumps(_metadata(answers.store.find(*_spec(found))))
        return json.dumps(_message(status_of(answers, *_spec(found))))
    raise ServingError(Code.INVALID_ARGUMENT, f"{request.method} {request.path}: no such request")


async def _predict(answers: Answers, bodies: Bodies, model: LoadedModel, body: bytes) -> str:
    types = {
        name: {key: dtype_of(info.dtype) for key, info in signature.inputs.items()}
        for name, signature in model.signatures.items()
    }
    name, inputs, rows = await bodies.call(len(body), rest_json.parse_predict, body, types, DEFAULT_SIGNATURE)
    outputs = await answers.predict(model, name, inputs)
    size = sum(_BYTES_A_NUMBER * array.size for array in outputs.values())
    return await bodies.call(size, rest_json.write_predict, outputs, rows=rows)


async def _classify(answers: Answers, bodies: Bodies, model: LoadedModel, body: bytes) -> str:
    name, examples = await bodies.call(len(body), rest_json.parse_classify, body)
    return rest_json.write_classify(await answers.classify(model, name, examples))


def _metadata(model: LoadedModel) -> Any:
    """As TF Serving prints it: the packed map of signatures is spelled out."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    response = metadata_of(model)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return {"model_spec": _message(response.model_spec), "metadata": {"signature_def": _message(signatures)}}


def _message(message: Message) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _spec(found: re.Match) -> tuple[str, int | None, str]:
    """Name, version and label of the model in a path."""
    version = found["version"]
    if version is not None and len(version) > 18:
        raise ServingError(Code.INVALID_ARGUMENT, f"Version {version}: too large")
    return found["name"], None if version is None else int(version), found["label"] or ""


def _response(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="application/json")
