"""Pixels: the control parameters are the image itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfcollide.parameterizations.base import Parameterization

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["VARIANT", "Pixels"]

_ADAM_RATE = 0.03  # of a search that is led, too: its rate falls as it crosses what matches
_HULL_RATE, _HULL_HALF_LIFE = 0.015, 300


class Pixels(Parameterization):
    """Images in the model's bounds, clipped at every step.

    Args:
        bounds: of the model.
    """

    in_pixels = True

    def adam_schedule(self, held: bool, led: bool = False) -> str:
        """Rates are shares of the bounds' range; corners held together settle only as it falls."""
        if held and not led:
            return f"halving:{_HULL_RATE * self._bounds.range:g}:{_HULL_HALF_LIFE}"
        return f"{_ADAM_RATE * self._bounds.range:g}"

    def init(self, source: np.ndarray, num_corners: int, *, noise: float = 0.0, seed: int = 0) -> tf.Tensor:
        """N copies of the source, with noise if asked for.

        Args:
            source: `[H, W, C]` float32 in bounds.
            num_corners: N.
            noise: standard deviation of normal noise, as a share of the bounds' range.
            seed: of the noise.

        Returns:
            `[N, H, W, C]` control parameters.
        """
        import tensorflow as tf

        copies = np.repeat(source[None], num_corners, axis=0).astype(np.float32)
        if noise:
            draw = np.random.default_rng(seed).standard_normal(copies.shape, dtype=np.float32)
            copies += noise * self._bounds.range * draw
        return self.project(tf.constant(copies))

    def to_image(self, control_parameters: tf.Tensor, material: tf.Tensor | None = None) -> tf.Tensor:
        """`[N, H, W, C]` images."""
        return control_parameters

    def project(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The nearest control parameters whose images are in bounds."""
        import tensorflow as tf

        return tf.clip_by_value(control_parameters, *self._bounds)


VARIANT = Pixels
