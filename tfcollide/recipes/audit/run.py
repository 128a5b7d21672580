"""An audit into a run directory.

run(AuditConfig(dataset="mnist"), Path("audits/mlp"))
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfcollide.data.select import parse_selector, resolve
from tfcollide.errors import RequestError
from tfcollide.files.checkpoint import Ledger
from tfcollide.files.run_directory import RunDirectory
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.collide.request import beside, read_pairs
from tfcollide.runtime.progress import say, stage
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.settings import flags_text

if TYPE_CHECKING:
    from tfcollide.library.audit_walk import NamedPair
    from tfcollide.library.auditing import Audited
    from tfcollide.recipes.classifiers.open import Opened

__all__ = ["audit_into", "named_pairs", "repeating", "run"]

_EVERY = 10.0  # seconds from one checkpoint to the next


def run(config: AuditConfig, out: Path, *, overwrite: bool = False, shown: str = "") -> "Audited":
    """Carries an audit out and writes `out`.

    Args:
        config: what to do.
        out: the directory; `out` with ".partial" is used on the way, and found again when an interrupted audit is repeated.
        overwrite: whether a directory of an earlier audit may be replaced.
        shown: `out` as it was given, for the command in the report that repeats the audit.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config = config.resolved()
    config.check()
    directory = RunDirectory(out.absolute(), flags_text(config), overwrite=overwrite)
    directory.check_place()
    data = network_data(config)
    asked = read_pairs(Path(config.pairs), data) if config.pairs else None
    directory.check()
    with stage("loading TensorFlow"):
        import_tensorflow()
        from tfcollide.library.auditing import tap_names
        from tfcollide.recipes.classifiers.open import open_classifier
    with stage(f"loading {config.model}"):
        opened = open_classifier(config, data)
    tap_names(opened.classifier, config.taps)
    return audit_into(config, opened, _pairs(config, opened, asked), directory, shown or str(out))


def repeating(config: AuditConfig, out: str) -> str:
    """The command that repeats an audit or a comparison into `out`."""
    return shlex.join(["collide-audit", *flags_text(config).rstrip("\n").split("\n"), f"--out={out}"])


def audit_into(
    config: AuditConfig, opened: "Opened", pairs: "Sequence[NamedPair]", directory: RunDirectory, shown: str
) -> "Audited":
    """Audits a network that is open, and writes the directory.

    Args:
        config: what to do, resolved.
        opened: the network and the data.
        pairs: that are looked at.
        directory: where to write.
        shown: what the report calls it.
    """
    from tfcollide.library.audit_walk import AuditWalk
    from tfcollide.library.auditing import Audited, made_with, tap_names
    from tfcollide.report.audit.audit_files import write_audit

    network, options = opened.classifier, config.options()
    taps = tap_names(network, config.taps)
    say(
        f"{len(pairs)} pairs at {len(taps)} ReLU{'s' if len(taps) > 1 else ''}, --budget={config.budget}. The first pair takes "
        "longest; then each bar tells the time left of its part. What is stopped goes on where it was."
    )
    with directory.at_work() as folder:
        ledger = Ledger(folder / ".audit.npz", every=_EVERY)
        walk = AuditWalk(
            network,
            opened.data,
            pairs,
            options,
            taps,
            predicted=opened.predicted,
            labeled=opened.labeled,
            ledger=ledger,
            facts=opened.facts,
        )
        made = made_with(network, opened.data, pairs) | {"command": repeating(config, shown)}
        audited = Audited(*walk(made), network)
        write_audit(folder, audited.record, audited.pictures, audited.hulls)
        directory.commit()
    return audited


def _pairs(config: AuditConfig, opened: "Opened", asked: Sequence[tuple[str, str]] | None) -> "list[NamedPair]":
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
    named = [_named(config, opened, *ends) for ends in asked]
    numbers = {name: n for n, name in enumerate(dict.fromkeys(end.id for pair in named for end in pair[:2]))}
    return [pair._replace(images=(numbers[pair.source.id], numbers[pair.target.id])) for pair in named]


def _named(config: AuditConfig, opened: "Opened", source: str, target: str) -> "NamedPair":
    from tfcollide.images import from_uint8
    from tfcollide.library.audit_walk import NamedPair
    from tfcollide.library.problem import Picture

    ends = []
    for flag, text in (("source", source), ("target", target)):
        chosen = resolve(flag, parse_selector(flag, beside(config.pairs, text), opened.data), opened.data, opened.predicted)
        ends.append(Picture(from_uint8(chosen.image, opened.classifier.bounds), chosen.id, chosen.label))
    if ends[0].id == ends[1].id:
        raise RequestError(f"--pairs={config.pairs}: {source} to {target}", "two different images")
    return NamedPair(ends[0], ends[1], (0, 0))
