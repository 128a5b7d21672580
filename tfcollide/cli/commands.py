"""What each program does: its flags, its run, what it prints, its exit code."""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tfcollide.cli.exit_codes import EXIT_DONE, EXIT_NOT_FOUND
from tfcollide.cli.flag_reading import DIRECTORY, REPORT, VERSION, config_of, parse
from tfcollide.files.atomic import write_json
from tfcollide.files.names import to_text
from tfcollide.files.run_directory import absolute
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.collide.config import CollideConfig, TrainConfig
from tfcollide.recipes.composite.config import CompareConfig, RebuildConfig
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.match_proof.config import MatchConfig
from tfcollide.recipes.patches.config import IndexConfig, QueryConfig
from tfcollide.recipes.serving.config import CheckServedConfig, ExportConfig, ServeConfig
from tfcollide.records import Summary, SweepSummary
from tfcollide.runtime.quiet import import_tensorflow
from tfcollide.settings import Flag, needed

__all__ = [
    "audit",
    "check_served",
    "collide",
    "compare_looks",
    "explore",
    "export",
    "index_patches",
    "match_proof",
    "query_patches",
    "rebuild_composite",
    "serve_local",
    "train_classifier",
]

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Config = TypeVar("_Config", bound="DataclassInstance")


class _Asked(NamedTuple):
    """Where a program writes: as it was given, empty where it was not, and whether it may replace what is there."""

    shown: str
    overwrite: bool

    @property
    def out(self) -> Path:
        return absolute(self.shown)


def _program(
    settings: type[_Config], *beside: Flag, out: tuple[str, str] | None = None
) -> Callable[[Callable[[_Config, _Asked], int]], Callable[[list[str]], int]]:
    """A program: reads its flags, and acts on them unless they only ask something, such as --help.

    Args:
        settings: the dataclass whose fields are flags.
        beside: flags that are no settings.
        out: what --out names and an example, where the program cannot do without it.
    """

    def make(act: Callable[[_Config, _Asked], int]) -> Callable[[list[str]], int]:
        @functools.wraps(act)
        def program(argv: list[str]) -> int:
            values = parse(argv, settings, *beside)
            if values is None:
                return EXIT_DONE
            if out is not None:
                needed(values["out"], "out", *out)
            asked = _Asked(os.path.expanduser(values.get("out") or ""), values.get("overwrite", False))
            return act(config_of(settings, values), asked)

        return program

    return make


@_program(CollideConfig, *DIRECTORY, out=("the directory to write", "Say, for example, --out=runs/first."))
def collide(config: CollideConfig, asked: _Asked) -> int:
    """`collide`: finds corners and writes a run directory."""
    from tfcollide.recipes.collide.run import run

    summary = run(config, asked.out, overwrite=asked.overwrite)
    if not isinstance(summary, (Summary, SweepSummary)):
        print(to_text((asked.out / "table.md").read_bytes()), Path(asked.shown, "polytope.json"), sep="\n")
        return EXIT_DONE if summary.found else EXIT_NOT_FOUND
    if config.explore and (isinstance(summary, Summary) or any(pair.directory for pair in summary.pairs)):
        from tfcollide.recipes.explore.run import run as write_page

        write_page(ExploreConfig(run=str(asked.out)), lambda line: None)
    _print_corners(summary, asked)
    return EXIT_DONE if summary.found else EXIT_NOT_FOUND


def _print_corners(summary: Summary | SweepSummary, asked: _Asked) -> None:
    """The tables, the pictures, and behind them the verdict and what there is to remark."""
    from tfcollide.report.conclusion import conclusion, sweep_conclusion, time_shares
    from tfcollide.report.remarks import run_remarks

    verdict = conclusion(summary) if isinstance(summary, Summary) else sweep_conclusion(summary)
    remarks = [f"- {remark}" for remark in run_remarks(summary)] if isinstance(summary, Summary) else []
    said = verdict.replace("*", "")
    table = to_text((asked.out / "table.md").read_bytes()).splitlines()
    kept = "\n".join(line for line in table if not line.replace("*", "").startswith(said) and line not in remarks)
    print(kept.replace("\n\n\n", "\n\n").rstrip("\n"), end="\n\n")
    figures = ("trace.png", "margins.png", "front.png", "radius.png", "figure.png")
    for name in [name for name in figures if (asked.out / name).exists()] or ["summary.json"]:
        print(Path(asked.shown, name))
    if not isinstance(summary, Summary):
        print(time_shares(summary.seconds))
    print(verdict, *remarks, sep="\n")


@_program(AuditConfig, *DIRECTORY, out=("the directory to write", "Say, for example, --out=audits/first."))
def audit(config: AuditConfig, asked: _Asked) -> int:
    """`audit`: how blind a network is, as a report."""
    if config.compare is not None:
        return _compare(config, asked)
    from tfcollide.recipes.audit.run import run
    from tfcollide.report.audit.audit_words import search_words, verdict, where_words

    record = run(config, asked.out, overwrite=asked.overwrite, shown=asked.shown).record
    beware = "".join(f"Beware: {one}.\n" for one in record.caveats)
    report = Path(asked.shown, "report.html")
    print(report, search_words(record), where_words(record), beware + verdict(record), sep="\n")
    failed = config.fail_above is not None and record.exceeds(config.fail_above)
    return EXIT_NOT_FOUND if failed else EXIT_DONE


