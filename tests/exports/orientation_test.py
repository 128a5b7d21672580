"""Orientation in EXIF and XMP, read in a graph, against Pillow and by hand."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tfcollide.exports.orientation import orientation, turned
from tfcollide.images import decode

PIXELS = np.random.default_rng(0).integers(0, 256, [8, 16, 3], np.uint8)
CODES = range(1, 9)


@pytest.fixture(scope="module")
def shown():
    """Decodes and turns a file within a graph."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def function(file):
        return turned(tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE"), file)

    return function


@pytest.fixture(scope="module")
def asked():
    return tf.function(orientation, input_signature=[tf.TensorSpec([], tf.string)])


def exif(code, order="<", *, kind=3, before=0, tag=0x0112):
    """EXIF data of one directory, in which `before` entries come first."""
    value = struct.pack(f"{order}HH", code, 0) if kind == 3 else struct.pack(f"{order}I", code)
    entries = [struct.pack(f"{order}HHI", 0x0100 + i, 4, 1) + struct.pack(f"{order}I", 6) for i in range(before)]
    entries.append(struct.pack(f"{order}HHI", tag, kind, 1) + value)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return b"Exif\0\0" + head + struct.pack(f"{order}H", len(entries)) + b"".join(entries) + b"\0\0\0\0"


def saved(form, **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_files_are_turned_as_images_from_files_are(shown, tmp_path, form, order):
    for code in CODES:
        file = saved(form, exif=exif(code, order, before=code % 3))
        (tmp_path / "image").write_bytes(file)
        expected = decode(tmp_path / "image")
        assert (expected.shape[0] > expected.shape[1]) == (code > 4)
        np.testing.assert_array_equal(shown(file), expected, err_msg=f"orientation {code}")
        np.testing.assert_array_equal(expected, ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB"))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_files_without_orientation_stay_as_they_are(asked, form):
    for options in ({}, {"exif": exif(6, tag=0x0113)}, {"exif": exif(0)}, {"exif": exif(9)}, {"exif": exif(6, kind=1)}):
        assert asked(saved(form, **options)) == 1


def test_whole_numbers_of_four_bytes_count(asked):
    assert [int(asked(saved("JPEG", exif=exif(code, ">", kind=4)))) for code in CODES] == list(CODES)


def test_a_thumbnail_or_pixels_that_look_like_it_do_not_count(asked):
    in_pixels = saved("JPEG") + exif(6)
    assert asked(in_pixels) == 1
    second = exif(8)[6:]
    behind_first = exif(3)[:-4] + struct.pack("<I", 26) + second[8:]  # the next directory is the thumbnail's
    assert asked(saved("JPEG", exif=behind_first)) == 3


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("words", ['tiff:Orientation="6"', "<tiff:Orientation>6</tiff:Orientation>"])
def test_xmp_speaks_where_exif_does_not(asked, form, words):
    if form == "JPEG":
        options = {"xmp": words.encode()}
    else:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", words)
        options = {"pnginfo": info}
    for more, expected in (({}, 6), ({"exif": exif(3)}, 3)):
        file = saved(form, **options, **more)
        assert Image.open(io.BytesIO(file)).getexif()[0x0112] == expected
        assert asked(file) == expected


def test_damaged_files_ask_for_nothing_and_end(asked):
    draw = np.random.default_rng(0)
    whole = [saved(form, exif=exif(6)) for form in ("PNG", "JPEG")]
    for file in [b"", b"\xff", b"\xff\xd8", b"\x89PNG", b"no image", *(one[: len(one) // 3] for one in whole)]:
        assert 1 <= asked(file) <= 8
    for _ in range(300):
        values = np.frombuffer(whole[int(draw.integers(2))], np.uint8).copy()
        values[draw.integers(len(values) if draw.random() < 0.5 else 90, size=3)] = draw.integers(0, 256, 3)
        assert 1 <= asked(values.tobytes()) <= 8
