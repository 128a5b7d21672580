"""Exact search: the oracle and the fallback. It needs no trees."""

import numpy as np

from tfcollide.patches.backend import Backend
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.scan import scan

__all__ = ["VARIANT", "ExactSearch"]


class ExactSearch(Backend):
    """Search without an index: every one will do, and nothing is built.

    Args:
        collection: the images.
    """

    def search(self, query: Query, *, threads: int = 0) -> Neighbors:
        """The true neighbors of every query window; see `Query` for what is asked and left out."""
        query.check(self._store.grid.values)
        ids, distances = scan(self._store, query, threads=threads)
        return Neighbors(ids, distances, *self._store.grid.locate(np.maximum(ids, 0)))


VARIANT = ExactSearch
