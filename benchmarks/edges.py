"""The edges of hulls that were found, walked exactly: what that takes, and whether samples contradict it.

    python benchmarks/edges.py NETWORK RUN... [--pixel_range=LOW,HIGH] [--samples=10000] [--ledger=FOLDER] [--edges=0-1,0-2]

NETWORK is a model file, RUN a directory of bin/collide; --edges names some of each hull's edges (by default all are
walked), so that two processes can share a hull. A row for each edge: breakpoints, seconds of processor time of
what was walked now (parts that the ledger has take none), the smallest margin, changes of class, and how far the float32
network was from float64. Along each edge as many random places are passed through the network in float64: none may have
a margin below the smallest, which has to be attained where it is said to be. It ends at the first contradiction.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow

_AT_ONCE = 16


def main() -> int:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--pixel_range", default="0,255")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--edges", type=lambda text: [tuple(map(int, edge.split("-"))) for edge in text.split(",")])
    asked = parser.parse_args()
    import_tensorflow()
    import tfcollide as tc
    from tfcollide.polytope.proof.of_classifier import walkable

    low, high = map(float, asked.pixel_range.split(","))
    network = tc.wrap(asked.network, pixel_range=(low, high))
    steps = walkable(network)
    print("| run | edge | breakpoints | processor seconds | smallest margin, at | changes | float32 off by | lowest sample |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for run in asked.runs:
        _walk(network, steps, Path(run), asked)
    return 0


def _walk(network, steps, run, asked):
    """One hull."""
    import tfcollide as tc
    from tfcollide.files.checkpoint import FolderLedger, Ledger
    from tfcollide.polytope.proof.edges import prove_edges

    loaded = tc.load_run(run)
    corners, code = loaded.corners, int(network.judge(loaded.target[None]).predicted[0])
    if asked.ledger:
        asked.ledger.mkdir(parents=True, exist_ok=True)
    began = time.process_time()

    def read(images):
        return network.judge(images).logits

    for first, second in asked.edges or itertools.combinations(range(len(corners)), 2):
        ends = corners[[first, second]]
        ledger = FolderLedger(asked.ledger / f"{run.name} {first} {second}") if asked.ledger else Ledger()
        (edge,) = prove_edges(steps, ends, code, read, reading=network.reading, ledger=ledger)
        spent = time.process_time() - began
        lowest = _sampled(network, steps, ends, code, edge, asked.samples)
        numbers = f"{edge.breakpoints:,} | {spent:.0f} | {edge.margin:.4f}, {edge.weight:.4f} | {len(edge.changes)}"
        print(f"| {run.name} | {first}-{second} | {numbers} | {edge.difference:.1e} | {lowest:.4f} |", flush=True)
        began = time.process_time()


def _sampled(network, steps, ends, code, edge, samples):
    """The smallest margin of random places of an edge in float64."""
    import numpy as np

    tolerance = 1e-9 * (1.0 + abs(edge.margin))
    there = _margins(network, steps, ends, code, np.array([edge.weight]))[0]
    if abs(there - edge.margin) > tolerance:
        raise SystemExit(f"CONTRADICTED: margin {edge.margin} is said to be at {edge.weight}, where it is {there}")
    places = np.random.default_rng(0).random(samples)
    parts = np.split(places, range(_AT_ONCE, samples, _AT_ONCE))
    lowest = min((_margins(network, steps, ends, code, part).min() for part in parts if len(part)), default=np.inf)
    if lowest < edge.margin - tolerance:
        raise SystemExit(f"CONTRADICTED: a margin of {lowest} below {edge.margin}")
    return lowest


def _margins(network, steps, ends, code, places):
    """Margins at places of an edge, step by step in float64."""
    import numpy as np
    import tensorflow as tf

    from tfcollide.polytope.proof.steps import Linear

    along = places.reshape(-1, *[1] * (ends.ndim - 1))
    values = {steps.source: (1.0 - along) * ends[0].astype(np.float64) + along * ends[1].astype(np.float64)}
    for node in steps.nodes:
        given = [tf.constant(values[number]) for number in node.reads]
        out = (node.step.apply(given, False) if isinstance(node.step, Linear) else node.step(given[0])).numpy()
        values[node.writes] = out if not isinstance(node.step, Linear) or node.step.bias is None else out + node.step.bias
    found = values[steps.result].reshape(len(places), -1)
    logits = np.concatenate([np.zeros_like(found), found], axis=1) if steps.after_zero else found
    return network.reading.margins(logits, code)


if __name__ == "__main__":
    sys.exit(main())
