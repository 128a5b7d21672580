import dataclasses
import os
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.data.labeled import LabeledImages, Split
from tfcollide.errors import RequestError
from tfcollide.models import mlp, training
from tfcollide.models.training import TrainingRecipe, cached_path, count_epochs, train_or_load

RECIPE = TrainingRecipe(dataset="squares:1.0.0", hidden_units=(8,), epochs=3, batch_size=20)


def squares():
    """Images that are bright on the left or on the right, with some noise."""

    def read(split):
        rng = np.random.default_rng(0 if split == "train" else 1)
        labels = rng.integers(0, 2, 60)
        images = rng.integers(0, 60, [60, 4, 4, 1], dtype=np.uint8)
        images[labels == 0, :, :2] += 190
        images[labels == 1, :, 2:] += 190
        return Split(images, labels)

    return LabeledImages("squares:1.0.0", class_names=("left", "right"), shape=(4, 4, 1), test_size=60, read=read)


def weights_of(classifier):
    return [values.tobytes() for values in classifier.model.get_weights()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "made" / "if need be"
    return folder, train_or_load(RECIPE, squares(), folder)


@pytest.fixture
def cache(trained, tmp_path):
    """A cache folder of its own that holds the trained network, and its weights."""
    folder, classifier = trained
    path = cached_path(RECIPE, tmp_path)
    path.write_bytes(cached_path(RECIPE, folder).read_bytes())
    os.utime(path, ns=(1, 1))
    return tmp_path, weights_of(classifier)


@pytest.fixture
def no_training(monkeypatch):
    def fit(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "train", fit)


def test_training_writes_one_file_and_nothing_else(trained):
    folder, _ = trained
    assert list(folder.iterdir()) == [cached_path(RECIPE, folder)]


def test_training_learns(digits, digits_classifier):
    images = digits.train.images.astype(np.float32) / 255
    assert training.accuracy(digits_classifier.judge(images).predicted, digits.train.labels) > 0.95


def test_the_classifier_is_described(trained):
    _, classifier = trained
    assert (classifier.name, classifier.bounds, classifier.class_names) == ("mlp", mlp.BOUNDS, ("left", "right"))
    assert classifier.model.trainable_weights == []
    assert classifier.tap_names == ["hidden_1"]


def test_what_is_cached_is_not_trained_again(cache, no_training):
    folder, weights = cache
    assert weights_of(train_or_load(RECIPE, squares(), folder)) == weights
    assert cached_path(RECIPE, folder).stat().st_mtime_ns == 1


def test_what_is_loaded_computes_what_was_trained(trained, no_training):
    folder, classifier = trained
    images = np.random.default_rng(0).random([20, 4, 4, 1]).astype(np.float32)
    again = train_or_load(RECIPE, squares(), folder)
    np.testing.assert_array_equal(again.judge(images).logits, classifier.judge(images).logits)


def truncate(content):
    return content[: len(content) // 2]


def flip_a_weight(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [truncate, flip_a_weight, lambda content: b"", lambda content: b"no network"])
def test_a_damaged_file_is_trained_again(cache, damage, monkeypatch):
    folder, _ = cache
    path = cached_path(RECIPE, folder)
    path.write_bytes(damage(path.read_bytes()))
    fresh = mlp.build_mlp((4, 4, 1), 2, hidden_units=(8,), initializer="unit_normal", seed=7)
    monkeypatch.setattr(training, "train", lambda *args: fresh)
    assert train_or_load(RECIPE, squares(), folder).model is fresh
    assert list(folder.iterdir()) == [path]
    again = keras.models.load_model(path, compile=False)
    assert [values.tobytes() for values in again.get_weights()] == [values.tobytes() for values in fresh.get_weights()]


def test_the_same_recipe_gives_the_same_bits(trained, tmp_path):
    _, classifier = trained
    keras.utils.set_random_seed(99)  # whatever happened before
    assert weights_of(train_or_load(RECIPE, squares(), tmp_path)) == weights_of(classifier)


@pytest.mark.parametrize("epochs", [3, 0])
def test_training_follows_its_recipe(monkeypatch, epochs):
    asked = {}

    def fit(self, x, y, **options):
        asked.update(options, x=x, y=y)
        return SimpleNamespace(history={"loss": [1.0]})

    monkeypatch.setattr(keras.Model, "fit", fit)
    recipe = dataclasses.replace(RECIPE, epochs=epochs, seed=5, learning_rate=0.25)
    train = squares().train
    model = training.train(recipe, train, (4, 4, 1), 2)
    untrained = mlp.build_mlp((4, 4, 1), 2, hidden_units=(8,), initializer="unit_normal", seed=5)
    assert [v.tobytes() for v in model.get_weights()] == [v.tobytes() for v in untrained.get_weights()]
    np.testing.assert_allclose(asked["x"], train.images / 255, rtol=1e-6)
    np.testing.assert_array_equal(asked["y"], train.labels)
    assert (asked["batch_size"], asked["epochs"]) == (20, epochs or count_epochs(60, 20))
    # Adam, from the rate down to zero with the last of three steps per epoch
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    rate = model.optimizer.get_config()["learning_rate"]["config"]
    assert (rate["initial_learning_rate"], rate["decay_steps"]) == (0.25, 3 * asked["epochs"])


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "squares:2.0.0"},
        {"model": "other"},
        {"hidden_units": (8, 8)},
        {"initializer": "HeNormal"},
        {"epochs": 4},
        {"batch_size": 21},
        {"learning_rate": 0.1},
        {"seed": 1},
    ],
)
def test_another_recipe_has_another_key(changed):
    assert dataclasses.replace(RECIPE, **changed).key != RECIPE.key


