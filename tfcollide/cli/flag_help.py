"""What a program says of its flags: `--help`, `--helpfull` and, for the shell, `--completion`."""

import re
from collections.abc import Iterable, Mapping, Sequence

from tfcollide.recipes.by_name import recipes_of
from tfcollide.settings import Flag

__all__ = ["bash_completion", "full_help", "short_help", "zsh_completion"]

_EXAMPLES = {
    "collide": (
        "  collide --out=first                                      digits, a 3 to a 7",
        "  collide --source=0 --target=test:17 --out=zero           any pair; test:17 is a test image",
        "  collide --solver=exact --nearest=l2 --out=nearest        the collision closest to the source",
        "  collide --dataset=mnist --num_pairs=10 --out=sweep       ten random pairs",
        "",
    )
}


def short_help(program: str, flags: Sequence[Flag], first: Sequence[str], next_ones: Sequence[str] = ()) -> str:
    """Usage, examples and the flags that matter first, in that order; then the names of some more.

    Args:
        program: as it was called.
        flags: all that it has.
        first: names of those to show.
        next_ones: names of those to mention.
    """
    known = {one.name: one for one in flags}
    more = (
        f"{len(flags) - len(first)} more flags: {program} --helpfull. Settings of whole experiments: {program} --recipe=help."
    )
    others = [f"more: {' '.join(f'--{known[name].name}' for name in next_ones)}"] if next_ones else []
    return "\n".join([*_usage(program), *(_entry(known[name]) for name in first), "", more, *others])


def full_help(program: str, flags: Sequence[Flag], headings: Mapping[str, str]) -> str:
    """Usage, examples and every flag.

    Args:
        program: as it was called.
        flags: all that it has.
        headings: the first flag of each part -> its heading.
    """
    lines = _usage(program)
    for one in flags:
        lines += ["", headings[one.name]] if one.name in headings else []
        lines.append(_entry(one))
    return "\n".join(lines)


def bash_completion(program: str, flags: Iterable[Flag]) -> str:
    """A script for bash that completes names of flags, values that are restricted, and else names of files."""
    flags = _with_own_recipes(flags)
    names = [f"--{one.name}" if one.kind is bool else f"--{one.name}=" for one in flags]
    names += [f"--no{one.name}" for one in flags if one.kind is bool]
    cases = "\n".join(
        f"    --{one.name}) COMPREPLY=($(compgen -W '{' '.join(one.choices)}' -- \"$value\")) ;;"
        for one in flags
        if one.choices
    )
    function = "_" + program.replace("-", "_")
    return _SCRIPT.format(program=program, function=function, names=" ".join(names), cases=cases)


def zsh_completion(program: str, flags: Iterable[Flag]) -> str:
    """A script for zsh that completes names of flags with what they mean, values that are restricted, else names of files."""
    specs = []
    for one in _with_own_recipes(flags):
        words = re.split(r"\. (?=[A-Z])", one.help)[0].rstrip(".")  # not at "Eq. 3"
        if one.kind is bool:
            specs += [_quoted(f"--{one.name}[{_zsh(words)}]"), _quoted(f"--no{one.name}[not: {_zsh(words)}]")]
        else:
            action = f"({' '.join(map(_zsh, one.choices))})" if one.choices else "_files"
            specs.append(_quoted(f"--{one.name}=[{_zsh(words)}]:{one.name}:{action}"))
    function = "_" + program.replace("-", "_")
    return _ZSH_SCRIPT.format(program=program, function=function, specs=" \\\n    ".join(specs))


def _with_own_recipes(flags: Iterable[Flag]) -> list[Flag]:
    """The flags of a program, --recipe with those recipes alone that the program takes."""
    shown = [*flags]
    own = (*recipes_of({one.name for one in shown}), "help")
    return [one._replace(choices=own) if one.name == "recipe" else one for one in shown]


def _zsh(text: str) -> str:
    """Text as `_arguments` reads it: brackets end a description, colons a part."""
    return "".join(f"\\{char}" if char in "\\[]:" else char for char in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _usage(program: str) -> list[str]:
    return [f"Usage: {program} --flagfile=FILE or --name=value ...", "", *_EXAMPLES.get(program, ())]


def _entry(one: Flag) -> str:
    default = "" if one.default in (None, "", False) else f" (default: {one.default})"
    return f"  --{one.name}\n      {one.help}{default}"


# Bash takes the "=" of --name=value for a word of its own.
_SCRIPT = """# Flags of {program} for bash. Keep it where bash-completion looks, or put this line into ~/.bashrc:
#   source <({program} --completion=bash)
{function}() {{
  local value="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" flag=
  if [[ $value == "=" ]]; then flag=$before value=
  elif [[ $before == "=" ]]; then flag=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  COMPREPLY=()
  case $flag in
    "") COMPREPLY=($(compgen -W '{names}' -- "$value")) ;;
{cases}
  esac
}}
complete -o nospace -o default -F {function} {program}"""

_ZSH_SCRIPT = """#compdef {program}
# Flags of {program} for zsh. Keep it as _{program} in a folder of $fpath, or put this line behind compinit in ~/.zshrc:
#   source <({program} --completion=zsh)
{function}() {{
  _arguments -S \\
    {specs}
}}
if [[ $funcstack[1] == _{program} ]]; then {function} "$@"; else compdef {function} {program}; fi"""
