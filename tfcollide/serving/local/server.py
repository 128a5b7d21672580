"""A local server with TF Serving's API, to develop against where its binary is not at hand."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import grpc
import tensorflow as tf
from aiohttp import web
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfcollide.errors import RequestError
from tfcollide.serving.local.answers import Answers
from tfcollide.serving.local.batching import Batcher
from tfcollide.serving.local.grpc_server import ModelService, PredictionService
from tfcollide.serving.local.model_store import ModelStore
from tfcollide.serving.local.replay import warm_up
from tfcollide.serving.local.rest_server import rest_app
from tfcollide.serving.local.undecodable import AnswerUndecodable

__all__ = ["Ports", "ServerOptions", "serve", "serving"]

_GRACE_SECONDS = 2.0


class ServerOptions(NamedTuple):
    """How to serve.

    Attributes:
        host: the address to listen at.
        port: for gRPC; 0 takes a free one.
        rest_port: for REST; 0 takes a free one.
        keep_versions: newest versions served at a time.
        poll_seconds: between looks at the folder of models.
        max_batch_size: samples in a batch.
        max_message_bytes: of a request.
    """

    host: str = "127.0.0.1"
    port: int = 8500
    rest_port: int = 8501
    keep_versions: int = 1
    poll_seconds: float = 1.0
    max_batch_size: int = 256
    max_message_bytes: int = 2**28


class Ports(NamedTuple):
    """Where a server listens.

    Attributes:
        grpc: HOST:PORT.
        rest: HOST:PORT.
    """

    grpc: str
    rest: str


def serve(base: Path, options: ServerOptions, *, on_ready: Callable[[Ports, ModelStore], None]) -> None:
    """Serves the models of `base` until SIGINT or SIGTERM.

    Args:
        base: holds `NAME/VERSION`.
        options: how.
        on_ready: called once both ports answer.

    Raises:
        RequestError: a port is taken.
    """
    tf.get_logger().setLevel("ERROR")
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # what a client does wrong, the client is told

    async def main() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with serving(base, options) as (ports, store):
            on_ready(ports, store)
            await stop.wait()

    asyncio.run(main())


@contextlib.asynccontextmanager
async def serving(base: Path, options: ServerOptions) -> AsyncIterator[tuple[Ports, ModelStore]]:
    """The server at work within a block: loads the models first, then opens the ports."""
    store = ModelStore(base, keep=options.keep_versions, warm_up=warm_up)
    await asyncio.to_thread(store.refresh)
    batcher = Batcher(max_rows=options.max_batch_size)
    answers = Answers(store, batcher)
    states = health.HealthServicer()
    server, grpc_port = await _start_grpc(answers, states, options)
    runner = web.AppRunner(
        rest_app(answers, max_bytes=options.max_message_bytes),
        auto_decompress=False,
        access_log=None,
        shutdown_timeout=_GRACE_SECONDS,
    )
    try:
        rest_port = await _start_rest(runner, options)
        watcher = asyncio.create_task(_watch(store, states, options.poll_seconds))
        await _report_health(store, states)
        yield Ports(f"{options.host}:{grpc_port}", f"{options.host}:{rest_port}"), store
        watcher.cancel()
    finally:
        await server.stop(_GRACE_SECONDS)
        await runner.cleanup()
        batcher.close()


async def _start_grpc(answers: Answers, states: health.HealthServicer, options: ServerOptions) -> tuple[grpc.aio.Server, int]:
    limits = [("grpc.max_receive_message_length", options.max_message_bytes), ("grpc.max_send_message_length", -1)]
    server = grpc.aio.server(interceptors=[AnswerUndecodable()], options=[*limits, ("grpc.so_reuseport", 0)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(answers), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(answers), server)
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    try:
        port = server.add_insecure_port(f"{options.host}:{options.port}")
    except RuntimeError as error:
        raise _taken("port", options.host, options.port) from error
    await server.start()
    return server, port


async def _start_rest(runner: web.AppRunner, options: ServerOptions) -> int:
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.rest_port).start()
    except OSError as error:
        raise _taken("rest_port", options.host, options.rest_port) from error
    return runner.addresses[0][1]


async def _watch(store: ModelStore, states: health.HealthServicer, seconds: float) -> None:
    """Looks for new versions for ever."""
    while True:
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError):  # a folder that vanishes between listing and reading: next time
            await asyncio.to_thread(store.refresh)
        await _report_health(store, states)


async def _report_health(store: ModelStore, states: health.HealthServicer) -> None:
    """The server as a whole serves when some model does; every model is named too, also one that is gone."""
    known, available = health_pb2.HealthCheckResponse, store.available()
    for name in ("", *store.names()):
        serves = name in available if name else bool(available)
        await states.set(name, known.SERVING if serves else known.NOT_SERVING)


def _taken(flag: str, host: str, port: int) -> RequestError:
    return RequestError(f"--{flag}={port}, which cannot be opened at {host}", "a free port", "Choose another, or 0 for any.")
