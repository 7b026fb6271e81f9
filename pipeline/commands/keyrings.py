"""`errlock key rotate`, `destroy` and `list`: the epochs of a keyring."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.os_account import account
from ..registry import nearest
from ..terminal import err, out, table
from .keyring_obeyed import obeyed
from .options import Commands, add_command, add_json_option, point_in_time
from .talking import add_collector_options, add_why_option
from .trust import confirmed

if TYPE_CHECKING:
    from ...policy.keyring.epochs import Epochs

_SHARED = "(shared)"  # the key of `scope: shared`, and of a library that names no destination


def register(actions: Commands) -> None:
    """Add the three actions of `errlock key`."""
    rotate = _add(
        actions, "rotate", "begin a new epoch of pseudonyms",
        "From now on everybody has a new pseudonym. Those of the epochs before can still be made,\n"
        "for `errlock pseudonym`, until `errlock key destroy`. Needs no key. Whatever runs with\n"
        "the keyring goes over within a second; with -c, it is told whether the collector has.",
        "  errlock key rotate --keyring errlock.keyring --why 'every quarter'\n"
        "  errlock key rotate --keyring errlock.keyring --destination sentry",
    )  # fmt: skip
    _add_destination_option(rotate, "only for this exporter")
    add_why_option(rotate)
    add_collector_options(rotate)
    rotate.set_defaults(run=run_rotate, action="rotate")
    destroy = _add(
        actions, "destroy", "make pseudonyms unlinkable, for good",
        "Overwrites keys: of one destination (what it holds can no more be brought back to\n"
        "people, what the others hold can) or of all; of one epoch, of those that ended before a\n"
        "time, or of all. You are told what becomes impossible and asked to confirm it. Where\n"
        "pseudonyms were made with such a key until now, a new epoch begins. Needs no key.\n"
        "Whatever runs with the keyring obeys within a second; with -c, it is told whether the\n"
        "collector does, and has it in its journal.\n\n"
        "A copy of the keyring file undoes it: a backup, a snapshot, an image of the disk.\n"
        "Destroy those too, or the key that wraps them all (the option `key` of hash). Without a\n"
        "keyring (epoch e0) there is only that key: destroy it where it is kept.",
        "  errlock key destroy --keyring errlock.keyring --destination sentry -c errlock.yaml\n"
        "  errlock key destroy --keyring errlock.keyring --epoch e1\n"
        "  errlock key destroy --keyring errlock.keyring --before 180d --yes",
    )  # fmt: skip
    which = destroy.add_mutually_exclusive_group()
    which.add_argument("--epoch", metavar="NAME", help="only this epoch: e1")
    which.add_argument(
        "--before", metavar="TIME", type=point_in_time,
        help="only epochs that ended before: 2026-11-26T12:00Z, or 180d for that long ago",
    )  # fmt: skip
    _add_destination_option(destroy, "only the keys of this exporter")
    destroy.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    add_why_option(destroy)
    add_collector_options(destroy)
    destroy.set_defaults(run=run_destroy, action="destroy")
    list_ = _add(
        actions, "list", "show the epochs of a keyring, and which keys are left",
        "When each began, which destinations have a key of it, which were destroyed, when and by\n"
        "whom. Never a key. Needs none.",
        "  errlock key list --keyring errlock.keyring\n"
        "  errlock key list --keyring errlock.keyring --json",
    )  # fmt: skip
    add_json_option(list_)
    list_.set_defaults(run=run_list)


def _add(
    actions: Commands, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    parser = add_command(actions, name, summary, description, examples)
    parser.add_argument(
        "--keyring", metavar="FILE", type=Path, required=True, help="the file, as hash.keyring says"
    )
    return parser


def _add_destination_option(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--destination", metavar="ID", help=f"{what}; '' for what all share (scope: shared)"
    )


Run = Callable[[argparse.Namespace], int]


def _telling(run: Run) -> Run:
    """Makes a command tell what is wrong with the keyring: exit code 2."""

    @wraps(run)
    def told(args: argparse.Namespace) -> int:
        from ...policy.keyring.pseudonyms import KeyringError

        try:
            return run(args)
        except KeyringError as wrong:
            err(f"{args.keyring}: {wrong}")
            return 2

    return told


@_telling
def run_rotate(args: argparse.Namespace) -> int:
    """Run `errlock key rotate`."""
    from ...policy.keyring.epochs import Said
    from ...policy.keyring.file import KeyringFile

    def apply(epochs: Epochs) -> Epochs:
        _check_destination(epochs, args.destination)
        return epochs.begun(args.destination, Said(account(), args.why))

    epochs = KeyringFile(args.keyring).change(apply).epochs
    out(f"{epochs.history[-1].epoch} begins{_for(args.destination)}")
    return obeyed(args, epochs)


@_telling
def run_destroy(args: argparse.Namespace) -> int:
    """Run `errlock key destroy`. Exit code 1 when nothing was destroyed."""
    from ...policy.keyring.epochs import Said
    from ...policy.keyring.file import KeyringFile

    file, destination = KeyringFile(args.keyring), args.destination
    before = file.read().epochs
    _check_destination(before, destination)
    names = _chosen(before, args)
    if not names:
        err("errlock key destroy: no key is left of those")
        return 1
    if not args.yes:
        for line in _consequences(names, destination):
            err(line)
        what = destination or (names[0] if args.epoch else "all")
        if not confirmed(what, "to destroy them"):
            err("errlock key destroy: nothing was destroyed")
            return 1
    said = Said(account(), args.why)

    def apply(epochs: Epochs) -> Epochs:
        for name in names:
            epochs = epochs.destroyed(name, destination, said)
        return epochs

    after = file.change(apply).epochs
    for event in after.history[len(before.history) :]:
        did = "destroyed" if event.did == "destroyed" else "begins"
        out(f"{event.epoch} {did}{_for(event.destination)}")
    err("no copy of the keyring file may be left: a backup would undo this")
    return obeyed(args, after)


def _check_destination(epochs: Epochs, destination: str | None) -> None:
    """Raises KeyringError for a name that the keyring does not know: it may be misspelt."""
    from ...policy.keyring.pseudonyms import KeyringError

    known = epochs.destinations()
    if destination is not None and destination not in known:
        near = nearest(destination, known) or "."
        names = ", ".join(map(shown, known)) or "none"
        raise KeyringError(f"has no key of {destination!r}{near} Known: {names}")


def _chosen(epochs: Epochs, args: argparse.Namespace) -> list[str]:
    """The epochs of which there is something to destroy; the one that was named in any case."""
    if args.epoch is not None:
        return [args.epoch]
    names = [event.epoch for event in epochs.history if event.did == "made"]
    if args.before is not None:
        moment = datetime.fromtimestamp(args.before, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        names = [name for name in names if (epochs.ended(name, args.destination) or "~") <= moment]
    if args.destination is not None:
        return [name for name in names if args.destination in epochs.keys.get(name, {})]
    return [name for name in names if epochs.destruction(name, None) is None]


def _consequences(names: list[str], destination: str | None) -> list[str]:
    whose = "every destination" if destination is None else destination or _SHARED
    return [
        f"This destroys for good the keys of {', '.join(names)} for {whose}. Then",
        "- nobody can tell any more whose the pseudonyms of these epochs are that it has;",
        "- `errlock pseudonym` cannot find a person there any more, for access or erasure;",
        "- nobody in them can be recognised in what comes after them.",
        "A copy of the keyring file undoes it: a backup, a snapshot. Destroy those as well.",
    ]


@_telling
def run_list(args: argparse.Namespace) -> int:
    """Run `errlock key list`."""
    from ...policy.keyring.file import KeyringFile

    epochs = KeyringFile(args.keyring).read().epochs
    if args.json:
        out(json.dumps({"keyring": epochs.id, "epochs": _as_json(epochs)}, indent=2))
        return 0
    out(f"keyring {epochs.id}")
    for line in table([("epoch", "began", "by", "destination", "key"), *_rows(epochs)]):
        out(line)
    return 0


def _as_json(epochs: Epochs) -> list[dict[str, object]]:
    return [
        {
            "epoch": made.epoch,
            "destination": made.destination,
            "made": made.time,
            "ended": epochs.ended(made.epoch, made.destination),
            "by": made.by,
            "why": made.why,
            "keys": sorted(epochs.keys.get(made.epoch, {})),
            "destroyed": [
                {"destination": each.destination, "time": each.time, "by": each.by, "why": each.why}
                for each in epochs.history
                if each.did == "destroyed" and each.epoch == made.epoch
            ],
        }
        for made in epochs.history
        if made.did == "made"
    ]


def _rows(epochs: Epochs) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for made in epochs.history:
        if made.did != "made":
            continue
        lines = [
            (shown(each.destination), destroyed(each.time, each.by, each.why))
            for each in epochs.history
            if each.did == "destroyed" and each.epoch == made.epoch
        ]
        lines += [(shown(each), "is there") for each in sorted(epochs.keys.get(made.epoch, {}))]
        for destination, key in lines or [(shown(made.destination), "none was needed yet")]:
            rows.append((made.epoch, made.time, made.by, destination, key))
    return rows


def destroyed(time: str, by: str, why: str) -> str:
    """What became of a key."""
    return f"destroyed {time} by {by}" + (f": {why}" if why else "")


def _for(destination: str | None) -> str:
    return "" if destination is None else f" for {shown(destination)}"


def shown(destination: str | None) -> str:
    """A destination, or what stands for all of them."""
    return "every one" if destination is None else destination or _SHARED
