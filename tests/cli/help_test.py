"""`--help` and `--version` answer without TensorFlow, and a shell learns the flags."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tfcollide import cli

from .programs import ROOT, command, environment, run, run_without_tensorflow, script_without_tensorflow

# Those of the contract that are built.
FLAGS = {"dataset", "data_dir", "source", "target", "model", "tap", "model_dir", "corners", "units", "objective"}
FLAGS |= {"parameterization", "solver", "optimizer", "learning_rate", "preset", "max_steps", "stop_loss", "stop_fraction"}
FLAGS |= {"interpolations", "sampling", "pairs", "num_pairs", "seed", "checkpoint_seconds", "tensorboard", "out", "overwrite"}
TRAINING_FLAGS = {"dataset", "data_dir", "model", "model_dir", "hidden_units", "initializer", "epochs", "batch_size"}
INDEX_FLAGS = {"images", "out", "image_size", "search_size", "patch_size", "stride", "per_class_share", "resize"}
INDEX_FLAGS |= {"num_components", "num_trees", "projection", "search", "held_out", "recall", "verify", "seed", "runner"}

NO_TENSORFLOW = """
import sys
sys.path.insert(0, {root!r})
{statement}
heavy = {{"aiohttp", "grpc", "tensorflow", "keras", "jax", "torch", "matplotlib", "sklearn"}} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "program",
    [
        "collide",
        "train_classifier",
        "index_patches",
        "query_patches",
        "rebuild_composite",
        "compare_looks",
    ],
)
@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_answers_without_tensorflow(tmp_path, program, flag):
    outcome = run_without_tensorflow(program, flag, cwd=tmp_path, home=tmp_path / "home")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("tfcollide " if flag == "--version" else f"Usage: {program} ")
    assert not list(tmp_path.iterdir())


def in_python(statement, tmp_path):
    """From the start of the interpreter on where a module is imported; else forked, see `warm.py`."""
    script = NO_TENSORFLOW.format(root=str(ROOT), statement=statement)
    if ";" in statement:
        (tmp_path / "script.py").write_text(script)
        done = script_without_tensorflow(tmp_path / "script.py", cwd=tmp_path, home=tmp_path)
        code = done.code
    else:
        asked = [sys.executable, "-c", script]
        done = subprocess.run(asked, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
        code = done.returncode
    assert code == 0, done.stderr
    return done


@pytest.mark.parametrize(
    "statement",
    [
        "import tfcollide",
        "import tfcollide.cli",
        "import tfcollide.cli; assert tfcollide.cli.collide(['collide', '--help']) == 0",
        "import tfcollide.cli; assert tfcollide.cli.train_classifier(['train_classifier', '--help']) == 0",
        "import tfcollide.cli; assert tfcollide.cli.collide(['collide', '--out=x', '--source=nosuch']) == 2",
        "import tfcollide.cli; assert tfcollide.cli.export(['export', '--help']) == 0",
        "import tfcollide.cli; assert tfcollide.cli.export(['export', '--run=nowhere', '--out=a/b/1']) == 2",
        "import tfcollide.cli; assert tfcollide.cli.check_served(['check_served', '--help']) == 0",
        "import tfcollide.cli; assert tfcollide.cli.check_served(['check_served', '--server=nowhere']) == 2",
        "import tfcollide.cli; assert tfcollide.cli.serve_local(['serve_local', '--help']) == 0",
        "import tfcollide.cli; assert tfcollide.cli.serve_local(['serve_local', '--models=nowhere']) == 2",
        "import tfcollide.cli; assert tfcollide.cli.index_patches(['index_patches', '--help']) == 0",
        "import tfcollide.cli; assert tfcollide.cli.index_patches(['index_patches', '--out=x', '--images=nowhere']) == 2",
        "import tfcollide.cli; assert tfcollide.cli.query_patches(['query_patches', '--index=x', '--out=y']) == 2",
    ],
)
def test_imports_no_tensorflow(tmp_path, statement):
    in_python(statement, tmp_path)


def test_the_check_for_tensorflow_would_notice_it(tmp_path):
    with pytest.raises(AssertionError, match="tensorflow"):
        in_python("import types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')", tmp_path)


@pytest.mark.parametrize(
    ("program", "names"), [("collide", FLAGS), ("train_classifier", TRAINING_FLAGS), ("index_patches", INDEX_FLAGS)]
)
def test_help_explains_every_flag(tmp_path, program, names):
    shown = run(program, "--helpfull", cwd=tmp_path, home=tmp_path).stdout
    explained = dict(re.findall(r"^  --(\w+)\n +(.+)$", shown, re.MULTILINE))
    assert names <= set(explained)
    assert all(len(text.split()) >= 2 for text in explained.values()), explained


@pytest.mark.parametrize("program", sorted(cli.PROGRAMS))
def test_help_shows_what_matters_first_and_helpfull_the_rest(capsys, program):
    said = {}
    for flag in ("--help", "--helpshort", "--helpfull"):
        assert getattr(cli, program)([program, flag]) == 0
        said[flag] = re.findall(r"^  --(\w+)$", text := capsys.readouterr().out, re.MULTILINE)
        said[flag, "more"] = re.findall(r"^(\d+) more flags: (.+) --helpfull", text, re.MULTILINE)
    assert said["--help"] == said["--helpshort"] and set(said["--help"]) <= set(said["--helpfull"])
    assert len(said["--helpfull"]) == len(set(said["--helpfull"]))
    left = len(said["--helpfull"]) - len(said["--help"])
    assert said["--help", "more"] == ([(str(left), program)] if left else [])
    assert len(said["--help"]) == 10 or not left


def test_help_and_helpfull_are_one_too_many(capsys):
    assert cli.collide(["collide", "--help", "--helpfull"]) == 2
    assert "one of the two" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["collide", "--max_"], {"--max_steps=", "--max_change=", "--max_total="}),
        (["collide", "--nofro"], {"--nofront"}),
        (["collide", "--out=x", "--solver", "="], {"gradient", "exact"}),
        (["collide", "--solver", "=", "ex"], {"exact"}),
        (["collide", "--recipe", "=", "mnist_"], {"mnist_exact", "mnist_pairs"}),
        (["collide", "--pairs", "=", "nosuch"], set()),  # the shell offers files then
    ],
)
def test_bash_completes(capsys, typed, offered):
    """As bash calls it, which takes "=" for a word of its own."""
    assert cli.collide(["collide", "--completion=bash"]) == 0
    words = " ".join(f"'{word}'" for word in typed)
    script = f"{capsys.readouterr().out}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}; _collide; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert (set(done.stdout.split()), done.stderr) == (offered, "")


