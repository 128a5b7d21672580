"""A server to ask: the local one, and TF Serving itself where there is one."""

import asyncio
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
import tensorflow as tf

from tests.limits import HANG_SECONDS
from tfcollide.serving.client.signature import Connection
from tfcollide.serving.local.server import ServerOptions, serving


class Server(NamedTuple):
    """Where `base` is served."""

    grpc: str
    rest: str
    base: Path

    def connection(self, model, *, rest=False, **more):
        return Connection(server=self.rest if rest else self.grpc, model=model, **more)


class Background:
    """The local server on a thread of its own."""

    def __init__(self, base, **options):
        self._options = ServerOptions(port=0, rest_port=0, poll_seconds=0.05)._replace(**options)
        self._base = base
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._base, self._options) as (ports, self.store):
            self.server = Server(ports.grpc, ports.rest, self._base)
            self._ready.set()
            await self._stop.wait()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(HANG_SECONDS)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@pytest.fixture
def background():
    return Background


@pytest.fixture(scope="session")
def local_server(exported):
    with Background(exported) as running:
        yield running.server


@pytest.fixture(scope="session")
def official_server(exported, tmp_path_factory):
    """TF_SERVING_ADDRESS=HOST:PORT,HOST:REST_PORT with TF_SERVING_MODELS=BASE, or the binary on PATH."""
    if "TF_SERVING_ADDRESS" in os.environ:
        yield Server(*os.environ["TF_SERVING_ADDRESS"].split(","), Path(os.environ["TF_SERVING_MODELS"]))
        return
    if not shutil.which("tensorflow_model_server"):
        pytest.skip("neither TF_SERVING_ADDRESS nor tensorflow_model_server on PATH")
    config = tmp_path_factory.mktemp("config") / "models.config"
    models = (f'config {{ name: "{n}" base_path: "{exported / n}" model_platform: "tensorflow" }}' for n in ("digits", "hull"))
    config.write_text(f"model_config_list {{ {' '.join(models)} }}")
    flags = ["--port=18500", "--rest_api_port=18501", f"--model_config_file={config}"]
    process = subprocess.Popen(["tensorflow_model_server", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with grpc.insecure_channel("127.0.0.1:18500") as channel:
            grpc.channel_ready_future(channel).result(timeout=HANG_SECONDS)
        time.sleep(2)
        yield Server("127.0.0.1:18500", "127.0.0.1:18501", exported)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session", params=["local", "official"])
def server(request):
    """Every test that takes it runs against both servers."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(scope="session")
def direct(server):
    """Loads a served model in this process: `direct("digits")`."""

    def load(name):
        versions = [path for path in (server.base / name).iterdir() if path.name.isdecimal()]
        return tf.saved_model.load(str(max(versions, key=lambda path: int(path.name)))).signatures

    return load


@pytest.fixture(scope="session")
def images(digits):
    return (digits.test.images[:20] / 255).astype("float32")
