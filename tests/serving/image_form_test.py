import io

import numpy as np
import pytest
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.serving.client.image_form import choose_form
from tfcollide.serving.client.signature import Signature, TensorShape
from tfcollide.shapes import Bounds

BOUNDS = Bounds(0.0, 1.0)
ASKED = {
    "signature": "s",
    "input_name": "x",
    "output_name": "p",
    "shape": (4, 4, 1),
    "classes": 3,
    "bounds": BOUNDS,
}


def model(dtype="float32", shape=(None, 4, 4, 1), out=(None, 3), name="x"):
    return {"s": Signature({name: TensorShape(dtype, shape)}, {"p": TensorShape("float32", out)})}


@pytest.mark.parametrize("shape", [(None, 4, 4, 1), (None, None, None, 1), None])
def test_shapes_that_fit(shape):
    assert choose_form(model(shape=shape), **ASKED).dtype == "float32"


@pytest.mark.parametrize(
    "other",
    [
        model(name="y"),
        model(shape=(None, 8, 8, 1)),
        model(shape=(1, 4, 4, 1)),
        model(shape=(None, 16)),
        model(dtype="float64"),
        model(out=(None, 5)),
        {},
    ],
)
def test_others_are_shown_as_they_are(other):
    with pytest.raises(RequestError, match=r"^a model with .*: expected s\(x \[\?,4,4,1\]\) -> p \[\?,3\]") as caught:
        choose_form(other, **ASKED)
    for signature in other.values():
        (name,) = signature.inputs
        assert f"s({name} {signature.inputs[name].dtype} [" in str(caught.value)


def test_a_signature_that_is_not_there_is_said_first():
    with pytest.raises(RequestError, match=r"^no signature nope: expected one of s"):
        choose_form(model(), **ASKED | {"signature": "nope"})


def test_what_travels_as_eight_bits_is_rounded_for_both():
    images = np.random.default_rng(0).random([3, 4, 4, 1]).astype(np.float32)
    plain, pixels = (choose_form(model(dtype=dtype), **ASKED) for dtype in ("float32", "uint8"))
    files = choose_form(model(dtype="string", shape=(None,)), **ASKED)
    assert plain.encode(images) is images
    rounded = np.rint(images * 255).astype(np.uint8)
    np.testing.assert_array_equal(pixels.encode(images), rounded)
    decoded = [np.asarray(Image.open(io.BytesIO(file)))[..., None] for file in files.encode(images)]
    np.testing.assert_array_equal(decoded, rounded)
    np.testing.assert_allclose(pixels.as_sent(images), rounded / 255, atol=1e-7)
    np.testing.assert_array_equal(files.as_sent(images), pixels.as_sent(images))
