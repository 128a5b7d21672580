import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tests.limits import HANG_SECONDS
from tfcollide.exports.mixture_export import mixture
from tfcollide.exports.write_saved_model import write_saved_model
from tfcollide.images import from_uint8
from tfcollide.objectives import terms
from tfcollide.polytope.hull.mixing import convex_weights, mix


@pytest.fixture(scope="module")
def classifier_model(exported):
    return tf.saved_model.load(str(exported / "digits" / "1"))


@pytest.fixture(scope="module")
def hull(exported):
    return tf.saved_model.load(str(exported / "hull" / "1"))


@pytest.fixture(scope="module")
def images(digits, subject):
    return from_uint8(digits.test.images[:60], subject.classifier.bounds)


def arrays(outputs):
    return {name: value.numpy() for name, value in outputs.items()}


def expected_check(subject, images):
    """By the Python path: the terms of the package, with the target looked at afresh."""
    judged = subject.classifier.judge(images)
    target = subject.tap.pre_activation(tf.constant(subject.target[None])).numpy()
    goal = terms.make_goal(target[0], ((),))
    features = subject.tap.pre_activation(tf.constant(images))
    match = terms.active_match(features, goal.post_activation, goal.active).numpy()
    return {
        "probabilities": judged.probabilities,
        "class_ids": judged.predicted,
        "active_match": match,
        "feature_distance": terms.feature_distance(features, goal.post_activation).numpy(),
        "collides": (judged.predicted == subject.classifier.judge(subject.target[None]).predicted)
        & (match < subject.stop_loss),
    }


def test_the_classifier_answers_as_the_python_path(classifier_model, subject, images):
    found = arrays(classifier_model.signatures["serving_default"](images=tf.constant(images)))
    judged = subject.classifier.judge(images)
    np.testing.assert_allclose(found["probabilities"], judged.probabilities, atol=1e-5)
    np.testing.assert_array_equal(found["class_ids"], judged.predicted)
    logits = arrays(classifier_model.signatures["logits"](images=tf.constant(images)))["logits"]
    np.testing.assert_allclose(logits, judged.logits, rtol=1e-5, atol=1e-4)


def test_features_are_those_of_the_tap(classifier_model, subject, images):
    found = arrays(classifier_model.signatures["features"](images=tf.constant(images)))
    pre, post = subject.tap(tf.constant(images))
    np.testing.assert_allclose(found["pre_activation"], pre, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found["post_activation"], np.maximum(found["pre_activation"], 0))
    assert found["post_activation"].max() == pytest.approx(float(tf.reduce_max(post)), rel=1e-5)


def test_check_knows_the_target_and_both_thresholds(classifier_model, subject, images):
    found = arrays(classifier_model.signatures["check"](images=tf.constant(images)))
    expected = expected_check(subject, images)
    assert set(found) == set(expected)
    assert 0 < expected["collides"].sum() < len(images)  # a check that can fail
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    verdict = classifier_model.verdict
    assert verdict.stop_loss.numpy() == subject.stop_loss
    assert verdict.target_class.numpy() == subject.classifier.judge(subject.target[None]).predicted[0]


def test_a_collision_needs_the_class_and_the_features(classifier_model, subject, images):
    found = arrays(classifier_model.signatures["check"](images=tf.constant(np.stack([subject.target, 1 - subject.target]))))
    assert found["collides"].tolist() == [True, False]
    assert found["active_match"][0] == pytest.approx(0, abs=1e-6)


def test_eight_bits_are_read_as_the_package_reads_them(classifier_model, digits, images, subject):
    found = arrays(classifier_model.signatures["serving_uint8"](images=tf.constant(digits.test.images[:60])))
    np.testing.assert_allclose(found["probabilities"], subject.classifier.judge(images).probabilities, atol=1e-5)


