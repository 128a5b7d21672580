"""Damages copies of an index at random: each is refused in one line or answers correctly.

python benchmarks/fuzz_index.py --rounds=500
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.patches.fuzz import fuzz
from tfcollide.patches.collection import open_collection
from tfcollide.patches.recall import draw_queries
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.recipes.patches.index import run


def main() -> None:
    """Prints how many were refused and how many opened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        index = Path(name) / "patches"
        run(IndexConfig(images="bundled", held_out=1, image_size=96, stride=4), index)
        queries, began = draw_queries(open_collection(index), 4, seed=0), time.perf_counter()
        refused, opened = fuzz(index, Path(name), queries, arguments.rounds, arguments.seed)
        seconds = time.perf_counter() - began
    print(f"{refused} refused in one line, {opened} opened with the right answers, {seconds:.0f} s")


if __name__ == "__main__":
    main()
