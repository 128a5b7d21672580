import numpy as np

from tfcollide.files.checkpoint import Ledger


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
