"""What is read of TFDS data sets that are odd or damaged."""

import json

import numpy as np
import pytest
from PIL import Image

from tfcollide.cli import collide
from tfcollide.data import from_tfds
from tfcollide.data.from_tfds import load_tfds
from tfcollide.data.select import Selector, resolve
from tfcollide.errors import RequestError
from tfcollide.models import training
from tfcollide.patches.open_photographs import open_photographs


def rows(flat, labels, start=0):
    return [(flat(start + i), label) for i, label in enumerate(labels)]


def levels(split):
    return sorted(split.images[:][:, 0, 0, 0].tolist())


# Labels


def test_rows_without_a_label_are_left_out_and_counted(prepared, flat, tmp_path, capfd):
    name = prepared({"train": rows(flat, [0, -1, 1, 0, -1, 1]), "test": rows(flat, [1, -1, 0], 100)})
    data = load_tfds(name, str(tmp_path))
    assert levels(data.train) == sorted(set(range(6)) - {place for place in range(6) if place not in levels(data.train)})
    assert (len(data.train.labels), data.test_size) == (4, 2) and set(data.train.labels) == {0, 1}
    said = capfd.readouterr().err
    assert f"--dataset={name}: 2 of 6 images of split train have no label and are left out" in said
    assert "1 of 3 images of split test have no label" in said
    assert data.rows_without_label == data.fitted((5, 5, 3)).rows_without_label == {"train": 2, "test": 1}
    by_level = {0: 0, 2: 1, 3: 0, 5: 1, 100: 1, 102: 0}
    for split in (data.train, data.test):
        assert [by_level[level] for level in split.images[:, 0, 0, 0].tolist()] == split.labels.tolist()
    for i, label in enumerate(data.test.labels):
        assert resolve("source", Selector(test_index=i), data).label == ("cat", "dog")[label]


def test_a_run_says_how_many_rows_were_left_out(prepared, flat, tmp_path):
    dark, light = rows(flat, [0] * 10), rows(flat, [1] * 10, 200)
    name = prepared({"train": dark + light + rows(flat, [-1] * 3, 100), "test": [dark[5], light[5], (flat(100), -1)]})
    flags = [f"--dataset={name}", f"--data_dir={tmp_path}", f"--model_dir={tmp_path}", "--hidden_units=16", "--epochs=30"]
    flags += ["--source=cat", "--target=dog", "--objective=match", "--corners=1", "--max_steps=2", "--worst_starts=0"]
    for out in ("first", "again"):  # which trains the network, and which finds it
        assert collide(["collide", *flags, f"--out={tmp_path / out}"]) in (0, 1)
        summary = json.loads((tmp_path / out / "summary.json").read_text())
        assert summary["dataset_rows_without_label"] == {"test": 1, "train": 3}


@pytest.mark.parametrize("labeled", ["validation", "dev", "val", "eval_set"])
def test_a_split_without_labels_is_passed_over(prepared, flat, tmp_path, labeled):
    name = prepared({"train": rows(flat, [0, 1]), "test": rows(flat, [-1, -1], 100), labeled: rows(flat, [1, 0, 1], 200)})
    data = load_tfds(name, str(tmp_path))
    assert levels(data.train) == [0, 1] and levels(data.test) == [200, 201, 202]


def test_without_a_labeled_split_for_tests_training_is_cut(prepared, flat, tmp_path):
    name = prepared({"train": rows(flat, [0, 1] * 10 + [-1] * 10), "test": rows(flat, [-1] * 3, 100)})
    data = load_tfds(name, str(tmp_path))
    assert (len(data.train.labels), data.test_size) == (18, 2)
    assert len(levels(data.train) + levels(data.test)) == len(set(levels(data.train) + levels(data.test))) == 20


def test_where_no_row_has_a_label_one_line_says_so(prepared, flat, tmp_path):
    name = prepared({"train": rows(flat, [-1] * 3), "test": rows(flat, [-1] * 3)})
    data = load_tfds(name, str(tmp_path))
    assert len(data.train.images) == 0
    for read in (lambda: data.test, lambda: data.test_size):
        with pytest.raises(RequestError, match=rf"--dataset={name}, of whose splits \(train, test\) none has labeled images:"):
            read()


