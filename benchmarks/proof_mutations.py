"""Does check_proof reject proofs that were tampered with, and accept those that claim less?

    python benchmarks/proof_mutations.py --proofs=runs/one/proof.npz,runs/two/proof.npz [--mutations=1000] [--loosened=100]

A mutation counts only where it is known, without the checker, that the proof no longer holds:

    margin, bound     a sub-simplex is claimed to have more than what a mixture in it has, computed plainly in float64
    weight, corner    the same of a network or image that was changed, by more and more until a mixture contradicts a claim
    class             at a corner the network prefers another class than the one that is claimed now
    drop, duplicate   by construction: the sub-simplices left no longer fill the simplex once
    vertex, slope     by construction: a vertex is not where the tree puts it; a line is none that holds a ReLU

Each is written as a file and read again, so that every checksum in it is right. Contradictions must exceed 1e-6 of the
numbers compared, far more than the rounding of float64. What is loosened (a margin, or bounds of units by at most a
thousandth of their range with half of the margin) follows from what was claimed, and must be accepted.
"""

import collections
import io
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from absl import flags

from tfcollide.polytope.proof.check_proof import Rejected, verify

_KNOWN = flags.FlagValues()
flags.DEFINE_list("proofs", None, "Files that collide --proof has written.", flag_values=_KNOWN)
flags.DEFINE_integer("mutations", 1000, "In all.", flag_values=_KNOWN)
flags.DEFINE_integer("loosened", 100, "In all.", flag_values=_KNOWN)
flags.DEFINE_integer("seed", 0, "Of the mutations.", flag_values=_KNOWN)

_CLEAR = 1e-6


def main() -> int:
    """Runs the benchmark and prints it; 1 where a verdict is wrong."""
    _KNOWN(sys.argv)
    rng, wrong = np.random.default_rng(_KNOWN.seed), 0
    counts = collections.Counter()
    proofs = []
    for path in _KNOWN.proofs:
        began = time.process_time()
        proofs.append(load(path))
        print(f"{path}: {verify(proofs[-1])}; {time.process_time() - began:.1f} s of the processor")
    for n in range(_KNOWN.mutations):
        kind, arrays = mutated(proofs[n % len(proofs)], rng)
        reason = verdict(arrays)
        counts[kind] += 1
        if reason is None:
            wrong += 1
            print(f"ACCEPTED: mutation {n}, {kind}")
    print("rejected, but for those above: " + ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())))
    for n in range(_KNOWN.loosened):
        reason = verdict(loosened(proofs[n % len(proofs)], rng))
        if reason is not None:
            wrong += 1
            print(f"REJECTED: loosened {n}: {reason}")
    print(f"{_KNOWN.mutations} mutations, {_KNOWN.loosened} loosened, {wrong} wrong verdicts")
    return int(wrong > 0)


def load(path):
    """The arrays of a proof."""
    with np.load(path) as file:
        return dict(file)


