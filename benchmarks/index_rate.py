"""How many times as fast as exact search an index is, on photographs that it does not know.

    bin/index_patches --images=FOLDER --out=INDEX
    python benchmarks/index_rate.py --index=INDEX --turns=5

Both search in turns, the same windows in one process, in batches of 625 as a seed image makes them. Medians of
wall and processor time; where other work is done beside this, the latter says more.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.patches.backend import Backend, best_backend
from tfcollide.patches.backends.exact import ExactSearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.neighbors import Neighbors, Query
from tfcollide.patches.recall import BATCH, draw_queries
from tfcollide.registry import BACKENDS


def turn(backend: Backend, windows: np.ndarray, neighbors: int) -> tuple[Neighbors, float, float]:
    """What is found, and milliseconds per query: of the clock, of the processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = backend.search(Query(windows, neighbors))
    factor = 1e3 / len(windows)
    return found, factor * (time.perf_counter() - wall), factor * (time.process_time() - cpu)


def main() -> None:
    """Prints times, ratios and recall."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--neighbors", type=int, default=1)
    parser.add_argument("--search", choices=BACKENDS.names(), help="default: the fastest that the index has")
    arguments = parser.parse_args()
    collection = open_collection(arguments.index.absolute())
    windows = draw_queries(collection, arguments.turns * BATCH, seed=0)
    windows = windows[np.random.default_rng(0).permutation(len(windows))].reshape(arguments.turns, BATCH, -1)
    search = BACKENDS.load(arguments.search or best_backend(collection.manifest))
    backends = {"exact": ExactSearch(collection), "index": search(collection)}
    backends["index"].search(Query(windows[0, :50]))  # what is mapped is read once
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in backends}
    right, all_right = [], []
    for some in windows:
        found = {name: turn(backend, some, arguments.neighbors) for name, backend in backends.items()}
        for name, (_, *spent) in found.items():
            times[name].append((spent[0], spent[1]))
        mine, truth = found["index"][0].distances, found["exact"][0].distances
        right.append((mine[:, 0] <= truth[:, 0]).mean())
        all_right.append((mine <= truth[:, -1:]).mean())
        print(f"  {times['index'][-1]} {times['exact'][-1]}", file=sys.stderr, flush=True)
    print(
        f"{collection.manifest.num_patches:,} patches, {windows.shape[0] * BATCH} queries, {arguments.neighbors} neighbors each"
    )
    for place, kind in enumerate(("wall", "processor")):
        one, other = (median(spent[place] for spent in times[name]) for name in ("index", "exact"))
        ratio = median(b[place] / a[place] for a, b in zip(times["index"], times["exact"], strict=True))
        print(f"{kind} time per query: index {one:.2f} ms, exact {other:.1f} ms, {ratio:.1f} times as fast")
    print(f"recall@1 {np.mean(right):.4f}, recall@{arguments.neighbors} {np.mean(all_right):.4f}")


if __name__ == "__main__":
    main()
