"""What a parameterization says of itself; a variant overrides what differs from pixels that know nothing but their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tfcollide.shapes import Bounds, ImageShape

if TYPE_CHECKING:
    import tensorflow as tf
    from _typeshed import DataclassInstance

    from tfcollide.records import CompositeRecord

__all__ = ["Parameterization"]


class Parameterization:
    """Control parameters and the images they stand for.

    Attributes:
        term_weights: default weights of its terms.
        words: what each of its terms is, for figures.
        summed_over_pixels: terms of these that grow with the number of pixels.
        hull_noise: the noise from which corners part where hull terms hold them together.
        in_pixels: whether the control parameters are the image, so that bounds on its change can be kept.
        several_pairs: whether the corners of several pairs can be one batch.
        fused: whether control parameters are so many that their update is worth compiling by XLA.
    """

    term_weights: Mapping[str, float] = {}
    words: Mapping[str, str] = {}
    summed_over_pixels: ClassVar[tuple[str, ...]] = ()
    hull_noise: float = 0.05
    in_pixels: ClassVar[bool] = False
    several_pairs: ClassVar[bool] = True
    fused: bool = False

    def __init__(self, bounds: Bounds):
        self._bounds = bounds

    @classmethod
    def create(cls, settings: DataclassInstance, bounds: Bounds, shape: ImageShape, num_corners: int) -> Self:
        """The parameterization of a run.

        Args:
            settings: of the run; `settings.options_of` finds the variant's own flags in it.
            bounds: of the model's pixels.
            shape: `(H, W, C)` of its images.
            num_corners: N.
        """
        return cls(bounds)

    def look_up(self, source: np.ndarray) -> Any:
        """What it needs to know of a source `[H, W, C]` uint8 before a descent from there; None: nothing."""
        return None

    def material(self, found: Any) -> tf.Tensor | None:
        """What images are made of beside control parameters, from what `look_up` found; None: of nothing else."""
        return None

    def describe(self, found: Any, controls: np.ndarray) -> CompositeRecord | None:
        """The record of what corners with the control parameters `[N, ...]` are made of; None: of themselves."""
        return None

    def adam_schedule(self, held: bool, led: bool = False) -> str:
        """A rate for rules that take steps of the rate's size, as the user would write it; see `pixels`.

        Args:
            held: whether hull terms hold corners together.
            led: whether a continuation leads the search.
        """
        return "0.03"

    def init(self, source: np.ndarray, num_corners: int, *, noise: float = 0.0, seed: int = 0) -> tf.Tensor:
        """Control parameters `[N, ...]` of N images near the source `[H, W, C]`."""
        raise NotImplementedError

    def to_image(self, control_parameters: tf.Tensor, material: tf.Tensor | None = None) -> tf.Tensor:
        """Images `[N, H, W, C]`, differentiable in the control parameters."""
        raise NotImplementedError

    def terms(self, control_parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """Terms of the control parameters themselves, unweighted, `[N]` each."""
        return {}

    def images_and_terms(
        self, control_parameters: tf.Tensor, material: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """What `to_image` and `terms` return, for those that share work."""
        return self.to_image(control_parameters, material), self.terms(control_parameters)

    def project(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The nearest permitted control parameters."""
        return control_parameters
