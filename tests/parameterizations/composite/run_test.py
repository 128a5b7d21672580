import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.parameterizations.composite.blend_weights import blend_weights, candidates_at_pixels
from tfcollide.parameterizations.composite.layout import layout_of
from tfcollide.parameterizations.composite.saved import read_composite
from tfcollide.patches.collection import open_collection
from tfcollide.recipes.collide import run
from tfcollide.recipes.composite import compare, rebuild
from tfcollide.recipes.composite.config import CompareConfig, RebuildConfig
from tfcollide.recipes.explore.origins import patches_of
from tfcollide.recipes.finished_run import read_run

from . import slow

GEOMETRY = (16, 16, 4, 1, 2)


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_directory_holds_what_a_composite_is_made_of(made):
    names = {"composite.npz", "candidates.png", "pasted.png", "dominance.png", "images/seed_composite.png"}
    assert all((made.run / name).is_file() for name in names)
    record = made.summary["composite"]
    assert made.summary["parameterization"] == "composite"
    assert record["candidates"] == 13**2
    assert (record["window"], record["stride"], record["surround"], record["control_spacing"]) == (4, 1, 2, 1)
    assert record["coverage"][0] >= 9
    assert record["control_bytes"] < record["dense_bytes"]
    assert len(record["total_variation"]) == 3


def test_the_source_is_known_in_the_index_and_left_out(made):
    collection = open_collection(made.index)
    own = made.summary["composite"]["own"]
    np.testing.assert_array_equal(collection.store.image(own), read(made.run / "images" / "source.png"))
    images, _, _ = collection.manifest.grid.locate(made.array["patches"])
    assert own not in images


def test_patches_are_the_nearest_of_other_photographs(made):
    collection = open_collection(made.index)
    source, own = read(made.run / "images" / "source.png").astype(np.int64), made.summary["composite"]["own"]
    grid = collection.manifest.grid
    every = np.arange(collection.manifest.num_patches)
    others = every[grid.locate(every)[0] != own]
    pixels = collection.store.patches(others).astype(np.int64)
    for k in (0, 40, 168):
        y, x = divmod(k, 13)
        window = source[y : y + 4, x : x + 4].reshape(-1)
        assert made.array["patches"][k] == others[np.square(pixels - window).sum(axis=1).argmin()]


def test_the_seed_composite_is_eq5_of_its_patches(made):
    patches = open_collection(made.index).store.cut(made.array["patches"], 2).astype(np.float64)
    expected = slow.eq5(patches, *GEOMETRY)
    np.testing.assert_allclose(read(made.run / "images" / "seed_composite.png"), expected, atol=0.51)


def test_corners_are_their_weights_times_their_candidates_and_weights_sum_to_one(made):
    layout = layout_of((16, 16, 3), window=4, stride=1, surround=2, spacing=1)
    collection = open_collection(made.index)
    pasted = slow.candidates(collection.store.cut(made.array["patches"], 2), *GEOMETRY)
    with np.load(made.run / "corners.npz") as arrays:
        corners = arrays["corners"]
    (names,) = layout.candidates_at_cells()
    for controls, corner in zip(made.array["control_parameters"], corners, strict=True):
        weights = blend_weights(layout, controls)
        np.testing.assert_allclose(weights.sum(axis=(2, 3)), 1, atol=1e-9)
        i, j = np.ogrid[:16, :16]
        values = pasted[names, i[..., None, None], j[..., None, None]]
        np.testing.assert_allclose(corner, (weights[..., None] * values).sum(axis=(2, 3)), atol=2e-3)


def test_a_composite_is_rebuilt_from_the_index_alone(made, tmp_path):
    difference = rebuild.run(RebuildConfig(run=str(made.run), index=str(made.index)), tmp_path / "again")
    assert difference < 1e-3
    for n in range(3):
        np.testing.assert_array_equal(
            read(tmp_path / "again" / f"corner_{n}.png"), read(made.run / "images" / f"corner_{n}.png")
        )


