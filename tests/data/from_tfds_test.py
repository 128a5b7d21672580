import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfcollide.data.from_tfds import load_tfds
from tfcollide.data.load_dataset import load_dataset
from tfcollide.errors import RequestError

IMAGE = tfds.features.Image(shape=(4, 5, 3))
LABEL = tfds.features.ClassLabel(names=["cat", "dog"])


def define(name, *, features=None, keys=("image", "label"), splits=("train",), size=25):
    """A data set that TFDS knows by `name`; image i of a split is filled with i plus 100 times the split's number."""

    def info(self):
        used = tfds.features.FeaturesDict(features or {"image": IMAGE, "label": LABEL})
        return tfds.core.DatasetInfo(builder=self, features=used, supervised_keys=keys)

    def examples(number):
        for i in range(size):
            yield i, {"image": np.full([4, 5, 3], i + 100 * number, np.uint8), "label": i % 2}

    body = {
        "VERSION": tfds.core.Version("1.0.0"),
        "_info": info,
        "_split_generators": lambda self, manager: {split: examples(n) for n, split in enumerate(splits)},
        "_generate_examples": examples,
        "__module__": __name__,
    }
    type(name, (tfds.core.GeneratorBasedBuilder,), body)


define("TfcollideTrainOnly")
define("TfcollideTested", splits=("train", "test", "validation"))
define("TfcollideValidated", splits=("train", "validation"))
define("TfcollideAnySize", features={"image": tfds.features.Image(shape=(None, None, 3)), "label": LABEL}, size=0)
define("TfcollideText", features={"image": tfds.features.Text(), "label": LABEL}, size=0)
define("TfcollideUnlabeled", features={"image": IMAGE}, keys=None, size=0)
define("TfcollideTwoImages", features={"image": IMAGE, "mask": IMAGE, "label": LABEL}, keys=None, size=0)
define("TfcollideNoKeys", keys=None)
define("TfcollideOffline", splits=("train", "test"))


def levels(split):
    return sorted(split.images[:, 0, 0, 0].tolist())


def test_mnist(shared_path):
    data = load_dataset("mnist", data_dir=str(shared_path("tfds/mnist").parent))
    assert (data.name, data.shape, data.class_names) == ("mnist:3.0.1", (28, 28, 1), tuple("0123456789"))
    assert not {"train", "test"} & set(vars(data))  # the metadata cost no image
    assert data.test_size == 10_000
    images, labels = data.test
    assert images.shape == (10_000, 28, 28, 1) and images.dtype == np.uint8 and labels.dtype == np.int64
    # the official counts of the test set, and its mean gray level
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert images.mean() / 255 == pytest.approx(0.1325, abs=1e-4)
    assert labels[:10].tolist() == [2, 0, 4, 8, 7, 6, 0, 6, 3, 1]


def test_a_version_can_be_named(shared_path):
    assert load_tfds("mnist:3.0.1", str(shared_path("tfds/mnist").parent)).name == "mnist:3.0.1"


def test_one_image_and_one_label_need_no_supervised_keys(tmp_path):
    data = load_tfds("tfcollide_no_keys", str(tmp_path))
    assert (data.shape, data.class_names, len(levels(data.train))) == ((4, 5, 3), ("cat", "dog"), 22)


def test_tiny_imagenet20(shared_path):
    data = load_tfds("tiny_imagenet20", str(shared_path("tfds/tiny_imagenet20").parent))
    assert (data.shape, data.test_size, len(data.class_names)) == ((64, 64, 3), 1000, 20)
    assert data.test.images.shape == (1000, 64, 64, 3)
    assert np.bincount(data.test.labels).tolist() == [50] * 20


def test_without_a_test_split_the_last_tenth_of_training_is_held_out(tmp_path):
    data = load_tfds("tfcollide_train_only", str(tmp_path))
    assert (data.test_size, data.shape, data.class_names) == (3, (4, 5, 3), ("cat", "dog"))
    assert len(data.test.images) == 3 and len(data.train.images) == 22
    assert sorted(levels(data.train) + levels(data.test)) == list(range(25))
    np.testing.assert_array_equal(data.test.labels, data.test.images[:, 0, 0, 0] % 2)


@pytest.mark.parametrize("name", ["tfcollide_tested", "tfcollide_validated"])
def test_a_held_out_split_is_used_the_test_split_first(tmp_path, name):
    data = load_tfds(name, str(tmp_path))
    assert data.test_size == 25
    assert levels(data.train) == list(range(25))
    assert levels(data.test) == list(range(100, 125))


def test_the_order_is_the_same_each_time(tmp_path):
    one, other = (load_tfds("tfcollide_train_only", str(tmp_path)).train for _ in range(2))
    np.testing.assert_array_equal(one.images, other.images)


def test_an_unknown_name(tmp_path):
    with pytest.raises(RequestError, match=r"--dataset=mnits .*expected folder:PATH, or a name such as .*mnist"):
        load_tfds("mnits", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_version(tmp_path):
    with pytest.raises(RequestError, match=r"--dataset=mnist:99\.0\.0 .*only: 3\.0\.1"):
        load_tfds("mnist:99.0.0", str(tmp_path))


@pytest.mark.parametrize("name", ["tfcollide_text", "tfcollide_unlabeled", "tfcollide_two_images"])
def test_a_data_set_of_something_else(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with pytest.raises(RequestError, match=f"--dataset={name}: expected a data set of images with one class label each"):
        load_tfds(name, str(tmp_path))


def test_images_of_no_fixed_shape(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
    with pytest.raises(RequestError, match=r"with images of shape .*expected images of one fixed shape"):
        load_tfds("tfcollide_any_size", str(tmp_path))


def test_a_data_set_that_cannot_be_downloaded(tmp_path, monkeypatch):
    def offline(self, **settings):
        raise ConnectionError("no route to host\nand a second line")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    with pytest.raises(RequestError) as caught:
        load_tfds("tfcollide_offline", str(tmp_path))
    line = str(caught.value)
    assert f"--dataset=tfcollide_offline, not prepared in {tmp_path}" in line
    assert "(ConnectionError: no route to host)" in line and "second line" not in line
    assert "tfds build tfcollide_offline --data_dir=FOLDER" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("proxies", [{}, {"https": "http://proxy:3128"}])
def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch, proxies):
    tried = []

    def connect(address, timeout):
        tried.append(address)
        raise TimeoutError("timed out")

    def download(self, **settings):
        tried.append("download")
        raise ConnectionError("refused")

    builder = tfds.builder("tfcollide_offline", data_dir=str(tmp_path))
    monkeypatch.setattr(type(builder), "url_infos", {"https://images.example.org/a.zip": None}, raising=False)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)
    monkeypatch.setattr("socket.create_connection", connect)
    monkeypatch.setattr("urllib.request.getproxies", lambda: proxies)
    with pytest.raises(RequestError, match=r"not prepared in .*(timed out|refused)"):
        load_tfds("tfcollide_offline", str(tmp_path))
    assert tried == [("proxy", 3128) if proxies else ("images.example.org", 443)]
