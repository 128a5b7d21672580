"""Whether the program tells a network that drops pixels from one that loses nothing: twenty pairs of digits each.

    python benchmarks/planted.py [--pairs=20] [--seed=0] [--out=FOLDER] [flags of bin/collide]

`blind` keeps every second row and column of an image, `injective` an orthonormal basis of
its blocks, with both signs; see tests/models/planted.py. Shares are of source-to-target,
means over the corners of a pair; the medians over pairs are printed.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None)
    known, others = parser.parse_known_args()
    import_tensorflow()
    with tempfile.TemporaryDirectory() as scratch:
        for line in _table(known.out or Path(scratch), known, others):
            print(line, flush=True)
    return 0


def _table(out: Path, known: argparse.Namespace, others: list[str]):
    from tests.models.planted import NETWORKS, trained
    from tfcollide.cli import collide
    from tfcollide.data.digits import load_digits
    from tfcollide.models.training import make_deterministic
    from tfcollide.records import SweepSummary

    make_deterministic()
    data, lines = load_digits(), []
    for name in NETWORKS:
        out.mkdir(parents=True, exist_ok=True)
        trained(name, data).save(out / f"{name}.keras")
        brought = [f"--model={out}/{name}.keras", "--dataset=digits", "--pixel_range=0,1", "--tap=seen"]
        drawn = [f"--num_pairs={known.pairs}", f"--seed={known.seed}", "--overwrite"]
        collide(["collide", *brought, *drawn, *others, f"--out={out}/{name}"])
        lines.append(_row(name, SweepSummary.read(out / name)))
    yield "| network | test accuracy | found | trivial | lost | to source | to target | steps | reasons | ended |"
    yield "| ------- | ------------- | ----- | ------- | ---- | --------- | --------- | ----- | ------- | ----- |"
    yield from lines


def _row(name: str, found) -> str:
    shares = [statistics.median(getattr(pair, key) for pair in found.pairs) for key in ("source_share", "target_share")]
    steps = sorted(pair.steps for pair in found.pairs)
    reasons, ended = (", ".join(f"{word} {count}" for word, count in counts.items()) for counts in (found.reasons, found.ended))
    counts = f"{found.num_found} of {found.num_pairs} | {found.num_trivial} | {found.num_lost}"
    middle = f"{shares[0]:.2f} | {shares[1]:.2f} | {steps[0]} to {steps[-1]}"
    return f"| {name} | {100 * found.test_accuracy:.1f} % | {counts} | {middle} | {reasons or '-'} | {ended} |"


if __name__ == "__main__":
    sys.exit(main())
