"""Export, serve and check, as a user would after a run."""

import asyncio
import json
import re
import shutil
import signal
import threading
import urllib.request

import numpy as np
import pytest

from tests.limits import HANG_SECONDS
from tfcollide import cli
from tfcollide.serving.local.server import ServerOptions, serving

from .programs import listing, started, wait_until


@pytest.fixture
def say(capfd, monkeypatch):
    """Runs a command in this process: `say("export", "--run=DIR")` returns code, output and errors."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(command, *flags):
        code = getattr(cli, command)([command, *map(str, flags)])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def models(base, tmp_path_factory):
    """BASE with the classifier and the hull of the run."""
    folder = tmp_path_factory.mktemp("served")
    for what in ("classifier", "mixture"):
        assert cli.export(["export", f"--run={base.out}", f"--what={what}", f"--out={folder}/{what}/1"]) == 0
    return folder


@pytest.fixture(scope="module")
def ports(models):
    """The models behind a server."""
    ready, done, found = threading.Event(), threading.Event(), []

    async def main():
        async with serving(models, ServerOptions(port=0, rest_port=0)) as (ports, _):
            found.append(ports)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(HANG_SECONDS)
    yield found[0]
    done.set()
    thread.join()


def test_an_export_carries_labels_and_provenance(models, base):
    extra = models / "classifier" / "1" / "assets.extra"
    assert (extra / "labels.txt").read_text().split() == list("0123456789")
    for name in ("run.flags", "summary.json"):
        assert (extra / name).read_bytes() == (base.out / name).read_bytes()
    provenance = json.loads((extra / "provenance.json").read_text())
    assert (provenance["what"], provenance["target"]["predicted"], provenance["tap"]) == ("classifier", "7", "hidden_1")
    assert provenance["stop_loss"] == 5.0


@pytest.mark.parametrize("rest", [False, True], ids=["grpc", "rest"])
def test_a_served_model_collides_as_recorded(say, base, ports, tmp_path, rest):
    server = [f"--server={ports.rest}", "--rest"] if rest else [f"--server={ports.grpc}"]
    flags = [*server, "--model_name=classifier", f"--run={base.out}", f"--out={tmp_path / 'served.json'}"]
    code, out, _ = say("check_served", *flags)
    assert code == 0
    assert 'classifier collides as recorded: 100.00 % of the corners and 100.00 % of the mixtures are "' in out
    numbers = json.loads((tmp_path / "served.json").read_text())
    columns, summary = numbers["columns"], json.loads((base.out / "summary.json").read_text())
    assert numbers["departures"] == []
    assert columns["served"]["accuracy"] == columns["here"]["accuracy"] == summary["interpolation"]["accuracy"]
    assert columns["served"]["png_accuracy"] == summary["png"]["accuracy"]
    assert numbers["samples"] == 1 + 1 + 5 + 2000 + 5 + 2000 + 1
    assert set(numbers["largest_differences"]) == {"probabilities", "features", "png_files"}
    assert max(numbers["largest_differences"].values()) <= 1e-5


@pytest.mark.parametrize("signature, flags", [("serving_uint8", []), ("logits", ["--output_name=logits", "--logits"])])
def test_other_signatures(say, base, ports, signature, flags):
    asked = [f"--server={ports.grpc}", "--model_name=classifier", f"--signature_name={signature}", *flags]
    code, out, _ = say("check_served", *asked, f"--run={base.out}")
    assert code == 0, out


def test_another_network_does_not_collide(say, base, ports, models, digits_classifier, tmp_path):
    """The corners are one network's: a second, trained on the same digits, takes the source for what it is."""
    import tensorflow as tf

    from tfcollide.exports.version_directory import new_version

    module = tf.Module()
    module.weights = [variable.value for variable in digits_classifier.model.variables]
    spec = tf.TensorSpec([None, 28, 28, 1], tf.float32, "images")
    function = tf.function(
        lambda images: {"probabilities": tf.nn.softmax(digits_classifier.logits(images))}, input_signature=[spec]
    )
    with new_version(models / "other" / "1") as folder:
        tf.saved_model.save(module, str(folder), {"serving_default": function.get_concrete_function()})
    wait_until(lambda: "other: 1 AVAILABLE" in say("check_served", f"--server={ports.grpc}", "--model_name=other")[1])
    code, out, _ = say("check_served", f"--server={ports.grpc}", "--model_name=other", f"--run={base.out}")
    shutil.rmtree(models / "other")
    assert code == 1
    assert "**other does not collide as recorded**" in out


