"""Many samples through a served model: split into requests, several at a time, each counted once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from tfcollide.serving.client.retry import retrying
from tfcollide.serving.client.signature import ServedModel
from tfcollide.serving.codes import Code, ServingError

__all__ = ["Pace", "ask_all"]


class Pace(NamedTuple):
    """How much is asked at a time.

    Attributes:
        batch_size: samples in a request, at most.
        max_bytes: in a request, about; one sample is always sent whole.
        concurrency: requests at a time.
        retry_seconds: how long a request is repeated while the server is unavailable.
    """

    batch_size: int = 64
    max_bytes: int = 2**21
    concurrency: int = 4
    retry_seconds: float = 60.0


def ask_all(
    model: ServedModel,
    signature: str,
    input_name: str,
    samples: np.ndarray,
    pace: Pace,
    *,
    on_progress: Callable[[int], object] = lambda samples: None,
) -> dict[str, np.ndarray]:
    """The outputs for `samples` `[n, ...]`, each `[n, ...]` and in the samples' order.

    Raises:
        ServingError: a request failed for good; no further ones are sent then.
    """
    rows = _rows(samples, pace)
    parts = [samples[i : i + rows] for i in range(0, len(samples), rows)]

    def ask(part: np.ndarray) -> dict[str, np.ndarray]:
        outputs = _ask_part(model, signature, input_name, part, pace)
        on_progress(len(part))
        return outputs

    with ThreadPoolExecutor(pace.concurrency) as pool:
        jobs = [pool.submit(ask, part) for part in parts]
        try:
            return _joined([job.result() for job in jobs])
        except ServingError:
            pool.shutdown(cancel_futures=True)
            raise


def _ask_part(model: ServedModel, signature: str, input_name: str, part: np.ndarray, pace: Pace) -> dict[str, np.ndarray]:
    """One request, or two halves where the server says that it is too large."""
    try:
        outputs = retrying(lambda: model.predict(signature, {input_name: part}), seconds=pace.retry_seconds)
    except ServingError as error:
        if len(part) == 1 or not _is_too_large(error):
            raise
        middle = len(part) // 2
        return _joined([_ask_part(model, signature, input_name, half, pace) for half in (part[:middle], part[middle:])])
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != len(part):
            raise ServingError(Code.INTERNAL, f"output {name} of shape {list(array.shape)} for {len(part)} samples")
    return outputs


def _is_too_large(error: ServingError) -> bool:
    return error.code == Code.RESOURCE_EXHAUSTED or "maximum input batch size" in error.message


def _rows(samples: np.ndarray, pace: Pace) -> int:
    one = max(map(len, samples)) if samples.dtype.kind == "O" else samples[:1].nbytes
    return max(1, min(pace.batch_size, pace.max_bytes // max(1, one)))


def _joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