def test_every_field_of_a_recipe_is_in_its_key():
    named = {"dataset", "model", "hidden_units", "initializer", "epochs", "batch_size", "learning_rate", "seed"}
    assert {field.name for field in dataclasses.fields(TrainingRecipe)} == named  # those of the test above


def test_a_key_names_model_and_data_and_does_not_change_from_run_to_run(tmp_path):
    assert RECIPE.key.startswith("mlp-squares-1.0.0-")
    assert TrainingRecipe(**dataclasses.asdict(RECIPE)).key == RECIPE.key
    assert cached_path(RECIPE, tmp_path) == tmp_path / f"{RECIPE.key}.keras"


@pytest.mark.parametrize(("package", "version"), [(tf, "2.99.0"), (keras, "3.99.0")])
def test_other_software_has_another_key(monkeypatch, package, version):
    before = RECIPE.key
    monkeypatch.setattr(package, "__version__", version)
    assert RECIPE.key != before


@pytest.fixture
def odd_keras():
    """Keras as a `keras.json` may set it."""
    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("float16")
    keras.config.set_image_data_format("channels_first")
    keras.config.set_epsilon(0.1)
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)


def test_the_users_settings_of_keras_do_not_change_a_network(trained, odd_keras, tmp_path):
    _, classifier = trained
    other = train_or_load(RECIPE, squares(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [cached_path(RECIPE, tmp_path).name]
    assert weights_of(other) == weights_of(classifier)
    assert other.model.get_layer("flatten").data_format == "channels_last"
    assert (keras.config.floatx(), keras.config.image_data_format()) == ("float16", "channels_first")
    assert (keras.config.epsilon(), keras.config.dtype_policy().name) == (0.1, "float16")
    images = np.random.default_rng(0).random([20, 4, 4, 1]).astype(np.float32)
    np.testing.assert_array_equal(
        train_or_load(RECIPE, squares(), tmp_path).judge(images).logits, classifier.judge(images).logits
    )


def test_training_that_ends_in_no_number_is_reported_and_not_kept(tmp_path):
    recipe = dataclasses.replace(RECIPE, learning_rate=1e38)
    line = r"--train_learning_rate=1e\+38, which ended with a loss of (nan|inf).*: expected a finite loss.*Lower"
    with pytest.raises(RequestError, match=line):
        train_or_load(recipe, squares(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cached_network_of_no_numbers_is_trained_again(trained, tmp_path):
    _, classifier = trained
    broken = mlp.build_mlp((4, 4, 1), 2, hidden_units=(8,), initializer="unit_normal", seed=0)
    broken.set_weights([np.full_like(values, np.nan) for values in broken.get_weights()])
    broken.save(cached_path(RECIPE, tmp_path))
    assert weights_of(train_or_load(RECIPE, squares(), tmp_path)) == weights_of(classifier)


def test_a_save_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def save(self, path, **kwargs):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(keras.Model, "save", save)
    monkeypatch.setattr(training, "train", lambda *args: keras.Sequential())
    with pytest.raises(OSError, match="disk full"):
        train_or_load(RECIPE, squares(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("train_size", "batch_size", "epochs"),
    [(60_000, 250, 30), (1437, 250, 67), (60, 20, 134), (250, 250, 400), (251, 250, 200)],
)
def test_small_data_sets_get_more_epochs(train_size, batch_size, epochs):
    # at least 30, and at least 400 steps
    assert count_epochs(train_size, batch_size) == epochs


def test_accuracy():
    assert training.accuracy(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 4])) == 0.75
