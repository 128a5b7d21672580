import numpy as np

from tfcollide.data.labeled import LabeledImages, Split


def test_each_split_is_read_on_first_use_and_once():
    asked = []

    def read(split):
        asked.append(split)
        return Split(np.full([2, 1, 1, 1], len(split), np.uint8), np.arange(2))

    data = LabeledImages("a:1.0.0", class_names=("x", "y"), shape=(1, 1, 1), test_size=2, read=read)
    assert (data.name, data.class_names, data.shape, data.test_size, asked) == ("a:1.0.0", ("x", "y"), (1, 1, 1), 2, [])
    assert data.test is data.test and asked == ["test"]
    assert data.train is data.train and asked == ["test", "train"]
    assert (data.train.images == 5).all() and (data.test.images == 4).all()