def test_without_a_run_the_signatures_are_shown(say, ports):
    code, out, _ = say("check_served", f"--server={ports.grpc}", "--model_name=mixture")
    assert code == 0
    assert out.startswith("mixture: 1 AVAILABLE\n")
    assert "mix(convex_weights float32 [?,5]) -> images float32 [?,28,28,1]" in out


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--model_name=mixture"], "a model with check(convex_weights float32 [?,5]) -> active_match"),
        (["--model_name=mixture"], "export the run with --what=classifier as well"),
        (["--model_name=none", "--wait_seconds=0"], "--model_name=none: NOT_FOUND"),
        (["--model_name=classifier", "--server=127.0.0.1:1", "--wait_seconds=0"], "UNAVAILABLE"),
        (
            ["--model_name=classifier", "--server=REST", "--wait_seconds=0"],
            "is this not its port for REST (asked with --rest)?",
        ),
        (["--model_name=classifier", "--rest", "--wait_seconds=0"], "is this not its port for gRPC (asked without --rest)?"),
        (["--model_name=classifier", "--model_version=9"], "--model_name=classifier: NOT_FOUND"),
        (["--model_name=classifier", "--signature_name=logits", "--output_name=logits"], "Say --logits if they are logits."),
        (["--model_name=classifier", "--server=localhost"], "HOST:PORT"),
        (["--model_name=classifier", "--ca_file=x"], "--ca_file without --tls"),
        (["--model_name=classifier", "--metadata=x"], "NAME=VALUE"),
        ([], "the name of a served model"),
    ],
)
def test_what_could_not_be_asked(say, base, ports, flags, words):
    flags = [flag.replace("REST", ports.rest) for flag in flags]
    code, out, err = say("check_served", f"--server={ports.grpc}", *flags, f"--run={base.out}")
    assert (code, out) == (2, "")
    line = err.splitlines()[-1].rpartition("\r")[2].strip()
    assert line.startswith("error: ")
    assert words in line


def test_a_class_that_is_called_something_else_by_now(say, base, ports, tmp_path):
    shutil.copytree(base.out, tmp_path / "run")
    summary = json.loads((base.out / "summary.json").read_text())
    summary["target"]["predicted"] = "seven"
    (tmp_path / "run" / "summary.json").write_text(json.dumps(summary))
    asked = [f"--server={ports.grpc}", "--model_name=classifier", f"--run={tmp_path / 'run'}"]
    code, out, err = say("check_served", *asked)
    assert (code, out) == (2, "")
    line = err.splitlines()[-1].rpartition("\r")[2].strip()
    assert line.startswith("error: ") and "whose target is 'seven'" in line and line.endswith("back as it was then.")


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--run=RUN"], "no --out"),
        (["--out=OUT/net/1"], "no --run"),
        (["--run=RUN", "--out=OUT/net/one"], "BASE/NAME/VERSION"),
        (["--run=OUT", "--out=OUT/net/1"], "the directory of a finished run"),
        (["--run=RUN", "--out=OUT/net/1", "--what=composite"], "a run with --parameterization=composite"),
        (["--run=RUN", "--out=OUT/net/1", "--what=network"], "one of classifier, composite, mixture"),
    ],
)
def test_what_cannot_be_exported(say, base, tmp_path, flags, words):
    before = listing(tmp_path)
    code, out, err = say("export", *(flag.replace("RUN", str(base.out)).replace("OUT", str(tmp_path)) for flag in flags))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert words in err
    assert listing(tmp_path) == before


@pytest.mark.parametrize("damage", ["corners.npz", "summary.json", "run.flags"])
def test_a_damaged_run_is_refused(say, base, tmp_path, damage):
    shutil.copytree(base.out, tmp_path / "run")
    (tmp_path / "run" / damage).write_bytes(b"--nonsense=\x00{")
    code, _, err = say("export", f"--run={tmp_path / 'run'}", f"--out={tmp_path / 'net' / '1'}")
    assert code == 2
    assert err.count("\n") == 1
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    "flags, words",
    [
        ([], "no --models"),
        (["--models=MODELS/nowhere"], "which is not a folder"),
        (["--models=MODELS/mixture"], "Say --models=MODELS."),
        (["--models=MODELS/mixture/1"], "Say --models=MODELS."),
        (["--models=MODELS", "--port=99999"], "a port from 0 to 65535"),
        (["--models=MODELS", "--port=TAKEN", "--rest_port=0"], "a free port"),
        (["--models=MODELS", "--rest_port=TAKEN", "--port=0"], "a free port"),
    ],
)
def test_what_cannot_be_served(say, models, ports, flags, words):
    taken = ports.grpc.rpartition(":")[2]
    filled = [flag.replace("MODELS", str(models)).replace("TAKEN", taken) for flag in flags]
    code, out, err = say("serve_local", *filled)
    assert (code, out) == (2, "")
    assert words.replace("MODELS", str(models)) in err


def test_the_program_serves_until_it_is_told_to_stop(models, tmp_path):
    flags = (f"--models={models}", "--port=0", "--rest_port=0")
    with started("serve_local", *flags, cwd=tmp_path, home=tmp_path, said=tmp_path / "said") as server:
        wait_until(lambda: "\n" in server.stdout(), server)
        assert re.fullmatch(
            r"gRPC 127\.0\.0\.1:\d+, REST http://127\.0\.0\.1:\d+/v1/models: classifier \(1\), mixture \(1\)\n", server.stdout()
        )
        url = re.search(r"http://\S+models", server.stdout())[0]
        body = json.dumps({"signature_name": "mix", "instances": [[0.2] * 5]}).encode()
        with urllib.request.urlopen(f"{url}/mixture:predict", body, timeout=HANG_SECONDS) as response:
            assert np.shape(json.loads(response.read())["predictions"]) == (1, 28, 28, 1)
        server.process.terminate()
        assert server.process.wait(HANG_SECONDS) == 0
        assert server.stderr() == ""
