"""What tfcollide proves of hulls that were found, beside what auto_LiRPA proves of the same hulls.

    python benchmarks/beside_auto_lirpa.py ours NETWORK RUN... --out=FOLDER [--pixel_range=LOW,HIGH]
    python benchmarks/beside_auto_lirpa.py theirs FOLDER

NETWORK is the file of a network of dense layers that reads one class of several, RUN a directory of bin/collide. The first
command needs tfcollide, the second torch and auto_LiRPA 0.3, which want an older NumPy and so an environment of their own;
FOLDER hands the hulls over. Both bound the network as a function of the convex weights. auto_LiRPA leaves the rounding of
float32 out and does not split simplices: that is done here, along edges that are longest in pixels. A row for each: margin
proven, parts, processor seconds (median of three). It ends at the first contradiction: a bound of auto_LiRPA above the
smallest margin that a search found, or above that of a random mixture.
"""

import argparse
import itertools
import statistics
import sys
import time
from pathlib import Path

_SHARE, _PARTS, _BATCH, _MIXTURES = 0.999, 4_000, 64, 2_000
_TOLERANCE = 0.01  # margins are found in float32


def main() -> int:
    """Prints the rows of one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    sides = parser.add_subparsers(dest="side", required=True)
    ours, theirs = sides.add_parser("ours"), sides.add_parser("theirs")
    ours.add_argument("network")
    ours.add_argument("runs", nargs="+", type=Path)
    ours.add_argument("--out", type=Path, required=True)
    ours.add_argument("--pixel_range", default="0,255")
    theirs.add_argument("folder", type=Path)
    asked = parser.parse_args()
    (_ours if asked.side == "ours" else _theirs)(asked)
    return 0


def _timed(call, *given, **options):
    """What `call` returns, and the median processor time of three calls."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        result = call(*given, **options)
        seconds.append(time.process_time() - began)
    return result, statistics.median(seconds)


def _ours(asked):
    """Hulls into files, and what tfcollide proves of them."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tfcollide.runtime.quiet import import_tensorflow

    import_tensorflow()
    import tfcollide as tc
    from tfcollide.polytope.proof.of_classifier import certify_classifier

    low, high = map(float, asked.pixel_range.split(","))
    network = tc.wrap(asked.network, pixel_range=(low, high))
    asked.out.mkdir(parents=True, exist_ok=True)
    tight = {"tightness": _SHARE, "max_boxes": _PARTS}
    ways = {"one part": {"max_boxes": 1}, "default": {}, f"tightness={_SHARE}": tight}
    print("| hull | margin found | tfcollide | in float32 | in real arithmetic | parts | processor seconds |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for run in asked.runs:
        name = f"{run.resolve().parent.name}_{run.name}"
        corners, code, found = _written(network, run, asked.out / f"{name}.npz")
        head = f"| {name} | {found:.2f} |"
        print(f"{head} no rounding | | {_without_rounding(network, corners, code):.6f} | 1 | |")
        for way, options in ways.items():
            proof, seconds = _timed(certify_classifier, network, corners, code, **options)
            margins = f"{proof.margin:.2f} | {proof.margin_real:.2f}"
            print(f"{head} {way} | {margins} | {proof.boxes:,} | {seconds:.3f} |", flush=True)


def _written(network, run, file):
    """Writes the hull of a run; corners, the code of the target's class, and the smallest margin that a search finds."""
    import numpy as np

    import tfcollide as tc
    from tfcollide.library.checking import mixture_search
    from tfcollide.models.dense_chain import DenseChain

    if not isinstance(network.chain, DenseChain):
        raise SystemExit(f"expected a network of dense layers: {network.chain.reason}")
    loaded = tc.load_run(run)
    corners, code = loaded.corners, int(network.judge(loaded.target[None]).predicted[0])
    found = mixture_search(network)(corners, code, random_starts=64, batch_size=network.batch_size, seed=0).margin
    if found <= 0:
        raise SystemExit(f"{run}: expected a hull that is all of the target's class, and a mixture has the margin {found}")
    parts = enumerate(network.chain.stages)
    maps = {f"{what}_{k}": getattr(stage, what) for k, stage in parts for what in ("weight", "bias", "relu")}
    np.savez(file, corners=corners, code=code, found=found, **maps)
    return corners, code, found


def _without_rounding(network, corners, code):
    """The margin proven of the whole hull where nothing is set aside for rounding, as by auto_LiRPA."""
    from tfcollide.polytope.proof.pieces import Pieces
    from tfcollide.polytope.proof.relaxation import prepare

    stages = tuple(stage._replace(terms=0 * stage.terms, extra=0) for stage in network.chain.stages)
    hull = prepare(network.chain._replace(stages=stages), corners, code, network.reading)
    hull = hull._replace(error=0.0 * hull.error, slack=tuple(0.0 * one for one in hull.slack))
    return float(Pieces.whole(hull).real[0])


