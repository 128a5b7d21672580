"""Recall and time of a large index on held-out photographs, in pieces that can be interrupted.

    bin/index_patches --images=FOLDER --stride=1 --held_out=6 --out=INDEX
    python benchmarks/paper_size.py --index=INDEX --queries=500

The truth needs no product of every query with every pixel: projections are
orthonormal, so a patch whose projection is farther away than a patch that has been
found cannot be nearer. All others are compared pixel by pixel. Where an index has the
projections in half precision these are taken, with what rounding may add. One file per
shard keeps what has been done.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.patches.backend import best_backend
from tfcollide.patches.collection import Collection, open_collection, open_images
from tfcollide.patches.neighbors import Query, squared_distances
from tfcollide.patches.recall import draw_queries
from tfcollide.registry import BACKENDS

AT_ONCE = 100_000


def projections(collection: Collection, shard: int) -> Iterator[tuple[int, np.ndarray, float]]:
    """All windows of a shard: number of the first, `[m, d]` float32 projections, and their relative error."""
    path, values = collection.path / f"codes-{shard:05d}.npy", collection.manifest.grid.values
    if path.exists():
        codes = np.load(path, mmap_mode="r")
        for first in range(0, len(codes), AT_ONCE):
            yield first, codes[first : first + AT_ONCE].astype(np.float32) * np.float32(values**0.5), 2**-11
    else:
        store = open_images(collection.path, collection.manifest, slice(shard, shard + 1))
        for first, windows in store.chunks():
            yield first, collection.projection.apply(windows), 0.0


def nearest(collection: Collection, shard: int, windows: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """`[Q]` smallest squared distances in a shard, or `limit` where nothing is nearer."""
    store = open_images(collection.path, collection.manifest, slice(shard, shard + 1))
    points = collection.projection.apply(windows.astype(np.float32) - np.float32(128))
    own, best = np.einsum("ij,ij->i", points, points), limit.copy()
    for first, projected, error in projections(collection, shard):
        squares = np.einsum("ij,ij->i", projected, projected)[:, None]
        bound = projected @ (-2 * points.T)
        bound += squares
        farthest = np.sqrt(best).astype(np.float32) + np.float32(error) * np.sqrt(squares.max())
        for q in np.flatnonzero(bound.min(axis=0) <= (least := farthest**2 * np.float32(1 + 1e-4) + 16 - own)):
            ids = first + np.flatnonzero(bound[:, q] <= least[q])
            for some in np.array_split(ids, -(-len(ids) // 4096)):
                best[q] = min(best[q], squared_distances(store.patches(some), windows[q]).min())
    return best


def truth(collection: Collection, windows: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """`[Q]` true smallest squared distances, over all shards."""
    folder = collection.path.with_name(f"{collection.path.name}.truth")
    folder.mkdir(exist_ok=True)

    def one(shard: int) -> np.ndarray:
        path = folder / f"{shard}.npy"
        if not path.exists():
            found = nearest(collection, shard, windows, limit)
            np.save(folder / f"{shard}.tmp.npy", found)
            os.replace(folder / f"{shard}.tmp.npy", path)
        return np.load(path)

    with ThreadPoolExecutor() as pool:
        return np.min(list(pool.map(one, range(len(collection.counts)))), axis=0)


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--search", choices=BACKENDS.names(), help="default: the fastest that the index has")
    parser.add_argument("--build_seconds", type=float, help="what the build took, to be put into the figures")
    arguments = parser.parse_args()
    collection = open_collection(arguments.index.absolute())
    windows = draw_queries(collection, arguments.queries, seed=0)
    backend = BACKENDS.load(arguments.search or best_backend(collection.manifest))(collection)
    backend.search(Query(windows[:5]))
    wall, cpu = time.perf_counter(), time.process_time()
    found = backend.search(Query(windows))
    milliseconds = 1e3 * (time.perf_counter() - wall) / len(windows)
    processor = 1e3 * (time.process_time() - cpu) / len(windows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{milliseconds:.1f} ms per query, {processor:.1f} ms of processor time, peak {peak:.2f} GiB", flush=True)
    squared = found.distances[:, 0] ** 2
    least = truth(collection, windows, squared)
    result = {
        "patches": collection.manifest.num_patches,
        "gib": sum(size for size, _ in collection.manifest.checksums.values()) / 2**30,
        "queries": len(windows),
        "recall_at_1": float((squared <= least * (1 + 1e-6)).mean()),
        "distance_ratio": float(np.sqrt(squared).sum() / np.sqrt(np.minimum(least, squared)).sum()),
        "query_ms": milliseconds,
        "query_processor_ms": processor,
        "query_peak_gib": peak,
    }
    if arguments.build_seconds:
        result["build_seconds"] = arguments.build_seconds
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
