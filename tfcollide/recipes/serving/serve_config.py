"""What the local server is asked to do: fields here are flags of the command line."""

import dataclasses
from pathlib import Path

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.settings import at_least, flag, positive

__all__ = ["ServeConfig"]


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
