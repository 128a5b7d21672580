import numpy as np
import pytest
from PIL import Image, features

from tfcollide.data.class_folders import class_titles, load_folder
from tfcollide.data.images_on_demand import ImagesOnDemand
from tfcollide.data.labeled import ANY_SIZE
from tfcollide.data.load_dataset import load_dataset
from tfcollide.errors import RequestError


def picture(path, level, size=(9, 7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 0, 255 - level)).save(path)
    return path


@pytest.fixture
def animals(tmp_path):
    for i, name in enumerate(("n00000002_dog", "n00000001_cat")):
        for k in range(2):
            picture(tmp_path / "zoo" / "test" / name / f"{k}.png", 100 * i + 10 * k, (9 + k, 7))
        picture(tmp_path / "zoo" / "train" / name / "a.png", 200)
    (tmp_path / "zoo" / "test" / "n00000001_cat" / "notes.txt").write_text("no image")
    return tmp_path / "zoo"


def test_classes_and_images_go_by_name(animals):
    data = load_folder(animals)
    assert (data.name, data.class_names, data.test_size, data.shape) == ("folder:zoo", ("cat", "dog"), 4, ANY_SIZE)
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    fitted = data.fitted((6, 6, 3))
    assert fitted.fits and fitted.test.images.shape == (4, 6, 6, 3)
    assert fitted.test.images[:][:, 0, 0, 0].tolist() == [100, 110, 0, 10]
    assert fitted.test.images[2].shape == (6, 6, 3)


def test_a_class_without_an_image_is_named_and_keeps_its_number(animals, capfd):
    for name in ("ape", "n00000003_cow"):
        (animals / "test" / name).mkdir()
    (animals / "test" / "ape" / "a.heic").write_bytes(b"no format of Pillow's own")
    data = load_folder(animals)
    assert data.class_names == ("ape", "cat", "dog", "cow") and data.test.labels.tolist() == [1, 1, 2, 2]
    assert capfd.readouterr().err == f"No image in {animals / 'test'} that can be read of the classes: ape, cow\n"


def test_hidden_files_and_folders_do_not_count(animals, capfd):
    before = load_folder(animals)
    for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir", ".AppleDouble"):
        picture(animals / "test" / name / "a.png", 1)
        picture(animals / "test" / "n00000001_cat" / name / "a.png", 1)
    for name in ("._0.png", ".hidden.png", "Thumbs.db", "desktop.ini"):
        picture(animals / "test" / "n00000001_cat" / "a.png", 1).rename(animals / "test" / "n00000001_cat" / name)
    data = load_folder(animals)
    assert data.class_names == before.class_names and data.test.labels.tolist() == before.test.labels.tolist()
    assert capfd.readouterr().err == ""


def test_whatever_pillow_reads_is_an_image(animals):
    ends = ["jfif", "jpe", "JPEG", "tif", "jp2", "qoi", "ico", "tga", *(["avif"] if features.check("avif") else [])]
    for end in ends:
        picture(animals / "train" / "n00000001_cat" / f"b.{end}", 50)
    data = load_folder(animals / "train")
    assert data.test_size == 2 + len(ends)
    assert all(abs(int(image[3, 3, 0]) - 50) < 9 for image in (data.test.images[i] for i in range(1, 1 + len(ends))))


def test_training_images_are_those_of_train_and_none_is_tested_on(animals):
    picture(animals / "train" / "bird" / "a.png", 50)
    train = load_folder(animals).fitted((6, 6, 3)).train
    assert train.labels.tolist() == [0, 1] and train.images[:][:, 0, 0, 0].tolist() == [200, 200]
    for tested_on in (animals / "test", animals / "train"):
        assert len(load_folder(tested_on).train.images) == 0
    (animals / "test").rename(animals / "other")
    data = load_folder(animals)
    assert data.test_size == 3 and len(data.train.images) == len(data.train.labels) == 0


def test_a_folder_of_classes_alone(animals):
    assert load_folder(animals / "train").test_size == 2


def test_images_are_read_when_they_are_looked_at(animals):
    data = load_folder(animals).fitted((6, 6, 3))
    (animals / "test" / "n00000001_cat" / "1.png").write_bytes(b"broken")
    assert data.test.images[0][0, 0, 0] == 100
    with pytest.raises(RequestError, match=r"1\.png, which cannot be decoded"):
        data.test.images[1]


def test_what_is_no_data_set(animals, tmp_path):
    with pytest.raises(RequestError, match="which is no folder"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(RequestError, match="in one folder per class"):
        load_folder(animals / "test" / "n00000001_cat")
    with pytest.raises(RequestError, match="whose images may differ in size.*Bring a --model"):
        load_dataset(f"folder:{animals}")
    assert load_dataset(f"folder:{animals}", any_size=True).test_size == 4


def test_titles():
    assert class_titles(["caf\udce9", "n01440764_carr\udce9"]) == ("caf\xe9", "carr\xe9")  # Latin-1
    assert class_titles(["n02012849_crane", "n03126707_crane", "n02086240_Shih-Tzu", "n01_x", "great_white"]) == (
        "n02012849_crane",
        "n03126707_crane",
        "Shih-Tzu",
        "n01_x",
        "great_white",
    )


def test_images_on_demand_stand_for_an_array():
    array = np.arange(5 * 2 * 1 * 1, dtype=np.uint8).reshape(5, 2, 1, 1)
    asked = []

    def read(numbers):
        asked.append(list(numbers))
        return [array[number] for number in numbers]

    lazy = ImagesOnDemand(5, (2, 1, 1), read)
    assert len(lazy) == 5 and lazy.shape == array.shape and not asked
    for key in (0, -1, slice(1, 4), slice(None), np.array([4, 0]), slice(3, 3), array[:, 0, 0, 0] > 3):
        np.testing.assert_array_equal(lazy[key], array[key])
    np.testing.assert_array_equal(np.asarray(lazy), array)
    assert asked[2] == [1, 2, 3]
