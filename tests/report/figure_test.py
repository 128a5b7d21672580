import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tfcollide.records import EndPoint, ReaderRecord
from tfcollide.report import figure
from tfcollide.report.figure import Note, Panel, change_images, compose, corner_panel, folded, write_row
from tfcollide.shapes import Bounds

from .summaries import UNIT, corner, pictures, summary

LONG = "home theater, home theatre"
NAMES = [
    LONG,
    "Blenheim spaniel",
    "black-and-tan coonhound of the old American kind that hunts by night",
    "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
    "$^$ and $x_{",
    "鉄のアーチ橋と長い長い長い長い名前",
    "a\nname in\tlines",
    "n02085620_Chihuahua/short_haired/female",
    "",
    "name of a file \udcff",
]
SIZES = [(1, (8, 8, 1)), (5, (1, 1, 1)), (12, (8, 8, 3)), (2, (2, 40, 1)), (1, (40, 2, 3))]


@pytest.fixture
def composed(monkeypatch):
    """The figures that were to be saved, in their order."""
    figures = []
    monkeypatch.setattr(figure, "save", lambda drawn, path: figures.append(drawn))
    return figures


def boxes(drawn):
    """The extents, in pixels, of all texts that hold something, and of all images."""
    drawn.set_dpi(160)
    renderer = FigureCanvasAgg(drawn).get_renderer()
    texts = [text for text in drawn.texts if text.get_text().strip()]
    return (
        [(text.get_text(), text.get_window_extent(renderer)) for text in texts],
        [axes.get_window_extent(renderer) for axes in drawn.axes],
    )


def check_room(drawn):
    """No text runs into another, into an image or out of the figure."""
    texts, images = boxes(drawn)
    assert texts and images
    across, up = drawn.get_size_inches() * drawn.dpi
    for words, box in texts:
        assert box.x0 >= 0 and box.x1 <= across and box.y0 >= 0 and box.y1 <= up, words
        assert not any(overlap(box, image) for image in images), words
    for (one, first), (other, second) in itertools.combinations(texts, 2):
        assert not overlap(first, second), (one, other)


def overlap(one, other, slack=1.5):
    """Whether two boxes share more than a rim of `slack` pixels."""
    return min(one.x1, other.x1) - max(one.x0, other.x0) > slack and min(one.y1, other.y1) - max(one.y0, other.y0) > slack


def looked_at(name, **changed):
    return corner(source_share=0.371, target_share=1.0443, reader=name, **changed)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("count", "shape"), [(1, (8, 8, 1)), (5, (1, 1, 1)), (12, (8, 8, 3)), (2, (2, 40, 1)), (1, (40, 2, 3))]
)
def test_names_keep_to_their_panels(composed, tmp_path, name, count, shape):
    images = np.random.default_rng(0).random([count + 2, *shape]).astype(np.float32)
    kinds = ({}, {"trivial": True}, {"lost": True}, {"predicted": "another " + name}, {"converged": False})
    corners = tuple(looked_at(name, **({"predicted": name} | kind)) for kind in itertools.islice(itertools.cycle(kinds), count))
    ends = {"source": EndPoint("test:1", name, name, 0.123), "target": EndPoint("test:2", name, name, 0.987)}
    run = summary(corners=corners, reader=ReaderRecord("k nearest neighbors", 0.96, None), **ends)
    write_row(tmp_path / "figure.png", run, images[0], images[1:-1], images[-1], UNIT)
    (drawn,) = composed
    check_room(drawn)
    texts = [text.get_text() for text in drawn.texts]
    assert any("0.123" in text for text in texts) and any("0.987" in text for text in texts)  # however long the name


@pytest.mark.parametrize("columns", [3, 10])
def test_rows_with_titles_of_names_keep_apart(columns):
    pixels = np.zeros([4, 4], np.uint8)
    row = [Panel(NAMES[n % 4], pixels, f'"{NAMES[(n + 1) % 4]}"', "corner", NAMES[(n + 2) % 4]) for n in range(columns)]
    check_room(compose([row, [Note("words " * 30), *row[1:]], [None, *row[:1]]], "a foot " * 60))


def test_each_corner_says_what_it_is():
    pixels = np.zeros([4, 4], np.uint8)
    panel = corner_panel(2, pixels, corner(source_share=0.3712, target_share=0.9441, reader="3"), "7")
    assert (panel.title, panel.caption, panel.role) == ("corner 2", '"7"  0.988', "corner")
    assert panel.note == 'source .37 · target .94\nreader: "3"'
    assert corner_panel(0, pixels, corner(source_share=1.5, target_share=0.25), "7").note == "source 1.50 · target .25"
    assert corner_panel(0, pixels, corner(source_share=0.6321, target_share=0.6342), "7").note == "source .632 · target .634"
    assert corner_panel(0, pixels, corner(), "7").note == ""
    assert corner_panel(0, pixels, corner(predicted=LONG), "jeep, landrover").caption == '"home theater", not "jeep"  (0.988)'
    assert corner_panel(0, pixels, corner(probability=None), "7").caption == '"7"  no number'