@pytest.mark.parametrize(
    ("train", "test"), [("training", "dev"), ("whole", "holdout"), ("Train", "Test"), ("train_a", "valid")]
)
def test_splits_of_other_names(prepared, flat, tmp_path, train, test):
    name = prepared({test: rows(flat, [0, 1], 100), train: rows(flat, [1, 0, 1])})
    data = load_tfds(name, str(tmp_path))
    assert levels(data.train) == [0, 1, 2] and levels(data.test) == [100, 101]


def test_a_test_split_alone(prepared, flat, tmp_path):
    data = load_tfds(prepared({"test": rows(flat, [0, 1])}), str(tmp_path))
    assert (data.test_size, len(data.train.images)) == (2, 0)
    recipe = training.TrainingRecipe(dataset=data.name)
    with pytest.raises(RequestError, match=r"without labeled images to train on in its splits \(test\): .*--model"):
        training.train_or_load(recipe, data, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_photographs_without_a_label_have_an_empty_class(prepared, flat, tmp_path):
    name = prepared({"train": rows(flat, [-1, 1, -1])})
    photographs = open_photographs(f"tfds:{name}", data_dir=str(tmp_path))
    assert sorted(photographs.labels) == ["", "", "dog"]


# Pixels


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_other_numbers_than_eight_bits_are_refused(prepared, flat, tmp_path, dtype):
    name = prepared({"train": [(flat(1, (4, 5, 1), dtype), 0)]}, shape=(4, 5, 1), dtype=dtype)
    for ask in (lambda: load_tfds(name, str(tmp_path)), lambda: open_photographs(f"tfds:{name}", data_dir=str(tmp_path))):
        with pytest.raises(RequestError, match=rf"{name} with images of type {np.dtype(dtype)} .*: expected 8-bit images"):
            ask()


@pytest.mark.parametrize("shape", [(4, 5, 4), (None, None, 4)])
def test_an_alpha_channel_is_left_out_where_it_is_opaque_and_refused_where_not(prepared, flat, tmp_path, shape):
    opaque, clear = np.array([1, 2, 3, 255]), np.array([1, 2, 3, 254])
    name = prepared({"train": [(flat(opaque, (4, 5, 4)), 0)], "test": [(flat(clear, (4, 5, 4)), 1)]}, shape=shape)
    data = load_tfds(name, str(tmp_path), any_size=True).fitted((4, 5, 3))
    np.testing.assert_array_equal(data.train.images[:], flat([1, 2, 3], (1, 4, 5, 3)))
    with pytest.raises(RequestError, match="split test: an image with transparent pixels"):
        data.test.images[:]
    photographs = open_photographs(f"tfds:{name}", data_dir=str(tmp_path), split="test")
    with pytest.raises(RequestError, match="split test: an image with transparent pixels"):
        list(photographs.read([0], lambda pixels: pixels))


def test_images_are_turned_as_exif_asks(prepared, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [5, 7, 3], np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("png", "jpg"):
        large = np.repeat(np.repeat(pixels.transpose(1, 0, 2)[::-1], 16, 0), 16, 1)
        Image.fromarray(np.ascontiguousarray(large)).save(tmp_path / f"a.{kind}", exif=exif, quality=100)
    files = [(str(tmp_path / f"a.{kind}"), 0) for kind in ("png", "jpg")]
    name = prepared({"train": files}, shape=(None, None, 3))
    read = list(open_photographs(f"tfds:{name}", data_dir=str(tmp_path)).read([0, 1], lambda pixels: pixels))
    data = load_tfds(name, str(tmp_path), any_size=True)
    for image in (*read, data.test.images[0]):
        assert np.abs(image[8::16, 8::16].astype(int) - pixels).max() <= 12


def test_images_and_labels_go_together_over_many_files(prepared, flat, tmp_path, monkeypatch):
    name = prepared({"train": rows(flat, [i % 2 for i in range(200)])}, shards=5)
    held_at_once = load_tfds(name, str(tmp_path))
    monkeypatch.setattr(from_tfds, "_MAX_BYTES", 0)
    on_demand = load_tfds(name, str(tmp_path))
    for data in (held_at_once, on_demand):
        for split in (data.train, data.test):
            np.testing.assert_array_equal(split.images[:][:, 0, 0, 0] % 2, split.labels)
        np.testing.assert_array_equal(data.test.images[np.array([7, 3, 4, 3])], held_at_once.test.images[[7, 3, 4, 3]])
    np.testing.assert_array_equal(on_demand.train.images[:], held_at_once.train.images)


# Files


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def alter(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def garble(path):
    """Whole records without an image in them."""
    import tensorflow as tf

    count = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(count):
            writer.write(b"\xff\xff nothing")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: path.unlink(), r"-test\.tfrecord-00000-of-00001 is missing"),
        (lambda path: path.write_bytes(b""), r"-test\.tfrecord-00000-of-00001 holds 0 records of 3"),
        (cut, r"-test\.tfrecord-00000-of-00001 is damaged"),
        (alter, r"-test\.tfrecord-00000-of-00001 is damaged"),
        (garble, r"-test\.tfrecord-00000-of-00001 holds something else"),
    ],
)
def test_a_damaged_file_is_named(prepared, flat, tmp_path, damage, complaint):
    name = prepared({"train": rows(flat, [0, 1]), "test": rows(flat, [0, 1, 1])})
    damage(next((tmp_path / name / "1.0.0").glob("*-test.tfrecord*")))
    line = rf"{name}, which cannot be read: .*{complaint}.*: expected a prepared data set whose files are whole\. Copy it again"
    data = load_tfds(name, str(tmp_path))
    with pytest.raises(RequestError, match=line):
        data.test  # noqa: B018
    with pytest.raises(RequestError, match=line):
        photographs = open_photographs(f"tfds:{name}", data_dir=str(tmp_path), split="test", labeled=False)
        list(photographs.read([0, 1, 2], lambda pixels: pixels))