def _compare(config: AuditConfig, asked: _Asked) -> int:
    """Two networks beside each other."""
    from tfcollide.recipes.audit.comparison import run_comparison
    from tfcollide.report.side_by_side.compare_words import compare_verdict

    record = run_comparison(config, asked.out, overwrite=asked.overwrite, shown=asked.shown).record
    print(f"{Path(asked.shown, 'report.html')}\n{compare_verdict(record)}")
    return EXIT_DONE


@_program(TrainConfig)
def train_classifier(config: TrainConfig, _: _Asked) -> int:
    """`train_classifier`: trains a classifier, or finds it in the cache."""
    from tfcollide.recipes.classifiers.train import run

    report = run(config)
    how = f"trained in {report.seconds_training:.0f} s" if report.seconds_training else "found in the cache"
    print(f"{report.path}\n{report.dataset}: {100 * report.test_accuracy:.2f} % of the test images, {how}")
    return EXIT_DONE


@_program(ExportConfig, VERSION, out=("BASE/NAME/VERSION", "Say, for example, --out=models/digits/1."))
def export(config: ExportConfig, asked: _Asked) -> int:
    """`collide-export`: writes a SavedModel from a run directory."""
    from tfcollide.recipes.serving.export import run

    print(run(config, asked.out))
    return EXIT_DONE


@_program(ExploreConfig)
def explore(config: ExploreConfig, _: _Asked) -> int:
    """`collide-explore`: writes a page on which the hull of a run is walked through."""
    from tfcollide.recipes.explore.run import run

    run(config, lambda line: print(line, flush=True))
    if not config.serve:
        print("Open it in any browser; the page needs no server and no network.")
    return EXIT_DONE


@_program(CheckServedConfig, REPORT)
def check_served(config: CheckServedConfig, asked: _Asked) -> int:
    """`collide-check-served`: asks a served model about a run's images."""
    from tfcollide.recipes.serving.check_served import run

    report = run(config)
    print(report.text)
    if asked.shown:
        write_json(asked.out, report.numbers)
    return EXIT_NOT_FOUND if report.collides is False else EXIT_DONE


@_program(MatchConfig)
def match_proof(config: MatchConfig, _: _Asked) -> int:
    """`collide-match-proof`: whether a proof speaks of a network's own weights."""
    config.check()
    import_tensorflow()  # after all that can be refused without it
    from tfcollide.recipes.match_proof.run import run

    differs = run(config)
    matches = f"matches: the proof speaks of this network{_of_corners(config)}; whether it holds, check_proof says"
    print(f"differs: {differs}" if differs else matches)
    return EXIT_NOT_FOUND if differs else EXIT_DONE


def _of_corners(config: MatchConfig) -> str:
    path = config.corner_file()
    return f" and of the corners in {path}" if path else "; which corners it should speak of was not asked"


@_program(ServeConfig)
def serve_local(config: ServeConfig, _: _Asked) -> int:
    """`collide-serve`: a local server with TF Serving's API."""
    from tfcollide.recipes.serving.serve import run

    run(config)
    return EXIT_DONE


@_program(IndexConfig, *DIRECTORY)
def index_patches(config: IndexConfig, asked: _Asked) -> int:
    """`index_patches`: builds, measures or verifies an index of patches."""
    from tfcollide.recipes.patches.index import run, verify

    began = time.perf_counter()
    if config.verify is not None:
        manifest = verify(absolute(config.verify))
        print(f"{config.verify}: {manifest.num_patches:,} patches, every byte as it was built")
        return EXIT_DONE
    needed(asked.shown or None, "out", "the index to write", "Say, for example, --out=patches.")
    manifest = run(config, asked.out, overwrite=asked.overwrite)
    print(f"{asked.shown}: {manifest.describe()}, in {time.perf_counter() - began:.0f} s")
    return EXIT_DONE


@_program(QueryConfig, *DIRECTORY, out=("the directory to write", "Say, for example, --out=neighbors."))
def query_patches(config: QueryConfig, asked: _Asked) -> int:
    """`query_patches`: looks up the windows of a photograph and draws their neighbors."""
    from tfcollide.recipes.patches.query import run

    print(run(config, asked.out, overwrite=asked.overwrite))
    return EXIT_DONE


@_program(RebuildConfig, *DIRECTORY, out=("the directory to write", "Say, for example, --out=rebuilt."))
def rebuild_composite(config: RebuildConfig, asked: _Asked) -> int:
    """`rebuild_composite`: makes the corners of a composite again from the index."""
    from tfcollide.recipes.composite.rebuild import run

    difference = run(config, asked.out, overwrite=asked.overwrite)
    print(f"{asked.shown}: the corners, from the index; at most {difference:.3g} from those saved")
    return EXIT_DONE


@_program(CompareConfig, *DIRECTORY, out=("the directory to write", "Say, for example, --out=looks."))
def compare_looks(config: CompareConfig, asked: _Asked) -> int:
    """`compare_looks`: pixel corners and composites of the same pairs side by side."""
    from tfcollide.recipes.composite.compare import run

    out = asked.out
    run(config, out, overwrite=asked.overwrite)
    print(to_text((out / "table.md").read_bytes()))
    print(Path(asked.shown, "figure.png"))
    return EXIT_DONE
