"""The worst mixture of hulls that are found already, beside the one that was recorded: its margin, and the passes for it.

    python benchmarks/worst_mixture.py --model=FILE SWEEP...

SWEEP is the directory of a finished sweep, or of a run. How far the new margin lies above the recorded one is a share of the
target's own margin. The passes are compared with those of a search that goes so many steps from every start, as it was
done in versions up to 0.2: `--old_steps` (30 for deep networks, 60 for dense ones), from vertices, middles of edges, the
centroid, `--starts` random mixtures and as many of the lowest samples.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.runtime.quiet import import_tensorflow

_ALLOWED = 0.01  # of the target's margin


class Compared(NamedTuple):
    """One hull: by how much the margin is above the recorded one, passes over those of before, whether a verdict is lost."""

    above: float
    passes: float
    lost: bool


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--old_steps", type=int, default=30)
    parser.add_argument("runs", nargs="+", type=Path)
    given = parser.parse_args()
    import_tensorflow()
    import numpy as np

    from tfcollide.library.checking import mixture_search
    from tfcollide.models.loading import load_classifier
    from tfcollide.models.training import make_deterministic

    make_deterministic()
    classifier = load_classifier(Path(given.model))
    search, found = mixture_search(classifier), []
    for folder in _folders(given.runs):
        found.append(_compare(classifier, search, folder, given.starts, given.old_steps))
        print(f"{folder.name:45} {100 * found[-1].above:+7.2f} % of the target's margin", flush=True)
    above = np.array([one.above for one in found])
    print(
        f"{len(found)} hulls with at most {max(one.passes for one in found):.3f} of the passes; margin above the recorded one: "
        f"mean {100 * above.mean():+.2f} %, most {100 * above.max():+.2f} % of the target's; "
        f"{(above > _ALLOWED).sum()} by more than 1 %, {(above < -0.001).sum()} lower by 0.1 % or more; "
        f"{sum(one.lost for one in found)} verdicts lost"
    )


def _folders(given: list[Path]) -> list[Path]:
    return sorted(path.parent for run in given for path in run.glob("**/corners.npz"))


def _compare(classifier, search, folder: Path, starts: int, old_steps: int) -> Compared:
    import numpy as np

    from tfcollide.polytope.hull.mixing import mix
    from tfcollide.records import Summary

    recorded = Summary.read(folder).worst_mixture
    with np.load(folder / "corners.npz") as arrays:
        corners, weights, target = (arrays[name] for name in ("corners", "convex_weights", "target"))
    seen = classifier.judge(target[None])
    code = int(seen.predicted[0])
    own = float(classifier.reading.margins(seen.logits, code)[0])
    size = classifier.batch_size
    judged = [classifier.judge(mix(weights[i : i + size], corners)).logits for i in range(0, len(weights), size)]
    lowest = classifier.reading.margins(np.concatenate(judged), code).argsort(kind="stable")[:starts]
    before = search.passes
    now = search(corners, code, known=weights[lowest], random_starts=starts, batch_size=size)
    count = len(corners) + len(corners) * (len(corners) - 1) // 2 + 1 + 2 * starts
    share = (search.passes - before) / (count * (3 * old_steps + 2))
    lost = recorded.margin <= 0 < now.margin
    return Compared((now.margin - recorded.margin) / abs(own), share, lost)


if __name__ == "__main__":
    main()
