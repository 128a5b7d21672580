"""What a proof that does not hold of a whole hull knows of its parts."""

import dataclasses
import zipfile
from pathlib import Path
from typing import Self

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_npz

__all__ = ["PARTS_FILE", "ProvenParts"]

PARTS_FILE = "parts.npz"
"""In a run's directory."""


@dataclasses.dataclass(frozen=True, eq=False)
class ProvenParts:
    """The parts that a proof cut a hull into, and what is proven of each.

    Attributes:
        tree: `[M, 2]` int16, bisections in preorder: (i, j), i < j, halves the edge between two vertices, and first comes the
            half in which the middle takes the place of vertex i; (-1, -1) is a part.
        margins: `[L]` float32, one per part in the same order: what is proven, rounded down; where that is not
            positive, nothing is.
    """

    tree: np.ndarray
    margins: np.ndarray

    def fewer(self, most: int) -> "ProvenParts":
        """At most `most` parts (one at least): the deepest are joined, and what is proven of both halves is of the whole."""
        leaf, depth = self.tree[:, 0] < 0, _depths(self.tree)
        counts = [(leaf & (depth < d)).sum() + (depth == d).sum() for d in range(depth.max() + 1)]
        deepest = max(d for d, count in enumerate(counts) if count <= max(most, 1))
        stays, ends = depth <= deepest, (leaf & (depth < deepest)) | (depth == deepest)
        tree = np.where(ends[:, None], np.int16(-1), self.tree)[stays]
        return ProvenParts(tree, np.minimum.reduceat(self.margins, (np.cumsum(leaf) - leaf)[ends]))

    def write(self, folder: Path) -> None:
        """Writes the file of a run whole."""
        write_npz(folder / PARTS_FILE, {"tree": self.tree, "margins": self.margins}, compressed=True)

    @classmethod
    def read(cls, folder: Path, flag: str) -> Self | None:
        """Those of a run's directory; None where it has none.

        Raises:
            RequestError: they cannot be read.
        """
        path = folder / PARTS_FILE
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                tree, margins = file["tree"].astype(np.int16), file["margins"].astype(np.float32)
            if tree.ndim != 2 or len(_depths(tree)) != len(tree) or margins.shape != ((tree[:, 0] < 0).sum(),):
                raise ValueError("its tree is cut off")
        except (OSError, EOFError, LookupError, ValueError, zipfile.BadZipFile) as error:
            received = f"--{flag}: {path}, which cannot be read ({error})"
            raise RequestError(received, "that of a whole run", "Copy the run again.") from error
        return cls(tree, margins)


def _depths(tree: np.ndarray) -> np.ndarray:
    """Of each node of a tree in preorder; fewer or more where it is none."""
    waiting, found = [0], []
    for here in tree[:, 0].tolist():
        if not waiting:
            return np.array([])
        found.append(waiting.pop())
        if here >= 0:
            waiting += [found[-1] + 1] * 2
    return np.array([] if waiting else found)
