"""What survives deployment: the mixtures of a hull after what may happen to images, and in other forms of the network."""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.files.atomic import json_bytes
from tfcollide.files.checkpoint import Ledger
from tfcollide.images import from_uint8
from tfcollide.measure.survival import TREATMENTS
from tfcollide.models.classifier import Classifier
from tfcollide.models.deployed import LITE_KINDS, Logits, in_bfloat16, lite_bytes, lite_logits
from tfcollide.models.model_file import read_lite
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.records import SurvivalRow
from tfcollide.records.from_json import record_from_json
from tfcollide.runtime.progress import progress

__all__ = ["SURVIVAL_SAMPLES", "survive"]

SURVIVAL_SAMPLES = 200
"""Mixtures of a hull that are treated."""

_EXAMPLES = 100


def survive(
    network: Classifier,
    corners: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    *,
    data: LabeledImages | None = None,
    check_file: Path | None = None,
    samples: int = SURVIVAL_SAMPLES,
    seed: int = 0,
    ledger: Ledger | None = None,
) -> tuple[SurvivalRow, ...]:
    """One row per treatment of the images, per form of the network, and for a TFLite file where one is given.

    Args:
        network: that reads the hull as the target.
        corners: `[N, H, W, C]` float32 in its bounds.
        ends: the source and the target `[H, W, C]`.
        data: whose test images say which values int8 has to hold; None: source and target do.
        check_file: a TFLite file that stands for the network.
        samples: random mixtures.
        seed: of them.
        ledger: keeps what is finished.

    Raises:
        RequestError: `check_file` cannot be asked.
    """
    mixtures = mix(convex_weights(samples, len(corners), seed=seed), corners)
    batch = np.concatenate([np.stack(ends), mixtures]).astype(np.float32)
    codes = network.judge(batch[:2]).predicted
    jobs: dict[str, Callable[[], SurvivalRow]] = {
        name: functools.partial(_treated, name, network, batch, codes) for name in TREATMENTS
    }
    known = _forms_by_data(network, data) if data is not None and data.test_size else _forms(network, batch[:2])
    if check_file is not None:
        own = lite_logits(read_lite(check_file), network, name=f"--check_file={check_file}")
        known = {**known, check_file.name: lambda: own}
    jobs |= {name: functools.partial(_asked, name, form, network, batch, codes) for name, form in known.items()}
    ledger = ledger or Ledger()
    return tuple(
        _row(ledger.do(f"survival {name}", functools.partial(_packed, job)))
        for name, job in progress(jobs.items(), desc="what survives", unit=" treatments", leave=False, delay=1.0)
    )


@functools.lru_cache(maxsize=4)
def _forms_by_data(network: Classifier, data: LabeledImages) -> Mapping[str, Callable[[], Logits]]:
    """Name -> what makes this form of the network, made once; its examples are the first test images."""
    images = np.asarray(data.fitted(network.image_shape).test.images[:_EXAMPLES])
    return _forms(network, from_uint8(images, network.bounds))


def _forms(network: Classifier, examples: np.ndarray) -> Mapping[str, Callable[[], Logits]]:
    def lite(kind: str) -> Logits:
        return lite_logits(lite_bytes(network, kind, examples), network, name=f"TFLite {kind}")

    made: dict[str, Callable[[], Logits]] = {"bfloat16": lambda: in_bfloat16(network)}
    made |= {f"TFLite {kind}": functools.partial(lite, kind) for kind in LITE_KINDS}
    return {name: functools.cache(one) for name, one in made.items()}


def _treated(name: str, network: Classifier, batch: np.ndarray, codes: np.ndarray) -> SurvivalRow:
    """Mixtures, and both ends, after a treatment, through the network as it is."""
    bounds = network.bounds
    shares = ((batch - bounds.lower) / bounds.range).astype(np.float32)
    changed = batch if name == "none" else (TREATMENTS[name](shares) * bounds.range + bounds.lower).astype(np.float32)
    return _counted(name, network.judge(changed).predicted, codes)


def _asked(name: str, form: Callable[[], Logits], network: Classifier, batch: np.ndarray, codes: np.ndarray) -> SurvivalRow:
    """Mixtures, and both ends, as they are, through another form of the network."""
    try:
        return _counted(name, network.reading.predicted(form()(batch)), codes)
    except RequestError as error:
        return SurvivalRow(name, None, reason=str(error))


def _counted(name: str, read: np.ndarray, codes: np.ndarray) -> SurvivalRow:
    """From what the source, the target and the mixtures are read as."""
    source, target = codes
    mixtures = read[2:]
    return SurvivalRow(name, float(np.mean(mixtures == target)), float(np.mean(mixtures == source)), bool(read[1] == target))


def _packed(job: Callable[[], SurvivalRow]) -> dict[str, np.ndarray]:
    return {"row": np.frombuffer(json_bytes(job()), np.uint8)}


def _row(arrays: Mapping[str, np.ndarray]) -> SurvivalRow:
    found: SurvivalRow = record_from_json(SurvivalRow, json.loads(arrays["row"].tobytes()))
    return found
