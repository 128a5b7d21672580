"""What survives deployment: the hulls of finished runs after what may happen to images, and in other forms of the network.

python benchmarks/survival.py NETWORK RUN... [--pixel_range=LOW,HIGH] [--examples=DATASET,DATA_DIR]

A table per network: over the hulls, the mean and the smallest share of mixtures that keep the target's class. Runs of which
no collision was found are left out.
"""

import argparse
from pathlib import Path

import numpy as np

import tfcollide as tc
from tfcollide.data.load_dataset import load_dataset
from tfcollide.library.surviving import survive
from tfcollide.report.markdown import markdown_table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--pixel_range", default="0,255")
    parser.add_argument("--examples", default="")
    parser.add_argument("--samples", type=int, default=200)
    asked = parser.parse_args()
    low, high = map(float, asked.pixel_range.split(","))
    network = tc.wrap(asked.network, pixel_range=(low, high))
    name, _, place = asked.examples.partition(",")
    data = load_dataset(name, data_dir=place or None) if name else None
    found = [one for one in map(tc.load_run, asked.runs) if one.summary.found]
    tables = [survive(network, one.corners, (one.source, one.target), data=data, samples=asked.samples) for one in found]
    rows = []
    for treated in zip(*tables, strict=True):
        known = [one for one in treated if one.kept is not None]
        kept = np.array([one.kept for one in known])
        whole, targets = int((kept == 1).sum()), sum(one.target_kept for one in known)
        mean, least = (f"{100 * value:.1f} %" for value in (kept.mean(), kept.min())) if known else ("-", "-")
        rows.append([treated[0].treatment, mean, least, f"{whole} of {len(known)}", f"{targets} of {len(known)}"])
    print(f"{Path(asked.network).name}: {len(found)} hulls, {asked.samples} mixtures each\n")
    print(markdown_table(["mixtures after", "kept, mean", "least", "whole hulls", "targets kept"], rows))


if __name__ == "__main__":
    main()
