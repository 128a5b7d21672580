"""Feature collisions: inputs that look nothing like a target yet give a ReLU network the same features.

    import tfcollide as tc
    network = tc.wrap(model, pixel_range=(0, 255))
    found = tc.find_corners(network, source, target, corners=5, seed=0)
    verdict = tc.judge(network, found)

Names are loaded when they are first used, so that importing this costs no import of TensorFlow. It sets one variable
for TensorFlow, see `runtime.onednn`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tfcollide.runtime import onednn as _onednn

if TYPE_CHECKING:
    from tfcollide.errors import RequestError
    from tfcollide.library.auditing import audit
    from tfcollide.library.comparing import compare
    from tfcollide.library.composing import PatchIndex, compose
    from tfcollide.library.exact_verbs import exact_corners, nearest_collision
    from tfcollide.library.exporting import export
    from tfcollide.library.finding import find_corners, match_features
    from tfcollide.library.found import Found
    from tfcollide.library.judging import certify, judge, worst_mixture
    from tfcollide.library.network import wrap
    from tfcollide.library.polytopes import collision_polytope
    from tfcollide.library.radii import collision_free_radius
    from tfcollide.library.runs import load_run
    from tfcollide.library.verdict import Verdict

__version__ = "0.2.0"

_onednn.prefer_onednn()

_PLACES = {
    "Found": "library.found",
    "PatchIndex": "library.composing",
    "RequestError": "errors",
    "Verdict": "library.verdict",
    "audit": "library.auditing",
    "certify": "library.judging",
    "collision_free_radius": "library.radii",
    "collision_polytope": "library.polytopes",
    "compare": "library.comparing",
    "compose": "library.composing",
    "exact_corners": "library.exact_verbs",
    "export": "library.exporting",
    "find_corners": "library.finding",
    "judge": "library.judging",
    "load_run": "library.runs",
    "match_features": "library.finding",
    "nearest_collision": "library.exact_verbs",
    "worst_mixture": "library.judging",
    "wrap": "library.network",
}
"""Public name -> the module that has it."""

__all__ = [
    "Found",
    "PatchIndex",
    "RequestError",
    "Verdict",
    "audit",
    "certify",
    "collision_free_radius",
    "collision_polytope",
    "compare",
    "compose",
    "exact_corners",
    "export",
    "find_corners",
    "judge",
    "load_run",
    "match_features",
    "nearest_collision",
    "worst_mixture",
    "wrap",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that has it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found


def __dir__() -> list[str]:
    """The public names, and the module's own."""
    return sorted([*globals(), *__all__])
