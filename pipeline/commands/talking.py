"""What commands share that talk to a running collector: which one, as whom, and its refusals."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from ..control.tokens import TokensUnusable, token_in
from ..errors import ConfigError, Problem
from ..terminal import err, out
from .options import add_config_options, as_text

if TYPE_CHECKING:
    import msgspec

    from ..control.client import Client
    from ..control.reaching import Whereabouts

Run = Callable[[argparse.Namespace], int]

_WITHOUT = (
    "without that file, a collector is named by --set service.storage=FOLDER and, unless it is "
    "localhost:13134, --set service.control.endpoint=HOST:PORT"
)
# What the collector answered is the asker's mistake: a name, a number, a token.
_MISTAKES = frozenset({400, 401, 403, 404})


def add_collector_options(parser: argparse.ArgumentParser) -> None:
    """`-c FILE`, or `--url` and `--token-file`."""
    add_config_options(parser)
    parser.add_argument(
        "--url", metavar="URL", help="the control API; default: service.control.endpoint"
    )
    parser.add_argument(
        "--token-file", metavar="FILE", type=Path,
        help="your token; default: service.control.token, or control-token in service.storage",
    )  # fmt: skip


def add_why_option(parser: argparse.ArgumentParser) -> None:
    """`--why TEXT`."""
    parser.add_argument(
        "--why", metavar="TEXT", type=as_text, default="",
        help="the reason, for those who come after",
    )  # fmt: skip


def collector_named(args: argparse.Namespace) -> Whereabouts:
    """What the configuration says of the collector that the options name. Raises ConfigError."""
    from ..control.reaching import whereabouts

    try:
        return whereabouts(args.config, args.sets)
    except ConfigError as error:
        if not args.config:
            raise
        raise ConfigError([*error.problems, Problem("", _WITHOUT)]) from None


def named_one(args: argparse.Namespace) -> bool:
    """Whether the options say which collector is meant, and not only how one is by default."""
    return bool(args.config or args.sets or args.url)


def client_of(args: argparse.Namespace) -> Client:
    """A client of the collector that the options name. Raises ConfigError, TokensUnusable."""
    from ..control.client import Client

    there = collector_named(args)
    url = args.url or there.url  # first: without a control API there is no token either
    try:
        token = there.token() if args.token_file is None else token_in(args.token_file)
        return Client(url, token)
    except ValueError as error:
        raise ConfigError([Problem("", str(error), "--url")]) from None
    except FileNotFoundError as error:
        which = "" if named_one(args) else "Name the collector's configuration with -c. "
        raise TokensUnusable(
            f"no token: {error.filename} is not there. {which}Run this where the collector runs, "
            "or name a file with --token-file"
        ) from None
    except PermissionError as error:
        raise TokensUnusable(
            f"{error.filename} is not yours to read: name a file of your own with --token-file"
        ) from None
    except OSError as error:
        raise TokensUnusable(f"no token: {error.filename}: {error.strerror}") from None


def out_answer(answer: msgspec.Struct) -> None:
    """Print what a collector answered, for scripts."""
    from msgspec import json

    out(json.format(json.encode(answer)).decode())


def telling(command: str) -> Callable[[Run], Run]:
    """Makes a command tell what keeps the collector from doing it: exit code 1, 2 for mistakes."""

    def decorate(run: Run) -> Run:
        @wraps(run)
        def told(args: argparse.Namespace) -> int:
            from ..control.client import Denied, NoAnswer

            try:
                return run(args)
            except TokensUnusable as error:
                err(f"errlock {command}: {error}")
                return 2
            except NoAnswer as error:
                err(f"errlock {command}: the collector at {error.at} does not answer: {error}")
                if not args.url:
                    err("errlock distrust and errlock hold are obeyed without it")
                return 1
            except Denied as error:
                err(f"errlock {command}: {error}")
                return 2 if error.status in _MISTAKES else 1

        return told

    return decorate
