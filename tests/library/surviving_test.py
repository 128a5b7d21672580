"""What survives deployment: a network that sees one pixel, whose hulls are known to hold or to break."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcollide as tc
from tests.models.pixel_readers import pixel_reader
from tfcollide.library.surviving import survive
from tfcollide.measure.survival import TREATMENTS
from tfcollide.models import deployed
from tfcollide.models.deployed import lite_bytes, lite_logits


@pytest.fixture(scope="module")
def reader():
    return pixel_reader()


def hull(by):
    """A dark source, a bright target, and corners whose middle pixel is brighter than a half by `by`."""
    source, target = np.full([8, 8, 1], 0.2, np.float32), np.full([8, 8, 1], 0.9, np.float32)
    corners = np.stack([source] * 3)
    corners[:, 3, 3] = 0.5 + by
    corners[1, 0, 0], corners[2, 1, 1] = 0.4, 0.4
    return corners, (source, target)


def rows(found):
    return {row.treatment: row for row in found}


def test_nothing_done_keeps_all_and_a_fragile_hull_is_lost_under_noise(reader):
    """The margin of the fragile one is 0.004 of the range: 8 bits and a tenth of that noise leave it by chance."""
    fragile, firm = (rows(survive(reader, *hull(by), samples=100)) for by in (0.004, 0.4))
    for found in (fragile, firm):
        assert found["none"].kept == 1.0 and found["none"].as_source == 0.0 and found["none"].target_kept
        assert set(found) == {*TREATMENTS, "bfloat16", "TFLite float16", "TFLite int8"}
    assert 0.2 < fragile["noise of 0.1 of the range"].kept < 0.8 and fragile["shift by one pixel"].kept == 0.0
    assert firm["noise of 0.1 of the range"].kept == 1.0 and firm["shift by one pixel"].as_source == 1.0
    assert all(row.target_kept for row in firm.values())
    assert firm["TFLite int8"].kept == firm["TFLite float16"].kept == firm["bfloat16"].kept == 1.0


def test_other_forms_of_the_network_compute_nearly_the_same(reader):
    images = np.random.default_rng(0).random([5, 8, 8, 1], np.float32)
    here = reader.judge(images).logits
    found = {kind: lite_logits(lite_bytes(reader, kind, images), reader, name=kind)(images) for kind in deployed.LITE_KINDS}
    found["bfloat16"] = deployed.in_bfloat16(reader)(images)
    for name, logits in found.items():
        assert logits.shape == here.shape and 0 < np.abs(logits - here).max() < 0.02, name
    np.testing.assert_array_equal(reader.judge(images).logits, here)  # the network itself is as it was


def own_file(path, reader, kind="float16"):
    path.write_bytes(lite_bytes(reader, kind, np.zeros([1, 8, 8, 1], np.float32)))
    return path


def test_a_file_of_the_user_s_is_asked_too(reader, tmp_path):
    """It holds another network, which takes all for dark."""
    other = pixel_reader(gain=-1.0)
    found = rows(survive(reader, *hull(0.4), check_file=own_file(tmp_path / "mine.tflite", other), samples=20))
    assert (found["mine.tflite"].kept, found["mine.tflite"].target_kept) == (0.0, False)


def test_a_quantized_file_and_one_of_probabilities(reader):
    """All integers, as on a microcontroller, and a softmax at the end."""
    model = keras.Sequential([reader.model, keras.layers.Softmax()])
    examples = np.random.default_rng(0).random([50, 8, 8, 1], np.float32)
    function = tf.function(lambda images: model(images)).get_concrete_function(tf.TensorSpec([1, 8, 8, 1]))
    root = tf.Module()
    root.kept = list(function.graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], root)
    converter.optimizations, converter.representative_dataset = (
        [tf.lite.Optimize.DEFAULT],
        lambda: ([x[None]] for x in examples),
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    ask = lite_logits(converter.convert(), reader, name="mine")
    images = np.array([0.1, 0.3, 0.7, 0.9], np.float32)[:, None, None, None] * np.ones([1, 8, 8, 1], np.float32)
    assert reader.reading.predicted(ask(images)).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(("content", "says"), [(b"", "which is no TFLite file"), (None, "which cannot be read")])
def test_files_that_cannot_be_asked(reader, tmp_path, content, says):
    if content is not None:
        (tmp_path / "mine.tflite").write_bytes(content)
    with pytest.raises(tc.RequestError, match=says):
        survive(reader, *hull(0.4), check_file=tmp_path / "mine.tflite")


def test_a_file_for_other_images(reader, tmp_path):
    path = own_file(tmp_path / "mine.tflite", reader)
    small = tc.wrap(
        keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    )
    with pytest.raises(tc.RequestError, match=r"takes \[\(8, 8, 1\)\]"):
        lite_logits(path.read_bytes(), small, name="mine")


def test_of_a_search(found):
    rows_found = found.survival(samples=20)
    assert rows_found[0].kept == 1.0 and len(rows_found) == len(TREATMENTS) + 3
