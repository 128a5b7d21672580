import asyncio
import dataclasses
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.limits import HANG_SECONDS
from tfcollide.errors import RequestError
from tfcollide.exports.modules import Blending
from tfcollide.models.loading import load_classifier
from tfcollide.objectives import terms
from tfcollide.parameterizations.composite import Composite
from tfcollide.parameterizations.composite.blend_weights import blend_weights, candidates_at_pixels
from tfcollide.parameterizations.composite.saved import read_composite
from tfcollide.polytope.hull.mixing import convex_weights, mix
from tfcollide.recipes.collide import run
from tfcollide.recipes.serving import export
from tfcollide.recipes.serving.config import ExportConfig
from tfcollide.serving.client.grpc_client import GrpcModel
from tfcollide.serving.client.signature import Connection
from tfcollide.serving.local.server import ServerOptions, serving

from . import slow

CHECKED = {"images", "probabilities", "class_ids", "active_match", "feature_distance", "collides"}
WITHOUT_US = """
import sys
from pathlib import Path
sys.modules["tfcollide"] = None  # importing it fails
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
asked, answers = np.load(sys.argv[2]), {}
for name, inputs in {"compose": "control_parameters", "mix": "convex_weights", "check": "convex_weights"}.items():
    outputs = model.signatures[name](**{inputs: tf.constant(asked[inputs])})
    answers.update({f"{name}_{key}": value.numpy() for key, value in outputs.items()})
answers["stop_loss"] = model.verdict.stop_loss.numpy()
answers["stored"] = model.signatures["compose"](control_parameters=model.blending.control_parameters)["images"].numpy()
np.savez(sys.argv[3], **answers)
"""


@pytest.fixture(scope="module")
def base(made, tmp_path_factory):
    """BASE with `blend/1`."""
    folder = tmp_path_factory.mktemp("composite_served")
    export.run(ExportConfig(run=str(made.run), what="composite"), folder / "blend" / "1")
    return folder


@pytest.fixture(scope="module")
def saved(made):
    return read_composite(made.run, made.index)


@pytest.fixture(scope="module")
def corners(made):
    with np.load(made.run / "corners.npz") as arrays:
        return arrays["corners"]


@pytest.fixture(scope="module")
def asked(saved):
    """Control parameters of the run and ones that no descent has seen; weights of mixtures."""
    drawn = np.random.default_rng(3).normal(0, 4, [4, *saved.layout.control_shape]).clip(-20, 20)
    controls = np.concatenate([saved.control_parameters, drawn]).astype(np.float32)
    return {"control_parameters": controls, "convex_weights": convex_weights(50, 3, seed=1)}


@pytest.fixture(scope="module")
def answers(base, asked, tmp_path_factory):
    """What a process says that has neither this package nor the index."""
    folder = tmp_path_factory.mktemp("elsewhere")
    np.savez(folder / "asked.npz", **asked)
    command = [sys.executable, "-I", "-c", WITHOUT_US, str(base / "blend" / "1"), "asked.npz", "answers.npz"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "answers.npz") as arrays:
        return dict(arrays)


def test_another_process_composes_as_the_python_path(answers, asked, saved, corners):
    composite = Composite(saved.layout, saved.bounds)
    material = composite.arrange(saved.patches)
    expected = composite.to_image(tf.constant(asked["control_parameters"]), material).numpy()
    np.testing.assert_allclose(answers["compose_images"], expected, rtol=1e-5)
    np.testing.assert_allclose(answers["stored"], corners, rtol=1e-5)


