"""Exact search: the oracle and the fallback. It needs no trees."""

from pathlib import Path

import numpy as np

from tfcollide.patches.collection import Collection
from tfcollide.patches.manifest import Manifest
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.scan import scan

__all__ = ["VARIANT", "ExactSearch"]


class ExactSearch:
    """Search without an index.

    Args:
        collection: the images.
    """

    preference = 0

    @staticmethod
    def serves(manifest: Manifest) -> bool:
        """Every index will do."""
        return True

    @staticmethod
    def check_build(folder: Path) -> None:
        """Nothing is built for it."""

    def __init__(self, collection: Collection):
        self._store = collection.store

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The true neighbors of every query window; see `Query` for what is asked and left out."""
        query.check(self._store.grid.values)
        ids, distances = scan(self._store, query, threads=threads)
        return Neighbors(ids, distances, *self._store.grid.locate(np.maximum(ids, 0)))


VARIANT = ExactSearch
