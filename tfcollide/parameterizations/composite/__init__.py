"""Composites: the control parameters say how patches of photographs are blended (section 4 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfcollide.parameterizations.composite.layout import Layout

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["LIMIT", "VARIANT", "Composite"]

LIMIT = 20.0
"""Control parameters stay between minus and plus this; float32 holds nothing of a candidate that is e^-40 of another."""


class Composite:
    """Blends of patches that are pasted where a layout says; at zero control parameters, Eq. 5.

    The control parameters are what the paper's differ by from log d_k, so that no
    candidate needs one where it does not reach.

    Args:
        layout: where the candidates lie.
    """

    weights: Mapping[str, float] = {"total_variation": 0.2}
    hull_noise = 0.005

    def __init__(self, layout: Layout):
        self.layout = layout

    def adam_schedule(self, together: bool, led: bool = False) -> str:
        """One rate suits: control parameters have no unit."""
        return "0.1"

    def arrange(self, patches: np.ndarray) -> tf.Tensor:
        """The material of images: patches `[K, n + 2s, n + 2s, C]` float32 in the model's bounds, where they are pasted."""
        from tfcollide.parameterizations.composite.blending import arrange

        return arrange(self.layout, patches)

    def init(self, source: np.ndarray, num_corners: int, *, noise: float = 0.0, seed: int = 0) -> tf.Tensor:
        """The paper's start, N times, with noise if asked for: each corner prefers other candidates, wherever they reach.

        Args:
            source: not looked at, since the patches stand for it.
            num_corners: N.
            noise: standard deviation of normal noise, one value a candidate, as a share of the range of control parameters.
            seed: of the noise.

        Returns:
            `[N, *layout.control_shape]` control parameters.
        """
        import tensorflow as tf

        draw = np.random.default_rng(seed).standard_normal([num_corners, self.layout.num_candidates], dtype=np.float32)
        named = self.layout.candidates_at_points()
        start = np.where(named >= 0, np.float32(noise * 2 * LIMIT) * draw[:, named], np.float32(0))
        return self.project(tf.constant(start))

    def to_image(self, control_parameters: tf.Tensor, material: tf.Tensor | None = None) -> tf.Tensor:
        """`[N, H, W, C]` images of what `arrange` gave."""
        from tfcollide.parameterizations.composite.blending import blend

        return blend(self.layout, material, control_parameters)

    def terms(self, control_parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """R(P), `[N]`."""
        from tfcollide.parameterizations.composite.blending import total_variation

        return {"total_variation": total_variation(self.layout, control_parameters)}

    def project(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The nearest control parameters within `LIMIT`."""
        import tensorflow as tf

        return tf.clip_by_value(control_parameters, -LIMIT, LIMIT)


VARIANT = Composite
