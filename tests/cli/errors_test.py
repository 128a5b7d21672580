"""What cannot be carried out is refused: exit 2, one line that helps, no trace, and soon."""

import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from .programs import listing, run, run_without_tensorflow


def check_refusal(outcome, *named):
    """Exit 2, nothing on standard output, and one line that names what was wrong."""
    assert outcome.code == 2, outcome
    assert outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    assert len([line for line in lines if line.strip()]) == 1, outcome.stderr[-2000:]
    assert lines[0].startswith("error: ")
    assert "Traceback" not in outcome.stderr
    for name in named:
        assert name in lines[0], f"{name!r} is not in {lines[0]!r}"


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, packed):
    """A gray PNG whose header claims `width` x `height`, over compressed rows `packed`."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def black_rows(width, height):
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(width + 1)) for _ in range(height)), packer.flush()])


TEXTS = {"text": {"pythonClassName": "tensorflow_datasets.core.features.text_feature.Text", "text": {}}}
LABELS = {
    "label": {
        "pythonClassName": "tensorflow_datasets.core.features.class_label_feature.ClassLabel",
        "classLabel": {"numClasses": "2"},
    }
}


def image_feature(*shape):
    content = {"dtype": "uint8", "encodingFormat": "png", "shape": {"dimensions": [str(size) for size in shape]}}
    return {"image": {"pythonClassName": "tensorflow_datasets.core.features.image_feature.Image", "image": content}}


def write_dataset(folder, name, features):
    """The metadata of a prepared TFDS data set: all that is read before it is refused."""
    place = folder / name / "1.0.0"
    place.mkdir(parents=True)
    dict_class = "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    (place / "features.json").write_text(json.dumps({"pythonClassName": dict_class, "featuresDict": {"features": features}}))
    (place / "label.labels.txt").write_text("no\nyes\n")
    split = {"filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}", "numBytes": "10", "shardLengths": ["2"]}
    info = {
        "name": name,
        "version": "1.0.0",
        "fileFormat": "tfrecord",
        "moduleName": "tensorflow_datasets.core.dataset_builders.adhoc_builder",
        "supervisedKeys": {"input": next(iter(features)), "output": "label"},
        "splits": [split | {"name": "train"}, split | {"name": "test"}],
    }
    (place / "dataset_info.json").write_text(json.dumps(info))


@pytest.fixture(scope="session")
def bad(tmp_path_factory, digits):
    """A folder of files that are not what they should be."""
    folder = tmp_path_factory.mktemp("bad")
    gray = digits.test.images[0, ..., 0]
    Image.fromarray(gray).save(folder / "digit.png")
    whole = (folder / "digit.png").read_bytes()
    (folder / "empty.png").write_bytes(b"")
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("not an image\n")
    (folder / "claims.png").write_bytes(png(100_000, 100_000, zlib.compress(b"")))
    (folder / "bomb.png").write_bytes(png(12_000, 12_000, black_rows(12_000, 12_000)))
    Image.fromarray(gray[:20]).save(folder / "small.png")
    color = np.repeat(gray[..., None], 3, axis=-1)
    color[10, 10] = (255, 0, 0)
    Image.fromarray(color).save(folder / "color.png")
    Image.fromarray(gray.astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(np.dstack([color, gray])).save(folder / "glass.png")
    (folder / "a run").mkdir()
    (folder / "a run" / "run.flags").write_text("--seed=0\n")
    (folder / "my photos").mkdir()
    (folder / "my photos" / "wedding.jpg").write_text("precious")
    (folder / "positional.flags").write_text("--seed=1\nhello\n")
    write_dataset(folder / "tfds", "sentences", TEXTS | LABELS)
    write_dataset(folder / "tfds", "any_size", image_feature(-1, -1, 3) | LABELS)
    return folder


# What is asked for, and what the line must name. BAD is the folder of the fixture above.
QUICK = {
    "unknown flag": ("--sorce=3", "sorce", "source"),
    "unknown flag without a near one": ("--qqqqqqqq=3", "qqqqqqqq", "--help"),
    "positional argument": ("runs/first", "runs/first", "--name=value"),
    "a recipe without its flag": ("mnist", "--recipe=mnist"),
    "positional argument in a flagfile": ("--flagfile=BAD/positional.flags", "hello"),
    "missing flagfile": ("--flagfile=BAD/nosuch.flags", "nosuch.flags"),
    "flagfile that is a folder": ("--flagfile=BAD/tfds", "BAD/tfds"),
    "flagfile that is no text": ("--flagfile=BAD/bomb.png", "bomb.png"),
    # data
    "unknown dataset": ("--dataset=mnsit", "mnsit", "mnist"),
    "dataset in capitals": ("--dataset=Digits", "Digits", "digits"),
    "empty dataset": ("--dataset=", "--dataset", "digits"),
    "dataset of texts": ("--dataset=sentences --data_dir=BAD/tfds", "sentences", "images with one class label"),
    "dataset of images of any size": ("--dataset=any_size --data_dir=BAD/tfds", "any_size", "one fixed shape"),
    # source and target
    "empty source": ("--source=", "--source=", "test:INDEX"),
    "unknown class": ("--source=three", "three", "0, 1, 2, 3", "test:INDEX"),
    "class that is not in the data": ("--target=10", "--target=10", "class", "test:INDEX"),
    "index beyond the test images": ("--source=test:99999", "test:99999", "0 to 359"),
    "index that is no number": ("--target=test:x", "--target=test:x", "0 to 359"),
    "negative index": ("--source=test:-1", "test:-1", "0 to 359"),
    "source that is the target": ("--source=7", "--source=7", "--target=7", "different"),
    "the same test image twice": ("--source=test:3 --target=test:3", "test:3", "different"),
    "the same file twice": ("--source=BAD/digit.png --target=BAD/tfds/../digit.png", "digit.png", "different"),
    "missing image": ("--source=nosuch.png", "nosuch.png", "does not exist"),
    "missing image in a folder": ("--target=no/such/image", "no/such/image", "does not exist"),
    "image in the home of nobody": ("--source=~nosuchuser/digit.png", "~nosuchuser/digit.png"),
    "folder as image": ("--source=BAD/tfds", "BAD/tfds", "not a file"),
    "empty image": ("--source=BAD/empty.png", "empty.png", "empty"),
    "truncated image": ("--target=BAD/truncated.png", "truncated.png", "whole image"),
    "text as image": ("--source=BAD/text.png", "text.png", "cannot be decoded"),
    "image whose header claims too much": ("--source=BAD/claims.png", "claims.png", "100000x100000", "64,000,000"),
    "decompression bomb": ("--target=BAD/bomb.png", "bomb.png", "12000x12000", "64,000,000"),
    "image of the wrong size": ("--source=BAD/small.png", "small.png", "28x20", "28x28", "Resize"),
    "color image for a gray model": ("--source=BAD/color.png", "color.png", "color", "gray"),
    "image of 16 bits": ("--source=BAD/deep.png", "deep.png", "8 bits"),
    "transparent image": ("--source=BAD/glass.png", "glass.png", "opaque"),
    # the search
    "unknown tap": ("--tap=hidden_3", "--tap=hidden_3", "hidden_1, hidden_2"),
    "no corner": ("--corners=0", "--corners=0", "at least 1"),
    "negative corners": ("--corners=-1", "--corners=-1", "at least 1"),
    "corners that are no number": ("--corners=abc", "--corners=abc", "number"),
    "units that are no numbers": ("--units=a,b", "--units=a,b", "3,9,12"),
    "empty unit": ("--units=3,,5", "--units=3,,5", "3,9,12"),
    "unit twice": ("--units=3+3", "--units=3+3", "once"),
    "unit beyond the layer": ("--units=3,99999", "--units", "99999", "0 to 255"),
    "fewer units than corners": ("--units=3,9 --corners=3", "--corners=3", "--units=3,9", "--corners=2"),
    "baseline with several corners": ("--objective=match --corners=3", "--corners=3", "--objective=match", "--start_noise"),
    "baseline with units": ("--objective=match --units=3", "--units", "--objective=match"),
    "nearest collision without the exact solver": ("--nearest=l2", "--nearest=l2", "--solver=exact"),
    "unknown norm": ("--solver=exact --nearest=l7", "--nearest=l7", "l1, l2"),
    "exact baseline": ("--solver=exact --objective=match --corners=1", "--solver=exact", "--objective=match"),
    "exact corners held together": ("--solver=exact --hull_samples=4", "--hull_samples=4 with --solver=exact"),
    "baseline held together": ("--objective=match --hull_samples=4", "--hull_samples=4 with --objective=match"),
    "unknown objective": ("--objective=mtach", "--objective=mtach", "corners, match"),
    "unknown parameterization": ("--parameterization=pixel", "--parameterization=pixel", "pixels"),
    "unknown solver": ("--solver=magic", "--solver=magic", "gradient"),
    "unknown optimizer": ("--optimizer=sgd", "--optimizer=sgd", "gradient_descent"),
    "unknown model": ("--model=vgg", "--model=vgg", "mlp"),
    "nothing to train on": ("--dataset=none", "--dataset=none with --model=mlp", "data set"),
    "unknown preset": ("--preset=papr", "--preset=papr", "paper"),
    "unknown sampling": ("--sampling=normal", "--sampling=normal", "stick_breaking"),
    "learning rate that is no number": ("--learning_rate=fast", "--learning_rate=fast", "cosine:RATE"),
    "learning rate of zero": ("--learning_rate=0", "--learning_rate=0", "positive"),
    "infinite learning rate": ("--learning_rate=inf", "--learning_rate=inf", "positive"),
    "schedule that starts late": ("--learning_rate=5:1e-3", "--learning_rate=5:1e-3", "step 0"),
    "schedule out of order": ("--learning_rate=0:1,9:1,4:1", "0:1,9:1,4:1", "STEP:RATE"),
    "schedule that breaks off": ("--learning_rate=0:1e-3,", "0:1e-3,", "STEP:RATE"),
    "step beyond 32 bits": ("--learning_rate=0:1e-3,99999999999:1e-4", "99999999999"),
    "weight of an unknown term": ("--term_weights=activ=2", "--term_weights=activ=2", "active_match"),
    "weight that is no number": ("--term_weights=active_match=x", "active_match=x", "NUMBER"),
    "weight that is not finite": ("--term_weights=active_match=nan", "active_match=nan"),
    "weight that is missing": ("--term_weights=active_match", "--term_weights=active_match", "NUMBER"),
    "stop loss of zero": ("--stop_loss=0", "--stop_loss=0", "positive"),
    "negative stop loss": ("--stop_loss=-5", "--stop_loss=-5", "positive"),
    "stop loss that is no number": ("--stop_loss=five", "--stop_loss=five", "number"),
    "stop loss that is not finite": ("--stop_loss=nan", "--stop_loss=nan", "positive"),
    "stop fraction of zero": ("--stop_fraction=0", "--stop_fraction=0", "positive"),
    "a spread wider than pixels": ("--spread=9", "--spread=9", "from 0 to 1, or max"),
    "the largest spread of no hull": ("--spread=max --hull_samples=0", "--spread=max with --hull_samples=0", "a number"),
    "the largest spread of exact corners": ("--spread=max --solver=exact", "--spread=max with --solver=exact", "a number"),
    "a reader that is no network": ("--reader=no.keras", "--reader=", "no.keras", "a .keras or .h5 file"),
    "stop fraction of one": ("--stop_fraction=1", "--stop_fraction=1", "below 1"),
    "no step": ("--max_steps=0", "--max_steps=0", "at least 1"),
    "no interpolation": ("--interpolations=0", "--interpolations=0", "at least 1"),
    "negative seed": ("--seed=-1", "--seed=-1", "at least 0"),
    "checkpoints back in time": ("--checkpoint_seconds=-1", "--checkpoint_seconds=-1", "at least 0"),
    "truth value that is none": ("--tensorboard=maybe", "--tensorboard=maybe", "true"),
    # training
    "width of zero": ("--hidden_units=256,0", "--hidden_units=256,0", "256,256"),
    "width that is no number": ("--hidden_units=wide", "--hidden_units=wide", "256,256"),
    "no image a step": ("--batch_size=0", "--batch_size=0", "at least 1"),
    "seed beyond what NumPy takes": ("--train_seed=4294967296", "--train_seed=4294967296", "below 4294967"),
    "negative epochs": ("--epochs=-1", "--epochs=-1", "at least 0"),
    "training rate of zero": ("--train_learning_rate=0", "--train_learning_rate=0", "positive"),
    "model in the home of nobody": ("--model_dir=~nosuchuser/models", "~nosuchuser/models"),
    # sweeps
    "no pair": ("--num_pairs=0", "--num_pairs=0", "at least 1"),
    "sweep of random pairs with a source": ("--num_pairs=2 --source=5", "--source=5", "--num_pairs"),
    "table of pairs with a target": ("--pairs=BAD/text.png --target=test:5", "--target=test:5", "--pairs"),
    "both kinds of sweep": ("--num_pairs=2 --pairs=BAD/text.png", "--pairs", "--num_pairs"),
    # where to write
    "out that exists": ("--out=BAD/a?run", "BAD/a run", "exists", "--overwrite"),
    "overwriting what is no run": ("--out=BAD/my?photos --overwrite", "BAD/my photos", "not a run directory"),
    "overwriting a file": ("--out=BAD/digit.png --overwrite", "BAD/digit.png", "not a run directory"),
    "out where nothing can be written": ("--out=/proc/x", "/proc/x", "written"),
    "out inside a file": ("--out=BAD/text.png/run", "BAD/text.png/run", "lies in the file"),
    "out that is this folder": ("--out=.", "--out=", "exists"),
    "out that is the root": ("--out=/", "--out=/"),
    "out with a name too long": ("--out=" + "x" * 300, "x" * 300),
    "out in the home of nobody": ("--out=~nosuchuser/run", "~nosuchuser/run"),
    "empty out": ("--out=", "--out"),
}
TRAINING = {
    "unknown flag": ("--epoch=3", "epoch", "epochs"),
    "flag of the other program": ("--source=3", "source"),
    "positional argument": ("digits", "digits", "--name=value"),
    "unknown dataset": ("--dataset=mnsit", "mnsit", "mnist"),
    "unknown model": ("--model=vgg", "--model=vgg", "mlp"),
    "bad widths": ("--hidden_units=", "--hidden_units=", "256,256"),
    "bad epochs": ("--epochs=many", "--epochs=many", "number"),
    "model folder inside a file": ("--model_dir=BAD/text.png/models", "BAD/text.png"),
}


@pytest.fixture
def refused_early(tmp_path, bad):
    """Runs a program in an empty folder and checks its refusal, that it needs no TensorFlow, and that nothing is left."""

    def check(program, flags, named):
        work, home = tmp_path / "work", tmp_path / "home"
        work.mkdir()
        home.mkdir()
        before = listing(tmp_path), listing(bad)
        given = [flag.replace("?", " ").replace("BAD", str(bad)) for flag in flags]
        outcome = run_without_tensorflow(program, *given, cwd=work, home=home)
        check_refusal(outcome, *(name.replace("BAD", str(bad)) for name in named))
        assert (listing(tmp_path), listing(bad)) == before

    return check


@pytest.mark.parametrize("case", QUICK)
def test_refused_without_a_model(refused_early, case):
    asked, *named = QUICK[case]
    flags = asked.split(" ")
    # The model folder is relative: had anything been trained, it would show.
    place = () if any(flag.startswith("--out") for flag in flags) else ("--out=run",)
    models = () if any(flag.startswith("--model_dir") for flag in flags) else ("--model_dir=models",)
    refused_early("collide", [*flags, *models, *place], named)


@pytest.mark.parametrize("case", TRAINING)
def test_training_refused_without_a_model(refused_early, case):
    asked, *named = TRAINING[case]
    refused_early("train_classifier", asked.split(" "), named)


def test_no_out(refused_early):
    refused_early("collide", ["--source=3"], ["--out", "--out=runs/first"])


def test_an_out_that_exists_is_told_first(tmp_path, bad):
    """Before data or models are touched."""
    outcome = run("collide", f"--out={bad / 'a run'}", "--dataset=mnsit", cwd=tmp_path, home=tmp_path)
    check_refusal(outcome, "a run", "--overwrite")


# --- With a model, and so without a limit of time.


@pytest.fixture
def refused(tmp_path, training, home):
    def check(*flags, named):
        outcome = run("collide", *training, *flags, "--out=run", cwd=tmp_path, home=home)
        check_refusal(outcome, *named)
        assert listing(tmp_path) == {}

    return check


def test_more_corners_than_inactive_units(refused, inactive):
    refused(
        "--corners=100000", named=["100000 corners", f"at most {inactive[0].size},", f"--corners={inactive[0].size} or less"]
    )


def test_an_active_unit(refused, inactive):
    unused, active = inactive
    refused(f"--units={unused[0]},{active[3]}", named=["--units", f"unit {active[3]},", "active", f"{unused[0]}, {unused[1]}"])


def test_the_same_image_from_a_file_and_from_the_data(refused, bad):
    """`digit.png` is the first test image: nothing to find between them."""
    refused(f"--source={bad / 'digit.png'}", "--target=test:0", named=["digit.png", "test:0", "different"])


def test_an_initializer_that_keras_does_not_know(refused):
    refused("--initializer=HeAbnormal", named=["--initializer=HeAbnormal", "unit_normal", "HeNormal"])


def test_a_class_that_the_model_never_gets_right(tmp_path, home):
    """One hidden unit after no training to speak of: some class is beyond it."""
    tiny = ("--hidden_units=1", "--epochs=1", "--train_learning_rate=1e-9", "--model_dir=models")
    outcome = run("collide", *tiny, "--source=3", "--target=7", "--out=run", cwd=tmp_path, home=home)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
    progress, _, line = outcome.stderr.rpartition("error: ")
    assert "Traceback" not in progress
    check_refusal(outcome._replace(stderr="error: " + line), "no test image right", "test:INDEX")


# --- Without a network.


NO_NETWORK = """
import socket

def refuse(*args, **kwargs):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

socket.getaddrinfo = refuse
"""


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
def test_a_data_set_that_cannot_be_downloaded(tmp_path, proxy):
    """Without a network, or behind a proxy that is gone: says how to prepare it elsewhere, soon, and leaves nothing."""
    work, home, cut = tmp_path / "work", tmp_path / "home", tmp_path / "cut"
    for folder in (work, home, cut):
        folder.mkdir()
    (cut / "sitecustomize.py").write_text("" if proxy else NO_NETWORK)
    more = dict.fromkeys(("http_proxy", "https_proxy"), proxy) if proxy else {}
    place = {"cwd": work, "home": home}
    outcome = run("collide", "--dataset=mnist", "--out=run", **place, PYTHONPATH=str(cut), **more)
    check_refusal(outcome, "mnist", "not prepared", "tfds build mnist", "--data_dir=")
    assert listing(work) == {} == listing(home)
