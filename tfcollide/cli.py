"""The command line: fields of a config as absl flags; the only reader of flags."""

import codecs
import difflib
import importlib
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags, logging

from tfcollide import __version__
from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_json
from tfcollide.files.disk import full_at, is_full
from tfcollide.files.names import to_text
from tfcollide.files.run_directory import absolute
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.by_name import recipe_file, recipe_list
from tfcollide.recipes.collide.config import HEADINGS, CollideConfig, TrainConfig
from tfcollide.recipes.collide.presets import preset_values
from tfcollide.recipes.composite.config import CompareConfig, RebuildConfig
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.patches.config import IndexConfig, QueryConfig
from tfcollide.recipes.serving.check_served_config import CheckServedConfig
from tfcollide.recipes.serving.export_config import ExportConfig
from tfcollide.recipes.serving.serve_config import ServeConfig
from tfcollide.records import Summary
from tfcollide.runtime.streams import make_unfailing
from tfcollide.settings import Flag, flags_of, needed, renamed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

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
    "query_patches": "collide-query-patches",
    "rebuild_composite": "collide-rebuild-composite",
    "serve_local": "collide-serve",
    "train_classifier": "collide-train",
}
"""Every program: its name in `bin/` and here -> the command that `pip install` makes."""

_EXAMPLES = {
    "collide": (
        "  collide --out=first                                      digits, a 3 to a 7",
        "  collide --source=0 --target=test:17 --out=zero           any pair; test:17 is a test image",
        "  collide --solver=exact --nearest=l2 --out=nearest        the collision closest to the source",
        "  collide --dataset=mnist --num_pairs=10 --out=sweep       ten random pairs",
        "",
    )
}
_NO_ROOM = "ResourceExhaustedError"  # TensorFlow's; to name the class would be to import it
EXIT_DONE, EXIT_NOT_FOUND, EXIT_REFUSED, EXIT_BUG = 0, 1, 2, 70


def collide(argv: Sequence[str] | None = None) -> int:
    """`collide`: finds corners and writes a run directory. Returns the exit code."""
    return main(_collide, argv)


def audit(argv: Sequence[str] | None = None) -> int:
    """`audit`: how blind a network is, as a report. Returns the exit code."""
    return main(_audit, argv)


def train_classifier(argv: Sequence[str] | None = None) -> int:
    """`train_classifier`: trains a classifier, or finds it in the cache. Returns the exit code."""
    return main(_train_classifier, argv)


def explore(argv: Sequence[str] | None = None) -> int:
    """`collide-explore`: writes a page on which the hull of a run is walked through. Returns the exit code."""
    return main(_explore, argv)


def export(argv: Sequence[str] | None = None) -> int:
    """`collide-export`: writes a SavedModel from a run directory. Returns the exit code."""
    return main(_export, argv)


def check_served(argv: Sequence[str] | None = None) -> int:
    """`collide-check-served`: asks a served model about a run's images. Returns the exit code."""
    return main(_check_served, argv)


def serve_local(argv: Sequence[str] | None = None) -> int:
    """`collide-serve`: a local server with TF Serving's API. Returns the exit code."""
    return main(_serve_local, argv)


def index_patches(argv: Sequence[str] | None = None) -> int:
    """`index_patches`: builds, measures or verifies an index of patches. Returns the exit code."""
    return main(_index_patches, argv)


def query_patches(argv: Sequence[str] | None = None) -> int:
    """`query_patches`: looks up the windows of a photograph and draws their neighbors. Returns the exit code."""
    return main(_query_patches, argv)


def rebuild_composite(argv: Sequence[str] | None = None) -> int:
    """`rebuild_composite`: makes the corners of a composite again from the index. Returns the exit code."""
    return main(_rebuild_composite, argv)


def compare_looks(argv: Sequence[str] | None = None) -> int:
    """`compare_looks`: pixel corners and composites of the same pairs side by side. Returns the exit code."""
    return main(_compare_looks, argv)


