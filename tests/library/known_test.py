import numpy as np

from tfcollide.data.labeled import LabeledImages, Split
from tfcollide.files.facts import Facts
from tfcollide.library.known import known_facts
from tfcollide.library.yardstick import Yardstick
from tfcollide.models.predictions import Predictions

PIXELS = np.random.default_rng(0).integers(0, 256, [60, 4, 4, 1]).astype(np.uint8)
LABELS = np.arange(60) % 3


def data(state="one", *, readable=True):
    def read(split):
        if not readable:
            raise AssertionError(f"{split} was read")
        part = slice(0, 40) if split == "train" else slice(40, None)
        return Split(PIXELS[part], LABELS[part])

    names = ("a", "b", "c")
    return LabeledImages("some", class_names=names, shape=(4, 4, 1), test_size=20, read=read, state=lambda: state)


def told(network, images, facts):
    predicted = Predictions(network, PIXELS[40:])
    return Yardstick(network, network.tap(network.default_tap), images, predicted=predicted, facts=facts)


def everything(yardstick):
    null, reader = yardstick.null, yardstick.reader
    return yardstick.test_accuracy, yardstick.dataset_mean, null.same, null.different, null.images, null.note, reader.accuracy


def test_what_is_kept_is_what_is_computed_to_the_bit_and_reads_no_image(network, tmp_path):
    alone = everything(told(network, data(), None))
    first = everything(told(network, data(), known_facts(tmp_path, network, data())))
    again = everything(told(network, data(readable=False), known_facts(tmp_path, network, data())))
    for one, other in ((alone, first), (alone, again)):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
            assert type(a) is type(b)


def test_a_known_reader_reads_as_the_first_one(network, tmp_path):
    facts = known_facts(tmp_path, network, data())
    first, again = (told(network, data(), facts).reader for _ in range(2))
    images = PIXELS[:9].astype(np.float32) / 255
    np.testing.assert_array_equal(first.read(images), again.read(images))


def test_other_data_and_other_devices_have_facts_of_their_own(network, tmp_path):
    images = [data(), data("two"), data()]
    for one, device in zip(images, (None, None, "GPU:0"), strict=True):
        told(network, one, known_facts(tmp_path, network, one, device=device)).dataset_mean  # noqa: B018
    assert len(list(tmp_path.iterdir())) == 3


def test_each_library_of_convolutions_has_facts_of_its_own(network, tmp_path, monkeypatch):
    for chosen in ("0", "1", "1"):
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", chosen)
        told(network, data(), known_facts(tmp_path, network, data())).dataset_mean  # noqa: B018
    assert len(list(tmp_path.iterdir())) == 2


def test_data_that_cannot_be_told_apart_is_not_kept(network, tmp_path):
    told(network, data(None), known_facts(tmp_path, network, data(None))).dataset_mean  # noqa: B018
    assert not list(tmp_path.iterdir())
    assert isinstance(known_facts(None, network, data()), Facts)