def as_file(pixels, form, **options):
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_files_are_decoded_as_pillow_decodes_them(classifier_model, digits, subject, form):
    files = [as_file(pixels, form) for pixels in digits.test.images[:20]]
    decoded = np.stack([np.asarray(Image.open(io.BytesIO(file)))[..., None] for file in files])
    found = arrays(classifier_model.signatures["serving_bytes"](image_bytes=tf.constant(files)))
    expected = subject.classifier.judge(from_uint8(decoded, subject.classifier.bounds)).probabilities
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_files_are_turned_as_a_viewer_shows_them(classifier_model, digits, subject, form):
    files, shown = [], []
    for code, pixels in enumerate(digits.test.images[:8], 1):
        exif = Image.Exif()
        exif[0x0112] = code
        files.append(as_file(pixels, form, exif=exif))
        shown.append(np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(files[-1]))))[..., None])
    found = arrays(classifier_model.signatures["serving_bytes"](image_bytes=tf.constant(files)))
    expected = subject.classifier.judge(from_uint8(np.stack(shown), subject.classifier.bounds)).probabilities
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("file", [b"", b"no image", as_file(np.zeros([28, 29, 1], np.uint8), "PNG")])
def test_a_file_of_another_size_or_none_is_refused(classifier_model, file):
    with pytest.raises(tf.errors.InvalidArgumentError):
        classifier_model.signatures["serving_bytes"](image_bytes=tf.constant([file]))


def test_classify_reads_examples_and_names_classes(classifier_model, images, subject):
    from tfcollide.exports.classifier_export import FEATURE

    examples = []
    for image in images[:4]:
        example = tf.train.Example()
        example.features.feature[FEATURE].float_list.value.extend(image.ravel())
        examples.append(example.SerializeToString())
    found = arrays(classifier_model.signatures["classify"](inputs=tf.constant(examples)))
    np.testing.assert_allclose(found["scores"], subject.classifier.judge(images[:4]).probabilities, atol=1e-5)
    assert found["classes"].tolist() == [[name.encode() for name in subject.classifier.class_names]] * 4


def test_the_hull_mixes_and_judges_as_the_python_path(hull, subject):
    weights = convex_weights(200, 3, seed=5)
    expected = mix(weights, subject.corners)
    np.testing.assert_allclose(
        arrays(hull.signatures["mix"](convex_weights=tf.constant(weights)))["images"], expected, rtol=1e-5
    )
    found = arrays(hull.signatures["check"](convex_weights=tf.constant(weights)))
    assert set(found) == {"images", *expected_check(subject, expected)}
    for name, value in expected_check(subject, expected).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_the_batch_is_free(classifier_model, hull, subject, rows):
    images = tf.zeros([rows, *subject.target.shape])
    assert classifier_model.signatures["check"](images=images)["probabilities"].shape == (rows, 10)
    assert hull.signatures["check"](convex_weights=tf.zeros([rows, 3]))["images"].shape == (rows, *subject.target.shape)
    files = tf.constant([as_file(np.zeros([28, 28, 1], np.uint8), "PNG")] * rows, tf.string)
    assert classifier_model.signatures["serving_bytes"](image_bytes=files)["class_ids"].shape == (rows,)


WITHOUT_US = """
import json, sys
sys.modules["tfcollide"] = None  # importing it fails
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
outputs = model.signatures["check"](convex_weights=tf.constant([[0.5, 0.25, 0.25]]))
print(json.dumps(outputs["probabilities"].numpy().tolist()))
"""


def test_another_process_loads_it_without_this_package(exported, hull, tmp_path):
    command = [sys.executable, "-c", WITHOUT_US, str(exported / "hull" / "1")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr
    found = hull.signatures["check"](convex_weights=tf.constant([[0.5, 0.25, 0.25]]))["probabilities"]
    np.testing.assert_allclose(json.loads(done.stdout), found, atol=1e-5)


def test_classify_has_tf_servings_method_name(exported):
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((exported / "digits" / "1" / "saved_model.pb").read_bytes())
    methods = {name: s.method_name.rpartition("/")[2] for name, s in saved.meta_graphs[0].signature_def.items() if s.inputs}
    assert methods.pop("classify") == "classify"
    assert set(methods.values()) == {"predict"}


def test_what_is_refused_leaves_nothing(subject, tmp_path):
    parts = mixture(subject)
    broken = parts._replace(examples={"mix": {"convex_weights": object()}})
    with pytest.raises((TypeError, ValueError)):
        write_saved_model(tmp_path / "hull" / "1", broken, {})
    assert list((tmp_path / "hull").iterdir()) == []
