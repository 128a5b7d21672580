"""What each program does: its flags, its run, what it prints, its exit code."""

import os
import time
from pathlib import Path

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
from tfcollide.settings import needed

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


def collide(argv: list[str]) -> int:
    """`collide`: finds corners and writes a run directory."""
    values = parse(argv, CollideConfig, *DIRECTORY)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=runs/first.")
    from tfcollide.recipes.collide.run import run
    from tfcollide.report.conclusion import conclusion, sweep_conclusion, time_shares
    from tfcollide.report.remarks import run_remarks

    out = absolute(values["out"])
    summary = run(config_of(CollideConfig, values), out, overwrite=values["overwrite"])
    if not isinstance(summary, (Summary, SweepSummary)):
        print(to_text((out / "table.md").read_bytes()), Path(os.path.expanduser(values["out"]), "polytope.json"), sep="\n")
        return EXIT_DONE if summary.found else EXIT_NOT_FOUND
    if values["explore"] and (isinstance(summary, Summary) or any(pair.directory for pair in summary.pairs)):
        from tfcollide.recipes.explore.run import run as write_page

        write_page(ExploreConfig(run=str(out)), lambda line: None)
    verdict = conclusion(summary) if isinstance(summary, Summary) else sweep_conclusion(summary)
    remarks = [f"- {remark}" for remark in run_remarks(summary)] if isinstance(summary, Summary) else []
    said = verdict.replace("*", "")  # once, behind the tables, and what there is to remark behind it
    table = to_text((out / "table.md").read_bytes()).splitlines()
    kept = "\n".join(line for line in table if not line.replace("*", "").startswith(said) and line not in remarks)
    print(kept.replace("\n\n\n", "\n\n").rstrip("\n"), end="\n\n")
    figures = ("trace.png", "margins.png", "front.png", "radius.png", "figure.png")
    for shown in [name for name in figures if (out / name).exists()] or ["summary.json"]:
        print(Path(os.path.expanduser(values["out"]), shown))
    if not isinstance(summary, Summary):
        print(time_shares(summary.seconds))
    print(verdict, *remarks, sep="\n")
    return EXIT_DONE if summary.found else EXIT_NOT_FOUND


def audit(argv: list[str]) -> int:
    """`audit`: how blind a network is, as a report."""
    values = parse(argv, AuditConfig, *DIRECTORY)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=audits/first.")
    config = config_of(AuditConfig, values)
    if config.compare is not None:
        return _compare(config, absolute(values["out"]), overwrite=values["overwrite"])
    from tfcollide.recipes.audit.run import run
    from tfcollide.report.audit.audit_words import search_words, verdict

    record = run(config, absolute(values["out"]), overwrite=values["overwrite"]).record
    print(f"{Path(os.path.expanduser(values['out']), 'report.html')}\n{search_words(record)}\n{verdict(record)}")
    failed = config.fail_above is not None and record.exceeds(config.fail_above)
    return EXIT_NOT_FOUND if failed else EXIT_DONE


def _compare(config: AuditConfig, out: Path, *, overwrite: bool) -> int:
    """Two networks beside each other."""
    from tfcollide.recipes.audit.comparison import run_comparison
    from tfcollide.report.side_by_side.compare_words import compare_verdict

    record = run_comparison(config, out, overwrite=overwrite).record
    print(f"{out / 'report.html'}\n{compare_verdict(record)}")
    return EXIT_DONE


def train_classifier(argv: list[str]) -> int:
    """`train_classifier`: trains a classifier, or finds it in the cache."""
    values = parse(argv, TrainConfig)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.classifiers.train import run

    report = run(config_of(TrainConfig, values))
    how = f"trained in {report.seconds_training:.0f} s" if report.seconds_training else "found in the cache"
    print(f"{report.path}\n{report.dataset}: {100 * report.test_accuracy:.2f} % of the test images, {how}")
    return EXIT_DONE


def export(argv: list[str]) -> int:
    """`collide-export`: writes a SavedModel from a run directory."""
    values = parse(argv, ExportConfig, VERSION)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "BASE/NAME/VERSION", "Say, for example, --out=models/digits/1.")
    from tfcollide.recipes.serving.export import run

    print(run(config_of(ExportConfig, values), absolute(values["out"])))
    return EXIT_DONE


