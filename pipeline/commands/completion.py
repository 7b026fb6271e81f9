"""`errlock completion`: have a shell complete commands and options."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..terminal import out
from .options import Commands, add_command

# It looks at whole words, so it needs nothing of bash-completion. Where it has no word, as for a
# configuration, files are offered; so options are only where a dash says that one is wanted.
_BASH = """\
_errlock() {{
    local at=errlock words= each
    local before=${{COMP_WORDS[COMP_CWORD-1]}} word=${{COMP_WORDS[COMP_CWORD]}}
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$at $each" in
            {commands}) at="$at $each" ;;
        esac
    done
    case "$at $before" in
{values}
        *) case "$at" in
{words}
        esac ;;
    esac
    [[ $word == -* ]] || words=${{words%% -*}}
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _errlock errlock"""


@dataclass(frozen=True, slots=True)
class _Place:
    """A command, or one within another: `errlock key rotate`."""

    path: str
    words: list[str]  # commands and what may stand for an argument
    options: list[str]
    values: dict[str, list[str]]  # by option, what may follow it; none: anything


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "completion", "have a shell complete commands and options",
        "Prints a script for bash.",
        '  eval "$(errlock completion bash)"                            for this shell\n'
        "  errlock completion bash > ~/.local/share/bash-completion/completions/errlock",
    )  # fmt: skip
    parser.add_argument("shell", choices=["bash"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    places = list(_places(args.whole()))
    values = [
        (f"{place.path} {option}", words)
        for place in places
        for option, words in place.values.items()
    ]
    out(
        _BASH.format(
            commands="|".join(shlex.quote(place.path) for place in places[1:]),
            values="\n".join(_case(*each) for each in values),
            words="\n".join(_case(each.path, each.words + each.options) for each in places),
        )
    )
    return 0


def _case(pattern: str, words: Iterable[str]) -> str:
    return f"        {shlex.quote(pattern)}) words={shlex.quote(' '.join(['', *words]))} ;;"


def _places(parser: argparse.ArgumentParser) -> Iterator[_Place]:
    """A parser and those within it, from the outside to the inside."""
    place = _Place(parser.prog, [], [], {})
    inner: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):
            inner |= action.choices
        known = list(map(str, action.choices or ()))
        place.options.extend(action.option_strings)
        if not action.option_strings:
            place.words.extend(known)
        elif action.nargs != 0:  # it takes a value
            place.values.update(dict.fromkeys(action.option_strings, known))
    yield place
    for each in inner.values():
        yield from _places(each)