def test_only_a_composite_can_be_rebuilt(tmp_path):
    with pytest.raises(RequestError, match="no run of a composite"):
        rebuild.run(RebuildConfig(run=str(tmp_path)), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_the_same_request_gives_the_same_bits(made, tmp_path):
    run.run(made.config, tmp_path / "again")
    for name in ("corners.npz", "composite.npz", "trace.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (made.run / name).read_bytes()


def test_pixels_and_composites_are_compared(made, tmp_path):
    pixels = dataclasses.replace(made.config, parameterization="pixels", index=None, control_spacing=None)
    run.run(pixels, tmp_path / "pixels")
    compare.run(CompareConfig(pixels=str(tmp_path / "pixels"), composites=str(made.run)), tmp_path / "looks")
    text = (tmp_path / "looks" / "table.md").read_text()
    assert "mean over 1 pairs" in text
    assert f"{made.summary['perceptual']['low_frequency_share']:.1%}" in text
    assert (tmp_path / "looks" / "figure.png").is_file()
    with pytest.raises(RequestError, match=r"--pixels=.*, a run with --parameterization=composite: expected .*=pixels"):
        compare.run(CompareConfig(pixels=str(made.run), composites=str(made.run)), tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"index": None}, "without --index"),
        ({"index": "/nowhere/index"}, "does not exist"),
        ({"solver": "exact"}, "--solver=gradient"),
        ({"parameterization": "pixels"}, "--parameterization=composite beside it"),
        ({"term_weights": "variation=1"}, "total_variation"),
        ({"window_stride": 3, "surround": 0, "control_spacing": 2}, "--control_spacing=2"),
        ({"search": "best"}, "one of annoy, exact, projected"),
        ({"surround": 0, "window_stride": 5}, "uncovered"),
    ],
)
def test_what_cannot_be_composed_is_refused_and_nothing_written(made, tmp_path, changed, said):
    with pytest.raises(RequestError, match=said):
        run.run(dataclasses.replace(made.config, **changed), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_page_knows_the_photograph_of_largest_weight_at_each_pixel(made):
    found = patches_of(read_run(made.run))
    layout = layout_of((16, 16, 3), window=4, stride=1, surround=2, spacing=1)
    images, _, _ = open_collection(made.index).manifest.grid.locate(made.array["patches"])
    photographs = open_collection(made.index).photographs()
    for n, y, x in ((0, 0, 0), (1, 7, 11), (2, 15, 3)):
        weights = blend_weights(layout, made.array["control_parameters"][n])[y, x]
        candidate = candidates_at_pixels(layout)[y, x][np.unravel_index(weights.argmax(), weights.shape)]
        assert found.names[found.dominant[n, y, x]] == Path(photographs[images[candidate]]).stem
    with pytest.raises(RequestError, match="which does not exist"):
        patches_of(read_run(made.run), made.run / "nowhere")


def test_control_parameters_of_an_earlier_order_of_slots_are_read(made, tmp_path):
    old = dict(made.array)
    layout = layout_of((16, 16, 3), window=4, stride=1, surround=2, spacing=1)
    last = np.floor_divide(layout.down.points, 1).astype(int)  # slot a was window last - a
    windows = layout.down.windows_at_points()
    order = np.stack(
        [[row.tolist().index((p - a) % 8) for a in range(8)] for p, row in zip(last, _numbers(windows), strict=True)]
    )
    y, x = np.ogrid[:16, :16]
    y, x = y[..., None, None], x[..., None, None]
    old["control_parameters"] = made.array["control_parameters"][:, y, x, order[:, None, :, None], order[None, :, None, :]]
    del old["slots"], old["per_window"]
    shutil.copytree(made.run, tmp_path / "old")
    np.savez(tmp_path / "old" / "composite.npz", **old)
    saved = read_composite(tmp_path / "old", made.index)
    np.testing.assert_array_equal(saved.control_parameters, made.array["control_parameters"])


def _numbers(windows):
    """`[P, A]`, the number modulo 8 of the window in each slot, also of one that is not there."""
    return np.broadcast_to(np.arange(8), windows.shape)


def test_several_patches_stand_for_each_window(made, tmp_path):
    config = dataclasses.replace(made.config, patches_per_window=3, max_steps=6, corners=2)
    run.run(config, tmp_path / "three")
    saved = read_composite(tmp_path / "three", made.index)
    assert saved.control_parameters.shape == (2, 3, 16, 16, 8, 8)
    with np.load(tmp_path / "three" / "composite.npz") as arrays:
        ids, (nearest, *_) = arrays["patches"], arrays["patches"].reshape(3, -1)
    assert len(ids) == 3 * 13**2
    np.testing.assert_array_equal(nearest, made.array["patches"])
    window = read(made.run / "images" / "source.png")[:4, :4].astype(float)
    far = [np.linalg.norm(window - open_collection(made.index).store.cut(ids[k : k + 1], 0)[0]) for k in (0, 169, 338)]
    assert far == sorted(far)
    with np.load(tmp_path / "three" / "corners.npz") as arrays:
        np.testing.assert_allclose(composite_rebuilt(saved), arrays["corners"], atol=2e-3)
    assert json.loads((tmp_path / "three" / "summary.json").read_text())["composite"]["per_window"] == 3


def composite_rebuilt(saved):
    """By the weights of `blend_weights`, literally."""
    names, windows = candidates_at_pixels(saved.layout), 13**2
    pasted = np.concatenate(
        [slow.candidates(saved.patches[k : k + windows], *GEOMETRY) for k in range(0, 3 * windows, windows)]
    )
    i, j = np.ogrid[:16, :16]
    values = pasted[names, i[..., None, None], j[..., None, None]]
    return np.stack(
        [(blend_weights(saved.layout, one)[..., None] * values).sum(axis=(2, 3)) for one in saved.control_parameters]
    )