def _theirs(asked):
    """What auto_LiRPA proves of the hulls in a folder."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print("| hull | margin found | auto_LiRPA | without rounding | parts | processor seconds |")
    print("|---|---|---|---|---|---|", flush=True)
    ways = {"CROWN": ("CROWN", 1), f"CROWN, split to {_SHARE}": ("CROWN", _PARTS), "alpha-CROWN": ("CROWN-Optimized", 1)}
    for file in sorted(asked.folder.glob("*.npz")) or sys.exit(f"{asked.folder}: expected hulls that the other part wrote"):
        with np.load(file) as saved:
            hull = dict(saved)
        corners, found = hull["corners"].reshape(len(hull["corners"]), -1).astype(np.float64), float(hull["found"])
        network = _network(hull, corners)
        bound = _bound(network, len(corners))
        mixtures = np.random.default_rng(0).dirichlet(np.ones(len(corners)), _MIXTURES)
        lowest = min(found + _TOLERANCE, float(network(torch.tensor(mixtures)).min()))
        for way, (method, parts) in ways.items():
            (margin, used), seconds = _timed(_split, bound, method, corners, _SHARE * found, parts)
            if not margin <= lowest:
                raise SystemExit(f"CONTRADICTED: {file.stem}, {way}: {margin} is said to be proven, where {lowest} was seen")
            print(f"| {file.stem} | {found:.2f} | {way} | {margin:.6f} | {used:,} | {seconds:.3f} |", flush=True)


def _network(hull, corners):
    """Convex weights in, out how far the target's logit is ahead of each other one."""
    import numpy as np
    import torch

    last = sum(name.startswith("relu_") for name in hull) - 1
    others = np.delete(np.eye(len(hull[f"bias_{last}"])), hull["code"], axis=0)
    layers = []
    for k in range(last + 1):
        weight, bias = hull[f"weight_{k}"], hull[f"bias_{k}"]
        weight = weight if k else weight @ corners.T
        if k == last:
            weight, bias = (values[hull["code"]] - others @ values for values in (weight, bias))
        layers.append(torch.nn.Linear(*weight.shape[::-1]))
        layers[-1].weight.data, layers[-1].bias.data = torch.tensor(weight), torch.tensor(bias)
        layers += [torch.nn.ReLU()] * int(hull[f"relu_{k}"])
    return torch.nn.Sequential(*layers)


def _bound(network, corners):
    """A function that bounds the margin from below: vertices of sub-simplices `[B, N, N]`, and a method -> `[B]`."""
    import numpy as np
    import torch
    from auto_LiRPA import BoundedModule, BoundedTensor
    from auto_LiRPA.linear_bound import LinearBound
    from auto_LiRPA.perturbations import PerturbationLpNorm

    class _Simplices(PerturbationLpNorm):
        """Each input of a batch ranges over a simplex: what is linear is least and largest at vertices."""

        def __init__(self, vertices):
            super().__init__(norm=np.inf, x_L=vertices.amin(1), x_U=vertices.amax(1))
            self.vertices = vertices

        def concretize(self, x, A, sign=-1, aux=None, extra_constr=None):
            values = None if A is None else A.matmul(self.vertices.transpose(1, 2))
            return values if A is None else values.amin(-1) if sign == -1 else values.amax(-1)

        def init(self, x, aux=None, forward=False):
            return LinearBound(None, None, None, None, self.x_L, self.x_U), x, None

    model = BoundedModule(network, torch.full([1, corners], 1.0 / corners))
    model.check_IBP_first_linear = lambda node: False  # that would take the box around the simplex

    def bound(vertices, method):
        points = torch.tensor(vertices)
        inputs = BoundedTensor(points.mean(1), _Simplices(points))
        with torch.set_grad_enabled(method != "CROWN"):
            lower, _ = model.compute_bounds(x=(inputs,), method=method, bound_upper=False)
        return lower.detach().numpy().min(1)

    return bound


def _split(bound, method, corners, goal, most):
    """Halves the worst sub-simplices until `goal` is proven or `most` are bounded: the margin, and how many were."""
    import numpy as np

    products, pairs = corners @ corners.T, np.array(list(itertools.combinations(range(len(corners)), 2)))
    vertices = np.eye(len(corners))[None]
    margins = bound(vertices, method)
    while margins.min() <= goal and (left := most + 1 - 2 * len(margins)) > 0:
        worst = np.argsort(margins, kind="stable")[: max(1, min(_BATCH, left) // 2)]
        worst = worst[margins[worst] <= goal]
        halves, row = np.tile(vertices[worst], (2, 1, 1)), np.arange(len(worst))
        along = vertices[worst][:, pairs[:, 0]] - vertices[worst][:, pairs[:, 1]]
        first, second = pairs[np.einsum("bpi,ij,bpj->bp", along, products, along).argmax(1)].T
        halves[row, first] = halves[len(row) + row, second] = (halves[row, first] + halves[row, second]) / 2
        proven = np.maximum(bound(halves, method), np.tile(margins[worst], 2))
        vertices = np.concatenate([np.delete(vertices, worst, axis=0), halves])
        margins = np.concatenate([np.delete(margins, worst), proven])
    return margins.min(), 2 * len(margins) - 1


if __name__ == "__main__":
    sys.exit(main())