def main(command: Callable[[list[str]], int], argv: Sequence[str] | None = None) -> int:
    """Runs a command and turns what happens into the exit codes of the contract.

    Args:
        command: takes the arguments, the program's name first, and returns an exit code.
        argv: the arguments; None is `sys.argv`.
    """
    logging.set_verbosity(logging.ERROR)
    logging.set_stderrthreshold("error")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.environ["MPLBACKEND"] = "agg"  # figures go to files
    make_unfailing()
    try:
        _check_progress()
        return command(list(sys.argv if argv is None else argv))
    except RequestError as error:
        return _refuse(error)
    except UnicodeDecodeError as error:
        named = [word.partition("=")[2] for word in argv or sys.argv if word.lstrip("-").startswith("flagfile=")]
        return _refuse(RequestError(f"--flagfile={','.join(named)} ({error.reason})", "a text file with a flag a line"))
    except UnicodeEncodeError as error:  # of a library that cannot take such names
        around = error.object[max(0, error.start - 60) : error.end + 20]
        return _refuse(RequestError(f"{around!r}, which is no UTF-8", "a name in UTF-8", "Rename the file or folder."))
    except flags.Error as error:
        return _refuse(_flag_error(error))
    except KeyboardInterrupt:
        resumes = "; the same command goes on from the last checkpoint" if command in (_audit, _collide, _index_patches) else ""
        print(f"Interrupted{resumes}.", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        return _unexpected(error, argv or sys.argv)


def _collide(argv: list[str]) -> int:
    values = _parse(argv, CollideConfig, _define_out)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=runs/first.")
    from tfcollide.recipes.collide.run import run
    from tfcollide.report.conclusion import conclusion, sweep_conclusion

    out = absolute(values["out"])
    summary = run(_config(CollideConfig, values), out, overwrite=values["overwrite"])
    if values["explore"] and (isinstance(summary, Summary) or any(pair.directory for pair in summary.pairs)):
        from tfcollide.recipes.explore.run import run as write_page

        write_page(ExploreConfig(run=str(out)), lambda line: None)
    verdict = conclusion(summary) if isinstance(summary, Summary) else sweep_conclusion(summary)
    said = verdict.replace("*", "")  # once, in the last line
    table = to_text((out / "table.md").read_bytes()).splitlines()
    kept = "\n".join(line for line in table if not line.replace("*", "").startswith(said))
    print(kept.replace("\n\n\n", "\n\n"), end="\n\n")
    figures = ("trace.png", "margins.png", "front.png", "figure.png")
    for shown in [name for name in figures if (out / name).exists()] or ["summary.json"]:
        print(Path(os.path.expanduser(values["out"]), shown))
    print(verdict)
    return EXIT_DONE if summary.found else EXIT_NOT_FOUND


def _audit(argv: list[str]) -> int:
    values = _parse(argv, AuditConfig, _define_out)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=audits/first.")
    config = _config(AuditConfig, values)
    if config.compare is not None:
        return _compare(config, values)
    from tfcollide.recipes.audit.run import run
    from tfcollide.report.audit.audit_words import search_words, verdict

    record = run(config, absolute(values["out"]), overwrite=values["overwrite"]).record
    print(f"{Path(os.path.expanduser(values['out']), 'report.html')}\n{search_words(record)}\n{verdict(record)}")
    failed = config.fail_above is not None and record.exceeds(config.fail_above)
    return EXIT_NOT_FOUND if failed else EXIT_DONE


def _compare(config: AuditConfig, values: dict[str, Any]) -> int:
    from tfcollide.recipes.audit.comparison import run_comparison
    from tfcollide.report.compare.compare_words import compare_verdict

    record = run_comparison(config, absolute(values["out"]), overwrite=values["overwrite"]).record
    print(f"{Path(os.path.expanduser(values['out']), 'report.html')}\n{compare_verdict(record)}")
    return EXIT_DONE


def _train_classifier(argv: list[str]) -> int:
    values = _parse(argv, TrainConfig, lambda known: None)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.classifier.train import run

    report = run(_config(TrainConfig, values))
    how = f"trained in {report.seconds_training:.0f} s" if report.seconds_training else "found in the cache"
    print(f"{report.path}\n{report.dataset}: {100 * report.test_accuracy:.2f} % of the test images, {how}")
    return EXIT_DONE


def _export(argv: list[str]) -> int:
    values = _parse(argv, ExportConfig, _define_version)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "BASE/NAME/VERSION", "Say, for example, --out=models/digits/1.")
    from tfcollide.recipes.serving.export import run

    print(run(_config(ExportConfig, values), absolute(values["out"])))
    return EXIT_DONE


def _explore(argv: list[str]) -> int:
    values = _parse(argv, ExploreConfig, lambda known: None)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.explore.run import run

    run(_config(ExploreConfig, values), lambda line: print(line, flush=True))
    return EXIT_DONE


def _check_served(argv: list[str]) -> int:
    values = _parse(argv, CheckServedConfig, _define_report)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.serving.check_served import run

    report = run(_config(CheckServedConfig, values))
    print(report.text)
    if values["out"] is not None:
        write_json(absolute(values["out"]), report.numbers)
    return EXIT_NOT_FOUND if report.collides is False else EXIT_DONE


def _serve_local(argv: list[str]) -> int:
    values = _parse(argv, ServeConfig, lambda known: None)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.serving.serve import run

    run(_config(ServeConfig, values))
    return EXIT_DONE


