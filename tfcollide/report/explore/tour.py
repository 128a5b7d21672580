"""A tour of a hull as an animation: the source, the mixture as it changes, the target, and what the network says."""

import functools
import io
from typing import Any, NamedTuple

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from tfcollide.images import to_uint8
from tfcollide.shapes import Bounds

__all__ = ["Frame", "animation", "tour_weights"]

_PER_SECOND = 15
_SIDE, _GAP, _LINE = 224, 14, 30
_GROUND, _INK, _SOFT, _ACCENT, _BAD, _WASH = "#ffffff", "#1c1b19", "#5c5953", "#0a6b78", "#b3261e", "#e3f0f1"


class Frame(NamedTuple):
    """One moment of a tour.

    Attributes:
        weights: `[N]`, where it is.
        image: `[H, W, C]` float32 in bounds, the mixture there.
        name: what the network reads it as.
        probability: of the class on top.
        hit: whether that is what the target is read as.
    """

    weights: np.ndarray
    image: np.ndarray
    name: str
    probability: float
    hit: bool


def tour_weights(corners: int, seconds: float, seed: int = 0) -> np.ndarray:
    """`[F, N]` convex weights, 15 per second, from corner to corner by way of random mixtures and back to the first.

    Every leg starts and ends at rest; the last frame goes on to the first.
    """
    rng, count = np.random.default_rng(seed), max(2, round(seconds * _PER_SECOND))
    corner, drawn = np.eye(corners), rng.dirichlet(np.ones(corners), corners)
    stops = np.concatenate([np.stack([corner, drawn], axis=1).reshape(-1, corners), corner[:1]])
    place = np.arange(count) / count * (len(stops) - 1)
    leg = place.astype(int)
    share = place - leg
    share = (share * share * (3 - 2 * share))[:, None]
    return ((1 - share) * stops[leg] + share * stops[leg + 1]).astype(np.float32)


def animation(
    frames: list[Frame], source: np.ndarray, target: np.ndarray, bounds: Bounds, labels: tuple[str, str], kind: str
) -> bytes:
    """A file that plays `frames` over and over.

    Args:
        frames: from `tour_weights`.
        source: `[H, W, C]` float32 in bounds.
        target: likewise.
        bounds: of the pixels.
        labels: of the source and the target.
        kind: "webp" or "gif".
    """
    ends = [_picture(image, bounds) for image in (source, target)]
    drawn = [_draw(frame, ends, bounds, labels) for frame in frames]
    settings: dict[str, Any] = (
        {"lossless": False, "quality": 80, "method": 4} if kind == "webp" else {"optimize": True, "disposal": 1}
    )
    file = io.BytesIO()
    every = 1000 // _PER_SECOND
    drawn[0].save(file, kind.upper(), save_all=True, append_images=drawn[1:], duration=every, loop=0, **settings)
    return file.getvalue()


def _picture(image: np.ndarray, bounds: Bounds) -> Image.Image:
    """An image as large as it is shown; small ones keep their pixels."""
    pixels = to_uint8(image, bounds)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    small = max(picture.size) <= _SIDE // 2
    return picture.resize((_SIDE, _SIDE), Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)


def _draw(frame: Frame, ends: list[Image.Image], bounds: Bounds, labels: tuple[str, str]) -> Image.Image:
    sheet = Image.new("RGB", (4 * _SIDE + 5 * _GAP, _SIDE + 2 * _GAP + _LINE), _GROUND)
    canvas = ImageDraw.Draw(sheet)
    color = _ACCENT if frame.hit else _BAD
    pictures = [ends[0], _picture(frame.image, bounds), ends[1]]
    words = [f"source: {labels[0]}", f"to the network: {frame.name}, {_percent(frame.probability)}", f"target: {labels[1]}"]
    for place, (picture, text, ink) in enumerate(zip(pictures, words, (_SOFT, color, _SOFT), strict=True)):
        left = _GAP + place * (_SIDE + _GAP)
        sheet.paste(picture, (left, _GAP))
        canvas.text((left + _SIDE / 2, _SIDE + _GAP + _LINE * 0.6), text, fill=ink, font=_font(text), anchor="mm")
    sheet.paste(_map(frame, color), (4 * _GAP + 3 * _SIDE, _GAP))
    return sheet


def _map(frame: Frame, color: str) -> Image.Image:
    """The corners as a polygon, and the point within it; drawn three times as large, so that lines come out smooth."""
    count, fine = len(frame.weights), 3
    drawn = Image.new("RGB", (fine * _SIDE, fine * _SIDE), _GROUND)
    canvas, angles = ImageDraw.Draw(drawn), np.pi / 2 - 2 * np.pi * np.arange(count) / count
    around = np.stack([np.cos(angles), -np.sin(angles)], axis=1) * (count > 1)
    corners = fine * _SIDE * (0.5 + 0.44 * around)
    if count > 2:
        canvas.polygon([tuple(corner) for corner in corners], fill=_WASH, outline=_ACCENT, width=fine)
    point = frame.weights @ corners
    for corner, weight in zip(corners, frame.weights, strict=True):
        canvas.line([*corner, *point], fill=_ACCENT, width=round(fine * (0.7 + 5 * float(weight))))
        canvas.ellipse([*(corner - 4 * fine), *(corner + 4 * fine)], fill=_ACCENT)
    canvas.ellipse([*(point - 9 * fine), *(point + 9 * fine)], fill=color, outline=_GROUND, width=2 * fine)
    return drawn.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)


def _percent(chance: float) -> str:
    text = f"{100 * chance:.2f}"
    return "> 99.99 %" if chance < 1 and text == "100.00" else f"{text} %"


def _font(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest font of those in which the text fits under its picture."""
    for size in (16, 14, 12, 10):
        font = _sized(size)
        if font.getlength(text) <= _SIDE + _GAP:
            return font
    return _sized(8)


@functools.cache
def _sized(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:

    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
