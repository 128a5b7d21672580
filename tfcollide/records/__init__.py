"""Frozen results, and the files they are read from.

The records mirror `summary.json`: `dataclasses.asdict` of a record is the JSON
object of the same name, but for arrays that have a file of their own. `Summary.read` is the way back.
"""

from tfcollide.records.corner import CornerRecord, EndPoint, Trace
from tfcollide.records.looks import CompositeRecord, Distance, MixtureLooks, Perceptual
from tfcollide.records.mixtures import FailureBound, Interpolation, PngCheck, SurvivalRow, WorstMixture
from tfcollide.records.proven import Certificate, EdgeRecord, ExactRecord, ProofRecord, SecondOpinion
from tfcollide.records.proven_parts import PARTS_FILE, ProvenParts
from tfcollide.records.radius import FreeRadii, FreeRadius, LayerPolytope, RadiusSpread
from tfcollide.records.summary import Summary
from tfcollide.records.sweep_summary import PairResult, SweepSummary, is_sweep
from tfcollide.records.yardstick_record import FrontEnd, FrontRecord, ReaderRecord, Scale

__all__ = [
    "PARTS_FILE",
    "Certificate",
    "CompositeRecord",
    "CornerRecord",
    "Distance",
    "EdgeRecord",
    "EndPoint",
    "ExactRecord",
    "FailureBound",
    "FreeRadii",
    "FreeRadius",
    "FrontEnd",
    "FrontRecord",
    "Interpolation",
    "LayerPolytope",
    "MixtureLooks",
    "PairResult",
    "Perceptual",
    "PngCheck",
    "ProofRecord",
    "ProvenParts",
    "RadiusSpread",
    "ReaderRecord",
    "Scale",
    "SecondOpinion",
    "Summary",
    "SurvivalRow",
    "SweepSummary",
    "Trace",
    "WorstMixture",
    "is_sweep",
]
