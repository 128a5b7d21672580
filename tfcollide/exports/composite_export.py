"""`--what=composite`: the patches and control parameters of a composite run, beside the hull of its corners."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.parameterizations.composite.composite_options import CompositeOptions
from tfcollide.parameterizations.composite.saved import SavedComposite, read_composite
from tfcollide.settings import flag, options_of

if TYPE_CHECKING:
    import tensorflow as tf

    from tfcollide.exports.parts import Parts, Subject

__all__ = ["OPTIONS", "VARIANT", "CompositeExport", "composite"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompositeExport:
    """Where the pixels of the patches are."""

    index: str | None = flag(None, "With --what=composite: the index that the run used. Default: where it was then.")

    def check(self) -> None:
        """Nothing to refuse before the run is known."""

    def material(self, run: Path, made_with: Any) -> SavedComposite:
        """The composite of a run directory, its patches cut from the index; needs no TensorFlow.

        Args:
            run: the directory.
            made_with: the settings of the run.

        Raises:
            RequestError: the run is of no composite, or the index is missing, damaged or another.
        """
        if made_with.parameterization != "composite":
            raise RequestError(
                f"--what=composite for {run}, a run with --parameterization={made_with.parameterization}",
                "a run with --parameterization=composite",
                "Say --what=mixture or --what=classifier.",
            )
        return read_composite(run, absolute(self.index or options_of(made_with, CompositeOptions).index or ""))


def composite(subject: Subject) -> Parts:
    """The signature `compose` of `control_parameters`; `mix` and `check` of `convex_weights` `[S, N]`.

    Mixing composites is mixing their blend weights, so `mix` needs the corners alone.

    Raises:
        RequestError: the run is of no composite.
    """
    import tensorflow as tf

    from tfcollide.exports.modules import Blending, hull_parts

    if subject.material is None:
        raise RequestError("--what=composite of a run without composites", "a run with --parameterization=composite")
    parts = hull_parts(subject, "composite")
    parts.module.blending = blending = Blending(subject.material)
    spec = tf.TensorSpec([None, *subject.material.layout.control_shape], tf.float32, name="control_parameters")

    @tf.function(input_signature=[spec])
    def compose(control_parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": blending.compose(control_parameters)}

    example = {"control_parameters": subject.material.control_parameters[:1]}  # one may be 50 MB
    return parts._replace(
        signatures={"compose": compose.get_concrete_function(), **parts.signatures},
        examples={"compose": example, **parts.examples},
    )


VARIANT = composite
OPTIONS = CompositeExport
