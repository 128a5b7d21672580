"""Ratios that BUILD.md claims, beside those that were recorded last, so that a loss is seen.

    python benchmarks/ratios.py [--record] [--only=WORDS] [--model=FILE] [--runs=SWEEP] [--index=INDEX]

Each is printed by a benchmark of its own, which is run as it stands; data sets lie where TFDS_DATA_DIR says.
`--record` writes what was measured into `benchmarks/record.json`, with the processor and the date; what was not
measured stays as it was.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record.json"
SMALL_VGG = HERE.parent.parent / "shared" / "models" / "vgg16_tiny_imagenet20.keras"
_SHARE = r"mixtures judged .*: ([\d.]+) by processor time"


class Ratio(NamedTuple):
    """What a benchmark prints.

    Attributes:
        name: in words.
        command: of the benchmark, the script first; MODEL, RUNS and INDEX stand for the files that are given.
        pattern: finds the number.
        more_is_better: whether a smaller number is a loss.
    """

    name: str
    command: tuple[str, ...]
    pattern: str
    more_is_better: bool


RATIOS = (
    Ratio("five corners of digits, times as fast as one after the other, eager", ("corners.py",), r"  ratio +([\d.]+)", True),
    Ratio("a step of VGG16, over a bare gradient", ("step_cost.py",), r"our step .*ratio ([\d.]+)", False),
    Ratio("memory of that step, over that of a bare gradient", ("step_memory.py",), r" 5 rows: .*ratio ([\d.]+)", False),
    Ratio(
        "a composite at spacing 1, percent of the network's step of VGG16",
        ("composite_step.py", "--spacings=1", "--steps=3"),
        r"\| 1 \|.* ([\d.]+)% \| [\d,]+ MiB",
        False,
    ),
    Ratio(
        "an index, times as fast as exact search, processor time",
        ("index_rate.py", "--index=INDEX"),
        r"processor time .* ([\d.]+) times as fast",
        True,
    ),
    Ratio("mixtures judged, MLP, share of the best rate", ("mixture_cost.py", "--model=mlp", "--mixtures=2000"), _SHARE, True),
    Ratio("mixtures judged, VGG16, share of the best rate", ("mixture_cost.py", "--mixtures=16", "--repeats=2"), _SHARE, True),
    Ratio("mixtures judged, --model, share of the best rate", ("mixture_cost.py", "--model=MODEL"), _SHARE, True),
    Ratio(
        "four pairs as one batch, times as fast",
        ("pairs_together.py", "--model=MODEL"),
        r"  4 pairs .* ([\d.]+) times as fast",
        True,
    ),
    Ratio(
        "passes for the worst mixture, over those of every start descended",
        ("worst_mixture.py", "--model=MODEL", "RUNS"),
        r"with at most ([\d.]+) of the passes",
        False,
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help="write what was measured into record.json")
    parser.add_argument("--only", default="", help="those alone whose names have these words in them")
    parser.add_argument("--model", default=str(SMALL_VGG), help="a network's file; default: the small VGG16, where it is there")
    parser.add_argument("--runs", help="a finished sweep of that network")
    parser.add_argument("--index", help="an index of patches")
    given = parser.parse_args()
    files = {"MODEL": given.model if Path(given.model).exists() else None, "RUNS": given.runs, "INDEX": given.index}
    before = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    chosen = [ratio for ratio in RATIOS if given.only in ratio.name]
    found = {ratio.name: measure(ratio, files) for ratio in chosen}
    print(f"\n{'':66} {'now':>8} {'recorded':>9}  on")
    for ratio in chosen:
        print(line(ratio, found[ratio.name], before.get(ratio.name)))
    if given.record:
        where = {"processor": processor(), "date": datetime.date.today().isoformat()}
        new = {name: {"ratio": value, **where} for name, value in found.items() if value is not None}
        RECORD.write_text(json.dumps({**before, **new}, indent=2) + "\n")
    return 0


def measure(ratio: Ratio, files: dict[str, str | None]) -> float | None:
    """The number that a benchmark prints; None where a file that it needs is not given, or it fails."""
    words = list(ratio.command)
    for name, path in files.items():
        if path is None and any(name in word for word in words):
            return None
        words = [word.replace(name, path or "") for word in words]
    print(f"{ratio.name} ...", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, str(HERE / words[0]), *words[1:]], capture_output=True, text=True, check=False)
    match = re.search(ratio.pattern, done.stdout)
    if match is None:
        print(f"{words[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}", file=sys.stderr)
    return float(match[1]) if match else None


def line(ratio: Ratio, now: float | None, before: dict | None) -> str:
    """A row of the table; a loss of more than a tenth is marked."""
    shown = "-" if now is None else f"{now:.3g}"
    if before is None:
        return f"{ratio.name:66} {shown:>8} {'-':>9}"
    factor = 1.0 if now is None else now / before["ratio"] if ratio.more_is_better else before["ratio"] / now
    lost = "   LOST" if factor < 0.9 else ""
    return f"{ratio.name:66} {shown:>8} {before['ratio']:>9.3g}  {before['processor']}, {before['date']}{lost}"


def processor() -> str:
    """The name of the processor, and how many cores there are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor")
    return f"{name}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
