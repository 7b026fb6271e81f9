"""`errlock pseudonym`: what stands for a person at each destination."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.os_account import account
from ..registry import nearest
from ..terminal import err, out, table
from .journaling import journaled
from .keyrings import destroyed, shown
from .options import Commands, add_command, add_config_options, add_json_option, read_config

if TYPE_CHECKING:
    from ..pseudonyms import Answer

_LONGEST = 4096  # characters
_CLASS = re.compile(r"[a-z0-9_.]+")


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "pseudonym", "what stands for a person at each destination",
        "For a request for access or erasure: reads one value from stdin and tells its pseudonyms\n"
        "at every destination, in every epoch whose key is left. Search the backend for them. The\n"
        "value is shown and kept nowhere. Which keys were destroyed is told: of their epochs\n"
        "nobody can say anything any more. The journal has who asked and when, for which class.\n\n"
        "Exit code 0: there are pseudonyms; 1: every key was destroyed; 2: a mistake.",
        "  errlock pseudonym pii.email -c errlock.yaml        asks for the value\n"
        "  errlock pseudonym pii.user_id -c errlock.yaml --json < value",
    )  # fmt: skip
    parser.add_argument("class_", metavar="CLASS", help="what the value is: pii.email, or email")
    add_config_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command. Raises ConfigError."""
    from ...policy.keyring.pseudonyms import KeyringError
    from ..pseudonyms import pseudonyms_of

    class_ = _class(args.class_)
    if class_ is None:
        return 2
    config = read_config(args)
    value = _value()
    if value is None:
        return 2
    try:
        answer = pseudonyms_of(config, class_, value)
    except KeyringError as wrong:
        err(f"errlock pseudonym: {wrong}")
        return 2
    if config.service.folder is not None:
        _note(config.service.folder, class_, len(answer.found))
    _tell(answer, class_, as_json=args.json)
    return 0 if answer.found else 1


def _class(name: str) -> str | None:
    """The class of that name or label; None after saying that there is none."""
    from ...policy.classes import CLASSES, is_class
    from ...policy.placeholders import labels

    class_ = labels().get(name, name)
    if is_class(class_):
        return class_
    if not _CLASS.fullmatch(name):  # the value itself, perhaps
        err("errlock pseudonym: expected a class such as pii.email; the value goes to stdin")
        return None
    near = nearest(name, [*labels(), *CLASSES])
    err(f"errlock pseudonym: unknown class {name!r}{near}")
    return None


def _value() -> str | None:
    """The one line of stdin, without an echo on a terminal; None after saying what is wrong."""
    try:
        text = getpass.getpass("value: ") if sys.stdin.isatty() else sys.stdin.read(_LONGEST + 1)
    except UnicodeDecodeError:
        err("errlock pseudonym: the value is not UTF-8")
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1 or len(text) > _LONGEST:
        err("errlock pseudonym: expected one value, on one line of stdin")
        return None
    return lines[0]


def _note(folder: Path, class_: str, found: int) -> None:
    """Leave word for the journal, before anything is shown."""
    from ...ledger.journal.entries import now
    from ...ledger.search.searches import LookUp

    journaled(folder, LookUp(by=account(), time=now(), class_=class_, pseudonyms=found))


def _tell(answer: Answer, class_: str, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        told = [msgspec.to_builtins(event) for event in answer.destroyed]
        found = [asdict(each) for each in answer.found]
        out(json.dumps({"class": class_, "pseudonyms": found, "destroyed": told}, indent=2))
        return
    rows: list[tuple[str, ...]] = [
        (shown(each.destination), each.epoch, each.since or "", each.until or "", each.text)
        for each in answer.found
    ]
    for line in table([("destination", "epoch", "since", "until", "pseudonym"), *rows]):
        out(line)
    for event in answer.destroyed:
        what = destroyed(event.time, event.by, event.why)
        err(f"{event.epoch}, {shown(event.destination)}: {what}")
