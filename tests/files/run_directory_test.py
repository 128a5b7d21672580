import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import RunDirectory

ROOT = Path(__file__).resolve().parents[2]
REQUEST, OTHER = "--seed=1\n", "--seed=2\n"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "run"


def content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def begin(out, request=REQUEST, *, name="result", text="half", overwrite=False):
    """Opens a run, writes a file, and is interrupted."""
    directory = RunDirectory(out, request, overwrite=overwrite)
    folder = directory.open()
    (folder / name).write_text(text)
    directory.close()


def finish(out, request=REQUEST, *, text="whole", overwrite=False):
    directory = RunDirectory(out, request, overwrite=overwrite)
    folder = directory.open()
    (folder / "result").write_text(text)
    return directory.commit()


def test_a_run_appears_whole(out):
    directory = RunDirectory(out, REQUEST)
    directory.check()
    assert list(out.parent.iterdir()) == []
    folder = directory.open()
    (folder / "result").write_text("1")
    (folder / ".checkpoint").write_text("2")
    assert folder.name == "run.partial" and not out.exists()
    assert directory.commit() == out
    assert content(out) == {"run.flags": REQUEST, "result": "1"}
    assert list(out.parent.iterdir()) == [out]


def test_folders_above_are_made(tmp_path):
    assert finish(tmp_path / "a" / "b" / "run").is_dir()


def test_an_interrupted_run_leaves_its_partial_directory_only(out):
    begin(out)
    assert [path.name for path in out.parent.iterdir()] == ["run.partial"]


def test_the_same_request_goes_on_where_it_was(out):
    begin(out)
    directory = RunDirectory(out, REQUEST)
    assert (directory.open() / "result").read_text() == "half"
    directory.commit()
    assert content(out) == {"run.flags": REQUEST, "result": "half"}


def test_a_request_with_a_file_name_that_is_no_utf_8(out):
    request = "--source=caf\udce9.png\n"
    begin(out, request)
    assert finish(out, request) == out
    assert (out / "run.flags").read_bytes() == b"--source=caf\xe9.png\n"


def test_a_kill_before_the_first_write_blocks_nobody(out):
    (out.parent / "run.partial").mkdir()
    (out.parent / "run.partial" / ".lock").touch()
    assert content(finish(out)) == {"run.flags": REQUEST, "result": "whole"}


@pytest.mark.parametrize("flags", [OTHER, None])
def test_anothers_partial_directory_is_refused(out, flags):
    partial = out.parent / "run.partial"
    partial.mkdir()
    (partial / "notes").write_text("mine")
    if flags is not None:
        (partial / "run.flags").write_text(flags)
    before = content(partial)
    for ask in (RunDirectory.check, RunDirectory.open):
        with pytest.raises(RequestError, match=r"run\.partial is the unfinished run of another request or.*--overwrite"):
            ask(RunDirectory(out, REQUEST))
    assert content(partial) == before


def test_overwrite_drops_anothers_partial_directory(out):
    begin(out, OTHER, name="stale")
    assert content(finish(out, overwrite=True)) == {"run.flags": REQUEST, "result": "whole"}


def test_overwrite_keeps_ones_own_partial_directory(out):
    begin(out)
    assert (RunDirectory(out, REQUEST, overwrite=True).open() / "result").read_text() == "half"


def test_a_finished_run_is_refused(out):
    finish(out)
    for ask in (RunDirectory.check_place, RunDirectory.check, RunDirectory.open):
        with pytest.raises(RequestError, match=r"--out=.*/run, which exists: this very request is finished there: expected"):
            ask(RunDirectory(out, REQUEST))
        with pytest.raises(RequestError, match=r"--out=.*/run, which exists: expected a new directory"):
            ask(RunDirectory(out, OTHER))
    assert content(out)["result"] == "whole"


