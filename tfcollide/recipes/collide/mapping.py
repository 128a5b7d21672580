"""From a config to what the library asks for: the one place where a search, an exact solver and a judgment learn of flags."""

import math
from collections.abc import Mapping
from typing import Any

from tfcollide.errors import RequestError
from tfcollide.library.options import ExactOptions, JudgeOptions, MatchOptions, SearchOptions, default_weights
from tfcollide.recipes.collide.config import CollideConfig
from tfcollide.registry import PARAMETERIZATIONS

__all__ = ["asked", "exact_options", "judge_options", "match_options", "search_options", "term_weights"]


def search_options(config: CollideConfig) -> SearchOptions:
    """How corners are searched for by descent.

    Raises:
        RequestError: a value that cannot be read.
    """
    return SearchOptions(
        corners=config.num_corners(),
        objective=config.objective,
        optimizer=config.optimizer,
        learning_rate=config.learning_rate,
        term_weights=tuple(term_weights(config.term_weights, _default_weights(config)).items()) if config.term_weights else (),
        literal=config.literal,
        hull_samples=config.hull_samples,
        spread=config.spread_asked(),
        half_life=config.half_life,
        start_noise=config.start_noise,
        source_pull=config.pull(),
        patience=config.patience,
        max_steps=config.max_steps,
        stop_loss=config.stop_loss,
        stop_fraction=config.stop_fraction,
        max_change=config.max_change,
        max_total=config.max_total,
        trace_every=config.trace_every,
        xla=config.xla,
        seed=config.seed,
    )


def exact_options(config: CollideConfig) -> ExactOptions:
    """How corners are found exactly."""
    return ExactOptions(
        corners=config.num_corners(),
        direction=config.direction,
        nearest=config.nearest,
        spread=config.spread_asked() or 0.0,  # the largest is of hulls that are held together alone
        max_change=config.max_change,
        max_total=config.max_total,
        seed=config.seed,
    )


def judge_options(config: CollideConfig) -> JudgeOptions:
    """How the hull is judged."""
    return JudgeOptions(
        samples=config.interpolations,
        sampling=config.sampling,
        worst_starts=config.worst_starts,
        allow_trivial=config.allow_trivial,
        seed=config.seed,
    )


def match_options(config: CollideConfig) -> MatchOptions:
    """When features match, and who may say what a corner shows."""
    return MatchOptions(quantile=config.match_quantile, share=config.stop_fraction, reader_accuracy=config.reader_accuracy)


def asked(config: CollideConfig) -> dict[str, Any]:
    """What a summary repeats of the request."""
    names = ("parameterization", "solver", "objective", "seed", "allow_trivial")
    return {"dataset": config.dataset_name()} | {name: getattr(config, name) for name in names}


def term_weights(text: str | None, defaults: Mapping[str, float]) -> dict[str, float]:
    """The weights of an objective's terms, with those in `text` ("active_match=2") replaced.

    Raises:
        RequestError: a term that the objective does not have, or no number.
    """
    weights = dict(defaults)
    for entry in text.split(",") if text else ():
        name, _, value = entry.partition("=")
        try:
            if name.strip() not in weights or not math.isfinite(float(value)):
                raise ValueError(name)
            weights[name.strip()] = float(value)
        except ValueError as error:
            raise RequestError(f"--term_weights={text}", f"TERM=NUMBER with terms {', '.join(weights)}") from error
    return weights


def _default_weights(config: CollideConfig) -> dict[str, float]:
    return default_weights(config.objective, PARAMETERIZATIONS.load(config.parameterization).term_weights)
