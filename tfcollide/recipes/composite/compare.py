"""Pixel corners and composites of the same pairs side by side: the paper's micro and macro, as a table and a figure.

run(CompareConfig(pixels="runs/pixels", composites="runs/composites"), Path("runs/looks"))
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_json
from tfcollide.files.run_directory import RunDirectory, absolute
from tfcollide.recipes.composite.config import CompareConfig
from tfcollide.records import Summary

__all__ = ["run"]

_DRAWN = 3
_SIDES = ("pixels", "composites")
_MEASURES = {
    "mean distance between corners": ("distance", "corner_mean", ",.0f"),
    "difference at low frequencies": ("perceptual", "low_frequency_share", ".1%"),
    "SSIM of corners": ("perceptual", "ssim", ".3f"),
    "multi-scale SSIM of corners": ("perceptual", "ms_ssim", ".3f"),
    "total variation of a corner": ("perceptual", "total_variation", ".4f"),
    "mixtures classified as the target": ("interpolation", "accuracy", ".2%"),
    "- from PNG": ("png", "accuracy", ".2%"),
}


class _Run(NamedTuple):
    """What is compared of a run; `values` by place and name, and none at all of a run with one corner."""

    folder: Path
    parameterization: str
    ends: tuple[str, str]
    predicted: str
    num_corners: int
    values: dict[tuple[str, str], float]


def run(config: CompareConfig, out: Path, *, overwrite: bool = False) -> Path:
    """Writes `table.md`, `figure.png` and `summary.json`, and returns the figure.

    Args:
        config: what is compared.
        out: the directory to write.
        overwrite: whether a directory that is there may be replaced.

    Raises:
        RequestError: a side is no run, or the two have no pair in common; nothing is written then.
    """
    config.check()
    sides = [_runs(name, absolute(getattr(config, name) or "")) for name in _SIDES]
    directory = RunDirectory(
        out, "".join(f"--{n}={absolute(getattr(config, n))}\n" for n in ("pixels", "composites")), overwrite=overwrite
    )
    directory.check()
    common = [ends for ends in sides[0] if ends in sides[1]]
    if not common:
        raise RequestError("--pixels and --composites without a pair in common", "runs of the same sources and targets")
    pairs = [(sides[0][ends], sides[1][ends]) for ends in common]
    folder = directory.open()
    try:
        (folder / "table.md").write_text(_table(pairs), encoding="utf-8")
        write_json(folder / "summary.json", _summary(pairs))
        _draw(folder / "figure.png", pairs[:_DRAWN])
        return directory.commit() / "figure.png"
    finally:
        directory.close()


def _runs(flag: str, folder: Path) -> dict[tuple[str, str], _Run]:
    """The runs of a directory by source and target."""
    within = [path.parent for path in folder.glob("*/summary.json") if path.with_name("corners.npz").is_file()]
    runs = [_read(flag, one) for one in ([folder] if (folder / "corners.npz").is_file() else sorted(within))]
    kind = "composite" if flag == "composites" else "pixels"
    for one in runs:
        if one.parameterization != kind:
            what = f"--{flag}={folder}, a run with --parameterization={one.parameterization}"
            raise RequestError(what, f"one with --parameterization={kind}")
    found = {one.ends: one for one in runs if one.values}
    if not found:
        raise RequestError(f"--{flag}={folder}, without a run of several corners in it", "a run directory, or a sweep")
    return found


def _read(flag: str, folder: Path) -> _Run:
    found = Summary.read(folder, flag=flag)
    places = [(place, name, getattr(found, place)) for place, name, _ in _MEASURES.values()]
    values = {(place, name): getattr(record, name) for place, name, record in places if record is not None}
    return _Run(
        folder,
        found.parameterization,
        (found.source.id, found.target.id),
        found.target.predicted,
        len(found.corners),
        {key: np.nan if value is None else float(value) for key, value in values.items()} if found.perceptual else {},
    )


def _summary(pairs: list[tuple[_Run, _Run]]) -> dict[str, Any]:
    """Means over the pairs, and the ratio of the low-frequency shares of each; none where pixel corners are equal."""
    shares = [[one.values["perceptual", "low_frequency_share"] for one in pair] for pair in pairs]
    ratios = [macro / micro for micro, macro in shares if micro > 0]
    means = {side: {f"{p}.{n}": _mean(pairs, i, p, n) for p, n, _ in _MEASURES.values()} for i, side in enumerate(_SIDES)}
    return {
        "pairs": len(pairs),
        "means": means,
        "low_frequency_ratio": {"min": min(ratios), "median": float(np.median(ratios))} if ratios else None,
    }


def _mean(pairs: list[tuple[_Run, _Run]], side: int, place: str, name: str) -> float:
    return float(np.nanmean([pair[side].values[place, name] for pair in pairs]))


def _table(pairs: list[tuple[_Run, _Run]]) -> str:
    lines = [f"| mean over {len(pairs)} pairs | pixels (micro) | composites (macro) |", "|---|---|---|"]
    for title, (place, name, form) in _MEASURES.items():
        values = [format(_mean(pairs, i, place, name), form) for i in (0, 1)]
        lines.append(f"| {title} | {' | '.join(values)} |")
    ratio = _summary(pairs)["low_frequency_ratio"]
    times = f"median {ratio['median']:.2f} times, least {ratio['min']:.2f} times" if ratio else "pixel corners are equal"
    foot = f"Low frequencies, composites over pixels: {times}."
    return "\n".join([*lines, "", foot]) + "\n"


def _draw(path: Path, pairs: list[tuple[_Run, _Run]]) -> None:
    """A row of pixel corners and a row of composites for each pair, with what each pair of rows differs by."""
    from tfcollide.report import figure

    rows = []
    for pair in pairs:
        for name, one in zip(_SIDES, pair, strict=True):
            source = figure.Panel("source", _pixels(one.folder, "source"), name, "source")
            corners = [_pixels(one.folder, f"corner_{n}") for n in range(one.num_corners)]
            change = np.abs(corners[0].astype(np.int16) - corners[1])
            shown = np.clip(change * (255 / max(change.max(), 1)), 0, 255).astype(np.uint8)
            share = f"{one.values['perceptual', 'low_frequency_share']:.0%} low"
            panels = [figure.Panel(f"corner {n}", corner, "", "corner") for n, corner in enumerate(corners)]
            target = figure.Panel("target", _pixels(one.folder, "target"), one.predicted, "target")
            rows.append([source, *panels, figure.Panel("|0 - 1|", shown, share, "corner"), target])
    figure.draw(path, rows, "share of the difference's energy below a quarter of the Nyquist frequency")


def _pixels(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / "images" / f"{name}.png") as image:
        return np.asarray(image)
