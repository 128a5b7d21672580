"""The page: what is known of a hull, its pictures, and the script that walks through it, in one file."""

import functools
import importlib.resources
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfcollide.files.atomic import to_json
from tfcollide.records import ProvenParts
from tfcollide.report.explore.lattice import Lattice, LatticeAnswers
from tfcollide.report.explore.layers import Layers
from tfcollide.report.explore.packing import pack, pack_images, room_for
from tfcollide.shapes import Bounds

__all__ = ["PageNetwork", "Patches", "Scene", "asset", "embedded", "escaped", "explore_html", "fill", "script"]

_SCRIPTS = ("numbers.js", "simplex.js", "network.js", "parts.js", "verdict.js", "pictures.js", "walks.js", "page.js")


_MOST_PARTS = 20_000  # 320 KB


class PageNetwork(NamedTuple):
    """A network that the page computes itself.

    Attributes:
        layers: from the image to the logits and to the tap.
        post_activation: `[U]` float32, the target's features.
        active: `[U]`, one at the units that L_pos compares, else zero.
        target_class: the number of the class that the target is read as.
    """

    layers: Layers
    post_activation: np.ndarray
    active: np.ndarray
    target_class: int


class Patches(NamedTuple):
    """What corners that are composites are made of.

    Attributes:
        dominant: `[N, H, W]` whole numbers, the photograph of largest weight at each pixel of each corner.
        names: of the photographs, by these numbers.
    """

    dominant: np.ndarray
    names: tuple[str, ...]


class Scene(NamedTuple):
    """All that a page shows.

    Attributes:
        source: `[H, W, C]` float32 in bounds.
        corners: `[N, H, W, C]`.
        target: `[H, W, C]`.
        bounds: of the pixels.
        class_names: one per class or label.
        lattice: where the network was asked.
        answers: what it said there.
        words: what `words.words_of` gives.
        worst: `[N]` convex weights of the worst mixture known; None where none was searched for.
        network: where the page computes it; else a clause that says why not.
        patches: of composites.
        parts: that are proven, of a hull that is not certified as a whole.
        live: whether the page is served, and may ask the network itself.
        up: the way to the page of all pairs, where there is one.
    """

    source: np.ndarray
    corners: np.ndarray
    target: np.ndarray
    bounds: Bounds
    class_names: Sequence[str]
    lattice: Lattice
    answers: LatticeAnswers
    words: Mapping[str, Any]
    worst: np.ndarray | None = None
    network: PageNetwork | str = "it was not asked for"
    patches: Patches | None = None
    parts: ProvenParts | None = None
    live: bool = False
    up: str | None = None


def explore_html(scene: Scene) -> str:
    """The page of a hull as one HTML text that loads nothing.

    Images of up to 64x64 pixels make a page of at most 3 MB and of up to 224x224 one of at most 8 MB: where the
    pictures and a network together do not fit, the network is left out and the pictures keep fewer bits.
    """
    room = room_for(scene.source.shape)
    text = _page(scene, room)
    if len(text) > room and isinstance(scene.network, PageNetwork):
        text = _page(scene._replace(network="page and network together would be too large"), room)
    return text


def script() -> str:
    """The page's whole script, as plain functions."""
    return "\n".join(asset(name) for name in _SCRIPTS)


def fill(template: str, **parts: str) -> str:
    """The template of that name with each `{{part}}` replaced."""
    text = asset(template)
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def _page(scene: Scene, room: int) -> str:
    connect = "'self'" if scene.live else "'none'"
    begun = fill("page.html", connect=connect, title=escaped(scene.words["title"]), style=asset("page.css"), script=script())
    return begun.replace("{{scene}}", embedded(_content(scene, room - len(begun))))


def _content(scene: Scene, room: int) -> dict[str, Any]:
    """What the script reads, as JSON types."""
    network = scene.network if isinstance(scene.network, PageNetwork) else None
    content = {
        "words": to_json(scene.words),
        "bounds": list(map(float, scene.bounds)),
        "class_names": list(scene.class_names),
        "lattice": _lattice(scene.lattice, scene.answers),
        "worst": None if scene.worst is None else np.asarray(scene.worst, np.float64).tolist(),
        "network": _network(network) if network else None,
        "without_network": None if network else scene.network,
        "patches": None if scene.patches is None else _patches(scene.patches),
        "parts": None if scene.parts is None else _parts(scene.parts),
        "live": scene.live,
        "up": scene.up,
    }
    images = np.concatenate([scene.source[None], scene.target[None], scene.corners])
    left = room - len(embedded(content)) - 1000
    return content | {"images": pack_images(images, scene.bounds, exact=network is not None, room=left)}


def _lattice(lattice: Lattice, answers: LatticeAnswers) -> dict[str, Any]:
    names = sorted({*answers.names, *(answers.read or ())})
    place = {name: number for number, name in enumerate(names)}
    reads = None if answers.read is None else pack(np.array([place[name] for name in answers.read], np.uint16))
    floats = ("chances", "probability", "margin", "active_match", "feature_distance")
    return {
        "fineness": lattice.fineness,
        "weights": pack(lattice.weights.astype(np.float32)),
        "names": names,
        "predicted": pack(np.array([place[name] for name in answers.names], np.uint16)),
        "top": pack(answers.top.astype(np.uint16)),
        "hit": pack(answers.hit.astype(np.uint8)),
        "read": reads,
    } | {name: pack(getattr(answers, name).astype(np.float32)) for name in floats}


def _network(network: PageNetwork) -> dict[str, Any]:
    layers = network.layers
    return {
        "layers": list(layers.layers),
        "weights": [pack(array) for array in layers.weights],
        "source": layers.source,
        "logits": layers.logits,
        "tap": layers.tap,
        "after_zero": layers.after_zero,
        "ceiling": to_json(layers.ceiling),
        "entry": list(layers.entry),
        "post_activation": pack(network.post_activation.astype(np.float32)),
        "active": pack(network.active.astype(np.uint8)),
        "target_class": network.target_class,
    }


def _patches(patches: Patches) -> dict[str, Any]:
    return {"dominant": pack(patches.dominant.astype(np.uint16)), "names": list(patches.names)}


def _parts(parts: ProvenParts) -> dict[str, Any]:
    """A part is the pair (0, 0) there."""
    few = parts.fewer(_MOST_PARTS)
    return {"tree": pack(np.maximum(few.tree, 0).astype(np.uint16)), "margins": pack(few.margins.astype(np.float32))}


def embedded(content: object) -> str:
    """JSON that may stand within a script element."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def escaped(text: str) -> str:
    """Text as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


@functools.cache
def asset(name: str) -> str:
    """A file of the page."""
    return (importlib.resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")