def _index_patches(argv: list[str]) -> int:
    values = _parse(argv, IndexConfig, _define_out)
    if values is None:
        return EXIT_DONE
    from tfcollide.recipes.patches.index import run, verify

    config, began = _config(IndexConfig, values), time.perf_counter()
    if config.verify is not None:
        manifest = verify(absolute(config.verify))
        print(f"{config.verify}: {manifest.num_patches:,} patches, every byte as it was built")
        return EXIT_DONE
    needed(values["out"], "out", "the index to write", "Say, for example, --out=patches.")
    manifest = run(config, absolute(values["out"]), overwrite=values["overwrite"])
    print(f"{values['out']}: {manifest.describe()}, in {time.perf_counter() - began:.0f} s")
    return EXIT_DONE


def _query_patches(argv: list[str]) -> int:
    values = _parse(argv, QueryConfig, _define_out)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=neighbors.")
    from tfcollide.recipes.patches.query import run

    print(run(_config(QueryConfig, values), absolute(values["out"]), overwrite=values["overwrite"]))
    return EXIT_DONE


def _rebuild_composite(argv: list[str]) -> int:
    values = _parse(argv, RebuildConfig, _define_out)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=rebuilt.")
    from tfcollide.recipes.composite.rebuild import run

    difference = run(_config(RebuildConfig, values), absolute(values["out"]), overwrite=values["overwrite"])
    print(f"{values['out']}: the corners, from the index; at most {difference:.3g} from those saved")
    return EXIT_DONE


def _compare_looks(argv: list[str]) -> int:
    values = _parse(argv, CompareConfig, _define_out)
    if values is None:
        return EXIT_DONE
    needed(values["out"], "out", "the directory to write", "Say, for example, --out=looks.")
    from tfcollide.recipes.composite.compare import run

    out = absolute(values["out"])
    run(_config(CompareConfig, values), out, overwrite=values["overwrite"])
    print(to_text((out / "table.md").read_bytes()))
    print(Path(os.path.expanduser(values["out"]), "figure.png"))
    return EXIT_DONE


def _parse(
    argv: list[str], config: "type[DataclassInstance]", define: Callable[[flags.FlagValues], None]
) -> dict[str, Any] | None:
    """The values of all flags, presets applied; None where --help or --version has been answered."""
    known = flags.FlagValues()
    _define_files(known)
    flags.DEFINE_boolean("help", False, "Show this help.", short_name="h", flag_values=known)
    flags.DEFINE_boolean("version", False, "Show the version.", flag_values=known)
    define(known)
    for one in flags_of(config):
        _define(known, one)
    shown = [*known]
    for old in _old_names(config, known):
        flags.DEFINE_string(old, None, "An old spelling.", flag_values=known)
    rest = _read(known, argv)
    if known["recipe"].value is not None:
        print(_recipes(known))
        return None
    if known["version"].value:
        print(f"tfcollide {__version__}")
        return None
    if known["help"].value:
        print(_help(argv[0], known, shown))
        return None
    if len(rest) > 1:
        raise RequestError(f"argument {rest[1]!r}", "flags only, as --name=value")
    given, warnings = renamed(config, {name: known[name].value for name in known if known[name].present})
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    values = {name: known[name].default for name in shown} | given
    return values | {name: value for name, value in preset_values(values.get("preset")).items() if name not in given}


def _old_names(config: "type[DataclassInstance]", known: flags.FlagValues) -> list[str]:
    """Flags that a program has under another name today, but for those whose old name is that of another flag."""
    return sorted({one.old for one in getattr(config, "OLD_SPELLINGS", ())} - set(known))


def _read(known: flags.FlagValues, argv: list[str]) -> list[str]:
    """Reads the flags; returns what is none. One that is unknown is answered with the nearest that this program has."""
    try:
        return known([*_flag_lines(argv)])
    except flags.UnrecognizedFlagError as error:
        near = difflib.get_close_matches(error.flagname, sorted(known), n=1)
        mend = f"Did you mean --{near[0]}?" if near else ""
        raise RequestError(f"--{error.flagname}", "a flag that --help lists", mend) from error


def _flag_lines(argv: Iterable[str]) -> Iterator[str]:
    """`argv`; in place of a recipe its flagfile, and of a flagfile that absl does not read its lines.

    That is one with names of files that are no UTF-8, or with the byte order mark of some editors.
    """
    for word in argv:
        recipe = re.fullmatch("--?recipe=(?!help$)(.*)", word)
        word = f"--flagfile={recipe_file(recipe[1])}" if recipe else word
        path = Path(word.partition("=")[2])
        if not re.match("--?flagfile=", word) or not path.is_file() or not _quotes_bytes(path.read_bytes()):
            yield word
            continue
        lines = (line.strip() for line in to_text(path.read_bytes()).split("\n"))
        yield from _flag_lines(line for line in lines if line and not line.startswith(("#", "//")))


