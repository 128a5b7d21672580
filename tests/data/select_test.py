from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfcollide.data.labeled import LabeledImages, Split
from tfcollide.data.select import Selector, draw_pairs, every_class, parse_selector, resolve
from tfcollide.errors import RequestError

# Eight test images of four classes; image i is filled with i. The model gets 1, 3, 4, 6 and 7 right, no "fox".
LABELS = np.array([0, 0, 1, 0, 1, 2, 3, 3])
PREDICTED = np.array([1, 0, 0, 0, 1, 3, 3, 3])


def no_images(split):
    raise AssertionError(f"read {split}")


def read(split):
    assert split == "test"
    return Split(np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones([4, 5, 1], np.uint8), LABELS)


def animals(reader=read, **changed):
    settings = {"class_names": ("cat", "dog", "fox", "owl"), "shape": (4, 5, 1), "test_size": 8, "read": reader}
    return LabeledImages("animals", **(settings | changed))


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(path)
    return path


# Parsing


def test_parse_needs_no_image(picture):
    data = animals(no_images)
    assert parse_selector("source", "dog", data) == Selector(label=1)
    assert parse_selector("source", "test:0", data) == Selector(test_index=0)
    assert parse_selector("source", "test:7", data) == Selector(test_index=7)
    assert parse_selector("source", str(picture), data) == Selector(path=picture)


def test_a_class_goes_before_a_file(picture, monkeypatch):
    monkeypatch.chdir(picture.parent)
    picture.rename("dog")
    assert parse_selector("source", "dog", animals()) == Selector(label=1)
    assert parse_selector("source", "./dog", animals()) == Selector(path=Path("dog"))


def test_a_file_in_the_home_folder(picture, monkeypatch):
    monkeypatch.setenv("HOME", str(picture.parent))
    assert parse_selector("source", "~/picture.png", animals()) == Selector(path=picture)


@pytest.mark.parametrize("text", ["test:8", "test:", "test:-1", "test:1.0", "test:x", "test:²"])
def test_an_index_that_does_not_exist(text):
    with pytest.raises(RequestError, match=f"--target={text}: expected test:INDEX with an index from 0 to 7"):
        parse_selector("target", text, animals(no_images))


@pytest.mark.parametrize("text", ["Cat", "CAT", "cAT"])
def test_a_class_in_another_case(text, picture, monkeypatch):
    assert parse_selector("source", text, animals(no_images)) == Selector(label=0)
    monkeypatch.chdir(picture.parent)
    picture.rename(text)
    assert parse_selector("source", text, animals(no_images)) == Selector(path=Path(text))


def test_a_class_that_looks_like_a_file_in_another_case():
    assert parse_selector("source", "Mr. Fox", animals(class_names=("mr. fox", "cat"))) == Selector(label=0)


def test_two_classes_that_differ_in_case_alone():
    data = animals(class_names=("Cat", "cat"))
    assert parse_selector("source", "cat", data) == Selector(label=1)
    with pytest.raises(RequestError, match=r"--source=CAT.*Did you mean Cat or cat\?"):
        parse_selector("source", "CAT", data)


@pytest.mark.parametrize(
    ("text", "near"), [("dgo", "dog"), ("Foxx", "fox"), ("ows", "owl"), ("trout", "rainbow Trout, salmon trout")]
)
def test_a_class_that_is_nearly_one(text, near):
    data = animals(class_names=("cat", "dog", "fox", "owl", "rainbow Trout, salmon trout"))
    with pytest.raises(RequestError, match=rf"--source={text}: .* Did you mean {near}\?"):
        parse_selector("source", text, data)


@pytest.mark.parametrize("text", ["cow", "4"])
def test_neither_class_nor_index_nor_file(text):
    with pytest.raises(
        RequestError, match=rf"--source={text}: expected a class of animals \(cat, dog, fox, owl\), test:INDEX, or"
    ):
        parse_selector("source", text, animals(no_images))


