"""`errlock hold`, `distrust`, `resume` and `trust`: what may be sent to whom."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..control.tokens import TokensUnusable, token_in
from ..errors import ConfigError
from ..terminal import err, escape, out
from .options import Commands, add_command, add_json_option, as_text
from .talking import (
    add_collector_options,
    add_why_option,
    client_of,
    collector_named,
    named_one,
    out_answer,
    telling,
)

if TYPE_CHECKING:
    from ...delivery.trust.states import Trusts
    from ..control.client import Client
    from ..control.messages import TrustChanged, TrustOrder

_PATIENCE = 1.0  # seconds that a collector has for a word that must not wait
# Those who follow ask every second.
_FOLLOWED_WITHIN, _LOOK_EVERY = 5.0, 0.2
_SHOWN = 10  # names of those who do not
_STATES: dict[str, Literal["held", "distrusted"]] = {"hold": "held", "distrust": "distrusted"}


def register(commands: Commands) -> None:
    """Add the four commands."""
    distrust = _add(
        commands, "distrust", "send an exporter nothing more, at once",
        "Cuts off what is under way; a standby takes over. What comes in waits, and nothing but\n"
        "`errlock trust` ends it. A collector that does not answer within a second is told by way\n"
        "of its trust file, one that is down obeys when it starts.",
        "  errlock distrust sentry -c errlock.yaml --why 'breach at the vendor'\n"
        "  errlock distrust sentry.io -c errlock.yaml     every exporter that sends there",
    )  # fmt: skip
    distrust.set_defaults(run=run_distrust)
    hold = _add(
        commands, "hold", "keep what an exporter would get, until `errlock resume`",
        "What is under way is finished. Works with the collector down, as distrust does.",
        "  errlock hold sentry -c errlock.yaml --why 'they rotate keys'",
    )  # fmt: skip
    hold.set_defaults(run=run_hold)
    resume = _add(
        commands, "resume", "send what was held", "", "  errlock resume sentry -c errlock.yaml"
    )
    resume.set_defaults(run=run_resume)
    trust = _add(
        commands, "trust", "trust an exporter again that was distrusted",
        "Sends what waits, and what comes in. You are asked to type its name.",
        "  errlock trust sentry -c errlock.yaml --why 'keys rotated, report read'",
    )  # fmt: skip
    trust.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    trust.add_argument(
        "--second-token-file", metavar="FILE", type=Path,
        help="a second person's token, where service.control.second_person asks for one",
    )  # fmt: skip
    trust.set_defaults(run=run_trust)


def _add(
    commands: Commands, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    parser = add_command(commands, name, summary, description, examples)
    parser.add_argument(
        "names", nargs="+", metavar="NAME", type=as_text,
        help="an exporter's id, or an operator as in status",
    )  # fmt: skip
    add_why_option(parser)
    add_collector_options(parser)
    add_json_option(parser)
    return parser


@telling("distrust")
def run_distrust(args: argparse.Namespace) -> int:
    """Run `errlock distrust`."""
    return _tighten(args, "distrust")


@telling("hold")
def run_hold(args: argparse.Namespace) -> int:
    """Run `errlock hold`."""
    return _tighten(args, "hold")


@telling("resume")
def run_resume(args: argparse.Namespace) -> int:
    """Run `errlock resume`."""
    from ..control.messages import TrustChanged

    client = client_of(args)
    return _opened(args, client.ask("/v1/resume", TrustChanged, _order(args)))


@telling("trust")
def run_trust(args: argparse.Namespace) -> int:
    """Run `errlock trust`."""
    from ..control.messages import TrustChanged

    client = client_of(args)
    second = None if args.second_token_file is None else token_in(args.second_token_file)
    if not args.yes and not all(confirmed(name, f"to trust {name} again") for name in args.names):
        err("errlock trust: nothing changed")
        return 1
    return _opened(args, client.ask("/v1/trust", TrustChanged, _order(args), second=second))


def confirmed(name: str, what: str) -> bool:
    """Whether somebody types a name, which tells that they mean it."""
    sys.stderr.write(escape(f"Type {name} {what}: "))
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip() == name
    except UnicodeDecodeError:
        return False


def _tighten(args: argparse.Namespace, command: str) -> int:
    from ..control.client import NoAnswer
    from ..control.messages import TrustChanged

    try:
        client: Client = client_of(args)
        changed = client.ask(f"/v1/{command}", TrustChanged, _order(args), timeout=_PATIENCE)
    except (NoAnswer, TokensUnusable, ConfigError) as failure:
        if args.url and not args.config:  # whose storage nobody named
            raise
        return _without_collector(args, command, failure)
    code = _told(args, changed)
    _tell_of_others(client, changed)
    if changed.fleet_version is None:
        return code
    return code if followed(client, changed.fleet_version) else 1


def _tell_of_others(client: Client, changed: TrustChanged) -> None:
    """Say which exporters that nobody named go on sending to the same operators."""
    from ..control.client import NoAnswer
    from ..control.status import Status

    try:
        there = client.ask("/v1/status", Status, timeout=_PATIENCE).destinations
    except NoAnswer:  # the word has been taken all the same
        return
    named = {each.id for each in changed.destinations}
    operators = {each for one in there if one.id in named for each in one.operators}
    for each in there:
        same = ", ".join(operators.intersection(each.operators))
        expected = each.id in named or each.standby_for in named
        if same and not expected and each.trust.state == "trusted":
            err(f"{each.id} sends to {same} as well, and is trusted")


def _without_collector(args: argparse.Namespace, command: str, failure: Exception) -> int:
    """Write the word where the collector finds it."""
    from ..control.client import NoAnswer
    from ..control.offline import tighten

    there = collector_named(args)
    try:
        told = tighten(there, args.names, _STATES[command], args.why, args.token_file)
    except ConfigError as wrong:
        for problem in wrong.problems:
            err(f"errlock {command}: {problem}")
        if not named_one(args):
            err("no configuration was named: name the collector's with -c")
        return 2
    if isinstance(failure, ConfigError):
        for problem in failure.problems:
            err(f"errlock {command}: no collector was asked: {problem}")
    else:
        at = failure.at if isinstance(failure, NoAnswer) else args.url or there.url
        err(f"errlock {command}: the collector at {at} was not told: {failure}")
    if told.failed:
        why = _why_not_written(told.file.parent, told.failed)
        err(f"errlock {command}: nor could {told.file} be written: {why}")
        err(f"nobody was told: what sends to {', '.join(args.names)} goes on")
        return 1
    code = _told(args, _as_answered(args.names, told.said))
    for name in told.strange:
        err(
            f"errlock {command}: {name!r} stops nobody: no exporter of the collector that ran "
            f"there last has that operator. Known: {', '.join(told.operators)}"
        )
        code = 1
    if told.in_use:
        err(f"written into {told.file}: the collector that runs there obeys within a second")
        return code
    err(f"written into {told.file}: none runs there, but one that starts there obeys")
    # One that is down obeys later. Else it may be another folder than the one of who still sends.
    return code if isinstance(failure, NoAnswer) and failure.is_down else 1


def _why_not_written(folder: Path, kind: str) -> str:
    """And what to do about it, if that is known."""
    from ..host.os_account import owner

    if kind == "missing" and not folder.is_dir():
        return (
            f"there is no {folder.absolute()}. Run this in the folder in which the collector was "
            "started, or name its storage with --set service.storage=FOLDER"
        )
    if kind == "permissions":
        return (
            f"{folder} belongs to {owner(folder)}: run this as that user, or name your --token-file"
        )
    return kind


def _as_answered(names: Sequence[str], said: Trusts) -> TrustChanged:
    """What the file says, as a collector would answer, but by the names that were given."""
    from ..control.messages import TrustChanged, TrustOf
    from ..control.status import TrustSaid

    words = [(name, said.about(name)) for name in names]
    found = [
        TrustOf(
            id=name,
            trust=TrustSaid(state=w.state, by=w.by, why=w.why, since=w.since, about=name),
        )
        for name, w in words
    ]
    return TrustChanged(destinations=found, not_written=None)


def followed(client: Client, version: int) -> bool:
    """Whether everybody who follows obeys within some seconds; says who does not."""
    from ..control.status import Status

    deadline = time.monotonic() + _FOLLOWED_WITHIN
    while True:
        fleet = client.ask("/v1/status", Status, timeout=_PATIENCE).fleet
        followers = [] if fleet is None else fleet.followers
        late = [each.name for each in followers if each.version < version]
        if not late or time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_EVERY)
    err(f"applied by {len(followers) - len(late)} of {len(followers)} who follow")
    if late:
        err(f"not by: {', '.join(late[:_SHOWN])}{', …' if len(late) > _SHOWN else ''}")
    return not late


def _opened(args: argparse.Namespace, changed: TrustChanged) -> int:
    if changed.fleet_version is not None:
        err("those who follow go on as before until a release is published: errlock control sign")
    code = _told(args, changed)
    for each in changed.destinations:
        if (trust := each.trust).state != "trusted":
            by, why = (f" by {trust.by}" if trust.by else "", f": {trust.why}" if trust.why else "")
            of = trust.about or "it or its operator"
            err(f"{each.id} stays {trust.state}{by}, as was said of {of}{why}")
            code = 1
    return code


def _order(args: argparse.Namespace) -> TrustOrder:
    from ..control.messages import TrustOrder

    return TrustOrder(names=args.names, why=args.why)


def _told(args: argparse.Namespace, changed: TrustChanged) -> int:
    """Show what counts now. Exit code 1 when it may not last."""
    if args.json:
        out_answer(changed)
    else:
        for each in changed.destinations:
            out(f"{each.id}: {each.trust.state}")
    if changed.not_written == "journal":
        err("it is in force, but the journal could not be written: a gap will stand there for it")
        return 1
    if changed.not_written == "hangs":
        err(
            "it is in force, and is being written down: the disk has not answered yet. "
            "`errlock status` says so if it cannot be"
        )
        return 1
    if changed.not_written is not None:
        err(
            f"it is in force, but could not be written down ({changed.not_written}): "
            "only until the collector ends"
        )
        return 1
    return 0