def test_it_mixes_and_judges_as_the_python_path(answers, asked, made, corners):
    images = mix(asked["convex_weights"], corners)
    np.testing.assert_allclose(answers["mix_images"], images, rtol=1e-5)
    np.testing.assert_allclose(answers["check_images"], images, rtol=1e-5)
    classifier = load_classifier(Path(made.config.model))
    with np.load(made.run / "corners.npz") as arrays:
        target = arrays["target"]
    judged, tap = classifier.judge(images), classifier.tap("second")
    goal = terms.make_goal(tap.pre_activation(tf.constant(target[None]))[0].numpy(), ((),))
    features = tap.pre_activation(tf.constant(images))
    match = terms.active_match(features, goal.post_activation, goal.active).numpy()
    distance = terms.feature_distance(features, goal.post_activation).numpy()
    collides = (judged.predicted == classifier.judge(target[None]).predicted) & (match < answers["stop_loss"])
    assert {name.removeprefix("check_") for name in answers if name.startswith("check_")} == CHECKED
    np.testing.assert_allclose(answers["check_probabilities"], judged.probabilities, atol=1e-5)
    np.testing.assert_array_equal(answers["check_class_ids"], judged.predicted)
    np.testing.assert_allclose(answers["check_active_match"], match, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answers["check_feature_distance"], distance, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(answers["check_collides"], collides)
    assert answers["stop_loss"] == np.float32(max(made.summary["stop_loss"]))


def test_mixing_composites_is_mixing_blend_weights(answers, asked, saved):
    names = candidates_at_pixels(saved.layout)
    pasted = slow.candidates(saved.patches, 16, 16, 4, 1, 2)
    i, j = np.ogrid[:16, :16]
    values = pasted[names, i[..., None, None], j[..., None, None]]
    blends = np.stack([blend_weights(saved.layout, controls) for controls in saved.control_parameters])
    for share, image in zip(asked["convex_weights"][:5], answers["mix_images"][:5], strict=True):
        weights = np.tensordot(share, blends, 1)
        np.testing.assert_allclose(image, (weights[..., None] * values).sum(axis=(2, 3)), rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_the_number_of_composites_is_free(base, saved, rows):
    signatures = tf.saved_model.load(str(base / "blend" / "1")).signatures
    images = signatures["compose"](control_parameters=tf.zeros([rows, *saved.layout.control_shape]))["images"]
    assert images.shape == (rows, 16, 16, 3)
    assert np.isfinite(images).all()
    assert signatures["check"](convex_weights=tf.zeros([rows, 3]))["probabilities"].shape == (rows, 3)


def test_nothing_of_the_size_of_all_pasted_candidates_exists(saved):
    spec = tf.TensorSpec([None, *saved.layout.control_shape], tf.float32)
    graph = tf.function(Blending(saved).compose, input_signature=[spec]).get_concrete_function().graph
    sizes = [math.prod(size or 1 for size in out.shape) for node in graph.get_operations() for out in node.outputs]
    assert max(sizes) >= saved.patches.size  # the patches themselves are among them
    assert max(sizes) < saved.layout.num_candidates * 16 * 16 * 3


def test_patches_are_eight_bits_and_control_parameters_can_be_read(base, saved):
    blending = tf.saved_model.load(str(base / "blend" / "1")).blending
    assert blending.patches.dtype == tf.uint8
    np.testing.assert_array_equal(blending.patches, saved.patches)
    np.testing.assert_array_equal(blending.control_parameters, saved.control_parameters)


def test_it_is_served(base, asked, answers):
    async def ask():
        async with serving(base, ServerOptions(port=0, rest_port=0)) as (ports, _):  # replays the warm-up requests
            return await asyncio.to_thread(_predictions, ports.grpc, asked)

    composed, checked = asyncio.run(ask())
    np.testing.assert_allclose(composed["images"], answers["compose_images"], rtol=1e-5)
    assert set(checked) == CHECKED
    np.testing.assert_allclose(checked["probabilities"], answers["check_probabilities"], atol=1e-5)


def _predictions(server, asked):
    model = GrpcModel(Connection(server=server, model="blend"))
    try:
        return [
            model.predict(name, {key: asked[key]})
            for name, key in (("compose", "control_parameters"), ("check", "convex_weights"))
        ]
    finally:
        model.close()


@pytest.fixture
def moved(made, tmp_path):
    """The run, whose index is no longer where it was."""
    shutil.copytree(made.run, tmp_path / "run")
    flags = tmp_path / "run" / "run.flags"
    flags.write_text(flags.read_text().replace(f"--index={made.index}", "--index=/nowhere/index"))
    return tmp_path / "run"


def test_an_index_that_has_gone_is_named_with_the_mend(moved, made, tmp_path):
    with pytest.raises(RequestError, match=r"--index=/nowhere/index.* Say --index=FOLDER if it has moved"):
        export.run(ExportConfig(run=str(moved), what="composite"), tmp_path / "base" / "blend" / "1")
    assert not (tmp_path / "base").exists()
    export.run(ExportConfig(run=str(moved), what="composite", index=str(made.index)), tmp_path / "base" / "blend" / "1")
    export.run(ExportConfig(run=str(moved), what="mixture"), tmp_path / "base" / "hull" / "1")  # needs none


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"PK\x03\x04 cut off"])
def test_a_run_without_its_composite_is_refused(moved, made, tmp_path, content):
    (moved / "composite.npz").unlink()
    if content is not None:
        (moved / "composite.npz").write_bytes(content)
    with pytest.raises(RequestError, match="the run directory of a composite"):
        export.run(ExportConfig(run=str(moved), what="composite", index=str(made.index)), tmp_path / "base" / "blend" / "1")
    assert not (tmp_path / "base").exists()


def test_an_export_is_no_network_to_start_from(base, made, tmp_path):
    config = dataclasses.replace(made.config, model=str(base / "blend" / "1"))
    with pytest.raises(RequestError, match=rf"the network that the run was made with\. Say --model={made.config.model}, as"):
        run.run(config, tmp_path / "out")


def test_a_run_of_pixels_has_no_composite(made, tmp_path):
    pixels = dataclasses.replace(made.config, parameterization="pixels", index=None, control_spacing=None, max_steps=2)
    run.run(pixels, tmp_path / "pixels")
    with pytest.raises(RequestError, match=r"--parameterization=pixels: .*Say --what=mixture or --what=classifier\."):
        export.run(ExportConfig(run=str(tmp_path / "pixels"), what="composite"), tmp_path / "base" / "blend" / "1")
    with pytest.raises(RequestError, match="leave the flag out"):
        export.run(ExportConfig(run=str(tmp_path / "pixels"), what="mixture", index=str(made.index)), tmp_path / "hull" / "1")
