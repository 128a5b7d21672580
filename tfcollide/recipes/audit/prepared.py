"""What an audit starts from once its network is open: the pairs, and the walk over them. The same in every process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfcollide.data.select import parse_selector, resolve
from tfcollide.errors import RequestError
from tfcollide.files.checkpoint import Ledger
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.collide.request import beside

if TYPE_CHECKING:
    from tfcollide.library.audit_walk import AuditWalk, NamedPair
    from tfcollide.recipes.classifiers.open import Opened

__all__ = ["audited_pairs", "named_pairs", "walk_of"]


def walk_of(config: AuditConfig, opened: "Opened", pairs: "Sequence[NamedPair]", ledger: Ledger) -> "AuditWalk":
    """The audit of a network that is open."""
    from tfcollide.library.audit_walk import AuditWalk
    from tfcollide.library.auditing import tap_names

    return AuditWalk(
        opened.classifier,
        opened.data,
        pairs,
        config.options(),
        tap_names(opened.classifier, config.taps),
        predicted=opened.predicted,
        labeled=opened.labeled,
        ledger=ledger,
        facts=opened.facts,
    )


def audited_pairs(config: AuditConfig, opened: "Opened", asked: Sequence[tuple[str, str]] | None) -> "list[NamedPair]":
    """The pairs that are asked for by name; None: those that are drawn."""
    from tfcollide.library.audit_walk import NamedPair, picture_of
    from tfcollide.library.auditing import drawn_pairs

    network, data = opened.classifier, opened.data
    if asked is None:
        drawn = drawn_pairs(data, opened.predicted, config.options())
        return [NamedPair(picture_of(network, data, a), picture_of(network, data, b), (a, b)) for a, b in drawn]
    return named_pairs(config, opened, asked)


def named_pairs(config: AuditConfig, opened: "Opened", asked: Sequence[tuple[str, str]]) -> "list[NamedPair]":
    """Pairs by name, such as those of a table, as the network reads them.

    Raises:
        RequestError: there is no such image, or both are one.
    """
    named = [_row(config, opened, n, ends) for n, ends in enumerate(asked, 1)]
    numbers = {name: n for n, name in enumerate(dict.fromkeys(end.id for pair in named for end in pair[:2]))}
    return [pair._replace(images=(numbers[pair.source.id], numbers[pair.target.id])) for pair in named]


def _row(config: AuditConfig, opened: "Opened", n: int, ends: tuple[str, str]) -> "NamedPair":
    """Pair `n` of a table."""
    try:
        return _named(config, opened, *ends)
    except RequestError as error:
        received, *rest = error.args
        said = received.removeprefix("--source=").removeprefix("--target=")
        raise RequestError(f"--pairs={config.pairs}, pair {n}: {said}", *rest) from error


def _named(config: AuditConfig, opened: "Opened", source: str, target: str) -> "NamedPair":
    from tfcollide.images import from_uint8
    from tfcollide.library.audit_walk import NamedPair
    from tfcollide.library.problem import Picture

    ends = []
    for flag, text in (("source", source), ("target", target)):
        chosen = resolve(flag, parse_selector(flag, beside(config.pairs, text), opened.data), opened.data, opened.predicted)
        ends.append(Picture(from_uint8(chosen.image, opened.classifier.bounds), chosen.id, chosen.label))
    if ends[0].id == ends[1].id:
        raise RequestError(f"{source} to {target}", "two different images")
    return NamedPair(ends[0], ends[1], (0, 0))
