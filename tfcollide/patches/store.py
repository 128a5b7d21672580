"""The images of an index: 8-bit, memory-mapped, in shards; patches are read from them."""

from collections.abc import Iterator, Sequence

import numpy as np

from tfcollide.patches.grid import Grid, windows_of

__all__ = ["ImageStore"]

_CHUNK_BYTES = 48 * 2**20


class ImageStore:
    """Images in shards of equal size (the last may be smaller), addressed as one row.

    Args:
        grid: where the windows lie.
        search: `[n_s, search_size, search_size, 3]` uint8 a shard, memory-mapped.
        images: `[n_s, image_size, image_size, 3]` uint8 a shard; the same arrays where the sizes agree.
    """

    def __init__(self, grid: Grid, search: Sequence[np.ndarray], images: Sequence[np.ndarray]):
        self.grid = grid
        self._windows = [windows_of(shard, grid) for shard in search]
        self._rows = [_rows(shard, windows) for shard, windows in zip(search, self._windows, strict=True)]
        self._images = list(images)
        self._starts = np.cumsum([0, *(len(shard) for shard in search)])

    @property
    def num_images(self) -> int:
        """How many images there are."""
        return int(self._starts[-1])

    @property
    def num_patches(self) -> int:
        """How many windows there are; ids run from 0 to this."""
        return self.num_images * self.grid.per_image

    def image(self, index: int) -> np.ndarray:
        """One stored image, `[image_size, image_size, 3]` uint8."""
        shard = int(np.searchsorted(self._starts, index, "right")) - 1
        return self._images[shard][index - self._starts[shard]]

    def patches(self, ids: np.ndarray) -> np.ndarray:
        """Windows at search resolution, `[len(ids), values]` uint8."""
        images, rows, columns = self.grid.locate(ids)
        shards = np.searchsorted(self._starts, images, "right") - 1
        found = np.empty((len(images), self.grid.patch_size), self._rows[0].dtype)
        for shard in range(shards.min(initial=len(self._rows)), shards.max(initial=-1) + 1):
            here = np.flatnonzero(shards == shard)
            found[here] = self._rows[shard][images[here] - self._starts[shard], rows[here], columns[here]]
        return found.view(np.uint8).reshape(len(images), self.grid.values)

    def cut(self, ids: np.ndarray, surround: int = 0) -> np.ndarray:
        """Patches at full resolution with what surrounds them, mirrored where their image ends.

        Args:
            ids: `[K]` numbers of patches.
            surround: pixels on each side, s.

        Returns:
            `[K, n + 2s, n + 2s, 3]` uint8, n being `grid.cut_size`.
        """
        images, rows, columns = self.grid.locate(ids)
        reach = np.arange(-surround, self.grid.cut_size + surround)
        down, across = (_mirror(self.grid.corner(place)[:, None] + reach, self.grid.image_size) for place in (rows, columns))
        cuts = [self.image(image)[y[:, None], x] for image, y, x in zip(images, down, across, strict=True)]
        return np.stack(cuts) if cuts else np.empty((0, len(reach), len(reach), 3), np.uint8)

    def chunks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All windows in order: the id of the first, and `[m, values]` float32 of bounded size.

        128 is subtracted, so that sums of products stay small. The array is reused by the next chunk.
        """
        rows = max(1, _CHUNK_BYTES // (self.grid.side * self.grid.values * 4))
        room = max(1, rows // self.grid.side) * min(rows, self.grid.side) * self.grid.side
        buffer = np.empty((room, self.grid.patch_size, self.grid.patch_size * 3), np.float32)
        first = 0
        for windows in self._windows:
            for start, part in _parts(windows, rows):
                flat = buffer[: part.shape[0] * part.shape[1] * part.shape[2]]
                np.subtract(part, np.float32(128), out=flat.reshape(part.shape), dtype=np.float32)
                yield first + start, flat.reshape(len(flat), -1)
            first += len(windows) * self.grid.per_image


def _rows(shard: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The same windows, each of their rows as one value: these are copied in one go, which takes two thirds of the time."""
    value = np.dtype((np.void, windows.shape[-1]))
    return np.ndarray(windows.shape[:-1], value, shard, 0, windows.strides[:-1])


def _parts(windows: np.ndarray, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """Whole images, or pieces of one, of at most `rows` rows of windows."""
    count, side = windows.shape[:2]
    images, rows = max(1, rows // side), min(rows, side)
    for image in range(0, count, images):
        for row in range(0, side, rows):
            yield (image * side + row) * side, windows[image : image + images, row : row + rows]


def _mirror(places: np.ndarray, size: int) -> np.ndarray:
    """Places outside 0..size-1, reflected at the edges as often as it takes: c b a | a b c | c b a."""
    places = places % (2 * size)
    return np.minimum(places, 2 * size - 1 - places)
