"""Audits made up by hand, shared by tests."""

import dataclasses

import numpy as np

from tfcollide.measure.audit_record import AuditRecord, Convergence, PairFront, PairHull, Yard
from tfcollide.measure.layer_look import LayerLook

__all__ = ["made_up"]

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def made_up(pairs=40, taps=("hidden_1",), seed=0, spreads=(0.05, 0.1), **changes):
    """Of ten classes, with every outcome, some censored fronts, exact layers and one that is estimated."""
    rng = np.random.default_rng(seed)
    ends = [(n % 10, (n + 1 + n // 10) % 10) for n in range(pairs)]
    fronts, hulls = [], []
    for place, tap in enumerate(taps):
        for n, (a, b) in enumerate(ends):
            status = "found" if n % 8 else ("trivial", "lost", "not reached")[n // 8 % 3]
            change = float(np.round(0.2 + 0.1 * place + 0.5 * rng.random(), 2)) if status == "found" else None
            ids = f"test:{2 * n}", f"test:{2 * n + 1}"
            why = None if change else f"{status}: read as {NAMES[b]}"
            fronts.append(
                PairFront(tap, n, *ids, NAMES[a], NAMES[b], change, status, why, change or 0.9, 0.01, 0.8, 0.02, None)
            )
            for m, spread in enumerate(spreads):
                outcome = ("proven", "sampled", "sampled", "trivial", "lost", "failed")[(n + m) % 6]
                lacks = None if outcome in ("proven", "sampled") else outcome
                far = float(0.3 + 0.6 * rng.random())
                hulls.append(PairHull(tap, n, spread, outcome, lacks, far, 1.05 * spread, 1.0, 2.0, 400))
    names = [*taps, "dense", "wide"][: max(2, len(taps) + 2)]
    layers = tuple(
        LayerLook(
            name,
            depth,
            image,
            units=100,
            active=40 + depth * 10 + image,
            dimension=64,
            exact=depth != 2,
            invisible=(10.0 * depth, 10.0 * depth + 4, 10.0 * depth + 9),
            low=(10.0 * depth - (3.0 if depth == 2 else 0), 10.0 * depth + 4, 10.0 * depth + 9),
            high=(10.0 * depth + (3.0 if depth == 2 else 0), 10.0 * depth + 4, 10.0 * depth + 9),
            largest=3.0,
            spectrum=tuple(np.linspace(1, 0, 101) ** 2) if depth != 2 else (),
        )
        for depth, name in enumerate(names)
        for image in range(3)
    )
    record = AuditRecord(
        network="mlp",
        dataset="digits",
        test_accuracy=0.967,
        tap=taps[0],
        budget="quick",
        settings={"front_iterations": 60, "corners": 3},
        seed=seed,
        headline=(0.75, spreads[0]),
        changes=(0.25, 0.5, 0.75, 1.0),
        spreads=spreads,
        pairs=tuple((2 * n, 2 * n + 1) for n in range(pairs)),
        class_names=NAMES,
        yards=tuple(Yard(tap, 0.01, 12.5, 10_000, 80.0, 160.0) for tap in taps),
        fronts=tuple(fronts),
        hulls=tuple(hulls),
        layers=layers,
        convergence=Convergence(20, 0.5, 0.5, 0.4, 0.39),
        made_with={"tfcollide": "0.2", "model": "sha256:12", "command": "audit --out=AUDIT"},
        seconds={"fronts": 12.0},
    )
    return dataclasses.replace(record, **changes)
