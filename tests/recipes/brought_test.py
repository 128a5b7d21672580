"""Whole runs with networks that were not trained here."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from tfcollide.cli import collide
from tfcollide.errors import RequestError
from tfcollide.models.classifier import Classifier
from tfcollide.models.pixel_range import PHOTO, SYMMETRIC, UNIT, Trial
from tfcollide.models.predictions import Predictions, evenly
from tfcollide.recipes.classifiers.network_request import parse_bounds
from tfcollide.recipes.collide import pair
from tfcollide.recipes.finished_run import read_run
from tfcollide.records import Certificate, ProvenParts

SIZE = 12


def network(*first):
    """Tells red pictures from blue ones, by two ReLUs in a row."""
    keras.utils.set_random_seed(0)
    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = images
    for layer in first:
        x = layer(x)
    x = keras.layers.Conv2D(6, 3, strides=2, activation=(first and "relu6") or "relu", name="conv")(x)
    x = keras.layers.Dense(12, activation="relu", name="fc1")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(2, activation="softmax", name="predictions")(x))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model file, and a folder of red and blue pictures of several sizes."""
    folder = tmp_path_factory.mktemp("brought")
    rng = np.random.default_rng(0)
    pictures, labels = [], []
    for label, name in enumerate(("blue", "red")):
        (folder / "pictures" / name).mkdir(parents=True)
        for k in range(12):
            pixels = rng.integers(0, 120, [20 + k, 30, 3], np.uint8)
            pixels[..., 0 if label else 2] += 130
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{k:02}.png")
            pictures.append(np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE))))
            labels.append(label)
    model = network(keras.layers.Rescaling(1 / 255))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(np.array(pictures, np.float32), np.array(labels), epochs=15, verbose=0)
    model.save(folder / "net.keras")
    return folder


def run(place, out, *flags, proof=False):
    common = [f"--dataset=folder:{place}/pictures", f"--model={place}/net.keras", "--interpolations=50", "--worst_starts=2"]
    common += [] if proof else ["--certify_boxes=0"]
    code = collide(["collide", *common, "--max_steps=60", "--corners=3", f"--out={out}", *flags])
    return code, json.loads((out / "summary.json").read_text())


def test_a_run_from_end_to_end(place, tmp_path, capsys):
    asked = (f"--source={place}/pictures/red/03.png", "--target=blue", "--prove_edges")
    code, found = run(place, tmp_path / "one", *asked, proof=True)
    assert code in (0, 1)
    edges = found["edges"]
    assert [edge["corners"] for edge in edges] == [[0, 1], [0, 2], [1, 2]] and "walked exactly" in capsys.readouterr().out
    assert min(edge["margin"] for edge in edges) >= found["certificate"]["margin"] and edges[0]["breakpoints"] > 0
    assert (found["model"], found["tap"]) == ("net", "fc1")
    assert found["certificate"]["status"] in ("certified", "refuted", "undecided") and found["certificate"]["excludes"]
    assert found["target"]["predicted"] == "blue" and found["source"]["predicted"] == "red"
    assert found["test_accuracy"] == 1.0
    corners = np.load(tmp_path / "one" / "corners.npz")["corners"]
    assert corners.shape == (3, SIZE, SIZE, 3) and corners.min() >= 0 and 1 < corners.max() <= 255
    for n in range(3):  # what is saved is what was found, in 8 bits
        with Image.open(tmp_path / "one" / "images" / f"corner_{n}.png") as image:
            assert np.abs(np.asarray(image, np.float32) - corners[n]).max() <= 0.5
    with Image.open(tmp_path / "one" / "figure.png") as figure:
        assert len(set(np.asarray(figure.convert("RGB")).reshape(-1, 3).std(axis=1).tolist())) > 1  # in color
    capsys.readouterr()
    again = collide(["collide", f"--flagfile={tmp_path}/one/run.flags", f"--out={tmp_path}/two"])
    assert again == code
    np.testing.assert_array_equal(np.load(tmp_path / "two" / "corners.npz")["corners"], corners)


