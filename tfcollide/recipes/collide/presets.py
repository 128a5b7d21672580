"""Settings in a bundle, the paper's and its authors'."""

from typing import Any

from tfcollide.errors import RequestError

__all__ = ["PRESETS", "preset_values"]

# The paper's losses: nothing holds the hull together or pulls to the source, and only L_pos says when to end, and
# whether features match.
_PAPER = {
    "literal": True,
    "hull_samples": 0,
    "start_noise": 0.0,
    "source_pull": 0.0,
    "patience": 0,
    "max_steps": 20_000,
    "match_quantile": 1.0,
    "allow_trivial": True,
}
_MNIST = {"term_weights": "corner_push=7,inactive_magnitude=0.8,feature_distance=0"} | _PAPER

PRESETS: dict[str, dict[str, Any]] = {
    # Section 3.1: gradient descent at a fixed rate, every corner to L_pos < 5.
    "mnist": {"optimizer": "gradient_descent", "learning_rate": "1e-4", "stop_loss": 5.0} | _MNIST,
    # The same at a rate that decays, and with the authors' average of gradients.
    "decay": {"optimizer": "gradient_descent", "learning_rate": "cosine:2e-4", "stop_loss": 5.0} | _MNIST,
    "ema": {"optimizer": "ema", "learning_rate": "1e-4", "stop_loss": 5.0} | _MNIST,
    # The authors' scripts to the letter: 100 L_pos / 2 + 10 L_neg, EMA 0.99 and 0.01, pixels 0..255.
    "paper": {
        "optimizer": "ema",
        "learning_rate": "0.01",
        "term_weights": "active_match=50,corner_push=10,inactive_magnitude=10,feature_distance=0",
        "half_life": 0.0,
    }
    | _PAPER,
    # The same for composites: their rates by step, 100 TV, a control parameter per pixel.
    "composite_paper": {
        "parameterization": "composite",
        "optimizer": "ema",
        "learning_rate": "0:0.001,2200:0.01,3200:0.02,4700:0.04,7000:0.06,9000:0.08,11000:0.1,14000:0.001",
        "term_weights": "active_match=50,corner_push=10,inactive_magnitude=10,feature_distance=0,total_variation=100",
        "half_life": 0.0,
        "control_spacing": 1,
    }
    | _PAPER,
}
"""Name -> values of `CollideConfig` fields."""


def preset_values(name: str | None) -> dict[str, Any]:
    """The values that a preset sets.

    Raises:
        RequestError: there is no such preset.
    """
    if name is None:
        return {}
    if name not in PRESETS:
        raise RequestError(f"--preset={name}", f"one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]