@pytest.mark.parametrize(
    ("changed", "title", "role"),
    [
        ({"trivial": True, "converged": False}, "TRIVIAL", "trivial"),
        ({"lost": True}, "LOST", "lost"),
        ({"converged": False}, "NOT CONVERGED", "failed"),
        ({"converged": False, "diverged_at": 12}, "DIVERGED", "failed"),
    ],
)
def test_a_corner_that_is_none_is_marked(composed, tmp_path, changed, title, role):
    source, one, target = pictures(1)
    write_row(tmp_path / "figure.png", summary(corners=(corner(**changed),)), source, one[None], target, UNIT)
    (drawn,) = composed
    texts = {text.get_text(): text for text in drawn.texts}
    frame = drawn.axes[1].spines["left"].get_edgecolor()
    assert texts[title].get_color() == figure._EDGES[role] and "corner 0" not in texts
    assert tuple(np.round(np.array(frame[:3]) * 255).astype(int)) == tuple(bytes.fromhex(figure._EDGES[role][1:]))


def test_the_change_is_gray_where_there_is_none_and_has_one_scale():
    source = np.full([2, 2, 1], 1.0, np.float32)
    corners = np.repeat(source[None], 3, axis=0)
    corners[0, 0, 0], corners[1, 1, 1], corners[2, 0, 0] = 3.0, 0.0, np.nan  # the range is 4
    changes, scale = change_images(source, corners, Bounds(0.0, 4.0))
    assert scale == 0.5 and changes.dtype == np.uint8 and changes.shape == corners.shape
    assert changes[0, 0, 0, 0] == 255 and changes[1, 1, 1, 0] == 64
    assert (np.delete(changes.ravel(), [0, 7]) == 128).all()
    nothing, scale = change_images(source, source[None], UNIT)
    assert scale == 0.0 and (nothing == 128).all()


def test_a_run_shows_its_changes_below_its_corners(composed, tmp_path):
    source, *corners, target = pictures(12)
    write_row(tmp_path / "figure.png", summary(corners=(corner(),) * 12), source, np.stack(corners), target, UNIT)
    (drawn,) = composed
    assert len(drawn.axes) == 2 + 2 * 12
    texts = [text.get_text() for text in drawn.texts]
    assert [text for text in texts if text.startswith("corner ")] == [f"corner {n}" for n in range(12)]
    assert sum(text.startswith("The change:") for text in texts) == 2  # each row of changes names its scale
    shown = [np.asarray(axes.images[0].get_array()) for axes in drawn.axes]
    changes, _ = change_images(source, np.stack(corners), UNIT)
    np.testing.assert_array_equal(shown[10], changes[0, ..., 0])  # the source and nine corners are above
    np.testing.assert_array_equal(shown[-1], changes[-1, ..., 0])


def test_lines_are_folded_at_ten():
    assert folded(list(range(10)), None) == [list(range(10))]
    assert folded(list(range(21)), None) == [list(range(10)), [None, *range(10, 19)], [None, 19, 20]]


@pytest.mark.parametrize(("count", "channels"), [(1, 1), (5, 3), (12, 3)])
def test_the_figure_is_a_png_of_sane_size(tmp_path, count, channels):
    source, *corners, target = pictures(count, channels)
    path = tmp_path / "figure.png"
    write_row(path, summary(corners=(corner(),) * count), source, np.stack(corners), target, UNIT)
    with Image.open(path) as image:
        assert image.format == "PNG"
        width, height = image.size
        image.load()
    columns, rows = min(10, count + 2), -(-(count + 2) // 10)
    assert 250 * columns <= width <= 320 * columns
    assert 500 * rows <= height <= 800 * rows  # corners, and their changes below
    assert 5_000 < path.stat().st_size < 1_000_000


def drawn(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, 3)


def share(pixels, color):
    return float((np.abs(pixels.astype(int) - color).max(axis=1) < 8).mean())


def test_the_figure_marks_corners_that_failed(tmp_path):
    source, *corners, target = np.zeros([4, 8, 8, 1], np.float32)
    images = (source, np.stack(corners), target, UNIT)
    write_row(tmp_path / "good.png", summary(corners=(corner(), corner())), *images)
    write_row(tmp_path / "bad.png", summary(corners=(corner(), corner(converged=False))), *images)
    red = (0xCC, 0x33, 0x11)
    assert share(drawn(tmp_path / "good.png"), red) == 0
    assert share(drawn(tmp_path / "bad.png"), red) > 0.001


def test_the_figure_shows_images_as_they_are(tmp_path):
    # three panels, blue, green and red; -1 is black and 1 white, so that 0 is level 128
    source, one, target = np.zeros([3, 8, 8, 3], np.float32)
    source[..., 2] = one[..., 1] = target[..., 0] = 1.0
    write_row(tmp_path / "a.png", summary(corners=(corner(),)), source, one[None], target, Bounds(-1.0, 1.0))
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    places = [np.argwhere((pixels == color).all(axis=2)) for color in ((128, 128, 255), (128, 255, 128), (255, 128, 128))]
    assert all(len(place) > 0.05 * pixels.shape[0] * pixels.shape[1] for place in places)
    columns = [place[:, 1].mean() for place in places]
    assert columns == sorted(columns)  # source, corner, target from left to right


@pytest.mark.parametrize("name", ["$^$", "tench, Tinca tinca", "<&>", "Gürteltier"])
def test_class_names_are_taken_as_they_are(tmp_path, name):
    source, one, target = pictures(1)
    odd = summary(corners=(corner(predicted=name),), target=EndPoint("test:4", name, name, 0.5))
    write_row(tmp_path / "a.png", odd, source, one[None], target, UNIT)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
