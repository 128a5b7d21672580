"""A served model over TF Serving's REST API."""

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import urllib3

from tfcollide.serving.client.signature import Connection, Signature, TensorShape
from tfcollide.serving.codes import Code, ServingError

__all__ = ["RestModel"]


class RestModel:
    """A `ServedModel`.

    Args:
        connection: where it is served; the port is that of REST.
    """

    def __init__(self, connection: Connection):
        version = "" if connection.version is None else f"/versions/{connection.version}"
        scheme = "https" if connection.tls else "http"
        self._url = f"{scheme}://{connection.server}/v1/models/{connection.model}{version}"
        tls: Any = {"ca_certs": connection.ca_file, "cert_file": connection.cert_file, "key_file": connection.key_file}
        self._pool = urllib3.PoolManager(
            maxsize=connection.concurrency,
            retries=False,
            timeout=connection.deadline_seconds,
            headers=dict(connection.metadata),
            **({name: path for name, path in tls.items() if path} if connection.tls else {}),
        )
        self._signatures: dict[str, Signature] = {}

    def states(self) -> dict[int, str]:
        """See `ServedModel`."""
        answer = self._ask("GET", "")
        with _read_as_tf_serving(answer):
            return {int(status["version"]): status["state"] for status in answer["model_version_status"]}

    def signatures(self) -> dict[str, Signature]:
        """See `ServedModel`."""
        answer = self._ask("GET", "/metadata")
        with _read_as_tf_serving(answer):
            self._signatures = {
                name: Signature(_shapes(signature["inputs"]), _shapes(signature["outputs"]))
                for name, signature in answer["metadata"]["signature_def"]["signature_def"].items()
                if signature["inputs"]
            }
        return self._signatures

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `ServedModel`; in the column format."""
        known = (self._signatures or self.signatures())[signature].outputs
        body = {"signature_name": signature, "inputs": {name: _plain(array) for name, array in inputs.items()}}
        answer = self._ask("POST", ":predict", body)
        with _read_as_tf_serving(answer):
            outputs = {next(iter(known)): answer["outputs"]} if len(known) == 1 else answer["outputs"]
            return {name: _array(value, known[name].dtype) for name, value in outputs.items()}

    def close(self) -> None:
        """See `ServedModel`."""
        self._pool.clear()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            response = self._pool.request(method, self._url + path, body=json.dumps(body) if body else None)
            answer = json.loads(response.data)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ServingError(Code.DEADLINE_EXCEEDED, "Deadline Exceeded") from error
        except urllib3.exceptions.SSLError as error:
            raise ServingError(Code.UNAUTHENTICATED, str(error)) from error
        except (urllib3.exceptions.HTTPError, ConnectionError) as error:
            raise ServingError(Code.UNAVAILABLE, str(error)) from error
        except ValueError as error:
            text = response.data[:200].decode(errors="replace")
            raise ServingError(Code.of_http(response.status), f"no JSON but {text!r}") from error
        if response.status != 200:
            said = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise ServingError(Code.of_http(response.status), str(said))
        return answer


@contextlib.contextmanager
def _read_as_tf_serving(answer: object) -> Iterator[None]:
    """Another server's JSON, in which what is looked for is not there, is a `ServingError`."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServingError(Code.UNKNOWN, f"no answer of TF Serving but {str(answer)[:200]}") from error


def _plain(array: np.ndarray) -> Any:
    if array.dtype.kind == "O":
        return [{"b64": base64.b64encode(item).decode()} for item in array.tolist()]
    return array.tolist()


def _array(value: object, dtype: str) -> np.ndarray:
    return np.array(value, object if dtype == "string" else dtype)


def _shapes(infos: Mapping[str, Mapping]) -> dict[str, TensorShape]:
    return {name: TensorShape(_dtype(info["dtype"]), _sizes(info["tensor_shape"])) for name, info in infos.items()}


def _sizes(shape: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    if shape.get("unknown_rank"):
        return None
    sizes = [int(dim["size"]) for dim in shape.get("dim", ())]
    return tuple(size if size >= 0 else None for size in sizes)


def _dtype(name: str) -> str:
    """TensorFlow's name of a type, from the proto's: float32 for DT_FLOAT."""
    plain = name.removeprefix("DT_").lower()
    return {"float": "float32", "double": "float64"}.get(plain, plain)