def test_overwrite_replaces_a_finished_run_at_the_end(out):
    finish(out, OTHER, text="old")
    directory = RunDirectory(out, REQUEST, overwrite=True)
    (directory.open() / "new").write_text("1")
    assert content(out)["result"] == "old"
    directory.commit()
    assert content(out) == {"run.flags": REQUEST, "new": "1"}
    assert list(out.parent.iterdir()) == [out]


def test_a_replaced_run_is_not_lost_before_its_successor_is_in_place(out, monkeypatch):
    finish(out, OTHER, text="old")
    rename = os.rename

    def fail_for_partial(source, place):
        if Path(source).suffix == ".partial":
            raise OSError("killed")
        rename(source, place)

    monkeypatch.setattr(os, "rename", fail_for_partial)
    with pytest.raises(OSError, match="killed"):
        finish(out, text="new", overwrite=True)
    assert {path.read_text() for path in out.parent.glob("*/result")} | {
        path.read_text() for path in out.parent.glob(".*/result")
    } == {"old", "new"}


def kill_while_replacing(out, monkeypatch, *, step):
    """Leaves what a kill leaves after the old run was moved aside ("rename") or after the new one is there ("rmtree")."""
    finish(out, OTHER, text="old")
    directory = RunDirectory(out, REQUEST, overwrite=True)
    (directory.open() / "result").write_text("new")
    rename, rmtree = os.rename, shutil.rmtree

    def die(path, *place, **options):
        if step == "rename" and Path(path) == out:
            return rename(path, *place)
        if step == "rmtree" and Path(path).suffix != ".replaced":
            return rmtree(path, *place, **options)
        raise SystemExit("killed")

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(os if step == "rename" else shutil, step, die)
        directory.commit()
    directory.close()


def names(out):
    return sorted(path.name for path in out.parent.iterdir())


def test_a_kill_between_the_two_renames_loses_no_finished_run(out, monkeypatch):
    kill_while_replacing(out, monkeypatch, step="rename")
    aside = f".run.{os.getpid()}.replaced"
    assert names(out) == [aside, "run.partial"]
    for ask in (RunDirectory.check_place, RunDirectory.check, RunDirectory.open):
        with pytest.raises(RequestError, match=rf"whose finished run is {aside} .* Say --overwrite"):
            ask(RunDirectory(out, REQUEST))
    assert names(out) == [aside, "run.partial"]
    again = RunDirectory(out, REQUEST, overwrite=True)
    again.check()
    assert names(out) == [aside, "run.partial"]
    assert (again.open() / "result").read_text() == "new"
    assert content(out)["result"] == "old" and names(out) == ["run", "run.partial"]
    again.commit()
    assert content(out)["result"] == "new" and names(out) == ["run"]


def test_a_kill_before_the_old_run_is_deleted_leaves_nothing_for_long(out, monkeypatch):
    kill_while_replacing(out, monkeypatch, step="rmtree")
    assert names(out) == [f".run.{os.getpid()}.replaced", "run"]
    assert content(finish(out, text="third", overwrite=True))["result"] == "third"
    assert names(out) == ["run"]


def test_half_of_a_replaced_run_is_never_put_back(out, monkeypatch):
    kill_while_replacing(out, monkeypatch, step="rmtree")
    shutil.rmtree(out)
    RunDirectory(out, REQUEST).open()
    assert names(out) == ["run.partial"]


def test_what_another_s_replacement_left_stays(tmp_path):
    others = [".run.5.7.replaced", ".run.x.replaced", "run.7.replaced"]
    for name in others:
        finish(tmp_path / name)
    finish(tmp_path / "run")
    finish(tmp_path / "run", overwrite=True)
    assert names(tmp_path / "run") == sorted([*others, "run"])


def test_what_a_killed_write_left_goes_wherever_it_is(out):
    directory = RunDirectory(out, REQUEST)
    folder = directory.open()
    (folder / "verify" / ".half").mkdir(parents=True)
    for name in (".a.7.tmp", "verify/.b.7.tmp", "verify/.half/.c", "verify/whole"):
        (folder / name).write_text("1")
    directory.commit()
    assert set(content(out)) == {"run.flags", "verify/whole"}