def _quotes_bytes(content: bytes) -> bool:
    """Whether this is text with a byte order mark, or not all of it UTF-8."""
    marked = content.startswith(codecs.BOM_UTF8)
    return b"\0" not in content and (marked or content != content.decode(errors="ignore").encode())


def _define_files(known: flags.FlagValues) -> None:
    """What absl reads flags from, and the flagfiles of the package, of which `_flag_lines` makes such files."""
    flags.DEFINE_string("flagfile", "", "Read flags from this file.", flag_values=known)
    flags.DEFINE_string("recipe", None, "A flagfile of the package; help: lists them.", flag_values=known)
    flags.DEFINE_string("undefok", "", "", flag_values=known)


def _recipes(known: flags.FlagValues) -> str:
    """What `--recipe=help` prints; another value comes here where it stands apart from the flag."""
    name = known["recipe"].value
    if name != "help":
        raise RequestError(f"--recipe {name}", f"--recipe={name}, in one word")
    return recipe_list([*known])


def _define_out(known: flags.FlagValues) -> None:
    flags.DEFINE_string("out", None, "The directory to write.", flag_values=known)
    flags.DEFINE_boolean("overwrite", False, "Replace the directory if it exists.", flag_values=known)


def _define_version(known: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "out", None, "The version to write, BASE/NAME/VERSION; TF Serving watches BASE/NAME.", flag_values=known
    )


def _define_report(known: flags.FlagValues) -> None:
    flags.DEFINE_string("out", None, "Also write the numbers to this JSON file.", flag_values=known)


def _define(known: flags.FlagValues, one: Flag) -> None:
    define: Any = {
        str: flags.DEFINE_string,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_boolean,
    }[one.kind]
    define(one.name, one.default, one.help, flag_values=known)


def _config(config: "type[DataclassInstance]", values: dict[str, object]) -> Any:
    return config(**{one.name: values[one.name] for one in flags_of(config)})


def _help(program: str, known: flags.FlagValues, shown: Iterable[str]) -> str:
    called = Path(program).name
    lines = [f"Usage: {called} --flagfile=FILE or --name=value ...", "", *_EXAMPLES.get(called, ())]
    for name in shown:
        flag = known[name]
        if name in HEADINGS:
            lines += ["", HEADINGS[name]]
        if name == flag.name and name != "undefok":  # once, not again by its short name
            default = "" if flag.default in (None, "", False) else f" (default: {flag.default})"
            lines.append(f"  --{name}\n      {flag.help}{default}")
    return "\n".join(lines)


def _flag_error(error: flags.Error) -> RequestError:
    """What absl says of a flag, as a line that says how to mend it."""
    if isinstance(error, flags.CantOpenFlagFileError):
        return RequestError(f"--flagfile: {str(error).removeprefix('ERROR:: ')}", "a readable file with a flag a line")
    found = re.match(r"flag (--\w+=.*?): (.*)", str(error), re.DOTALL)
    if found:
        kinds = {"int": "a whole number", "float": "a number", "boolean": "true or false"}
        kind = next((words for name, words in kinds.items() if name in found[2]), "another value")
        return RequestError(found[1], kind)
    return RequestError(str(error).rstrip("."), "flags that --help lists")


def _unexpected(error: Exception, argv: Sequence[str]) -> int:
    """What the machine has too little of, or does not let through, in a line; the rest is a defect, with its trace."""
    if is_full(error):
        out = next((word for word in argv if re.match("--?out=", word)), "a disk that is written to")
        return _refuse(
            RequestError(
                f"{full_at(error) or out}: no space left on the device",
                "room for what is written",
                "Make room, or choose another place.",
            )
        )
    if isinstance(error, MemoryError):
        return _refuse(_too_large(f" ({error})" if str(error) else ""))
    if type(error).__name__ == _NO_ROOM:
        return _refuse(_too_large(""))  # its own message lists every tensor that was there
    if isinstance(error, OSError):
        return _refuse(RequestError(str(error), "files and folders that can be read and written"))
    traceback.print_exception(error)  # a defect must not look like a result
    return EXIT_BUG


def _too_large(detail: str) -> RequestError:
    return RequestError(f"more work than fits in memory{detail}", "numbers that this machine can hold", "Lower them.")


def _refuse(error: RequestError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return EXIT_REFUSED


def _check_progress() -> None:
    """Refuses variables TQDM_... that tqdm, which reads them when it is imported, does not take."""
    given = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("TQDM_")]
    try:
        importlib.import_module("tqdm") if given else None
    except ValueError as error:
        raise RequestError(" ".join(given), f"what tqdm takes ({error})", "Mend or unset it.") from error