def test_names_of_files_that_are_no_utf_8(place, tmp_path):
    """As Latin-1 has them: a folder, a picture and what is written, all from the command line to the same again."""
    cafe = tmp_path / "caf\udce9"
    cafe.mkdir()
    for name, picture in (("rou\udce9.png", "red/03.png"), ("bleu\udce9.png", "blue/05.png")):
        (cafe / name).write_bytes((place / "pictures" / picture).read_bytes())
    flags = [f"--source={cafe}/rou\udce9.png", f"--target={cafe}/bleu\udce9.png", "--dataset=none", "--max_steps=5"]
    code, found = run(place, cafe / "one", *flags)
    assert code in (0, 1) and found["source"]["id"] == "rou\xe9.png"
    assert read_run(cafe / "one").config.source == f"{cafe}/rou\udce9.png"
    assert collide(["collide", f"--flagfile={cafe}/one/run.flags", f"--out={cafe}/two"]) == code
    for name in ("run.flags", "corners.npz"):
        assert (cafe / "two" / name).read_bytes() == (cafe / "one" / name).read_bytes()
    (cafe / "pairs.csv").write_text(f"source,target\n{place}/pictures/red/03.png,../blue.png\n")
    (tmp_path / "blue.png").symlink_to(place / "pictures" / "blue" / "05.png")
    _, sweep = run(place, cafe / "sweep", f"--pairs={cafe}/pairs.csv", "--max_steps=5", "--dataset=none")
    assert sweep["pairs"][0]["error"] is None and sweep["pairs"][0]["target"] == "../blue.png"


def test_two_files_need_no_data_set(place, tmp_path, capsys):
    files = [f"--source={place}/pictures/red/03.png", f"--target={place}/pictures/blue/05.png"]
    _, named = run(place, tmp_path / "named", *files, "--max_steps=5")
    _, found = run(place, tmp_path / "none", *files, "--max_steps=5", "--dataset=none")
    assert (found["dataset"], found["test_accuracy"], found["distance"]["dataset_mean"]) == ("none", None, None)
    assert [corner["active_match"] for corner in found["corners"]] == [corner["active_match"] for corner in named["corners"]]
    assert "03.png to 05.png: net, tap fc1" in (tmp_path / "none" / "table.md").read_text()
    (tmp_path / "pairs.csv").write_text("source,target\n{},{}\n".format(*(file.partition("=")[2] for file in files)))
    _, sweep = run(place, tmp_path / "sweep", f"--pairs={tmp_path}/pairs.csv", "--max_steps=5", "--dataset=none")
    assert sweep["num_pairs"] == 1 and sweep["pairs"][0]["error"] is None and sweep["dataset_mean"] is None


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--source=3 (the default of --source): expected an image file, where there is no data set"),
        (["--source=test:0"], "--source=test:0: expected an image file"),
        (["--num_pairs=2"], "--num_pairs=2 without a data set: expected a --dataset to draw from"),
        (["--source=every"], "--source=every without a data set"),
    ],
)
def test_without_a_data_set_there_is_nothing_to_choose_from(place, tmp_path, capsys, flags, named):
    assert collide(["collide", f"--model={place}/net.keras", f"--out={tmp_path}/out", *flags]) == 2
    said = capsys.readouterr().err
    assert named in said and said.count("\n") == 1 and not list(tmp_path.iterdir())


def test_pixels_that_nothing_tells_are_spoken_of(place, tmp_path, capsys):
    plain = network()
    plain.set_weights(keras.models.load_model(place / "net.keras").get_weights())  # so that it tells the two apart
    plain.save(tmp_path / "plain.keras")
    files = [f"--source={place}/pictures/red/03.png", f"--target={place}/pictures/blue/05.png", "--max_steps=2"]
    run(place, tmp_path / "one", f"--model={tmp_path}/plain.keras", "--dataset=none", *files)
    assert "Pixels are taken to be 0..255" in capsys.readouterr().err
    run(place, tmp_path / "two", f"--model={tmp_path}/plain.keras", "--dataset=none", "--pixel_range=0,255", *files)
    assert "Pixels are taken" not in capsys.readouterr().err


