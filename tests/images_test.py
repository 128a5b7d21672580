import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from tfcollide import images
from tfcollide.errors import RequestError
from tfcollide.images import check_image_file, decode, from_uint8, read_image, read_images, to_uint8, write_png
from tfcollide.shapes import Bounds

UNIT, BYTES, SIGNED = Bounds(0.0, 1.0), Bounds(0.0, 255.0), Bounds(-1.0, 1.0)
COLOR = np.random.default_rng(0).integers(0, 256, [6, 5, 3], dtype=np.uint8)
GRAY = COLOR[..., :1]


def saved(path, image, **options):
    image.save(path, **options)
    return path


# 8 bits


@pytest.mark.parametrize("bounds", [UNIT, BYTES, SIGNED])
def test_all_256_levels_survive_the_way_there_and_back(bounds):
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    values = from_uint8(levels, bounds)
    assert values.dtype == np.float32
    assert (values.min(), values.max()) == (bounds.lower, bounds.upper)
    np.testing.assert_array_equal(to_uint8(values, bounds), levels)


def test_levels_by_hand():
    values = np.array([-0.1, 0.0, 0.49 / 255, 0.51 / 255, 0.5, 254.6 / 255, 1.0, 1.1])
    assert to_uint8(values, UNIT).tolist() == [0, 0, 0, 1, 128, 255, 255, 255]
    assert to_uint8(np.array([-1.0, -0.5, 0.0, 1.0]), SIGNED).tolist() == [0, 64, 128, 255]
    assert from_uint8(np.array([0, 51, 255], np.uint8), SIGNED).tolist() == [-1.0, np.float32(-0.6), 1.0]


def test_rounding_is_to_the_nearest_level():
    values = np.random.default_rng(0).random(1000).astype(np.float32)
    assert np.abs(from_uint8(to_uint8(values, UNIT), UNIT) - values).max() <= 0.5 / 255 + 1e-7


# Writing and reading


@pytest.mark.parametrize("image", [GRAY, COLOR])
def test_png_is_lossless(tmp_path, image):
    write_png(tmp_path / "a.png", image)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    found = read_image(tmp_path / "a.png", image.shape)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, image)


def test_several_files_are_read_in_order(tmp_path):
    for n in range(3):
        write_png(tmp_path / f"{n}.png", np.full([2, 2, 1], n, np.uint8))
    found = read_images([tmp_path / f"{n}.png" for n in (2, 0, 1)], (2, 2, 1))
    assert found[:, 0, 0, 0].tolist() == [2, 0, 1]


def test_gray_saved_in_color_counts_as_gray_and_the_other_way_round(tmp_path):
    write_png(tmp_path / "gray_in_color.png", np.repeat(GRAY, 3, axis=2))
    np.testing.assert_array_equal(read_image(tmp_path / "gray_in_color.png", (6, 5, 1)), GRAY)
    write_png(tmp_path / "gray.png", GRAY)
    np.testing.assert_array_equal(read_image(tmp_path / "gray.png", (6, 5, 3)), np.repeat(GRAY, 3, axis=2))


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1", "L", "CMYK"])
def test_other_modes_that_eight_bits_hold(tmp_path, mode):
    black_and_white = Image.fromarray(np.where(GRAY > 127, 255, 0).astype(np.uint8)[..., 0])
    path = saved(tmp_path / f"a.{'tiff' if mode == 'CMYK' else 'png'}", black_and_white.convert(mode))
    np.testing.assert_array_equal(read_image(path, (6, 5, 1)), np.asarray(black_and_white)[..., None])


def test_jpeg(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (5, 6), (200, 30, 90)), quality=95)
    assert np.abs(read_image(path, (6, 5, 3)).astype(int) - [200, 30, 90]).max() <= 3


# As a viewer shows them

TURNED = {  # what a camera saves where a viewer should show COLOR, by EXIF orientation
    1: COLOR,
    2: COLOR[:, ::-1],
    3: COLOR[::-1, ::-1],
    4: COLOR[::-1],
    5: COLOR.transpose(1, 0, 2),
    6: COLOR.transpose(1, 0, 2)[::-1],
    7: COLOR.transpose(1, 0, 2)[::-1, ::-1],
    8: COLOR.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("JPEG", {"quality": 100}),
    ],
)
def test_images_are_turned_as_exif_asks(tmp_path, kind, options):
    for orientation, pixels in TURNED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        large = np.ascontiguousarray(np.repeat(np.repeat(pixels, 16, 0), 16, 1))  # JPEG's blocks are 16 pixels wide
        path = saved(tmp_path / "a", Image.fromarray(large), format=kind, exif=exif, **options)
        found = decode(path)[8::16, 8::16].astype(int)
        assert found.shape == COLOR.shape and np.abs(found - COLOR).max() <= (12 if kind == "JPEG" else 0), orientation


