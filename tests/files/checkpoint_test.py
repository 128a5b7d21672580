import numpy as np

from tfcollide.files.checkpoint import FolderLedger, Ledger


def test_work_is_done_once_and_again_only_by_a_process_that_lost_it(tmp_path):
    path, calls = tmp_path / "ledger.npz", []

    def work(value):
        calls.append(value)
        return {"x": np.full(2, value), "y": np.array([-value])}

    ledger = Ledger(path, every=0.0)
    for _ in range(2):
        found = ledger.do("a/0", lambda: work(3.0))
        assert found["x"].tolist() == [3.0, 3.0] and found["y"].tolist() == [-3.0]
    ledger.do("a/01", lambda: work(4.0))
    assert calls == [3.0, 4.0]

    later = Ledger(path, every=0.0)
    assert later.do("a/0", lambda: work(9.0))["x"].tolist() == [3.0, 3.0]
    assert later.do("b", lambda: work(5.0))["x"].tolist() == [5.0, 5.0]
    assert calls == [3.0, 4.0, 5.0]

    path.write_bytes(path.read_bytes()[:40])
    assert Ledger(path).do("a/0", lambda: work(6.0))["x"].tolist() == [6.0, 6.0]


def test_the_file_is_written_now_and_then(tmp_path):
    path = tmp_path / "ledger.npz"
    Ledger(path, every=1e6).do("a", lambda: {"x": np.zeros(1)})
    assert not path.exists()
    Ledger(None, every=0.0).do("a", lambda: {"x": np.zeros(1)})
    assert list(tmp_path.iterdir()) == []


def test_processes_share_a_folder(tmp_path):
    """What one of two ledgers has done the other finds, but for a piece whose file is damaged."""
    folder = tmp_path / "ledger"
    ours, theirs = FolderLedger(folder), FolderLedger(folder)
    assert "a/0 x" not in theirs and not folder.exists()
    ours.do("a/0 x", lambda: {"x": np.full(2, 3.0)})
    assert "a/0 x" in theirs and "a/0" not in theirs
    assert theirs.do("a/0 x", lambda: {"x": np.zeros(2)})["x"].tolist() == [3.0, 3.0]
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    assert theirs.do("a/0 x", lambda: {"x": np.ones(2)})["x"].tolist() == [1.0, 1.0]
