"""What the run directory of a composite holds beside the rest, and the composite made of it again."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfcollide.files.atomic import write_npz
from tfcollide.images import to_uint8, write_png
from tfcollide.parameterizations.composite import Composite, Composition
from tfcollide.parameterizations.composite.blend_weights import dominant
from tfcollide.parameterizations.composite.composer import Composer
from tfcollide.parameterizations.composite.found_patches import FoundPatches
from tfcollide.parameterizations.composite.layout import Layout
from tfcollide.parameterizations.composite.saved import COMPOSITE_FILE, SLOTS, SavedComposite
from tfcollide.report.composites import Pasted, draw_candidates, draw_dominance, draw_pasted
from tfcollide.shapes import Bounds

__all__ = ["rebuild", "write_composite"]

_EXAMPLES = 4


def write_composite(
    folder: Path, composition: Composition, source: np.ndarray, corners: np.ndarray, controls: np.ndarray, bounds: Bounds
) -> None:
    """Writes `composite.npz`, the seed composite and the three pictures.

    Args:
        folder: of the run.
        composition: the index, the layout and the patches.
        source: `[H, W, 3]` uint8.
        corners: `[N, H, W, 3]` in bounds.
        controls: `[N, ...]`, their control parameters.
        bounds: of the model.
    """
    composer, found = composition
    layout, axis = composer.layout, composer.layout.down
    geometry = np.array([axis.window, axis.stride, axis.surround, axis.spacing])
    arrays = {"control_parameters": controls, "patches": found.ids, "geometry": geometry, "shape": np.array(source.shape)}
    arrays |= {"bounds": np.array(bounds), "index": np.array(composer.collection.manifest.fingerprint())}
    arrays |= {"per_window": np.array(layout.per_window), "slots": np.array(SLOTS)}
    write_npz(folder / COMPOSITE_FILE, arrays)
    patches = composer.cut(found)
    start = to_uint8(_blend(layout, patches, np.zeros_like(controls[:1]), bounds)[0], bounds)
    write_png(folder / "images" / "seed_composite.png", start)
    inner = slice(axis.surround, axis.surround + axis.window)
    count = f"{layout.num_candidates:,} patches of {len(np.unique(found.images)):,} photographs"
    nearest = patches[: layout.num_windows, inner, inner]
    draw_candidates(folder / "candidates.png", source, start, nearest, axis.num_windows, count)
    draw_pasted(folder / "pasted.png", source, [_pasted(composer, found, patches, k) for k in _examples(layout)])
    maps = np.stack([found.images[dominant(layout, control)] for control in controls])
    draw_dominance(folder / "dominance.png", to_uint8(corners, bounds), maps)


def rebuild(saved: SavedComposite) -> np.ndarray:
    """The corners of a run again, `[N, H, W, C]`."""
    return _blend(saved.layout, saved.patches, saved.control_parameters, saved.bounds)


def _blend(layout: Layout, patches: np.ndarray, controls: np.ndarray, bounds: Bounds) -> np.ndarray:
    composite = Composite(layout, bounds)
    return composite.to_image(tf.constant(controls), composite.arrange(patches)).numpy()


def _examples(layout: Layout) -> list[int]:
    """Some windows, spread over the image."""
    rows, columns = layout.down.num_windows, layout.across.num_windows
    places = [((i + 0.5) / _EXAMPLES, (i * 0.618 + 0.3) % 1) for i in range(_EXAMPLES)]
    return [int(y * rows) * columns + int(x * columns) for y, x in places]


def _pasted(composer: Composer, found: FoundPatches, patches: np.ndarray, k: int) -> Pasted:
    layout, grid = composer.layout, composer.collection.manifest.grid
    row, column = divmod(k, layout.across.num_windows)
    images, rows, columns = grid.locate(found.ids[k : k + 1])
    top, left = (int(grid.corner(place)[0]) for place in (rows, columns))
    return Pasted(
        query=(row * layout.down.stride, column * layout.across.stride, layout.down.window),
        photograph=composer.collection.store.image(int(images[0])),
        found=(top, left, grid.cut_size),
        patch=patches[k],
        distance=float(found.distances[k]),
    )
