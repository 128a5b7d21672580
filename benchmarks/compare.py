"""What a comparison says beside what the exact solver says of the same pairs, and the level of its tests.

python benchmarks/compare.py exact COMPARED A.keras B.keras [--data_dir=DIR]    # of a finished `collide-audit --compare=...`
python benchmarks/compare.py copies AUDIT AUDIT...              # audits of one network with other seeds, on the same pairs
python benchmarks/compare.py shared A.keras B.keras             # images that collide in both, and processor seconds
python benchmarks/compare.py level                              # by simulation: how often a network and its copy are told apart
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

from tfcollide.measure.compare_record import LEVEL
from tfcollide.measure.compare_sides import compare_records
from tfcollide.measure.kept_audit import read_record
from tfcollide.measure.paired_tests import Counted, front_differences, holm, sign_test


def exact(folder, models, data_dir):
    """The change of the nearest exact collision of each pair in both networks, and the sign test of these."""
    import tfcollide as tc
    from tfcollide.data.load_dataset import load_dataset
    from tfcollide.images import from_uint8

    said = json.loads((folder / "compare.json").read_text())
    networks = [tc.wrap(path, pixel_range=(0, 1)) for path in models]
    images = load_dataset(said["dataset"].partition(":")[0], data_dir=data_dir).test.images
    taps = [said["tests"][0][name] for name in ("tap_a", "tap_b")]
    rows = [row for row in said["rows"] if row["tap_a"] == taps[0]]
    changes = []
    for row in rows:
        source, target = (
            from_uint8(images[int(row[end].partition(":")[2])], networks[0].bounds) for end in ("source", "target")
        )
        found = [tc.nearest_collision(net, source, target, tap=tap) for net, tap in zip(networks, taps, strict=True)]
        changes.append([one.exact.distance / float(np.linalg.norm(source - target)) for one in found])
    first, second = np.array(changes).T
    counted = Counted.of(-front_differences(first, second))
    print(f"exact: nearer in A {counted.above}, in B {counted.below}, alike {counted.alike}; p = {sign_test(counted):.1e}")
    print(f"median change: A {np.median(first):.3f}, B {np.median(second):.3f}")
    for test in said["tests"]:
        print(f"{test['what']}: easier in A {test['easier_a']}, in B {test['easier_b']}; p by Holm {test['adjusted']:.1e}")
    for one in said["shared"]:
        print({name: one[name] for name in ("pair", "status", "change", "residual_a", "residual_b", "dimension", "seconds")})


def copies(folders):
    """Every two of several audits of one network."""
    records = [read_record(folder, flag="compare") for folder in folders]
    told = 0
    for (n, one), (m, other) in itertools.combinations(enumerate(records), 2):
        found = compare_records([[one], [other]])
        told += found.easier is not None
        print(folders[n].name, folders[m].name, [(t.what, t.easier_a, t.easier_b, round(t.adjusted, 3)) for t in found.tests])
    print(f"told apart: {told} of {len(records) * (len(records) - 1) // 2}")


def shared(models, data_dir, count=10):
    """Images that collide in both of two networks that read MNIST, for pairs of test images of different classes."""
    import tfcollide as tc
    from tfcollide.data.load_dataset import load_dataset
    from tfcollide.images import from_uint8
    from tfcollide.library.audit_walk import NamedPair
    from tfcollide.library.problem import Picture
    from tfcollide.library.shared_collisions import shared_pairs

    networks = [tc.wrap(path, pixel_range=(0, 1)) for path in models]
    split = load_dataset("mnist", data_dir=data_dir).test
    numbers = [n for n in range(0, 100, 2) if split.labels[n] != split.labels[n + 1]][:count]
    pictures = [[Picture(from_uint8(split.images[m], networks[0].bounds), str(m)) for m in (n, n + 1)] for n in numbers]
    pairs = [NamedPair(*two, (0, 0)) for two in pictures]
    found = shared_pairs(tuple(networks), tuple(one.default_tap for one in networks), pairs, None)
    print(*found, sep="\n")
    seconds = [one.seconds for one in found]
    print(f"processor seconds per pair: median {np.median(seconds):.2f}, most {max(seconds):.2f} (the aim: 2)")


def level(pairs=100, trials=20_000):
    """Two searches of one network disagree on some pairs, by chance in either direction."""
    rng = np.random.default_rng(0)
    for share in (0.05, 0.2, 0.5, 1.0):
        wrong = 0
        for _ in range(trials):
            p = []
            for _ in range(2):
                untied = rng.binomial(pairs, share)
                above = rng.binomial(untied, 0.5)
                p.append(sign_test(Counted(above, untied - above, pairs - untied)))
            wrong += min(holm(p)) < LEVEL
        print(f"{share:.0%} of {pairs} pairs differ by chance: told apart in {wrong / trials:.2%} of {trials} repetitions")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("exact", "copies", "shared", "level"))
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--data_dir")
    asked = parser.parse_args()
    if asked.what == "exact":
        exact(asked.paths[0], asked.paths[1:3], asked.data_dir)
    elif asked.what == "copies":
        copies(asked.paths)
    elif asked.what == "shared":
        shared(asked.paths, asked.data_dir)
    else:
        level(trials=2_000)


if __name__ == "__main__":
    main()