@pytest.fixture
def from_files(prepared, tmp_path):
    """Moves a data set away from its code, so that TFDS reads it from its files alone; returns their folder."""

    def prepare(splits):
        name = prepared(splits)
        folder = tmp_path / "copies" / "unknown" / "1.0.0"
        folder.parent.mkdir(parents=True)
        (tmp_path / name / "1.0.0").rename(folder)
        return folder

    return prepare


@pytest.mark.parametrize("file", ["dataset_info.json", "features.json"])
def test_damaged_metadata_are_one_line_that_names_the_folder(from_files, flat, tmp_path, file):
    path = from_files({"train": rows(flat, [0, 1])}) / file
    for content in (b"", b"{", b"[]", b"{}", None):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(RequestError, match=r"--dataset=unknown \(.*copies/unknown: expected a prepared data set") as caught:
            load_tfds("unknown", str(tmp_path / "copies"))
        assert "\n" not in str(caught.value)


def test_more_labels_than_names(from_files, flat, tmp_path):
    folder = from_files({"train": rows(flat, [0, 1]), "test": rows(flat, [1])})
    (folder / "label.labels.txt").write_text("cat\n")
    for ask in (
        lambda: load_tfds("unknown", str(tmp_path / "copies")).test,
        lambda: open_photographs("tfds:unknown", data_dir=str(tmp_path / "copies"), split="test"),
    ):
        with pytest.raises(RequestError, match=r"unknown with label 1 in split test: expected labels below 1"):
            ask()


def test_a_split_without_rows_is_passed_over(from_files, flat, tmp_path):
    folder = from_files({"train": rows(flat, [0, 1] * 5), "test": rows(flat, [1])})
    info = json.loads((folder / "dataset_info.json").read_text())
    next(split for split in info["splits"] if split["name"] == "test")["shardLengths"] = []
    (folder / "dataset_info.json").write_text(json.dumps(info))
    assert load_tfds("unknown", str(tmp_path / "copies")).test_size == 1


def test_a_data_dir_that_does_not_exist(tmp_path):
    with pytest.raises(RequestError, match=r"--data_dir=.*nowhere, which is no folder"):
        load_tfds("mnist", str(tmp_path / "nowhere"))
