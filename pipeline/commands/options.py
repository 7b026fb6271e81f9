"""Options that several commands have: which configuration, which form of output."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from ..errors import ConfigError, Problem
from ..options import Duration

if TYPE_CHECKING:
    from ..config import Config

_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_NO_TEXT = re.compile("[\ud800-\udfff]")

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands, name: str, summary: str, description: str = "", examples: str = ""
) -> argparse.ArgumentParser:
    """A command with its help: one line in the list, then what it does, then examples."""
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{description}".strip(),
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """`-c FILE` and `--set a.b=c`, both repeatable."""
    parser.add_argument(
        "-c", "--config", action="append", default=[], metavar="FILE",
        help="a configuration file; repeatable: maps merge, lists replace, the last one wins",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="A.B=C", dest="sets",
        help="one option, above all files; repeatable",
    )  # fmt: skip


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """`--json`: for scripts."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def as_text(argument: str) -> str:
    """An argument as a text. What is not UTF-8 in it, as a terminal of another encoding writes it,
    is replaced: no word may be refused for how its reason was typed.
    """
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", argument)


def point_in_time(text: str) -> float:
    """Seconds since the epoch, of a time or of how long ago it is. Raises ArgumentTypeError.

    What nobody's clock ever showed is the first or the last moment that can be written.
    """
    return min(max(0.0, _seconds_since_the_epoch(text)), _LATEST)


def _seconds_since_the_epoch(text: str) -> float:
    try:
        return time.time() - Duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("expected 2026-11-26T12:00Z, or 6h") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def check_window(since: float, until: float) -> None:
    """Raises ConfigError for one in which nothing can be: "nothing was sent" would mislead."""
    if since >= until:
        raise ConfigError([Problem("", "is not before --until", "--since")])


def read_config(args: argparse.Namespace) -> Config:
    """The configuration that the options name; the default one if they name none.

    Raises ConfigError.
    """
    from ..config import load

    return load(args.config, args.sets, registry=args.registry)