def test_many_classes_are_not_all_listed():
    data = animals(class_names=tuple(f"c{i}" for i in range(1000)), listed_in="/data/animals")
    for listed in (data, data.fitted((8, 8, 1))):
        with pytest.raises(RequestError, match=r"\(c0, c1, .*c11 and 988 more, all in /data/animals\), test:INDEX"):
            parse_selector("source", "cow", listed)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.png", None, "does not exist"),
        ("empty.png", b"", "is empty"),
        ("text.png", b"hello", "cannot be decoded"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(tmp_path, name, content, complaint):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=complaint):
        parse_selector("source", str(path), animals(no_images))


@pytest.mark.parametrize("text", ["a" * 300 + ".png", "~no-such-user/picture.png"])
def test_a_path_that_cannot_be(text):
    with pytest.raises(RequestError):
        parse_selector("source", text, animals(no_images))


# Resolving


@pytest.mark.parametrize(("label", "index"), [(0, 1), (1, 4), (3, 6)])
def test_a_class_is_its_first_test_image_that_the_model_gets_right(label, index):
    choice = resolve("source", Selector(label=label), animals(), PREDICTED)
    assert choice.id == f"test:{index}"
    assert choice.asked == f"{choice.label} (test:{index})"
    assert choice.label == ("cat", "dog", "fox", "owl")[label]
    assert (choice.image == index).all() and choice.image.shape == (4, 5, 1) and choice.image.dtype == np.uint8


def test_a_class_of_which_the_model_gets_nothing_right():
    with pytest.raises(RequestError, match=r"--target=fox, of which the model gets no test image right.*--target=test:INDEX"):
        resolve("target", Selector(label=2), animals(), PREDICTED)


def test_an_index_is_taken_right_or_wrong():
    choice = resolve("source", Selector(test_index=5), animals(), PREDICTED)
    assert (choice.id, choice.label, choice.asked) == ("test:5", "fox", "test:5")
    assert (choice.image == 5).all()
    assert resolve("source", Selector(test_index=0), animals(), PREDICTED).id == "test:0"


def test_a_file_has_its_name_and_no_label(picture):
    choice = resolve("source", Selector(path=picture), animals(no_images))
    assert (choice.id, choice.label) == ("picture.png", None)
    np.testing.assert_array_equal(choice.image[..., 0], np.arange(20).reshape(4, 5))


def test_a_file_of_another_shape(picture):
    with pytest.raises(RequestError, match="of 5x4 pixels: expected 4x5"):
        resolve("source", Selector(path=picture), animals(shape=(5, 4, 1)))


# Pairs


@pytest.mark.parametrize(
    ("but", "images"),
    [(None, ["test:1", "test:4", "test:6"]), (0, ["test:4", "test:6"]), (3, ["test:1", "test:4"])],
)
def test_one_image_of_every_class_but_one(but, images):
    assert every_class(animals(), PREDICTED, but=but) == images


def indices(pairs):
    return [tuple(int(text.removeprefix("test:")) for text in pair) for pair in pairs]


def test_pairs_are_of_two_classes_both_classified_correctly():
    for source, target in indices(draw_pairs(animals(), PREDICTED, 50, seed=0)):
        assert LABELS[source] != LABELS[target]
        assert PREDICTED[source] == LABELS[source] and PREDICTED[target] == LABELS[target]


def test_no_pair_of_classes_twice_while_others_are_left():
    # cat, dog and owl: six ordered pairs
    for seed in range(5):
        drawn = [(LABELS[s], LABELS[t]) for s, t in indices(draw_pairs(animals(), PREDICTED, 15, seed))]
        assert len(set(drawn[:6])) == len(set(drawn[6:12])) == 6
        assert len(set(drawn[12:])) == 3


def test_images_are_drawn_within_their_class():
    used = {index for pair in indices(draw_pairs(animals(), PREDICTED, 60, seed=0)) for index in pair}
    assert used == {1, 3, 4, 6, 7}


def test_pairs_depend_on_the_seed_alone():
    one, same, other = (draw_pairs(animals(), PREDICTED, 20, seed) for seed in (0, 0, 1))
    assert one == same != other
    assert len(one) == 20


def test_pairs_need_two_classes():
    with pytest.raises(RequestError, match="--num_pairs=3: expected two classes"):
        draw_pairs(animals(), np.where(LABELS == 0, 0, -1), 3, seed=0)
