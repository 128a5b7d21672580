import io

import numpy as np
import pytest
from PIL import Image

from tfcollide import images
from tfcollide.errors import RequestError
from tfcollide.images import check_image_file, from_uint8, read_image, read_images, to_uint8, write_png
from tfcollide.shapes import Bounds

UNIT, BYTES, SIGNED = Bounds(0.0, 1.0), Bounds(0.0, 255.0), Bounds(-1.0, 1.0)
COLOUR = np.random.default_rng(0).integers(0, 256, [6, 5, 3], dtype=np.uint8)
GREY = COLOUR[..., :1]


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


@pytest.mark.parametrize("image", [GREY, COLOUR])
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


def test_grey_saved_in_colour_counts_as_grey_and_the_other_way_round(tmp_path):
    write_png(tmp_path / "grey_in_colour.png", np.repeat(GREY, 3, axis=2))
    np.testing.assert_array_equal(read_image(tmp_path / "grey_in_colour.png", (6, 5, 1)), GREY)
    write_png(tmp_path / "grey.png", GREY)
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png", (6, 5, 3)), np.repeat(GREY, 3, axis=2))


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1", "L", "CMYK"])
def test_other_modes_that_eight_bits_hold(tmp_path, mode):
    black_and_white = Image.fromarray(np.where(GREY > 127, 255, 0).astype(np.uint8)[..., 0])
    path = saved(tmp_path / f"a.{'tiff' if mode == 'CMYK' else 'png'}", black_and_white.convert(mode))
    np.testing.assert_array_equal(read_image(path, (6, 5, 1)), np.asarray(black_and_white)[..., None])


def test_jpeg(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (5, 6), (200, 30, 90)), quality=95)
    assert np.abs(read_image(path, (6, 5, 3)).astype(int) - [200, 30, 90]).max() <= 3


# Refusals


@pytest.mark.parametrize("shape", [(5, 6, 3), (6, 6, 3), (6, 4, 3)])
def test_another_size(tmp_path, shape):
    write_png(tmp_path / "a.png", COLOUR)
    with pytest.raises(RequestError, match=rf"a\.png of 5x6 pixels: expected {shape[1]}x{shape[0]} \(width x height\)"):
        read_image(tmp_path / "a.png", shape)


def test_colour_where_grey_is_read(tmp_path):
    write_png(tmp_path / "a.png", COLOUR)
    with pytest.raises(RequestError, match=r"a\.png in colour: expected a grey image"):
        read_image(tmp_path / "a.png", (6, 5, 1))


def png_bytes():
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, format="PNG")
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
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_whatever_is_in_a_file_the_error_is_ours(tmp_path, kind):
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, format=kind)
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
def test_nothing_but_the_error_is_said_of_a_damaged_file(tmp_path, capfd):
    whole = saved(tmp_path / "a.tiff", Image.fromarray(COLOUR))
    whole.write_bytes(whole.read_bytes()[:60])
    with pytest.raises(RequestError, match="cannot be decoded"):
        check_image_file(whole)
    assert capfd.readouterr().err == ""


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


@pytest.mark.parametrize(("mode", "name"), [("I;16", "a.png"), ("F", "a.tiff"), ("I", "a.tiff")])
def test_more_than_eight_bits(tmp_path, mode, name):
    path = saved(tmp_path / name, Image.new(mode, (5, 6)))
    with pytest.raises(RequestError, match="expected 8 bits a channel"):
        check_image_file(path)


def test_a_bomb_is_refused_by_its_header(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.new("1", (9000, 8000)))

    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", load)
    with pytest.raises(RequestError, match="of 9000x8000 pixels: expected at most 64,000,000 pixels"):
        check_image_file(path)


def test_the_largest_image_is_read_and_one_pixel_more_is_not(tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", COLOUR)
    monkeypatch.setattr(images, "MAX_PIXELS", 30)
    check_image_file(tmp_path / "a.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 29)
    with pytest.raises(RequestError, match="at most 29 pixels"):
        check_image_file(tmp_path / "a.png")


def test_pillows_own_limit_is_left_as_it_was(tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", COLOUR)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    check_image_file(tmp_path / "a.png")
    with pytest.raises(RequestError):
        check_image_file(saved(tmp_path / "b.tiff", Image.new("F", (5, 6))))
    assert Image.MAX_IMAGE_PIXELS == 7
