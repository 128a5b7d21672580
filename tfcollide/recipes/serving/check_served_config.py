"""What a check of a served model is asked to do: fields here are flags of the command line."""

import dataclasses
import os
import re
from typing import ClassVar

from tfcollide.errors import RequestError
from tfcollide.settings import at_least, flag, positive

__all__ = ["CheckServedConfig"]


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