@pytest.mark.parametrize("file", [True, False])
def test_overwrite_refuses_what_is_no_run_directory(out, file):
    if file:
        out.write_text("precious")
    else:
        out.mkdir()
        (out / "thesis.txt").write_text("precious")
    for ask in (RunDirectory.check_place, RunDirectory.check, RunDirectory.open):
        with pytest.raises(RequestError, match="--overwrite, which is not a run directory"):
            ask(RunDirectory(out, REQUEST, overwrite=True))
    assert (out if file else out / "thesis.txt").read_text() == "precious"
    assert list(out.parent.iterdir()) == [out]


def test_one_process_at_a_time(out):
    working = RunDirectory(out, REQUEST)
    working.open()
    for ask in (RunDirectory.check, RunDirectory.open):
        with pytest.raises(RequestError, match="another process is at work"):
            ask(RunDirectory(out, REQUEST))
    working.close()
    other = RunDirectory(out, REQUEST)
    other.check()  # lets go of what it tried
    RunDirectory(out, REQUEST).open()


def test_a_finished_run_has_no_lock_in_it(out):
    finish(out)
    assert not (out / ".lock").exists()


def test_the_lock_holds_between_processes_and_goes_with_its_holder(out):
    code = (
        "import sys; from pathlib import Path; from tfcollide.files.run_directory import RunDirectory\n"
        "directory = RunDirectory(Path(sys.argv[1]), sys.argv[2])\n"
        "directory.open(); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(out), REQUEST]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(RequestError, match="another process is at work"):
            RunDirectory(out, REQUEST).open()
        holder.kill()
        holder.wait()
        assert content(finish(out))["result"] == "whole"


def test_overwrite_does_not_drop_what_another_process_is_at_work_on(out):
    working = RunDirectory(out, OTHER)
    (working.open() / "result").write_text("half")
    with pytest.raises(RequestError, match="another process is at work"):
        RunDirectory(out, REQUEST, overwrite=True).open()
    assert content(working.partial)["result"] == "half"


def test_the_lock_outlives_what_overwrite_drops(out):
    begin(out, OTHER)
    working = RunDirectory(out, REQUEST, overwrite=True)
    working.open()
    with pytest.raises(RequestError, match="another process is at work"):
        RunDirectory(out, REQUEST).open()


def test_overwrite_with_a_file_in_the_place_of_the_partial_directory(out):
    (out.parent / "run.partial").write_text("precious")
    with pytest.raises(RequestError):
        RunDirectory(out, REQUEST, overwrite=True).open()
    assert (out.parent / "run.partial").read_text() == "precious"


def test_a_file_in_the_path(tmp_path):
    (tmp_path / "file").write_text("precious")
    for ask in (RunDirectory.check_place, RunDirectory.check, RunDirectory.open):
        with pytest.raises(RequestError, match=r"--out=.*, which lies in the file .*/file: expected"):
            ask(RunDirectory(tmp_path / "file" / "runs" / "run", REQUEST))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_place_where_nothing_can_be_written(out, monkeypatch):
    def mkdtemp(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with pytest.raises(RequestError, match=r"where nothing can be written \(Permission denied\)"):
        RunDirectory(out, REQUEST).check_place()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_run_that_is_stopped_says_so_until_it_goes_on(out, stop):
    directory = RunDirectory(out, REQUEST)
    with pytest.raises(stop), directory.at_work() as folder:
        raise stop
    assert json.loads((folder / "status.json").read_text()) == {"ended": "interrupted"} and not out.exists()
    with RunDirectory(out, REQUEST).at_work() as again:
        assert again == folder and not (folder / "status.json").exists()
    with pytest.raises(ZeroDivisionError), RunDirectory(out, REQUEST).at_work():
        raise ZeroDivisionError  # a defect is no interruption
    assert not (folder / "status.json").exists()
    finish(out)
    assert content(out) == {"run.flags": REQUEST, "result": "whole"}
