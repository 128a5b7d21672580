"""Writes the flags of every program into docs/reference/flags.md as the site is built, from the settings themselves."""

from typing import Any

from tfcollide.cli import PROGRAMS
from tfcollide.recipes.audit.config import AuditConfig
from tfcollide.recipes.collide.config import HEADINGS, CollideConfig, TrainConfig
from tfcollide.recipes.composite.config import CompareConfig, RebuildConfig
from tfcollide.recipes.explore.config import ExploreConfig
from tfcollide.recipes.match_proof.config import MatchConfig
from tfcollide.recipes.patches.config import IndexConfig, QueryConfig
from tfcollide.recipes.serving.config import CheckServedConfig, ExportConfig, ServeConfig
from tfcollide.settings import Flag, flags_of

PLACE = "<!-- the flags of every program -->"
SETTINGS = {
    "collide": CollideConfig,
    "audit": AuditConfig,
    "explore": ExploreConfig,
    "train_classifier": TrainConfig,
    "export": ExportConfig,
    "serve_local": ServeConfig,
    "check_served": CheckServedConfig,
    "match_proof": MatchConfig,
    "index_patches": IndexConfig,
    "query_patches": QueryConfig,
    "rebuild_composite": RebuildConfig,
    "compare_looks": CompareConfig,
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs asks this for every page."""
    return markdown.replace(PLACE, flag_tables()) if PLACE in markdown else markdown


def flag_tables() -> str:
    """A table per program; that of `collide` under the headings of its `--help`."""
    return "\n\n".join(_program(name) for name in SETTINGS)


def _program(name: str) -> str:
    lines = [f"## {PROGRAMS[name]}", "", f"`bin/{name}` in a checkout.", ""]
    headings = HEADINGS if name == "collide" else {}
    for n, one in enumerate(flags_of(SETTINGS[name])):
        if one.name in headings:
            lines += ["", f"### {headings[one.name]}", ""]
        if one.name in headings or (n == 0 and not headings):
            lines += ["| flag | default | what it does |", "|---|---|---|"]
        lines.append(_row(one))
    return "\n".join(lines)


def _row(one: Flag) -> str:
    default = str(one.default).lower() if one.kind is bool else "" if one.default is None else str(one.default)
    words = one.help.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_")
    return f"| `--{one.name}` | {default and f'`{default}`'} | {words} |"
