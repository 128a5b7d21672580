"""Whole runs where something around them is missing: room, an output, the right to write."""

import json
import re
import subprocess

import pytest

from .programs import command, environment, files_below, run_files

FEW = ("--corners=2", "--certify_boxes=0", "--interpolations=20", "--worst_starts=1")


@pytest.fixture(scope="module")
def mounted():
    """Runs a command with mounts that nobody else sees; `script` makes them."""

    def do(script, *arguments, **more):
        inside = ["unshare", "-rm", "bash", "-c", f'{script} && exec "$@"', "bash"]
        return subprocess.run([*inside, *map(str, arguments)], capture_output=True, text=True, timeout=600, **more)

    if do("true", "true").returncode:
        pytest.skip("no mount of one's own here")
    return do


def test_a_model_that_is_there_may_be_read_only_and_nobody_need_listen(mounted, training, model_dir, home, tmp_path):
    """A home without a right to write, a folder of models too, standard error closed, standard output on a full device."""
    for place in (model_dir, home):
        assert place.is_dir()
    read_only = " && ".join(
        f"mount --bind '{place}' '{place}' && mount -o remount,ro,bind '{place}'" for place in (model_dir, home)
    )
    spoken = f'{read_only} && test ! -w "{home}" && exec 2>&- >/dev/full'
    done = mounted(spoken, *command("collide", *training, *FEW, "--out=run"), cwd=tmp_path, env=environment(home))
    assert done.returncode == 0
    assert files_below(tmp_path / "run") == run_files(2)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["converged"]
    other = command("collide", *training, *FEW, "--train_seed=5", "--out=other")
    done = mounted(read_only, *other, cwd=tmp_path, env=environment(home))
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(f"error: --model_dir={model_dir}, where nothing can be written")


def test_a_full_disk_is_named(mounted, training, home, tmp_path):
    small = f"mount -t tmpfs -o size=60k tmpfs '{tmp_path}' && cd '{tmp_path}'"
    done = mounted(small, *command("collide", *training, *FEW, "--out=run"), env=environment(home))
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert re.match(rf"error: (--out=run|{tmp_path}/run\.partial/.*): no space left on the device: expected room", line), line
