"""Which signature of a served model takes our images, and in which form it wants them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.images import from_uint8, png_bytes, to_uint8
from tfcollide.serving.client.signature import Signature, TensorShape, shown
from tfcollide.shapes import Bounds, ImageShape

__all__ = ["ImageForm", "choose_form"]


class ImageForm(NamedTuple):
    """How images go in and probabilities come out.

    Attributes:
        signature: its name.
        input: the name of its input.
        output: the name of the output with a number per class.
        dtype: "float32", "uint8", or "string" for image files.
        bounds: of the images.
    """

    signature: str
    input: str
    output: str
    dtype: str
    bounds: Bounds

    def encode(self, images: np.ndarray) -> np.ndarray:
        """What is sent for `images` `[n, H, W, C]` float32."""
        if self.dtype == "float32":
            return images
        pixels = to_uint8(images, self.bounds)
        return pixels if self.dtype == "uint8" else np.array([png_bytes(image) for image in pixels], object)

    def as_sent(self, images: np.ndarray) -> np.ndarray:
        """The images that a model sees when these are sent: rounded where only 8 bits travel."""
        return images if self.dtype == "float32" else from_uint8(to_uint8(images, self.bounds), self.bounds)


def choose_form(
    signatures: Mapping[str, Signature],
    *,
    signature: str,
    input_name: str,
    output_name: str,
    shape: ImageShape,
    classes: int,
    bounds: Bounds,
    single: bool = False,
) -> ImageForm:
    """The form in which a model takes images.

    Args:
        signatures: what the model has.
        signature: the one to use.
        input_name: of the images.
        output_name: of the probabilities or logits.
        shape: of an image.
        classes: L.
        bounds: of the images.
        single: whether one number for two classes will do.

    Raises:
        RequestError: the model has other names, types or shapes; the line says which.
    """
    mend = "Name yours with --signature_name, --input_name and --output_name."
    if "mix" in signatures:
        mend = "This is a hull, which takes weights: export the run with --what=classifier as well, and check that."
    wanted = f"{signature}({input_name} [?,{','.join(map(str, shape))}]) -> {output_name} [?,{classes}]"
    found = signatures.get(signature)
    if found is None and signatures and "mix" not in signatures:
        raise RequestError(f"no signature {signature}", f"one of {', '.join(signatures)}", f"{mend} Wanted is {wanted}.")
    if found is None or set(found.inputs) != {input_name} or output_name not in found.outputs:
        raise RequestError(f"a model with {shown(signatures)}", wanted, mend)
    takes = found.inputs[input_name]
    image = (None,) if takes.dtype == "string" else (None, *shape)
    if takes.dtype not in ("float32", "uint8", "string") or not _fits(takes, image):
        raise RequestError(f"a model with {shown({signature: found})}", wanted, "Ask the model that the run was made with.")
    if not any(_fits(found.outputs[output_name], (None, count)) for count in ((classes, 1) if single else (classes,))):
        raise RequestError(f"a model with {shown({signature: found})}", wanted, "Is it trained on other classes?")
    return ImageForm(signature, input_name, output_name, takes.dtype, bounds)


def _fits(tensor: TensorShape, shape: tuple[int | None, ...]) -> bool:
    """Whether a batch of any size with this shape is accepted."""
    if tensor.shape is None:
        return True
    same_rank = len(tensor.shape) == len(shape)
    return same_rank and all(have is None or have == want for have, want in zip(tensor.shape, shape, strict=True))
