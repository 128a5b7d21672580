import os
import time

import pytest

from tfcollide.files.atomic import scratch_folder


def age(path, hours):
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_it_is_gone_when_the_block_ends(tmp_path):
    with pytest.raises(KeyError), scratch_folder(tmp_path) as folder:
        (folder / "a").write_text("x")
        assert folder.parent == tmp_path and folder.name.startswith(".")
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_what_killed_processes_left_is_dropped_once_nobody_can_be_at_work_on_it(tmp_path):
    for name, hours in ((".saving-old", 25), (".saving-young", 23), ("saving-mine", 99), (".kept", 99)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model").write_text("half")
        age(tmp_path / name, hours)
    with scratch_folder(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {".saving-young", "saving-mine", ".kept"}
