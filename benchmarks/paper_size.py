"""Recall and time of a large index on held-out photographs, in pieces that can be interrupted.

    bin/index_patches --images=FOLDER --stride=1 --held_out=6 --shard_patches=1500000 --out=INDEX
    python benchmarks/paper_size.py --index=INDEX --queries=500

The truth needs no product of every query with every pixel: projections are
orthonormal, so a patch whose projection is farther away than a patch that has been
found cannot be nearer. All others are compared pixel by pixel. One file per shard
keeps what has been done.
"""

import argparse
import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.patches.backends.annoy import AnnoySearch
from tfcollide.patches.collection import Collection, open_collection, open_images
from tfcollide.patches.neighbors import Query
from tfcollide.patches.recall import draw_queries


def nearest(collection: Collection, shard: int, windows: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """`[Q]` smallest squared distances in a shard, or `limit` where nothing is nearer."""
    store = open_images(collection.path, collection.manifest, slice(shard, shard + 1))
    pixels = windows.astype(np.float32) - np.float32(128)
    points = collection.projection.apply(pixels)
    own, best = np.einsum("ij,ij->i", points, points), limit.astype(np.float32).copy()
    for _, patches in store.chunks():
        projected = collection.projection.apply(patches)
        bound = projected @ (-2 * points.T)
        bound += np.einsum("ij,ij->i", projected, projected)[:, None]
        possible = bound <= best * np.float32(1 + 1e-4) + 16 - own
        for q in np.flatnonzero(possible.any(axis=0)):
            change = patches[possible[:, q]] - pixels[q]
            best[q] = min(best[q], np.einsum("ij,ij->i", change, change).min())
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
    parser.add_argument("--build_seconds", type=float, help="what the build took, to be put into the figures")
    arguments = parser.parse_args()
    collection = open_collection(arguments.index.absolute())
    windows = draw_queries(collection, arguments.queries, seed=0)
    backend = AnnoySearch(collection)
    backend.search(Query(windows[:5]))
    began = time.perf_counter()
    found = backend.search(Query(windows))
    milliseconds = 1e3 * (time.perf_counter() - began) / len(windows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{milliseconds:.1f} ms per query, peak {peak:.2f} GiB", flush=True)
    squared = found.distances[:, 0] ** 2
    least = truth(collection, windows, squared)
    result = {
        "patches": collection.manifest.num_patches,
        "gib": sum(size for size, _ in collection.manifest.checksums.values()) / 2**30,
        "queries": len(windows),
        "recall_at_1": float((squared <= least * (1 + 1e-6)).mean()),
        "distance_ratio": float(np.sqrt(squared).sum() / np.sqrt(np.minimum(least, squared)).sum()),
        "query_ms": milliseconds,
        "query_peak_gib": peak,
    }
    if arguments.build_seconds:
        result["build_seconds"] = arguments.build_seconds
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