def verdict(arrays):
    """Why the checker rejects what it reads from a file with these arrays; None where it does not."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    buffer.seek(0)
    try:
        with np.load(buffer) as file:
            verify(dict(file))
    except Rejected as reason:
        return str(reason)
    return None


def claim_of(arrays):
    """What is claimed."""
    return json.loads(str(arrays["claim"]))


def mutated(arrays, rng):
    """A kind of mutation, and the arrays of a proof that does not hold."""
    while True:
        kind = str(rng.choice(list(KINDS)))
        found = KINDS[kind]({name: array.copy() for name, array in arrays.items()}, rng)
        if found is not None:
            return kind, found


def values_at(arrays, images):
    """Plainly in float64: the pre-activations of each ReLU, and the logits, of images `[n, ...]`."""
    values, found = images.astype(np.float64), {}
    for k, layer in enumerate(claim_of(arrays)["layers"]):
        if layer["kind"] == "relu":
            found[k] = values.reshape(len(values), -1)
            values = np.maximum(values, 0.0)
        elif layer["kind"] == "dense":
            values = values.reshape(len(values), -1) @ arrays[f"weight_{k}"].astype(np.float64) + arrays[f"bias_{k}"]
        else:
            fill = -np.inf if layer["kind"] == "maxpool" else 0.0
            padded = np.pad(values, [(0, 0), *layer["padding"], (0, 0)], constant_values=fill)
            size = layer["size"] if layer["kind"] == "maxpool" else arrays[f"weight_{k}"].shape[:2]
            views = np.lib.stride_tricks.sliding_window_view(padded, size, (1, 2))
            views = views[:, :: layer["strides"][0], :: layer["strides"][1]]
            if layer["kind"] == "maxpool":
                values = views.max(axis=(-2, -1))
            else:
                kernel = arrays[f"weight_{k}"].astype(np.float64)
                values = np.einsum("nhwcij,ijco->nhwo", views, kernel, optimize=True) + arrays[f"bias_{k}"]
    return found, values.reshape(len(values), -1)


def margins_of(claim, logits):
    """`[n]`."""
    signs = np.array(claim["signs"])
    if claim["several"]:
        return (logits * signs).min(axis=1)
    return logits[:, signs.argmax()] - np.delete(logits, signs.argmax(), axis=1).max(axis=1)


def mixtures(arrays, n, rng, count=8):
    """Images in sub-simplex `n`: of its vertices, and some between them."""
    corners = arrays["corners"]
    weights = np.concatenate([np.eye(len(corners)), rng.dirichlet(np.ones(len(corners)), count)]) @ arrays["vertices"][n]
    return np.tensordot(weights, corners.astype(np.float64), 1)


def contradicted(arrays, n, rng):
    """Whether a mixture in sub-simplex `n` has other values than those claimed there."""
    units, logits = values_at(arrays, mixtures(arrays, n, rng))
    if (margins_of(claim_of(arrays), logits) < arrays["margins"][n] - _CLEAR * (1.0 + np.abs(logits).max())).any():
        return True
    for k, values in units.items():
        room = _CLEAR * (1.0 + np.abs(values).max())
        if f"lower_{k}" in arrays and (
            (values < arrays[f"lower_{k}"][n] - room).any() or (values > arrays[f"upper_{k}"][n] + room).any()
        ):
            return True
    return False


def _margin(arrays, rng):
    n = int(rng.integers(len(arrays["margins"])))
    logits = values_at(arrays, mixtures(arrays, n, rng))[1]
    arrays["margins"][n] = margins_of(claim_of(arrays), logits).min() + 1e-3 * np.abs(logits).max()
    return arrays


def _bound(arrays, rng):
    carried = [int(name[6:]) for name in arrays if name.startswith("lower_")]
    if not carried:
        return None
    n, k = int(rng.integers(len(arrays["margins"]))), int(rng.choice(carried))
    values = values_at(arrays, mixtures(arrays, n, rng))[0][k]
    low, high = values.min(axis=0), values.max(axis=0)
    unit = int(rng.integers(len(low)))
    step = 0.01 * (high - low)[unit] + _CLEAR * (1.0 + np.abs(values).max())
    if rng.random() < 0.5:
        arrays[f"upper_{k}"][n, unit] = high[unit] - step
    else:
        arrays[f"lower_{k}"][n, unit] = low[unit] + step
    return arrays


def _until_contradicted(arrays, name, rng):
    place = tuple(int(rng.integers(size)) for size in arrays[name].shape)
    kept, size = arrays[name][place], float(np.abs(arrays[name]).mean()) + 1e-3
    n = int(rng.integers(len(arrays["margins"])))
    for power in range(-2, 14):
        arrays[name][place] = kept + np.float32(rng.choice([-1.0, 1.0]) * size * 2.0**power)
        if contradicted(arrays, n, rng):
            return arrays
    return None


def _weight(arrays, rng):
    names = [name for name in arrays if name.startswith(("weight_", "bias_"))]
    return _until_contradicted(arrays, str(rng.choice(names)), rng)


def _corner(arrays, rng):
    return _until_contradicted(arrays, "corners", rng)


def _class(arrays, rng):
    claim = claim_of(arrays)
    if claim["several"]:
        claim["signs"][int(rng.integers(len(claim["signs"])))] *= -1
    else:
        claim["signs"] = [int(sign) for sign in rng.permutation(claim["signs"])]
    arrays["claim"] = np.array(json.dumps(claim))
    logits = values_at(arrays, arrays["corners"])[1]
    return arrays if (margins_of(claim, logits) < -_CLEAR * np.abs(logits).max()).any() else None


def _leaves(arrays):
    return ["vertices", "margins", *(name for name in arrays if name.startswith(("lower_", "upper_", "slope_")))]


def _drop(arrays, rng):
    n = int(rng.integers(len(arrays["margins"])))
    row = np.flatnonzero((arrays["tree"] == -1).all(axis=1))[n]
    arrays["tree"] = np.delete(arrays["tree"], row, axis=0)
    return arrays | {name: np.delete(arrays[name], n, axis=0) for name in _leaves(arrays)}


def _duplicate(arrays, rng):
    n = int(rng.integers(len(arrays["margins"])))
    row = np.flatnonzero((arrays["tree"] == -1).all(axis=1))[n]
    if rng.random() < 0.5 or len(arrays["margins"]) < 2:
        arrays["tree"] = np.insert(arrays["tree"], row, -1, axis=0)
        return arrays | {name: np.insert(arrays[name], n, arrays[name][n], axis=0) for name in _leaves(arrays)}
    other = (n + 1) % len(arrays["margins"])  # it takes the place of another one
    for name in _leaves(arrays):
        arrays[name][other] = arrays[name][n]
    return arrays


def _vertex(arrays, rng):
    n, i = int(rng.integers(len(arrays["margins"]))), int(rng.integers(len(arrays["corners"])))
    arrays["vertices"][n, i] = rng.dirichlet(np.ones(len(arrays["corners"])))
    return arrays


def _slope(arrays, rng):
    carried = [name for name in arrays if name.startswith("slope_")]
    if not carried:
        return None
    name = str(rng.choice(carried))
    n, unit = (int(rng.integers(size)) for size in arrays[name].shape)
    arrays[name][n, unit] = rng.choice([-1.0, 1.0 + 1e-3, 2.0, np.nan, np.inf])
    return arrays


KINDS = {
    "margin": _margin,
    "bound": _bound,
    "weight": _weight,
    "corner": _corner,
    "class": _class,
    "drop": _drop,
    "duplicate": _duplicate,
    "vertex": _vertex,
    "slope": _slope,
}


def loosened(arrays, rng):
    """A proof that claims less, in a random sub-simplex."""
    arrays, claim = {name: array.copy() for name, array in arrays.items()}, claim_of(arrays)
    n = int(rng.integers(len(arrays["margins"])))
    arrays["margins"][n] *= 0.5
    claim["margin"] = float(min(claim["margin"], arrays["margins"].min())) * float(rng.uniform(0.1, 1.0))
    for k in [int(name[6:]) for name in arrays if name.startswith("lower_")]:
        low, high = arrays[f"lower_{k}"][n], arrays[f"upper_{k}"][n]
        with np.errstate(invalid="ignore"):
            step = np.where(np.isfinite(high - low), rng.uniform(0, 1e-3, len(low)) * (high - low), 0.0).astype(np.float32)
        arrays[f"lower_{k}"][n] -= step
        arrays[f"upper_{k}"][n] += step
    return arrays | {"claim": np.array(json.dumps(claim))}


if __name__ == "__main__":
    sys.exit(main())
