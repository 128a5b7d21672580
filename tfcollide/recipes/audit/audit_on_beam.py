"""The searches of an audit on Apache Beam, for audits that one machine would take too long for.

    pieces of work -> a file per piece, in a ledger's folder that all workers share

Every worker opens the network and the data as the audit itself does. The audit finds the pieces in the ledger afterwards.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfcollide.errors import RequestError
from tfcollide.files.checkpoint import FolderLedger
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.audit.prepared import audited_pairs, walk_of
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.runtime.beam_pipeline import for_each

if TYPE_CHECKING:
    from tfcollide.library.audit_walk import AuditWalk

__all__ = ["search_on_beam"]

_Names = tuple[tuple[str, str], ...]


def search_on_beam(
    config: AuditConfig,
    asked: Sequence[tuple[str, str]] | None,
    walk: "AuditWalk",
    made_with: Mapping[str, str],
    folder: Path,
) -> None:
    """Does every piece of an audit that is not in the ledger yet.

    Args:
        config: of the audit; its `runner` and `beam_options` say where.
        asked: the pairs by name; None: they are drawn.
        walk: the audit.
        made_with: versions, and hashes of the network and the data; a worker that finds others is refused.
        folder: of the ledger, which every worker can write.

    Raises:
        RequestError: Beam is missing, or has no such runner.
    """
    ledger = FolderLedger(folder)
    left = [piece for piece in walk.pieces() if piece.name not in ledger]
    if not left:
        return
    for_each(
        [tuple(piece) for piece in left],
        _search,
        config,
        None if asked is None else tuple((source, target) for source, target in asked),
        dict(made_with),
        folder,
        runner=config.runner or "DirectRunner",
        options=config.beam_options,
        done=lambda: sum(piece.name in ledger for piece in left),
        unit="searches",
    )


def _search(piece: tuple, config: AuditConfig, asked: _Names | None, made_with: dict[str, str], folder: Path) -> None:
    from tfcollide.library.audit_pieces import Piece

    walk, found = _opened(config, asked, folder)
    for name in (name for name in made_with if found.get(name) != made_with[name]):
        expected = f"{made_with[name]}, as where the audit was started"
        raise RequestError(f"a worker of --runner={config.runner} with {name} {found.get(name)}", expected)
    walk.do(Piece(*piece))


@functools.lru_cache(maxsize=1)
def _opened(config: AuditConfig, asked: _Names | None, folder: Path) -> "tuple[AuditWalk, dict[str, str]]":
    """The audit as this process sees it, opened once."""
    from tfcollide.library.auditing import made_with
    from tfcollide.recipes.classifiers.open import open_classifier

    opened = open_classifier(config, network_data(config))
    pairs = audited_pairs(config, opened, asked)
    return walk_of(config, opened, pairs, FolderLedger(folder)), made_with(opened.classifier, opened.data, pairs)
