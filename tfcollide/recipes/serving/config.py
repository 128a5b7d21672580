"""What an export, a local server and a check of a served model are asked to do: fields here are flags of the command line."""

import dataclasses
import os
import re
from pathlib import Path
from typing import ClassVar

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.registry import EXPORTS
from tfcollide.settings import at_least, carrying_variants, check_choices, check_variants, flag, positive

__all__ = ["CheckServedConfig", "ExportConfig", "ServeConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class ExportConfig:
    """A SavedModel from a run directory."""

    run: str | None = flag(None, "The directory of a finished run.")
    what: str = flag(
        "classifier",
        "classifier: the network. mixture: the hull of the corners, judged by the network. composite: patches, blend and hull.",
        variants=EXPORTS,
    )

    def check(self) -> None:
        """Raises `RequestError` for what no run can make right."""
        if not self.run:
            raise RequestError("no --run", "the directory of a finished run", "Say, for example, --run=runs/first.")
        check_choices(self)
        check_variants(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """A local server with TF Serving's API."""

    models: str | None = flag(None, "BASE: the folder that holds NAME/VERSION folders of SavedModels.")
    host: str = flag("127.0.0.1", "Address to listen at; the default is this machine alone.")
    port: int = flag(8500, "Port for gRPC; 0: any.")
    rest_port: int = flag(8501, "Port for REST; 0: any.")
    keep_versions: int = flag(1, "How many of the newest versions of a model are served.")
    poll_seconds: float = flag(1.0, "Seconds between looks for new versions.")
    max_batch_size: int = flag(256, "Samples in a batch; a larger request is refused.")
    max_message_mib: int = flag(256, "The largest request, in MiB, before and after it is unpacked.")

    def check(self) -> Path:
        """Returns the folder of models.

        Raises:
            RequestError: some value cannot be carried out.
        """
        if not self.models:
            raise RequestError("no --models", "the folder that holds NAME/VERSION", "Say, for example, --models=models.")
        for name in ("port", "rest_port"):
            if not 0 <= getattr(self, name) < 65536:
                raise RequestError(f"--{name}={getattr(self, name)}", "a port from 0 to 65535")
        if self.port == self.rest_port != 0:
            raise RequestError(f"--port={self.port} and --rest_port={self.rest_port}", "two different ports")
        at_least(self, 1, "keep_versions", "max_batch_size", "max_message_mib")
        positive(self, "poll_seconds")
        if self.max_message_mib >= 2048:
            raise RequestError(f"--max_message_mib={self.max_message_mib}", "at most 2047, which is what gRPC carries")
        return self._base(absolute(self.models))

    def _base(self, base: Path) -> Path:
        if not base.is_dir():
            raise RequestError(f"--models={base}, which is not a folder", "the folder that holds NAME/VERSION")
        names = {entry.name for entry in base.iterdir() if entry.is_dir()}
        if (base / "saved_model.pb").is_file():
            raise RequestError(f"--models={base}, a SavedModel", "the folder above NAME", f"Say --models={base.parent.parent}.")
        if names and all(name.isdecimal() for name in names):
            raise RequestError(f"--models={base}, which holds versions", "the folder above", f"Say --models={base.parent}.")
        return base


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckServedConfig:
    """A check of a model behind TF Serving."""

    FIRST: ClassVar = (
        "server",
        "model_name",
        "run",
        "rest",
        "signature_name",
        "input_name",
        "output_name",
        "logits",
        "tls",
        "out",
    )
    """What `--help` shows."""

    server: str | None = flag(None, "HOST:PORT; the port is that of gRPC, or of REST with --rest.")
    model_name: str | None = flag(None, "The name of the served model.")
    model_version: int | None = flag(None, "Its version. Default: the newest.")
    run: str | None = flag(None, "The directory of a finished run. Default: only report the model's state and signatures.")
    rest: bool = flag(False, "Ask over REST instead of gRPC.")
    signature_name: str = flag("serving_default", "The signature that takes images.")
    input_name: str = flag("images", "Its input: float or 8-bit images, or image files.")
    output_name: str = flag("probabilities", "Its output, a number per class.")
    logits: bool = flag(False, "The output holds logits, not probabilities.")
    batch_size: int = flag(64, "Samples in a request; requests that are too large for the server are split further.")
    concurrency: int = flag(4, "Requests at a time.")
    deadline_seconds: float = flag(30.0, "For one request.")
    wait_seconds: float = flag(5.0, "How long to wait for the model to be ready.")
    retry_seconds: float = flag(60.0, "How long to repeat a request while the server is unavailable.")
    tls: bool = flag(False, "Encrypt the connection.")
    ca_file: str | None = flag(None, "With --tls: certificates to trust, PEM. Default: the system's.")
    cert_file: str | None = flag(None, "With --tls: the client's certificate, PEM.")
    key_file: str | None = flag(None, "With --tls: the client's key, PEM.")
    metadata: str | None = flag(None, "NAME=VALUE,NAME=VALUE sent with each request, such as authorization=Bearer abc.")

    def check(self) -> None:
        """Raises `RequestError` for what no server can make right."""
        if not self.server or not re.fullmatch(r"(\[.+\]|[^:/]+):\d+", self.server):
            raise RequestError(f"--server={self.server or ''}", "HOST:PORT", "Say, for example, --server=localhost:8500.")
        if not self.model_name or not re.fullmatch(r"[^/:]+", self.model_name):
            raise RequestError(f"--model_name={self.model_name or ''}", "the name of a served model")
        at_least(self, 1, "batch_size", "concurrency", "model_version")
        at_least(self, 0, "wait_seconds", "retry_seconds")
        positive(self, "deadline_seconds")
        files = {name: getattr(self, name) for name in ("ca_file", "cert_file", "key_file")}
        for name, path in files.items():
            if path and not self.tls:
                raise RequestError(f"--{name} without --tls", "both", "Add --tls.")
            if path and not os.path.isfile(path):
                raise RequestError(f"--{name}={path}", "a file")
        if bool(self.cert_file) != bool(self.key_file):
            raise RequestError("one of --cert_file and --key_file", "both or none")
        self.metadata_pairs()

    def metadata_pairs(self) -> tuple[tuple[str, str], ...]:
        """`metadata` as pairs; gRPC wants names in lower case."""
        pairs = [entry.partition("=") for entry in self.metadata.split(",")] if self.metadata else []
        if not all(re.fullmatch(r"[A-Za-z0-9_.-]+", name.strip()) and equals for name, equals, _ in pairs):
            raise RequestError(f"--metadata={self.metadata}", "NAME=VALUE,NAME=VALUE")
        return tuple((name.strip().lower(), value) for name, _, value in pairs)
