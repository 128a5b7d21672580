"""How far a class is ahead."""

import numpy as np

__all__ = ["margins"]


def margins(logits: np.ndarray, target: int) -> np.ndarray:
    """`[n]` float64, the target's logit less the largest other one, of logits `[n, L]`."""
    logits = logits.astype(np.float64)
    return logits[:, target] - np.delete(logits, target, axis=1).max(axis=1)
