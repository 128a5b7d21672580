"""What a program says of its flags: `--help`, `--helpfull` and, for the shell, `--completion=bash`."""

from collections.abc import Iterable, Mapping, Sequence

from tfcollide.settings import Flag

__all__ = ["bash_completion", "full_help", "short_help"]

_EXAMPLES = {
    "collide": (
        "  collide --out=first                                      digits, a 3 to a 7",
        "  collide --source=0 --target=test:17 --out=zero           any pair; test:17 is a test image",
        "  collide --solver=exact --nearest=l2 --out=nearest        the collision closest to the source",
        "  collide --dataset=mnist --num_pairs=10 --out=sweep       ten random pairs",
        "",
    )
}


def short_help(program: str, flags: Sequence[Flag], first: Sequence[str]) -> str:
    """Usage, examples and the flags that matter first, in that order.

    Args:
        program: as it was called.
        flags: all that it has.
        first: names of those to show.
    """
    known = {one.name: one for one in flags}
    more = (
        f"{len(flags) - len(first)} more flags: {program} --helpfull. Settings of whole experiments: {program} --recipe=help."
    )
    return "\n".join([*_usage(program), *(_entry(known[name]) for name in first), "", more])


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
    names = [f"--{one.name}" if one.kind is bool else f"--{one.name}=" for one in flags]
    names += [f"--no{one.name}" for one in flags if one.kind is bool]
    cases = "\n".join(
        f"    --{one.name}) COMPREPLY=($(compgen -W '{' '.join(one.choices)}' -- \"$value\")) ;;"
        for one in flags
        if one.choices
    )
    function = "_" + program.replace("-", "_")
    return _SCRIPT.format(program=program, function=function, names=" ".join(names), cases=cases)


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