def test_a_palette_is_turned_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(TURNED[6])).quantize(64), exif=exif)
    np.testing.assert_array_equal(decode(path), COLOR)


def test_damaged_exif_data_are_left_aside(tmp_path):
    path = saved(tmp_path / "a.webp", Image.fromarray(COLOR), exif=b"Exif\0\0II*\0\xff\xff\xff\xff" * 3, lossless=True)
    np.testing.assert_array_equal(decode(path), COLOR)


# Refusals


@pytest.mark.parametrize("shape", [(5, 6, 3), (6, 6, 3), (6, 4, 3)])
def test_another_size(tmp_path, shape):
    write_png(tmp_path / "a.png", COLOR)
    with pytest.raises(RequestError, match=rf"a\.png of 5x6 pixels: expected {shape[1]}x{shape[0]} \(width x height\)"):
        read_image(tmp_path / "a.png", shape)


def test_color_where_gray_is_read(tmp_path):
    write_png(tmp_path / "a.png", COLOR)
    with pytest.raises(RequestError, match=r"a\.png in color: expected a gray image"):
        read_image(tmp_path / "a.png", (6, 5, 1))


def png_bytes():
    buffer = io.BytesIO()
    Image.fromarray(COLOR).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"not an image at all", "cannot be decoded"),
        (png_bytes()[:-40], "cannot be decoded"),
        (png_bytes()[:20], "cannot be decoded"),
        (png_bytes().replace(b"IDAT", b"IDAX"), "cannot be decoded"),
    ],
)
def test_damaged_files(tmp_path, content, complaint):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for ask in (check_image_file, lambda path: read_image(path, (6, 5, 3))):
        with pytest.raises(RequestError, match=f"image .*a.png, which {complaint}"):
            ask(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "QOI", "DDS", "AVIF", "ICO", "BLP"])
def test_whatever_is_in_a_file_the_error_is_ours(tmp_path, kind):
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    image = Image.fromarray(COLOR)
    (image.quantize(16) if kind == "BLP" else image).save(buffer, format=kind)
    refused = 0
    for n in range(60):
        content = bytearray(buffer.getvalue())
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(0, 256)
        path = tmp_path / "a"
        path.write_bytes(content[: rng.integers(1, len(content))] if n % 2 else content)
        try:
            check_image_file(path)
        except RequestError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 0


@pytest.mark.filterwarnings("error")
def test_nothing_but_the_error_is_said_of_a_damaged_file(tmp_path, capfd, caplog):
    whole = saved(tmp_path / "a.tiff", Image.fromarray(COLOR))
    whole.write_bytes(whole.read_bytes()[:60])
    packed = saved(tmp_path / "b.tiff", Image.fromarray(COLOR), compression="tiff_lzw")
    content = packed.read_bytes()
    packed.write_bytes(content[:8] + b"\xff" * 40 + content[48:])  # libtiff itself complains of this
    many = tmp_path / "c.tiff"  # Pillow itself complains of 16 samples per pixel
    many.write_bytes(content.replace(struct.pack("<HHIHH", 277, 3, 1, 3, 0), struct.pack("<HHIHH", 277, 3, 1, 16, 0)))
    assert many.read_bytes() != content
    for path in (whole, packed, many):
        with pytest.raises(RequestError, match="cannot be decoded"):
            check_image_file(path)
    assert capfd.readouterr().err == "" and caplog.records == []


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(RequestError, match="which does not exist"):
        check_image_file(tmp_path / "a.png")
    with pytest.raises(RequestError, match="which is not a file"):
        check_image_file(tmp_path)


@pytest.mark.parametrize("alpha", [0, 254])
def test_transparency(tmp_path, alpha):
    image = Image.new("RGBA", (5, 6), (1, 2, 3, 255))
    image.putpixel((2, 3), (1, 2, 3, alpha))
    with pytest.raises(RequestError, match="with transparent pixels"):
        check_image_file(saved(tmp_path / "a.png", image))


def test_a_transparent_palette_entry(tmp_path):
    path = saved(tmp_path / "a.png", Image.new("P", (5, 6), 0), transparency=0)
    with pytest.raises(RequestError, match="with transparent pixels"):
        check_image_file(path)


