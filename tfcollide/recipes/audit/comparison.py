"""Two networks beside each other, into a run directory: an audit of each on the same pairs, then the comparison.

run_comparison(AuditConfig(compare="old.keras,new.keras", dataset="mnist"), Path("audits/old-new"))
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfcollide.data.labeled import LabeledImages
from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_csv
from tfcollide.files.names import to_text
from tfcollide.files.run_directory import RunDirectory
from tfcollide.measure.kept_audit import read_hulls, read_record
from tfcollide.recipes.audit.config import AuditConfig, is_audit
from tfcollide.recipes.audit.prepared import named_pairs
from tfcollide.recipes.audit.run import audit_into, repeating
from tfcollide.recipes.classifiers.network_request import network_data
from tfcollide.recipes.collide.request import read_pairs
from tfcollide.runtime.beam_pipeline import new_pipeline
from tfcollide.runtime.progress import say, stage
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.settings import flags_text, from_flags

if TYPE_CHECKING:
    from tfcollide.library.auditing import Audited
    from tfcollide.library.comparing import Compared, Sides
    from tfcollide.recipes.classifiers.open import Opened

__all__ = ["run_comparison"]

_PAIRS = "pairs_asked.csv"


def run_comparison(config: AuditConfig, out: Path, *, overwrite: bool = False, shown: str = "") -> "Compared":
    """Compares networks, or finished audits, and writes `out`.

    Args:
        config: what to do; its `compare` names the two sides.
        out: the directory; `out` with ".partial" is used on the way, and found again when it is repeated.
        overwrite: whether a directory of an earlier comparison may be replaced.
        shown: `out` as it was given, for the command in the report that repeats the comparison.

    Raises:
        RequestError: the request cannot be carried out; nothing is written then.
    """
    config = config.resolved()
    config.check()
    directory = RunDirectory(out.absolute(), flags_text(config), overwrite=overwrite)
    directory.check_place()
    if config.runner is not None:
        new_pipeline(config.runner, config.beam_options)  # refuses a runner that is not there
    sides, finished = config.sides(), [is_audit(one) for side in config.sides() for one in side]
    if any(finished) and not all(finished):
        kinds = ", ".join(
            f"{one} ({'a finished audit' if audit else 'no finished audit'})"
            for one, audit in zip([one for side in sides for one in side], finished, strict=True)
        )
        raise RequestError(f"--compare of {kinds}", "files of networks alone, or folders of finished audits alone")
    each = None if finished[0] else _requests(config, sides, out)
    directory.check()
    with stage("loading TensorFlow"):
        import_tensorflow()
        from tfcollide.library.comparing import compare_sides
        from tfcollide.report.side_by_side.compare_files import write_compare
    opened = _open_all(each) if each else None
    if each is None:
        _read_all(sides)  # what cannot be read is refused before anything is written
    with directory.at_work() as folder:
        shown = shown or str(out)
        made = _audited(config, each, opened, folder, shown) if each and opened else _read_all(sides)
        command = repeating(config, shown)
        compared = compare_sides(made, max_change=config.max_change, shared=config.shared_pairs, command=command)
        write_compare(folder, compared.record)
        directory.commit()
    return compared


_Requests = list[tuple[str, AuditConfig, LabeledImages]]
"""The name of a network, such as "A" or "B2", its audit, and the data."""


def _requests(config: AuditConfig, sides: Sequence[Sequence[str]], out: Path) -> _Requests:
    """The audit of each network: as `config` asks, of the pairs that all share."""
    asked = config.pairs or str(out.absolute() / _PAIRS)
    found = []
    for letter, side in zip("AB", sides, strict=True):
        for n, model in enumerate(side):
            name = letter if len(side) == 1 else f"{letter}{n + 1}"
            own = dataclasses.replace(
                config, compare=None, model=model, pairs=asked, max_change=None, shared_pairs=AuditConfig.shared_pairs
            )
            with _named_by_compare():
                found.append((name, own, network_data(own)))
    if config.pairs:
        read_pairs(Path(config.pairs), found[0][2])
    return found


@contextlib.contextmanager
def _named_by_compare() -> Iterator[None]:
    """Says --compare of a network that cannot be used, since nobody gave a --model."""
    try:
        yield
    except RequestError as error:
        raise RequestError(*(text.replace("--model=", "--compare=") for text in error.args)) from error


def _open_all(requests: _Requests) -> "list[Opened]":
    from tfcollide.library.auditing import check_same_classes, tap_names
    from tfcollide.recipes.classifiers.open import open_classifier

    opened = []
    for _, config, data in requests:
        with stage(f"loading {config.model}"), _named_by_compare():
            opened.append(open_classifier(config, data))
        tap_names(opened[-1].classifier, config.taps)
    check_same_classes([one.classifier for one in opened])
    return opened


def _audited(config: AuditConfig, requests: _Requests, opened: "list[Opened]", folder: Path, shown: str) -> "Sides":
    """Audits each network into a directory of its own, whole or absent."""
    from tfcollide.library.comparing import Sides

    asked = read_pairs(Path(config.pairs), opened[0].data) if config.pairs else _drawn(config, opened)
    write_csv(folder / _PAIRS, ["source", "target"], asked)
    audits, first = [], named_pairs(requests[0][1], opened[0], asked)
    for (name, own, _), one in zip(requests, opened, strict=True):
        say(f"{name}: {own.model}")
        if not (folder / name).exists():
            audits.append(audit_into(own, one, asked, RunDirectory(folder / name, flags_text(own)), f"{shown}/{name}"))
        else:
            audits.append(_read(folder / name, one))
    split = len(config.sides()[0])
    return Sides((tuple(audits[:split]), tuple(audits[split:])), first)


def _drawn(config: AuditConfig, opened: "list[Opened]") -> list[tuple[str, str]]:
    """Pairs of test images that every network gets right."""
    from tfcollide.library.auditing import drawn_pairs, right_for_all

    data = opened[0].data
    drawn = drawn_pairs(data, right_for_all(data, [one.predicted for one in opened]), config.options())
    return [(f"test:{a}", f"test:{b}") for a, b in drawn]


def _read(folder: Path, opened: "Opened | None" = None) -> "Audited":
    from tfcollide.library.auditing import Audited

    hulls = tuple(read_hulls(folder, flag="compare"))
    return Audited(read_record(folder, flag="compare"), {}, hulls, opened.classifier if opened else None)


def _read_all(sides: Sequence[Sequence[str]]) -> "Sides":
    """Finished audits, with their networks where these are still to be had."""
    from tfcollide.library.comparing import Sides
    from tfcollide.recipes.classifiers.open import open_classifier

    audits: list[list[Audited]] = []
    pairs, why = None, None
    for side in sides:
        audits.append([])
        for one in side:
            audit, opened, folder = _read(Path(one)), None, Path(one)
            try:
                config = from_flags(AuditConfig, to_text((folder / "run.flags").read_bytes()))
                opened = open_classifier(config, network_data(config))
                if pairs is None:
                    fronts = audit.record.fronts_at(audit.record.tap)
                    pairs = named_pairs(config, opened, [(end.source, end.target) for end in fronts])
            except (OSError, RequestError) as error:
                why = why or f"{folder.name} cannot be opened again ({error})"
            audits[-1].append(dataclasses.replace(audit, network=opened.classifier if opened else None))
    return Sides((tuple(audits[0]), tuple(audits[1])), pairs, why)
