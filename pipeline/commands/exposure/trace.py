"""`errlock exposure trace`: whose decoy this is, and of which week."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...terminal import err, out, read_stdin
from ..options import Commands, add_command, add_config_options, add_json_option, read_config

if TYPE_CHECKING:
    from ....ledger.journal.entries import Entry
    from ...config import Config

_MOST = 1 << 20  # bytes that are read
_WORDS = re.compile(r"[^\s\"'`<>,;]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a decoy was planted."""

    destination: str
    week: str | None  # None: the journal does not say, and others took their turns with it
    planted: str | None  # since when, as the journal has it; None: it does not have it


def register(actions: Commands) -> None:
    """Add the action."""
    trace = add_command(
        actions, "trace", "say which backend a decoy was planted with, and in which week",
        "Reads the token, or a text with it, from stdin, so that a real secret would not stay in\n"
        "the shell's history; TOKEN is for what is known to be a decoy. It knows the decoys that\n"
        "`tripwire` makes of its keys, those of your own, and all that the journal says were\n"
        "planted. Nothing tells that somebody uses one: this answers when one is brought.\n\n"
        "Exit code 1: it is one of ours; 0: it is not; 2: usage, or a damaged journal.",
        "  errlock exposure trace -c errlock.yaml < found.txt\n"
        "  errlock exposure trace --journal journal errlock_deploy_…",
    )  # fmt: skip
    add_config_options(trace)
    trace.add_argument(
        "--journal", type=Path, metavar="FILE", help="default: the one in service.storage"
    )
    trace.add_argument("token", nargs="?", metavar="TOKEN", help="default: text on stdin")
    add_json_option(trace)
    trace.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure trace`. Raises ConfigError, OSError."""
    from ....ledger.journal.journal import read

    text = args.token
    if text is None:
        data = read_stdin(_MOST + 1)
        if len(data) > _MOST:
            err(f"errlock exposure trace: expected at most {_MOST} bytes on stdin")
            return 2
        text = data.decode("utf-8", "replace")
    if not text.strip():
        err("errlock exposure trace: expected a token, or a text with one, on stdin")
        return 2
    config = read_config(args)
    journal = args.journal
    if journal is None and config.service.folder is not None:
        journal = config.service.folder / "journal"
    there = journal is not None and (args.journal is not None or journal.exists())
    planted, whole = _planted(read(journal), text) if there else ([], True)
    found = _joined(planted, _made(config, text))
    if args.json:
        told = {"origins": [asdict(origin) for origin in found], "journal": there}
        out(json.dumps(told, indent=2))
    else:
        for line in _lines(found, there=there):
            out(line)
    if not whole:
        err("the journal is damaged: what stands behind the damage is not looked at")
    return 1 if found else 0 if whole else 2


def _planted(entries: Iterable[Entry], text: str) -> tuple[list[Origin], bool]:
    """What the journal says was planted of what stands in a text, and whether all was read."""
    from ....ledger.journal.entries import BrokenEntry
    from ....policy.keyring.decoys import digest, made_tokens, telling

    words = telling({text.strip(), *_WORDS.findall(text), *made_tokens(text)})
    digests = {digest(word) for word in words}
    found = []
    try:
        for entry in entries:
            if entry.kind == "decoy" and not digests.isdisjoint(entry.body.get("digests", ())):
                body = entry.body
                found.append(Origin(str(body["destination"]), str(body["week"]), entry.time))
    except BrokenEntry:
        return found, False
    return found, True


def _made(config: Config, text: str) -> Iterator[Origin]:
    """What the configuration says of it."""
    from ....policy.keyring.decoys import week_name, week_of
    from ....processors.tripwire import Tripwire

    for options in config.processors.values():
        if isinstance(options, Tripwire):
            decoys = options.material(tuple(config.exporters))
            for who, week in decoys.origins(text, week_of(time.time())):
                yield Origin(who, None if week is None else week_name(week), None)


def _joined(planted: Iterable[Origin], made: Iterable[Origin]) -> list[Origin]:
    """Each destination and week once, with its first planting if there is any."""
    found: dict[tuple[str, str | None], Origin] = {}
    for origin in planted:
        found.setdefault((origin.destination, origin.week), origin)
    known = {destination for destination, _ in found}
    for origin in made:
        if origin.week is not None or origin.destination not in known:
            found.setdefault((origin.destination, origin.week), origin)
    return sorted(found.values(), key=lambda each: (each.destination, each.week or ""))


def _lines(found: Iterable[Origin], *, there: bool) -> Iterator[str]:
    none = True
    for each in found:
        none = False
        when = f"in week {each.week}" if each.week else "in a week that nobody noted"
        yield f"planted with {each.destination} {when}"
        if each.planted is not None:
            yield f"  the journal says: since {each.planted}"
        elif there:
            yield "  the journal does not say that it was planted"
        else:
            yield "  there is no journal to say whether it was planted"
    if none:
        yield "not a decoy that is known here"