def png_16(kind, channels):
    """A PNG file of 16 bits per channel; Pillow writes gray ones only."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + b"\1\2" * 2 * channels) * 2
    header = struct.pack(">IIBBBBB", 2, 2, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def written(mode, kind, **options):
    buffer = io.BytesIO()
    Image.new(mode, (5, 6)).save(buffer, kind, **options)
    return buffer.getvalue()


def changed(content, marker, place, value):
    """`content` with another byte `place` behind where `marker` begins."""
    at = content.index(marker) + place
    return content[:at] + bytes([value]) + content[at + 1 :]


def avif_10():
    """The header of an AVIF file of 10 bits per channel, which Pillow does not write."""
    if not features.check("avif"):
        return png_16(0, 1)
    content = changed(written("RGB", "AVIF"), b"av1C", 6, 0x4C)
    for place in (9, 10, 11):
        content = changed(content, b"pixi", place, 10)
    return content


DEEP = {
    "gray png": png_16(0, 1),
    "rgb png": png_16(2, 3),
    "gray png with alpha": png_16(4, 2),
    "rgb png with alpha": png_16(6, 4),
    "ppm": b"P6 1 1 65535\n\0\1\0\1\0\1",
    "ppm in words": b"P3 1 1 1023\n1 2 3\n",
    "pgm": b"P5 1 1 65535\n\0\1",
    "pfm": b"Pf 1 1 -1.0\n\0\0\0\0",
    "sgi": written("RGB", "SGI", bpc=2),
    "tiff of floats": written("F", "TIFF"),
    "tiff of integers": written("I", "TIFF"),
    "tiff of 16 bits": written("I;16", "TIFF"),
    "jpeg 2000": changed(written("RGB", "JPEG2000"), b"\xff\x4f\xff\x51", 42, 15),
    "avif": avif_10(),
}


@pytest.mark.parametrize("name", DEEP)
def test_more_than_eight_bits(tmp_path, name):
    (tmp_path / "a").write_bytes(DEEP[name])
    with pytest.raises(RequestError, match=r"image .*a of mode .* with \d\d bits per channel: expected 8 bits per channel"):
        check_image_file(tmp_path / "a")


def test_fewer_bits_are_no_reason_to_refuse(tmp_path):
    for content in (b"P6 1 1 15\n\0\1\1", b"P4 1 1\n1", written("1", "TIFF"), written("P", "GIF"), written("RGB", "JPEG2000")):
        (tmp_path / "a").write_bytes(content)
        check_image_file(tmp_path / "a")
    rgb565 = b"BM" + struct.pack("<IHHIIiiHHIIIIII", 58, 0, 0, 54, 40, 1, 1, 1, 16, 0, 4, 0, 0, 0, 0) + b"\xff\x7f\0\0"
    (tmp_path / "a").write_bytes(rgb565)
    np.testing.assert_array_equal(decode(tmp_path / "a"), np.full([1, 1, 3], 255, np.uint8))


@pytest.mark.parametrize(
    "error", [RuntimeError("in\ntwo lines"), KeyError("x"), AssertionError(), IndexError("i"), MemoryError()]
)
def test_whatever_a_decoder_raises_is_one_line_that_names_the_file(tmp_path, monkeypatch, error):
    def load(self):
        raise error

    write_png(tmp_path / "a.png", COLOR)
    monkeypatch.setattr(Image.Image, "load", load)
    with pytest.raises(RequestError, match=r"image .*a\.png, which cannot be decoded \(.+\)") as caught:
        check_image_file(tmp_path / "a.png")
    assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_by_its_header(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.new("1", (9000, 8000)))

    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", load)
    with pytest.raises(RequestError, match="of 9000x8000 pixels: expected at most 64,000,000 pixels"):
        check_image_file(path)


def test_an_icon_that_holds_a_bomb(tmp_path):
    header = struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 24, 1000, 22)
    inner = io.BytesIO()
    Image.new("1", (13_000, 11_000)).save(inner, "PNG")
    (tmp_path / "a.ico").write_bytes(header + inner.getvalue())
    with pytest.raises(RequestError, match=r"a\.ico .*: expected at most 64,000,000 pixels"):
        check_image_file(tmp_path / "a.ico")


def test_the_largest_image_is_read_and_one_pixel_more_is_not(tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", COLOR)
    monkeypatch.setattr(images, "MAX_PIXELS", 30)
    check_image_file(tmp_path / "a.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 29)
    with pytest.raises(RequestError, match="at most 29 pixels"):
        check_image_file(tmp_path / "a.png")


def test_pillows_own_limit_is_left_as_it_was(tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", COLOR)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    check_image_file(tmp_path / "a.png")
    with pytest.raises(RequestError):
        check_image_file(saved(tmp_path / "b.tiff", Image.new("F", (5, 6))))
    assert Image.MAX_IMAGE_PIXELS == 7
