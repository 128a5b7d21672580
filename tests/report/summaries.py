"""Records of a run as the tests of reports need them."""

import dataclasses

import numpy as np

from tfcollide.records import (
    CornerRecord,
    Distance,
    EndPoint,
    FailureBound,
    Interpolation,
    PngCheck,
    Summary,
    Trace,
    WorstMixture,
)
from tfcollide.shapes import Bounds

UNIT = Bounds(0.0, 1.0)

TRACE = Trace(
    np.array([0, 10, 12]),
    {"match": np.array([[9, 8], [5, 4], [1, 0.5]], np.float32), "push": np.array([[0, 1], [-1, 0], [-2, -1]], np.float32)},
)


def corner(**changed):
    values = {
        "units": (3,),
        "active_match": 4.5,
        "corner_push": -1.25,
        "inactive_magnitude": 7.0,
        "feature_distance": 4.75,
        "inactive_violation": 0.5,
        "boundary_gap": 0.125,
        "predicted": "7",
        "probability": 0.9876,
        "converged": True,
        "diverged_at": None,
    }
    return CornerRecord(**(values | changed))


def summary(**changed):
    values = {
        "dataset": "mnist",
        "model": "mlp",
        "tap": "hidden_1",
        "parameterization": "pixels",
        "solver": "gradient",
        "objective": "corners",
        "seed": 0,
        "steps": 480,
        "converged": True,
        "stop_loss": (5.0,) * 5,
        "source": EndPoint("test:9", "3", "3", 0.75),
        "target": EndPoint("test:4", "7", "7", 0.625),
        "test_accuracy": 0.9321,
        "corners": (corner(),) * 5,
        "distance": Distance(10.19, 1.2345, 2.5),
        "interpolation": Interpolation(2000, "uniform", 1.0, 0.99992, 0.8765, 12.34),
        "png": PngCheck(1.0, 0.99, 4.9, 4.9),
        "worst_mixture": WorstMixture(3.25, "7", (0.5, 0.5, 0, 0, 0)),
        "failure_bound": FailureBound(0.95, 0.0015),
        "sole_tap": True,
        "found": True,
    }
    empty = dict.fromkeys(field.name for field in dataclasses.fields(Summary) if field.default is dataclasses.MISSING)
    return Summary(**(empty | values | changed))


def pictures(corners=5, channels=1, seed=0):
    return np.random.default_rng(seed).random([corners + 2, 8, 8, channels]).astype(np.float32)
