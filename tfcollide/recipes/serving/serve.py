"""The local server, from its config."""

import os

from tfcollide.errors import RequestError
from tfcollide.recipes.serving.config import ServeConfig
from tfcollide.runtime.quiet import import_tensorflow

__all__ = ["check_serving_packages", "run"]


def run(config: ServeConfig) -> None:
    """Serves until it is interrupted, and says on standard output when and what.

    Raises:
        RequestError: the request cannot be carried out.
    """
    base = config.check()
    check_serving_packages()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its threads complain of sockets that are closed at the end
    import_tensorflow()
    from tfcollide.serving.local.model_store import ModelStore
    from tfcollide.serving.local.server import Ports, ServerOptions, serve

    def say(ports: Ports, store: ModelStore) -> None:
        served = ", ".join(f"{name} ({', '.join(map(str, numbers))})" for name, numbers in sorted(store.available().items()))
        print(f"gRPC {ports.grpc}, REST http://{ports.rest}/v1/models: {served or 'no model yet'}", flush=True)

    options = ServerOptions(
        host=config.host,
        port=config.port,
        rest_port=config.rest_port,
        keep_versions=config.keep_versions,
        poll_seconds=config.poll_seconds,
        max_batch_size=config.max_batch_size,
        max_message_bytes=config.max_message_mib * 2**20,
    )
    serve(base, options, on_ready=say)


def check_serving_packages() -> None:
    """Raises `RequestError` where the extra `serving` is not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("grpc", "grpc_health", "tensorflow_serving", "aiohttp") if find_spec(name) is None]
    if missing:
        raise RequestError(
            f"no package {missing[0]}", "the packages for serving", 'Install them with pip install "tfcollide[serving]".'
        )