def explore(argv: list[str]) -> int:
    """`collide-explore`: writes a page on which the hull of a run is walked through."""
    values = parse(argv, ExploreConfig)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.explore.run import run

    config = config_of(ExploreConfig, values)
    run(config, lambda line: print(line, flush=True))
    if not config.serve:
        print("Open it in any browser; the page needs no server and no network.")
    return EXIT_DONE


def check_served(argv: list[str]) -> int:
    """`collide-check-served`: asks a served model about a run's images."""
    values = parse(argv, CheckServedConfig, REPORT)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.serving.check_served import run

    report = run(config_of(CheckServedConfig, values))
    print(report.text)
    if values["out"] is not None:
        write_json(absolute(values["out"]), report.numbers)
    return EXIT_NOT_FOUND if report.collides is False else EXIT_DONE


def match_proof(argv: list[str]) -> int:
    """`collide-match-proof`: whether a proof speaks of a network's own weights."""
    values = parse(argv, MatchConfig)
    if values is None:
        return EXIT_DONE
    config = config_of(MatchConfig, values)
    config.check()
    import_tensorflow()  # after all that can be refused without it
    from tfcollide.recipes.match_proof.run import run

    differs = run(config)
    print(f"differs: {differs}" if differs else "matches: the proof speaks of this network" + _of_corners(config))
    return EXIT_NOT_FOUND if differs else EXIT_DONE


def _of_corners(config: MatchConfig) -> str:
    path = config.corner_file()
    return f" and of the corners in {path}" if path else "; which corners it should speak of was not asked"


def serve_local(argv: list[str]) -> int:
    """`collide-serve`: a local server with TF Serving's API."""
    values = parse(argv, ServeConfig)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.serving.serve import run

    run(config_of(ServeConfig, values))
    return EXIT_DONE


def index_patches(argv: list[str]) -> int:
    """`index_patches`: builds, measures or verifies an index of patches."""
    values = parse(argv, IndexConfig, *DIRECTORY)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.patches.index import run, verify

    config, began = config_of(IndexConfig, values), time.perf_counter()
    if config.verify is not None:
        manifest = verify(absolute(config.verify))
        print(f"{config.verify}: {manifest.num_patches:,} patches, every byte as it was built")
        return EXIT_DONE
    needed(values["out"], "out", "the index to write", "Say, for example, --out=patches.")
    manifest = run(config, absolute(values["out"]), overwrite=values["overwrite"])
    print(f"{values['out']}: {manifest.describe()}, in {time.perf_counter() - began:.0f} s")
    return EXIT_DONE


def query_patches(argv: list[str]) -> int:
    """`query_patches`: looks up the windows of a photograph and draws their neighbors."""
    values = parse(argv, QueryConfig, *DIRECTORY)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=neighbors.")
    from tfcollide.recipes.patches.query import run

    print(run(config_of(QueryConfig, values), absolute(values["out"]), overwrite=values["overwrite"]))
    return EXIT_DONE


def rebuild_composite(argv: list[str]) -> int:
    """`rebuild_composite`: makes the corners of a composite again from the index."""
    values = parse(argv, RebuildConfig, *DIRECTORY)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=rebuilt.")
    from tfcollide.recipes.composite.rebuild import run

    difference = run(config_of(RebuildConfig, values), absolute(values["out"]), overwrite=values["overwrite"])
    print(f"{values['out']}: the corners, from the index; at most {difference:.3g} from those saved")
    return EXIT_DONE


def compare_looks(argv: list[str]) -> int:
    """`compare_looks`: pixel corners and composites of the same pairs side by side."""
    values = parse(argv, CompareConfig, *DIRECTORY)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=looks.")
    from tfcollide.recipes.composite.compare import run

    out = absolute(values["out"])
    run(config_of(CompareConfig, values), out, overwrite=values["overwrite"])
    print(to_text((out / "table.md").read_bytes()))
    print(Path(os.path.expanduser(values["out"]), "figure.png"))
    return EXIT_DONE
