"""How often the intervals of an audit hold the true value, by simulation.

    python benchmarks/interval_coverage.py [--trials=2000] [--pairs=100]

Rates: Clopper and Pearson's interval, beside the exact binomial coverage. Medians: the sign test's interval, of smooth
values (beside its exact coverage), of values with ties, and of values of which those above a quantile are censored. Fewer
than six pairs have no ends, and are always covered. Shared images: 12 sources in 8 pairs each, of which whole sources
collide or do not.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.measure.intervals import median_interval, rate_interval


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--pairs", type=int, default=100)
    known = parser.parse_args()
    print("| what | simulated | exact |\n|---|---|---|")
    for rate in (0.01, 0.05, 0.1, 0.5, 0.9):
        print("| rate {:g} | {:.1%} | {:.1%} |".format(rate, *rates(rate, known.trials, known.pairs)))
    for ties, censored in ((None, 1.0), (0.25, 1.0), (None, 0.7), (0.25, 0.55)):
        what = f"median, ties {ties or 'none'}, censored above {censored:g}"
        exact = "" if ties or censored < 1 else f"{exact_of_medians(known.pairs):.1%}"
        print(f"| {what} | {medians(ties, censored, known.trials, known.pairs):.1%} | {exact} |", flush=True)
    print(f"| rate of shared images | {shared(known.trials):.1%} | |")
    return 0


def rates(rate: float, trials: int, pairs: int):
    ends = [rate_interval(np.arange(pairs) < k) for k in range(pairs + 1)]
    holds = np.array([one.low <= rate <= one.high for one in ends])
    drawn = np.random.default_rng(0).binomial(pairs, rate, size=trials)
    return holds[drawn].mean(), float(stats.binom.pmf(np.arange(pairs + 1), pairs, rate) @ holds)


def medians(ties: float | None, censored: float, trials: int, pairs: int):
    rng = np.random.default_rng(1)
    whole = rng.lognormal(size=200_001)
    whole = np.round(whole / ties) * ties if ties else whole
    median, limit, held = np.sort(whole)[100_000], np.quantile(whole, censored), 0
    for _ in range(trials):
        values = rng.choice(whole, pairs)
        one = median_interval(np.where(values > limit, np.inf, values))
        held += one.low <= median <= one.high
    return held / trials


def exact_of_medians(pairs: int) -> float:
    """How often the ends hold the median of values without ties, by the rank of the lower one, from 0 on."""
    low = median_interval(np.arange(pairs, dtype=float)).low
    return 1.0 - 2 * float(stats.binom.cdf(low, pairs, 0.5))  # -infinity: no end, and never missed


def shared(trials: int):
    rng = np.random.default_rng(3)
    images = np.stack([np.repeat(np.arange(12), 8), 12 + np.arange(96)], axis=1)
    found = (rate_interval(np.repeat(rng.random(12) < 0.5, 8), images) for _ in range(trials))
    return np.mean([one.low <= 0.5 <= one.high for one in found])


if __name__ == "__main__":
    sys.exit(main())
