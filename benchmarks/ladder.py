"""Does an audit put networks in the right order, from one that loses nothing to one that drops three quarters of the pixels?

    python benchmarks/ladder.py [--pairs=30] [--budget=normal] [--out=FOLDER]

Digits, at the ReLU "seen" of tests/models/planted.py: `injective`; ordinary dense networks of 1,024, 256 and 64 units,
the fewer of which see less; and `blind`. What is right is known without a search: by the nearest image with exactly the
target's features, a quadratic program. How many directions are invisible at the tap (singular values below a thousandth
of the largest) stands beside it; that is not how near they lead. Then comes what the search says.
"""

import functools
import itertools
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from absl import flags

from tfcollide.runtime.quiet import import_tensorflow

_KNOWN = flags.FlagValues()
flags.DEFINE_integer("pairs", 30, "Of each audit.", flag_values=_KNOWN)
flags.DEFINE_enum("budget", "normal", ["quick", "normal", "thorough"], "Of each audit.", flag_values=_KNOWN)
flags.DEFINE_string("out", None, "Folder for the reports.", flag_values=_KNOWN)


def main() -> int:
    """Prints a row for each network, from the most to the least that it sees."""
    _KNOWN(sys.argv)
    import_tensorflow()
    from tests.models.planted import blind, dense, fitted, injective
    from tfcollide.data.digits import load_digits

    networks = {"injective": injective}
    networks |= {f"dense_{units}": functools.partial(dense, units=units) for units in (1024, 256, 64)}
    networks["blind"] = blind
    data, fronts = load_digits(), []
    print("| network | test accuracy | invisible directions, median | nearest exact collision, median | rate | median front |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, network in networks.items():
        record = _audited(fitted(network, data), data, name)
        fronts.append(record.front())
        print(_row(name, record), flush=True)
    ordered = all(nearer.value <= farther.value for farther, nearer in itertools.pairwise(fronts))
    apart = fronts[-1].high < fronts[0].low
    print(f"fronts in the right order: {ordered}; intervals of the two ends apart: {apart}")
    return 0 if ordered and apart else 1


def _audited(model, data, name):
    import tfcollide as tc

    network, options = tc.wrap(model, pixel_range=(0, 1)), {"num_pairs": _KNOWN.pairs, "budget": _KNOWN.budget}
    audited = tc.audit(network, data.test.images, data.test.labels, taps="seen", progress=True, **options)
    if _KNOWN.out:
        audited.save(Path(_KNOWN.out) / name)
    return audited.record


def _row(name, record) -> str:
    unseen = statistics.median(look.invisible[1] for look in record.layers if look.tap == "seen")
    exact = [one.exact_change for one in record.fronts if one.exact_change is not None]
    nearest = f"{statistics.median(exact):.2f} of {len(exact)} pairs" if exact else "none"
    cells = (name, f"{100 * record.test_accuracy:.1f} %", f"{unseen:.0f}", nearest, _span(record.rate()), _span(record.front()))
    return f"| {' | '.join(cells)} |"


def _span(interval) -> str:
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
