"""The range of pixels: told by layers, else decided by likelihood, on networks whose range is known."""

import keras
import numpy as np
import pytest

from tfcollide.data.class_folders import load_folder
from tfcollide.data.from_tfds import load_tfds
from tfcollide.images import from_uint8
from tfcollide.models.classifier import Classifier
from tfcollide.models.loading import load_classifier
from tfcollide.models.pixel_range import (
    PHOTO,
    SYMMETRIC,
    UNIT,
    Trial,
    doubts,
    range_by_likelihood,
    range_told,
    tied,
    try_ranges,
)
from tfcollide.shapes import Bounds

COUNT = 200


def network(*first, bias=True):
    keras.utils.set_random_seed(0)
    settings = {"activation": "relu", "use_bias": bias}
    layers = [keras.layers.Conv2D(8, 3, strides=2, **settings), keras.layers.Conv2D(16, 3, strides=2, **settings)]
    layers += [keras.layers.Flatten(), keras.layers.Dense(32, **settings), keras.layers.Dense(10, use_bias=bias)]
    return keras.Sequential([keras.Input((28, 28, 1)), *first, *layers])


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ([keras.layers.Rescaling(1 / 255)], PHOTO),
        ([keras.layers.Rescaling(1 / 127.5, -1.0)], PHOTO),
        ([keras.layers.Rescaling(1.0, [-103.9])], PHOTO),
        ([keras.layers.Rescaling(2.0, -1.0)], UNIT),
        ([keras.layers.Normalization(mean=[123.7], variance=[3364.0])], PHOTO),
        ([keras.layers.Normalization(mean=[0.485], variance=[0.05])], UNIT),
        ([], None),
    ],
)
def test_the_range_is_read_off_the_first_layers(first, expected):
    found = range_told(Classifier(network(*first), name="net", bounds=PHOTO))
    assert found is None if expected is None else found == (expected, "told by the first layers", None)


def even(data, count):
    chosen = np.arange(count) * data.test_size // count
    return data.test.images[chosen], data.test.labels[chosen]


@pytest.fixture(scope="module", params=[True, False], ids=["biases", "no biases"])
def learner(request, digits):
    """Whether a network has biases, and from bounds to one trained in them: compiled once, each time from the same start."""
    model = network(bias=request.param)
    model.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    start = [np.array(one) for one in (*model.variables, *model.optimizer.variables)]
    classifier = Classifier(model, name="net", bounds=PHOTO)

    def learned(bounds):
        for variable, value in zip((*model.variables, *model.optimizer.variables), start, strict=True):
            variable.assign(value)
        model.trainable = True
        model.fit(from_uint8(digits.train.images, bounds), digits.train.labels, epochs=8, batch_size=64, verbose=0)
        return classifier

    return request.param, learned


@pytest.mark.parametrize("bounds", [UNIT, SYMMETRIC, PHOTO])
def test_the_range_that_a_network_was_trained_in_is_found(digits, learner, bounds):
    """Without biases a network of ReLUs gets the same images right in 0..1 and 0..255."""
    bias, learned = learner
    classifier = learned(bounds)
    trials = {trial.bounds: trial for trial in try_ranges(classifier, *even(digits, COUNT))}
    assert trials[bounds].right > 0.85 * COUNT
    if not bias and bounds != SYMMETRIC:
        assert trials[UNIT].right == trials[PHOTO].right  # accuracy does not tell
    found = range_by_likelihood(list(trials.values()), COUNT)
    assert found.bounds == bounds and len(tied(list(trials.values()), COUNT)) == 1
    assert found.how.startswith(f"by likelihood: mean log-likelihood {trials[bounds].likelihood:.2f} for {bounds}, ")
    assert found.how.endswith(" on 200 test images")
    assert doubts(bounds, list(trials.values()), COUNT, 10) is None
    for other in {UNIT, PHOTO, SYMMETRIC} - {bounds}:
        if trials[other].likelihood < trials[bounds].likelihood - 0.5:
            said = doubts(other, list(trials.values()), COUNT, 10)
            assert said.startswith(f"With pixels {other} the network does much worse than with {bounds}: mean log-likelihood")


def test_published_networks(shared_path):
    """Both read 0..255, by layers of which this test knows nothing else."""
    small = load_classifier(shared_path("models/vgg16_tiny_imagenet20.keras"))
    photographs = load_tfds("tiny_imagenet20", data_dir=str(shared_path("tfds")), any_size=True)
    large = load_classifier(shared_path("models/squeezenet_imagenet.keras"))
    folder = load_folder(shared_path("images/imagenet_samples")).fitted(large.image_shape)
    for classifier, data, count in ((small, photographs, 60), (large, folder, 25)):
        trials = try_ranges(classifier, *even(data, count))
        found = range_by_likelihood(trials, count)
        assert found.bounds == PHOTO and doubts(PHOTO, trials, count, classifier.num_classes) is None
        assert "much worse" in doubts(UNIT, trials, count, classifier.num_classes)


def test_more_certain_by_scale_alone_is_no_reason():
    """A network that errs nowhere is surer with larger pixels."""
    small, large = Trial(UNIT, -0.02, 200), Trial(PHOTO, 0.0, 200)
    off = Trial(SYMMETRIC, -0.9, 150)
    assert range_by_likelihood([small, off, large], 200).bounds == UNIT
    assert range_by_likelihood([small._replace(right=190), off, large], 200).bounds == PHOTO
    assert range_by_likelihood([small._replace(likelihood=-0.2), off, large], 200).bounds == PHOTO
    assert range_by_likelihood([small, off, large._replace(likelihood=float("nan"))], 200).bounds == UNIT


def test_a_near_tie_is_told_from_a_lead_by_scale():
    unit, symmetric, photo = Trial(UNIT, -0.30, 180), Trial(SYMMETRIC, -0.31, 178), Trial(PHOTO, -0.9, 170)
    assert [one.bounds for one in tied([symmetric, unit, photo], 200)] == [UNIT, SYMMETRIC]
    assert tied([symmetric._replace(likelihood=-0.4), unit, photo], 200) == [unit]
    sure = photo._replace(likelihood=-0.29, right=180)  # surer by its scale alone: 0..1 is taken, as ever
    assert tied([symmetric._replace(likelihood=-0.9), unit, sure], 200) == [unit]
    better = sure._replace(right=185)
    assert [one.bounds for one in tied([symmetric._replace(likelihood=-0.9), unit, better], 200)] == [PHOTO, UNIT]


def test_what_speaks_against_a_range():
    trials = [Trial(UNIT, -0.3, 180), Trial(SYMMETRIC, -0.9, 150), Trial(PHOTO, -9.0, 175), Trial(Bounds(0.0, 2.0), -0.4, 178)]
    assert doubts(UNIT, trials, 200, 10) is None and doubts(Bounds(0.0, 2.0), trials, 200, 10) is None
    assert doubts(PHOTO, trials, 200, 10) == (
        "With pixels 0..255 the network does much worse than with 0..1: mean log-likelihood of the labels -9.00 against "
        "-0.30 (175 and 180 of 200 images right)"
    )
    by_chance = [trial._replace(likelihood=-2.3, right=24) for trial in trials]
    assert doubts(UNIT, by_chance, 200, 10).startswith(
        "The network gets 24 of 200 test images right, hardly more than by chance:"
    )
    assert doubts(UNIT, [trial._replace(right=3) for trial in by_chance], 4, 10) is None  # of so few nothing is said
