"""The command line: every program, from its arguments to its exit code."""

from collections.abc import Sequence

from tfcollide.cli import commands
from tfcollide.cli.exit_codes import main

__all__ = [
    "PROGRAMS",
    "audit",
    "check_served",
    "collide",
    "compare_looks",
    "explore",
    "export",
    "index_patches",
    "main",
    "match_proof",
    "query_patches",
    "rebuild_composite",
    "serve_local",
    "train_classifier",
]

PROGRAMS = {
    "audit": "collide-audit",
    "check_served": "collide-check-served",
    "collide": "collide",
    "compare_looks": "collide-compare-looks",
    "explore": "collide-explore",
    "export": "collide-export",
    "index_patches": "collide-index-patches",
    "match_proof": "collide-match-proof",
    "query_patches": "collide-query-patches",
    "rebuild_composite": "collide-rebuild-composite",
    "serve_local": "collide-serve",
    "train_classifier": "collide-train",
}
"""Every program: its name in `bin/` and here -> the command that `pip install` makes."""


def collide(argv: Sequence[str] | None = None) -> int:
    """`collide`: finds corners and writes a run directory. Returns the exit code."""
    return main(commands.collide, argv, resumes=True)


def audit(argv: Sequence[str] | None = None) -> int:
    """`audit`: how blind a network is, as a report. Returns the exit code."""
    return main(commands.audit, argv, resumes=True)


def train_classifier(argv: Sequence[str] | None = None) -> int:
    """`train_classifier`: trains a classifier, or finds it in the cache. Returns the exit code."""
    return main(commands.train_classifier, argv)


def export(argv: Sequence[str] | None = None) -> int:
    """`collide-export`: writes a SavedModel from a run directory. Returns the exit code."""
    return main(commands.export, argv)


def explore(argv: Sequence[str] | None = None) -> int:
    """`collide-explore`: writes a page on which the hull of a run is walked through. Returns the exit code."""
    return main(commands.explore, argv)


def check_served(argv: Sequence[str] | None = None) -> int:
    """`collide-check-served`: asks a served model about a run's images. Returns the exit code."""
    return main(commands.check_served, argv)


def match_proof(argv: Sequence[str] | None = None) -> int:
    """`collide-match-proof`: whether a proof speaks of a network's own weights. Returns the exit code."""
    return main(commands.match_proof, argv)


def serve_local(argv: Sequence[str] | None = None) -> int:
    """`collide-serve`: a local server with TF Serving's API. Returns the exit code."""
    return main(commands.serve_local, argv)


def index_patches(argv: Sequence[str] | None = None) -> int:
    """`index_patches`: builds, measures or verifies an index of patches. Returns the exit code."""
    return main(commands.index_patches, argv, resumes=True)


def query_patches(argv: Sequence[str] | None = None) -> int:
    """`query_patches`: looks up the windows of a photograph and draws their neighbors. Returns the exit code."""
    return main(commands.query_patches, argv)


def rebuild_composite(argv: Sequence[str] | None = None) -> int:
    """`rebuild_composite`: makes the corners of a composite again from the index. Returns the exit code."""
    return main(commands.rebuild_composite, argv)


def compare_looks(argv: Sequence[str] | None = None) -> int:
    """`compare_looks`: pixel corners and composites of the same pairs side by side. Returns the exit code."""
    return main(commands.compare_looks, argv)