def test_other_shells_are_refused(capsys):
    assert cli.collide(["collide", "--completion=fish"]) == 2
    assert "expected --completion=bash or --completion=zsh" in capsys.readouterr().err


@pytest.mark.parametrize("program", ["collide", "audit"])
def test_zsh_is_told_every_flag(capsys, program):
    """One quoted line per flag, `--name=[what it means]:name:(values)`; zsh itself reads it where there is one."""
    assert getattr(cli, program)([program, "--helpfull"]) == 0
    names = re.findall(r"^  --(\w+)$", capsys.readouterr().out, re.MULTILINE)
    assert getattr(cli, program)([program, "--completion=zsh"]) == 0
    script = capsys.readouterr().out
    lines = [line.strip().removesuffix(" \\") for line in script.splitlines() if line.startswith("    '")]
    assert [re.match(r"'--(\w+)(=?)\[", line)[1] for line in lines if not line.startswith("'--no")] == [
        name for name in names if not name.startswith("no")
    ]
    assert all(re.fullmatch(r"'--\w+(\[.+\]|=\[.+\]:\w+:(_files|\(.+\)))'", line) for line in lines)
    words = [re.match(r"'--\w+=?\[(.+?)(?<!\\)\]", line)[1] for line in lines]
    assert not [one for one in words if re.search(r"\bEq$", one) or one.count("(") != one.count(")")]
    assert script.startswith(f"#compdef {program}\n") and f"compdef _{program} {program}" in script
    if zsh := shutil.which("zsh"):
        subprocess.run([zsh, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(("program", "names"), [("collide", "--proof --radius --survival --space"), ("audit", "--compare")])
def test_help_mentions_what_else_there_is(capsys, program, names):
    assert getattr(cli, program)([program, "--help"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"more: {names}")


@pytest.mark.parametrize("damage", ["no archive", "a flipped byte", "brackets"])
def test_a_file_that_is_no_proof_is_refused_without_tensorflow(damage, tmp_path):
    path = tmp_path / "notes.npz"
    claim = np.array("[" * 100_000 if damage == "brackets" else "a claim " * 1000)
    np.savez_compressed(path, claim=claim, corners=np.zeros(3))
    if damage == "no archive":
        path.write_text(damage)
    if damage == "a flipped byte":
        content = bytearray(path.read_bytes())
        content[100:108] = b"\xff" * 8
        path.write_bytes(content)
    (tmp_path / "net.keras").write_text("no network")
    asked = "['match_proof', '--proof=notes.npz', '--model=net.keras']"
    done = in_python(f"import tfcollide.cli; assert tfcollide.cli.match_proof({asked}) == 2", tmp_path)
    words = "whose claim cannot be read" if damage == "brackets" else "which cannot be read"
    assert f"--proof=notes.npz, {words}" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_version_is_the_package_s(tmp_path):
    from tfcollide import __version__

    assert run("collide", "--version", cwd=tmp_path, home=tmp_path).stdout == f"tfcollide {__version__}\n"


def test_a_reader_who_has_read_enough_is_no_error(tmp_path):
    """`bin/collide --help | true`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            command("collide", "--help"), cwd=tmp_path, env=environment(tmp_path), stdout=closed, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (0, b"")
