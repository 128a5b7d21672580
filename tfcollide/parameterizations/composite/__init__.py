"""Composites: the control parameters say how patches of photographs are blended (section 4 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from tfcollide.images import from_uint8
from tfcollide.parameterizations.base import Parameterization
from tfcollide.parameterizations.composite.composite_options import CompositeOptions
from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.records import CompositeRecord
from tfcollide.settings import options_of
from tfcollide.shapes import Bounds, ImageShape

if TYPE_CHECKING:
    import tensorflow as tf
    from _typeshed import DataclassInstance

    from tfcollide.parameterizations.composite.composer import Composer
    from tfcollide.parameterizations.composite.found_patches import FoundPatches

__all__ = ["LIMIT", "OPTIONS", "VARIANT", "Composite", "Composition"]

LIMIT = 20.0
"""Control parameters stay between minus and plus this; float32 holds nothing of a candidate that is e^-40 of another."""


class Composition(NamedTuple):
    """What stands for a source.

    Attributes:
        composer: the index, and where windows lie.
        patches: what was found for its windows.
    """

    composer: Composer
    patches: FoundPatches


class Composite(Parameterization):
    """Blends of patches that are pasted where a layout says; at zero control parameters, Eq. 5.

    The control parameters are what the paper's differ by from log d_k, so that no
    candidate needs one where it does not reach.

    Args:
        layout: where the candidates lie.
        bounds: of the model's pixels.
    """

    term_weights: Mapping[str, float] = {"total_variation": 0.2}
    words: Mapping[str, str] = {"total_variation": "unevenness of the control parameters"}
    summed_over_pixels = ("total_variation",)
    hull_noise = 0.005
    several_pairs = False
    composer: Composer | None = None  # of a run; a composite that is made again has its patches from elsewhere

    def __init__(self, layout: Layout, bounds: Bounds):
        super().__init__(bounds)
        self.layout, self.fused = layout, not layout.down.smooth

    @classmethod
    def create(cls, settings: DataclassInstance, bounds: Bounds, shape: ImageShape, num_corners: int) -> Self:
        """Opens the index that the settings name."""
        from tfcollide.parameterizations.composite.composer import open_composer

        composer = open_composer(options_of(settings, CompositeOptions), shape, num_corners)
        made = cls(composer.layout, bounds)
        made.composer = composer
        return made

    def look_up(self, source: np.ndarray) -> Any:
        """The patches for a source `[H, W, 3]` uint8.

        Raises:
            RequestError: a window has no neighbor.
        """
        return Composition(self.composer, self.composer.find(source)) if self.composer else None

    def material(self, found: Composition) -> tf.Tensor:
        """The patches of a composition, arranged."""
        return self.arrange(found.composer.cut(found.patches))

    def describe(self, found: Composition, controls: np.ndarray) -> CompositeRecord:
        """What corners with the control parameters `[N, ...]` are blended from."""
        import tensorflow as tf

        composer, patches = found
        layout, axis = composer.layout, composer.layout.down
        return CompositeRecord(
            index=str(composer.collection.path),
            index_checksum=composer.collection.manifest.fingerprint(),
            candidates=layout.num_candidates,
            per_window=layout.per_window,
            window=axis.window,
            stride=axis.stride,
            surround=axis.surround,
            control_spacing=axis.spacing,
            coverage=layout.coverage,
            control_bytes=layout.control_bytes(len(controls)),
            dense_bytes=layout.dense_bytes(len(controls)),
            photographs=len(np.unique(patches.images)),
            own=patches.own,
            patch_distance=float(patches.distances.mean()),
            total_variation=tuple(self.terms(tf.constant(controls))["total_variation"].numpy().tolist()),
        )

    def adam_schedule(self, held: bool, led: bool = False) -> str:
        """One rate suits: control parameters have no unit."""
        return "0.1"

    def arrange(self, patches: np.ndarray) -> tf.Tensor:
        """The material of images: patches `[K, n + 2s, n + 2s, C]` uint8, where they are pasted."""
        from tfcollide.parameterizations.composite import blending, pixelwise

        if self.fused:
            return pixelwise.in_pixels(self.layout, patches)
        return blending.arrange(self.layout, from_uint8(patches, self._bounds))

    def init(self, source: np.ndarray, num_corners: int, *, noise: float = 0.0, seed: int = 0) -> tf.Tensor:
        """The paper's start, N times, with noise if asked for: each corner prefers other candidates, wherever they reach.

        Args:
            source: not looked at, since the patches stand for it.
            num_corners: N.
            noise: standard deviation of normal noise, one value per candidate, as a share of the range of control parameters.
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
        return self.images_and_terms(control_parameters, material)[0]

    def images_and_terms(
        self, control_parameters: tf.Tensor, material: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Both at once, which costs little more than one of them where every pixel has its own parameters."""
        from tfcollide.parameterizations.composite import blending, pixelwise

        if not self.fused:
            return blending.blend(self.layout, material, control_parameters), self.terms(control_parameters)
        pixels, variation = pixelwise.blend_evenly(self.layout, material, control_parameters)
        images = pixels * (self._bounds.range / 255.0) + self._bounds.lower
        return images, {"total_variation": variation}

    def terms(self, control_parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """R(P), `[N]`."""
        from tfcollide.parameterizations.composite import blending, pixelwise

        of = pixelwise.total_variation if self.fused else blending.total_variation
        return {"total_variation": of(self.layout, control_parameters)}

    def project(self, control_parameters: tf.Tensor) -> tf.Tensor:
        """The nearest control parameters within `LIMIT`."""
        import tensorflow as tf

        return tf.clip_by_value(control_parameters, -LIMIT, LIMIT)


VARIANT = Composite
OPTIONS = CompositeOptions
