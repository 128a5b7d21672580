"""`collide --survival`: the rows in summary.json and table.md, and files that are refused before a search."""

import pytest

from tests.recipes.exact_taps_test import fused, write
from tfcollide.cli import collide
from tfcollide.measure.survival import TREATMENTS
from tfcollide.records import Summary


@pytest.fixture
def flags(tmp_path):
    pictures = write(fused, tmp_path)
    images = (*(f"--{name}={path}" for name, path in pictures.items()), "--dataset=none", "--tap=conv", "--allow_trivial")
    quick = ("--interpolations=20", "--worst_starts=2", "--certify_boxes=0", "--corners=2", "--max_change=255")
    return ["collide", f"--model={tmp_path}/net.keras", "--outputs=logits", "--solver=exact", *quick, *images]


def test_what_survives_is_said_with_a_file_of_the_user_s(flags, tmp_path):
    from tfcollide.models.deployed import lite_bytes
    from tfcollide.models.loading import load_classifier

    network = load_classifier(tmp_path / "net.keras", outputs="logits")
    (tmp_path / "mine.tflite").write_bytes(lite_bytes(network, "float16", None))
    asked = [*flags, "--survival", f"--check_file={tmp_path}/mine.tflite", f"--out={tmp_path}/run"]
    assert collide(asked) in (0, 1)
    found = {row.treatment: row for row in Summary.read(tmp_path / "run").survival}
    assert list(found) == [*TREATMENTS, "bfloat16", "TFLite float16", "TFLite int8", "mine.tflite"]
    assert found["none"].kept == found["TFLite float16"].kept == found["mine.tflite"].kept == 1.0
    assert "JPEG of quality 75" in (tmp_path / "run" / "table.md").read_text()
    assert f"--check_file={tmp_path}/mine.tflite" in (tmp_path / "run" / "run.flags").read_text()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--check_file=net.tflite"], "net.tflite without --survival: expected both"),
        (["--survival", "--check_file=FOLDER/net.keras"], "which is no TFLite file"),
        (["--survival", "--check_file=FOLDER/missing.tflite"], "which cannot be read"),
    ],
)
def test_files_that_cannot_be_asked(flags, tmp_path, more, says, capsys):
    named = [one.replace("FOLDER", str(tmp_path)) for one in more]
    assert collide([*flags, *named, f"--out={tmp_path}/run"]) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error and not list(tmp_path.glob("run*"))
