"""`errlock`: the commands. Exit code 0; 1 when a command ran and found something; 2 for mistakes
in usage or configuration.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import NoReturn

from .errors import ConfigError, refused_by_system
from .registry import DEFAULT, Registry, nearest
from .terminal import err, fill_closed_streams, out

# By the command's name: the module in `commands` that has it. Only that one is imported, so that
# those in a hurry wait for nothing else.
_COMMANDS = {
    "run": "run",
    "demo": "demo",
    "validate": "validate",
    "components": "components",
    "print-config": "print_config",
    "schema": "schema",
    "scrub": "scrub",
    "explain": "explain",
    "review": "review",
    "leaktest": "leaktest",
    "import": "import_",
    "local": "local",
    "key": "keys",
    "pseudonym": "pseudonym",
    "status": "status",
    "distrust": "trust",
    "hold": "trust",
    "resume": "trust",
    "trust": "trust",
    "swap": "swap",
    "replay": "replay",
    "purge": "purge",
    "reload": "reload",
    "incident": "incident",
    "token": "token",
    "control": "control",
    "exposure": "exposure",
    "completion": "completion",
}
_DESCRIPTION = """\
The airlock for error telemetry: receives what Sentry and OpenTelemetry SDKs send,
takes out what must not leave, and sends the rest where you say."""
_EXAMPLES = """\
examples:
  errlock run                              start with no configuration at all
  errlock run -c errlock.yaml              start a collector
  errlock validate -c errlock.yaml         check a configuration
  errlock status -c errlock.yaml           see how a running collector is
  errlock scrub < events.jsonl             sanitise one event a line
  errlock explain event.json               see what would be taken out, and why
  errlock review events/                   see what your documents hold and what leaves in clear

`errlock COMMAND --help` has the options of a command."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest name, instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        err(f"{self.prog}: {message}\nSee {self.prog} --help")
        raise SystemExit(2)


class _Version(argparse.Action):
    """Says which errlock this is; whoever does not ask needs no package metadata."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        out(f"errlock {version('errlock')}")
        raise SystemExit(0)


def main(argv: Sequence[str] | None = None, registry: Registry = DEFAULT) -> int:
    """Run a command; returns the exit code. `registry` has the component types it may use."""
    fill_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may not know every character
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        args = _parse(sys.argv[1:] if argv is None else list(argv))
        args.registry = registry
        args.whole = lambda: _parser(dict.fromkeys(_COMMANDS.values()))[0]
        code: int = args.run(args)
        sys.stdout.flush()
    except ConfigError as error:
        for problem in error.problems:
            err(str(problem))
        return 2
    except SystemExit as stop:  # argparse: --help, --version, a wrong option
        return stop.code if isinstance(stop.code, int) else 2
    except BrokenPipeError:  # whoever read our output went away, as `head` does
        _forget_stdout()
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a file or an endpoint that cannot be had
        err(f"errlock: {refused_by_system(error)}")
        return 2
    except Exception as error:  # noqa: BLE001  a mistake of ours; its text may quote a document
        if _lacked_memory(error):
            err("errlock: there is not enough memory (ulimit -v, or what a container may use)")
            return 2
        _tell_bug(error)
        return 1
    return code


def _parser(
    modules: Iterable[str],
) -> tuple[_Parser, argparse._SubParsersAction[_Parser]]:
    """With the commands of these modules."""
    parser = _Parser(
        prog="errlock", description=_DESCRIPTION, epilog=_EXAMPLES, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="show which errlock this is")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    for module in modules:
        import_module(f".commands.{module}", __package__).register(commands)
    return parser, commands


def _parse(argv: list[str]) -> argparse.Namespace:
    one = _COMMANDS.get(argv[0]) if argv else None
    parser, commands = _parser([one] if one else dict.fromkeys(_COMMANDS.values()))
    known = list(commands.choices)
    if not argv:
        parser.print_help()
        raise SystemExit(2)
    if not argv[0].startswith("-") and argv[0] not in known:
        near = nearest(argv[0], known) or "."
        parser.error(f"no command {argv[0]!r}{near} Known: {', '.join(known)}")
    args, rest = parser.parse_known_args(argv)
    if rest:
        command = commands.choices[argv[0]]
        command.error(_not_taken(rest[0], list(command._option_string_actions)))
    return args


def _not_taken(word: str, options: list[str]) -> str:
    """What to say of a word that a command has no use for. One that is no option may be a value."""
    if not word.startswith("-"):
        file = "; a configuration file goes behind -c" if "-c" in options else ""
        return f"an argument too many{file}"
    wrong = word.partition("=")[0]
    return f"no option {wrong!r}{nearest(wrong, options)}"


def _lacked_memory(error: BaseException | None) -> bool:
    """Whether it is that, or what came of it on the way out. A thread takes memory, too."""
    while error is not None:
        if isinstance(error, MemoryError) or error.args == ("can't start new thread",):
            return True
        error = error.__context__
    return False


def _tell_bug(error: Exception) -> None:
    """Where it happened, with no text of it but that of an import."""
    text = f" ({error})" if isinstance(error, ImportError) else ""
    err(f"errlock: {type(error).__name__}{text}: this is a bug, please report it with these lines")
    err("".join(traceback.format_tb(error.__traceback__)).rstrip())


def _forget_stdout() -> None:
    """Point stdout at nothing, so that flushing it at exit does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
