"""Which photographs are taken, and how they become square."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.patches.open_photographs import open_photographs
from tfcollide.patches.photographs import fit_square, shard_positions, share_of, split_held_out


def test_a_tenth_of_each_class_and_at_least_one():
    labels = ["cat"] * 30 + ["dog"] * 5 + ["cat"] * 10
    chosen = share_of(labels, 0.1)
    assert [labels[i] for i in chosen].count("cat") == 4
    assert [labels[i] for i in chosen].count("dog") == 1
    assert share_of(labels, 1.0) == list(range(45))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_any_share_is_kept_to_within_one(share):
    assert len(share_of(["x"] * 1000, share)) == pytest.approx(1000 * share, abs=1)


def test_held_out_photographs_are_not_indexed():
    kept, held_out = split_held_out(range(10, 30), 4, seed=0)
    assert sorted(kept + held_out) == list(range(10, 30)) and len(held_out) == 4
    assert split_held_out(range(10, 30), 4, seed=0) == (kept, held_out)
    assert split_held_out(range(10, 30), 4, seed=1) != (kept, held_out)


def test_shards_divide_the_photographs():
    assert [list(part) for part in shard_positions((2, 3), [4, 5, 6, 7, 9])] == [[4, 5], [6, 7, 9]]


def test_crop_keeps_the_middle_and_stretch_keeps_all():
    stripes = np.zeros((10, 30, 3), np.uint8)
    stripes[:, 10:20] = 255
    assert (fit_square(stripes, 10) == 255).all()
    assert fit_square(stripes, 10, "stretch")[:, [0, -1]].max() == 0
    assert fit_square(stripes[..., :1], 5).shape == (5, 5, 3)


def test_a_photograph_of_the_right_size_is_left_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    np.testing.assert_array_equal(fit_square(image, 9), image)


def test_a_folder_is_read_in_the_order_of_its_paths(folder):
    photographs = open_photographs(str(folder))
    assert photographs.ids[:2] == ["even/00.png", "even/02.png"] and set(photographs.labels) == {"even", "odd"}
    read = list(photographs.read([0, 8], lambda pixels: pixels))
    np.testing.assert_array_equal(read[1], np.asarray(Image.open(folder / "odd" / "03.png")))


def test_links_to_folders_are_followed_and_loops_end(folder, tmp_path):
    (tmp_path / "all" / "own").mkdir(parents=True)
    shutil.copy(folder / "odd" / "01.png", tmp_path / "all" / "own" / "one.png")
    (tmp_path / "all" / "linked").symlink_to(folder / "even")
    (tmp_path / "all" / "link.png").symlink_to(folder / "odd" / "03.png")
    (tmp_path / "all" / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "all" / "own" / "up").symlink_to(tmp_path / "all")
    (tmp_path / "all" / "self").symlink_to("self")
    photographs = open_photographs(str(tmp_path / "all"))
    even = [f"linked/{number:02d}.png" for number in range(0, 14, 2)]
    assert photographs.ids == ["link.png", *even, "own/one.png"]
    assert photographs.labels == ["", *["linked"] * 7, "own"]


def test_a_damaged_photograph_is_named(folder, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(RequestError, match=r"broken\.jpg"):
        list(open_photographs(str(tmp_path)).read([0], lambda pixels: pixels))


def test_hidden_photographs_are_left_out_and_all_formats_taken(tmp_path):
    for name in ("a.jfif", "b/c.tif", ".hidden.png", "b/._c.png", ".cache/d.png", "b/__MACOSX/e.png", "f.txt"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(path, "TIFF" if name.endswith("tif") else "JPEG")
    assert open_photographs(str(tmp_path / "photos")).ids == ["a.jfif", "b/c.tif"]


def test_photographs_are_turned_as_exif_asks(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 3)).save(tmp_path / "a.jpg", exif=exif)
    (read,) = open_photographs(str(tmp_path)).read([0], lambda pixels: pixels)
    assert read.shape == (4, 3, 3)


@pytest.mark.parametrize("images", ["nowhere/at/all", "/dev/null"])
def test_refuses_what_is_no_folder(images):
    with pytest.raises(RequestError, match="--images="):
        open_photographs(images)


def test_another_collection_has_another_fingerprint(folder, tmp_path):
    photographs = open_photographs(str(folder))
    assert photographs.fingerprint() == open_photographs(str(folder)).fingerprint()
    assert photographs.fingerprint() != photographs._replace(sizes=[1, *photographs.sizes[1:]]).fingerprint()


def test_tfds_images_are_read_by_their_place(shared):
    import tensorflow_datasets as tfds

    photographs = open_photographs("tfds:tiny_imagenet20", data_dir=str(shared / "tfds"), split="validation")
    assert len(photographs.ids) == 1000 and len(set(photographs.labels)) == 20
    config = tfds.ReadConfig(interleave_cycle_length=1)
    whole = tfds.load(
        "tiny_imagenet20",
        data_dir=str(shared / "tfds"),
        download=False,
        split="validation",
        shuffle_files=False,
        read_config=config,
    )
    truth = [example["image"].numpy() for example in whole.take(60)]
    for place, image in zip((3, 7, 59), photographs.read([3, 7, 59], lambda pixels: pixels), strict=True):
        np.testing.assert_array_equal(image, truth[place])
