"""An audit into a run directory.

run(AuditConfig(dataset="mnist"), Path("audits/mlp"))
"""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcollide.files.checkpoint import FolderLedger
from tfcollide.files.run_directory import RunDirectory
from tfcollide.recipes.audit.audit_on_beam import search_on_beam
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.audit.prepared import audited_pairs, walk_of
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.collide.request import read_pairs
from tfcollide.runtime.beam_pipeline import new_pipeline
from tfcollide.runtime.progress import Stopwatch, say, stage
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.settings import flags_text

if TYPE_CHECKING:
    from tfcollide.library.auditing import Audited
    from tfcollide.recipes.classifiers.open import Opened

__all__ = ["audit_into", "repeating", "run"]

_LEDGER = ".audit"


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
    if config.runner is not None:
        new_pipeline(config.runner, config.beam_options)  # refuses a runner that is not there
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
    return audit_into(config, opened, asked, directory, shown or str(out))


def repeating(config: AuditConfig, out: str) -> str:
    """The command that repeats an audit or a comparison into `out`; flags that say no more than a default are left out.

    Args:
        config: what was done, resolved.
        out: as it was given.
    """
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(config)}
    told, short = {"data_dir"}, config  # whose default is the environment's, which is another one elsewhere
    for name, value in defaults.items():
        plainer = dataclasses.replace(short, **{name: value})
        if plainer.resolved() == config:
            short = plainer  # one after the other, as two flags may stand for each other
        else:
            told.add(name)
    names = told | {f"no{name}" for name in told}
    lines = [line for line in flags_text(config).splitlines() if line.removeprefix("--").partition("=")[0] in names]
    return shlex.join(["collide-audit", *lines, f"--out={out}"])


def audit_into(
    config: AuditConfig, opened: "Opened", asked: Sequence[tuple[str, str]] | None, directory: RunDirectory, shown: str
) -> "Audited":
    """Audits a network that is open, and writes the directory.

    Args:
        config: what to do, resolved.
        opened: the network and the data.
        asked: the pairs by name; None: they are drawn.
        directory: where to write.
        shown: what the report calls it.
    """
    from tfcollide.library.auditing import Audited, made_with, tap_names
    from tfcollide.report.audit.audit_files import write_audit

    network, taps = opened.classifier, tap_names(opened.classifier, config.taps)
    pairs = audited_pairs(config, opened, asked)
    say(
        f"{len(pairs)} pairs at {len(taps)} ReLU{'s' if len(taps) > 1 else ''}, --budget={config.budget}. The first pair takes "
        "longest; then each bar tells the time left of its part. What is stopped goes on where it was."
    )
    with directory.at_work() as folder:
        kept = len(list((folder / _LEDGER).glob("*.npz")))
        if kept:
            say(f"Going on where an earlier process stopped: {kept} pieces of work are done.")
        walk = walk_of(config, opened, pairs, FolderLedger(folder / _LEDGER))
        made, spent = made_with(network, opened.data, pairs), Stopwatch()
        if config.runner is not None:
            with spent(f"searches on {config.runner}"):
                search_on_beam(config, asked, walk, made, folder / _LEDGER)
        walked = walk(made | {"command": repeating(config, shown)}, spent.seconds)
        record = dataclasses.replace(walked.record, caveats=opened.doubts)
        audited = Audited(*walked._replace(record=record), network)
        write_audit(folder, audited.record, audited.pictures, audited.hulls)
        directory.commit()
    return audited
