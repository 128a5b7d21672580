"""How an index's cost grows with its patches: one row a size, and a plot of all rows so far.

python benchmarks/index_growth.py --images=FOLDER --strides=20,11,6,4,2,1 --out=growth

Smaller strides over the same photographs give more patches; neighboring windows
are then alike, which patches of real collections are not. A stride whose row is
there is not done again, and an interrupted build goes on where it was. What
`paper_size.py` printed of a larger index is drawn too: --also=FILE.json.
"""

import argparse
import csv
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

from matplotlib.figure import Figure

PROGRAM = Path(__file__).resolve().parent.parent / "bin" / "index_patches"
COLUMNS = ("stride", "patches", "build_seconds", "peak_gib", "gib", "recall_at_1", "recall_at_10", "query_ms", "exact_ms")


def run(*flags: str) -> float:
    """Runs the program, and returns the seconds it took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, str(PROGRAM), *flags], check=True)
    return time.perf_counter() - began


def measure(images: str, stride: int, out: Path, queries: int, search: str) -> dict[str, float]:
    """Builds one index and measures it."""
    seconds = run(
        f"--images={images}", f"--stride={stride}", f"--out={out}", "--held_out=6", f"--search={search}", "--overwrite"
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    run(f"--out={out}", f"--search={search}", f"--recall={queries}")
    manifest = json.loads((out / "manifest.json").read_text())
    size = sum(size for size, _ in manifest["checksums"].values()) / 2**30
    found = [manifest[key] for key in ("recall_at_1", "recall_at_10", "query_milliseconds", "exact_milliseconds")]
    return dict(zip(COLUMNS, (stride, manifest["num_patches"], seconds, peak, size, *found), strict=True))


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Draws time, room and query time against the number of patches."""
    rows = sorted(rows, key=lambda row: row["patches"])
    millions = [row["patches"] / 1e6 for row in rows]
    figure = Figure(figsize=(9, 2.9), dpi=90, layout="constrained")
    panels = (("build_seconds", "build, s"), ("gib", "index, GiB"), ("query_ms", "ms per query"))
    for axes, (key, label) in zip(figure.subplots(1, 3), panels, strict=True):
        axes.loglog(millions, [row.get(key, math.nan) for row in rows], "o-", color="#4477aa", label="the index")
        if key == "query_ms":
            exact = [row.get("exact_ms", math.nan) for row in rows]
            axes.loglog(millions, exact, "s--", color="#cc3311", label="exact search")
            axes.legend(fontsize=8, frameon=False)
        axes.set_xlabel("million patches")
        axes.set_title(label, fontsize=10)
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Adds the rows that are missing to `growth.csv`, and draws `growth.png`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", required=True)
    parser.add_argument("--strides", default="20,11,6,4,2,1")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--search", default="projected", choices=("projected", "annoy"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--also", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = arguments.out / "growth.csv"
    rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(table.open())] if table.exists() else []
    for stride in map(int, filter(None, arguments.strides.split(","))):
        if stride in {row["stride"] for row in rows}:
            continue
        rows.append(measure(arguments.images, stride, arguments.out / f"stride{stride}", arguments.queries, arguments.search))
        with open(table, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    if arguments.also:
        rows.append(json.loads(arguments.also.read_text()))
    plot(rows, arguments.out / "growth.png")
    print(table.read_text())


if __name__ == "__main__":
    main()