def test_a_near_tie_of_pixel_ranges_is_asked_about(place, tmp_path, capsys, monkeypatch):
    network().save(tmp_path / "plain.keras")
    trials = [Trial(UNIT, -0.30, 9), Trial(SYMMETRIC, -0.31, 8), Trial(PHOTO, -5.0, 3)]
    monkeypatch.setattr("tfcollide.recipes.classifiers.open.try_ranges", lambda *_: trials)
    asked = [f"--model={tmp_path}/plain.keras", f"--dataset=folder:{place}/pictures", "--source=red", "--target=blue"]
    assert collide(["collide", *asked, f"--out={tmp_path}/out"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "0..1 (-0.30, 9 right) and -1..1 (-0.31, 8 right)" in said and not (tmp_path / "out").exists()
    assert said.endswith("Say --pixel_range=0,1 or --pixel_range=-1,1.")


def test_a_convolutional_relu6(place, tmp_path):
    _, found = run(place, tmp_path / "conv", "--tap=conv", "--source=red", "--target=blue", "--learning_rate=2")
    units = [corner["units"][0] for corner in found["corners"]]
    assert found["tap"] == "conv" and len(set(units)) == 3
    assert len({unit // 6 for unit in units}) == 3  # at different positions


def test_a_sweep(place, tmp_path):
    code, found = run(place, tmp_path / "sweep", "--num_pairs=2", "--max_steps=5")
    assert code in (0, 1) and found["num_pairs"] == 2 and found["tap"] == "fc1"


def test_labels_from_a_file(place, tmp_path):
    (tmp_path / "labels.txt").write_text("sky\nrose\n")
    _, found = run(
        place, tmp_path / "named", f"--labels={tmp_path}/labels.txt", "--source=red", "--target=blue", "--max_steps=3"
    )
    assert (found["source"]["label"], found["source"]["predicted"], found["target"]["predicted"]) == ("red", "rose", "sky")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--tap=fc9"], "--tap=fc9: expected a ReLU of net: conv, fc1"),
        (["--tap=predictions"], "--tap=predictions: expected a ReLU"),
        (["--weights=random"], "--weights with --model="),
        (["--pixel_range=1"], "--pixel_range=1"),
        (["--image_size=99"], "--image_size=99: expected 12"),
        (["--labels=/nonexistent"], "--labels=/nonexistent"),
        (["--units=9999"], "unit 9999"),
        (["--model=/nonexistent.keras"], "/nonexistent.keras, which does not exist"),
        (["--model=vgg16", "--weights=/nonexistent.h5"], "--weights=/nonexistent.h5"),
        (["--model=vgg16", "--pixel_range=0,1"], "--pixel_range with --model=vgg16"),
        (["--dataset=folder:/nonexistent"], "folder:/nonexistent"),
    ],
)
def test_refusals(place, tmp_path, capsys, flags, named):
    common = [f"--dataset=folder:{place}/pictures", f"--model={place}/net.keras", "--source=red", "--target=blue"]
    assert collide(["collide", *common, f"--out={tmp_path}/out", *flags]) == 2
    said = capsys.readouterr().err
    assert named in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def classifier(*first):
    return Classifier(network(*first), name="net", bounds=PHOTO)


def test_predictions_are_made_when_asked_for_and_once():
    mine = classifier(keras.layers.Rescaling(1 / 255))
    images = np.random.default_rng(0).integers(0, 255, [9, SIZE, SIZE, 3], np.uint8)
    expected = mine.judge(images.astype(np.float32)).predicted
    judged = []
    original = mine.judge
    mine.judge = lambda batch, **settings: judged.append(len(batch)) or original(batch, **settings)
    found = Predictions(mine, images)
    assert found[4] == expected[4] and judged == [1]
    np.testing.assert_array_equal(found[np.array([4, 2])], expected[[4, 2]])
    np.testing.assert_array_equal(np.asarray(found), expected)
    assert judged == [1, 1, 7] and len(found) == 9


def test_an_even_sample():
    assert evenly(10, 3).tolist() == list(range(10))
    few = evenly(1000, 2**22)
    assert few.tolist() == [0, 250, 500, 750]


@pytest.mark.parametrize("text", ["", "1", "1,0", "0,0", "0,inf", "a,b", "0,1,2"])
def test_pixel_ranges_that_are_none(text):
    with pytest.raises(RequestError, match="--pixel_range="):
        parse_bounds(text)
    assert parse_bounds("-1,1") == (-1.0, 1.0)


def special(place, name, tmp_path):
    """A network that is unlike others, as a file."""
    keras.utils.set_random_seed(1)
    shape, dtype, batch = {"gray": ((SIZE, SIZE), "float32", None), "bytes": ((SIZE, SIZE, 3), "uint8", 2)}[name]
    images = keras.Input(batch_shape=(batch, *shape), dtype=dtype, name="images")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    x = keras.activations.relu(keras.layers.Dense(16, name="_fc 1")(x))
    model = keras.Model(images, keras.layers.Dense(3, name="a:b")(x))
    files = [place / "pictures" / "red" / "03.png", place / "pictures" / "blue" / "05.png"]
    mode = "L" if name == "gray" else "RGB"
    both = np.stack([np.asarray(Image.open(file).convert(mode).resize((SIZE, SIZE))) for file in files])
    kernel, bias = model.layers[-1].get_weights()  # with the mean of their logits taken off, the two differ in class
    model.layers[-1].set_weights([kernel, bias - np.asarray(model(both.astype(dtype))).mean(axis=0)])
    model.save(tmp_path / f"{name}.keras")
    return [f"--model={tmp_path}/{name}.keras", f"--source={files[0]}", f"--target={files[1]}", "--dataset=none"]


@pytest.mark.parametrize("name", ["gray", "bytes"])
def test_what_a_run_says_is_what_keras_says(place, tmp_path, capsys, name):
    code, found = run(place, tmp_path / "one", *special(place, name, tmp_path), "--max_steps=400")
    assert code in (0, 1)
    model = keras.models.load_model(tmp_path / f"{name}.keras")
    corners = np.load(tmp_path / "one" / "corners.npz")["corners"]
    read = corners[..., 0] if name == "gray" else corners.astype(np.uint8)
    pairs = np.concatenate([read, read[:1]]).reshape(2, 2, *read.shape[1:])
    top = np.concatenate([model(pair) for pair in pairs])[: len(corners)].argmax(axis=1)
    assert [corner["predicted"] for corner in found["corners"]] == [f"class {k}" for k in top]
    assert ("reads whole numbers (uint8)" in capsys.readouterr().err) == (name == "bytes")
    assert all(corner["converged"] for corner in found["corners"])


def test_no_exact_corners_of_whole_numbers(place, tmp_path, capsys):
    assert collide(["collide", *special(place, "bytes", tmp_path), "--solver=exact", f"--out={tmp_path}/out"]) == 2
    assert "which reads uint8, so that it computes with rounded pixels" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("layer", ["conv", "predictions"])
def test_a_network_that_gives_no_numbers(place, tmp_path, capsys, layer, value):
    model = network()
    kernel, bias = model.get_layer(layer).get_weights()
    model.get_layer(layer).set_weights([kernel, np.full_like(bias, value)])
    model.save(tmp_path / "broken.keras")
    files = [f"--source={place}/pictures/red/03.png", f"--target={place}/pictures/blue/05.png"]
    assert collide(["collide", f"--model={tmp_path}/broken.keras", *files, f"--out={tmp_path}/out", "--pixel_range=0,255"]) == 2
    said = capsys.readouterr().err
    assert "--source=03.png, of which broken makes" in said and said.count("\n") == 1 and "finite numbers" in said
    assert not list(tmp_path.glob("out*"))


def test_a_run_keeps_which_part_of_its_hull_is_proven_and_its_page_knows(place, tmp_path, monkeypatch):
    parts = ProvenParts(np.array([(0, 1), (-1, -1), (-1, -1)], np.int16), np.array([2.5, -1.0], np.float32))
    certificate = Certificate("undecided", -1.0, 0.5, parts=parts)
    monkeypatch.setattr(pair, "certify_classifier", lambda *_, **__: certificate)
    _, found = run(place, tmp_path / "run", "--explore", "--source=blue", "--target=red", "--tap=fc1", proof=True)
    assert found["certificate"]["status"] == "undecided" and "parts" not in found["certificate"]
    kept = read_run(tmp_path / "run").summary.certificate.parts
    np.testing.assert_array_equal(kept.tree, parts.tree)
    np.testing.assert_array_equal(kept.margins, parts.margins)
    page = (tmp_path / "run" / "explore.html").read_text()
    scene = json.loads(page.partition('id="scene">')[2].partition("</script>")[0])
    assert scene["parts"]["tree"]["shape"] == [3, 2] and scene["words"]["proof"].startswith("Undecided as a whole: 50.00 %")
