"""`errlock control`: the keys and documents with which a fleet is shut and opened again."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ...delivery.following.document import (
    MAX_LIFETIME,
    Bundle,
    Online,
    Opened,
    P,
    Refused,
    Release,
    Signed,
    Tight,
    open_online,
    open_release,
    read_part,
)
from ...delivery.following.keys import PublicKey, Role, SigningKey, write_signing_key
from ...delivery.following.writing import write_online, write_release
from ..errors import ConfigError, Problem
from ..fleet.files import document_at, explained, public_key, signed_in, signing_key
from ..host.private_files import open_to_all
from ..options import Duration
from ..terminal import err, out
from .options import Commands, add_command, add_json_option
from .talking import telling

_PATIENCE = 10.0  # seconds
_ABOUT = """\
The online key is the collector's (service.publish.signing_key): it can only tighten. The release
key is kept away from collectors: only it lets those who follow trust a destination again. Those
who follow have the public halves of both."""


def register(commands: Commands) -> None:
    """Add the command and its sub-commands."""
    parser = add_command(
        commands, "control", "keys and documents that shut a fleet, and open it again", _ABOUT
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_key(actions)
    _register_sign(actions)
    _register_show(actions)
    _register_publish(actions)


def _register_key(actions: Commands) -> None:
    key = add_command(
        actions, "key", "make a key: its file signs, its public half is printed", "",
        "  errlock control key online /run/secrets/errlock-online\n"
        "  errlock control key release ~/errlock-release",
    )  # fmt: skip
    key.add_argument("role", choices=("online", "release"))
    key.add_argument("file", metavar="FILE", type=Path)
    key.set_defaults(run=run_key)


def _register_sign(actions: Commands) -> None:
    sign = add_command(
        actions, "sign", "sign a release, or a document for a fleet without a collector",
        "With --release-key: a release that lifts every word said up to now about some names, to\n"
        "be handed to `errlock control publish`. With --online-key: a whole document, to be put\n"
        "where those who follow find it. --from goes on from the document there is.",
        "  errlock control sign --release-key ~/errlock-release --lift sentry \\\n"
        "    --from http://collector:13135/control > release.json\n"
        "  errlock control sign --online-key online.key --distrust sentry > control.json",
    )  # fmt: skip
    which = sign.add_mutually_exclusive_group(required=True)
    which.add_argument("--release-key", metavar="FILE", type=Path)
    which.add_argument("--online-key", metavar="FILE", type=Path)
    sign.add_argument("--audience", metavar="NAME", default="errlock", help="the fleet it is for")
    sign.add_argument("--from", dest="source", metavar="URL|FILE", help="go on from this document")
    sign.add_argument("--valid", metavar="TIME", default="7d", help="for how long; default: 7d")
    for option, help_ in (
        ("--lift", "a release: an exporter's id or an operator to be trusted again"),
        ("--hold", "a document: one to be held"),
        ("--distrust", "a document: one to be distrusted"),
        ("--active", "a document: `sentry=sentry/standby`, which standby takes over from which"),
    ):
        sign.add_argument(option, metavar="NAME", action="append", default=[], help=help_)
    sign.add_argument(
        "--release", metavar="FILE", type=Path, help="a document: a release to put beside it"
    )
    sign.set_defaults(run=run_sign)


def _register_show(actions: Commands) -> None:
    show = add_command(
        actions, "show", "show what a control document says, and whether it can be believed", "",
        "  errlock control show http://collector:13135/control --key online:...",
    )  # fmt: skip
    show.add_argument("source", metavar="URL|FILE")
    show.add_argument(
        "--key", metavar="KEY", action="append", default=[], dest="keys",
        help="a public key to check signatures with; repeatable",
    )  # fmt: skip
    add_json_option(show)
    show.set_defaults(run=run_show)


def _register_publish(actions: Commands) -> None:
    publish = add_command(
        actions, "publish", "hand a release to a collector, which lifts it and tells its fleet",
        "It needs no token: the release key has spoken.",
        "  errlock control publish release.json --url http://collector:13135/control",
    )  # fmt: skip
    publish.add_argument("file", metavar="FILE", type=Path)
    publish.add_argument("--url", metavar="URL", default="http://localhost:13135/control")
    publish.set_defaults(run=run_publish)


def run_key(args: argparse.Namespace) -> int:
    """Run `errlock control key`."""
    key = SigningKey.new(args.role)
    write_signing_key(args.file, key)
    out(str(key.public))
    err(f"wrote {args.file}")
    return 0


def run_sign(args: argparse.Namespace) -> int:
    """Run `errlock control sign`."""
    for_document = (args.hold, args.distrust, args.active, args.release)
    if args.release_key is not None and (not args.lift or any(for_document)):
        err("errlock control sign: a release has --lift, and nothing else")
        return 2
    if args.online_key is not None and args.lift:
        err("errlock control sign: only the release key lifts")
        return 2
    out(_release(args) if args.release_key is not None else _document(args))
    return 0


def _release(args: argparse.Namespace) -> str:
    before = document_at(args.source, "--from") if args.source else None
    with explained("--from"):
        signed = write_release(
            _key(args.release_key, "release"), args.audience, args.lift, before,
            now=time.time(), lifetime=_lifetime(args),
        )  # fmt: skip
        said = {} if before is None else read_part(before.online, Online).trust
    for name in args.lift:
        known = f"{said[name].state} since {_when(said[name].since)}" if name in said else "nothing"
        err(f"lifts what was said about {name}: {known}")
    return msgspec.json.encode(signed).decode()


def _key(path: Path, role: Role) -> SigningKey:
    """The key in a file; says so when everybody can read it. Raises ConfigError, OSError."""
    key = signing_key(path, role)
    if (warning := open_to_all(path)) is not None:
        err(f"warning: {warning}")
    return key


def _document(args: argparse.Namespace) -> str:
    before = document_at(args.source, "--from") if args.source else None
    words: dict[str, Tight] = {
        **dict.fromkeys(args.hold, "held"), **dict.fromkeys(args.distrust, "distrusted")
    }  # fmt: skip
    active = dict(each.split("=", 1) for each in args.active if "=" in each)
    if len(active) != len(args.active):
        raise ConfigError([Problem("--active", "expected NAME=NAME, each name once")])
    with explained("--from"):
        online = write_online(
            _key(args.online_key, "online"), args.audience, words, active, before,
            now=time.time(), lifetime=_lifetime(args),
        )  # fmt: skip
    earlier = None if before is None else before.release
    release = earlier if args.release is None else signed_in(args.release)
    return Bundle(online=online, release=release).encode().decode()


def run_show(args: argparse.Namespace) -> int:
    """Run `errlock control show`. Exit code 1 when a part cannot be believed."""
    keys = [public_key(key) for key in args.keys]
    bundle = document_at(args.source, "SOURCE")
    parts = {"online": _told(bundle.online, Online, keys, open_online)}
    if bundle.release is not None:
        parts["release"] = _told(bundle.release, Release, keys, open_release)
    if args.json:
        out(json.dumps(parts, indent=2))
    else:
        for name, part in parts.items():
            out("\n".join(_lines(name, part)))
    return 1 if any(part["trouble"] for part in parts.values()) else 0


def _told(
    signed: Signed,
    shape: type[P],
    keys: Sequence[PublicKey],
    opening: Callable[[Signed, Sequence[PublicKey], str, float], Opened[P]],
) -> dict[str, Any]:
    """What a part says, and what is wrong with it: `trouble`, as followers call it."""
    now = time.time()
    told: dict[str, Any] = {"trouble": None, "checked": bool(keys)}
    try:
        part = read_part(signed, shape)
        told |= msgspec.to_builtins(part)
        if keys:
            opening(signed, keys, part.audience, now)
        elif part.expires <= now:
            told["trouble"] = "expired"
    except Refused as refused:
        told["trouble"] = refused.reason
    return told


def _lines(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    trouble = part["trouble"]
    if "version" not in part:
        yield f"{name}: {trouble}"
        return
    verdict = trouble or ("good" if part["checked"] else "signature not checked: no --key")
    yield f"{name}: {verdict}"
    yield f"  for {part['audience']}, version {part['version']}"
    yield f"  issued {_when(part['issued'])}, expires {_when(part['expires'])}"
    for destination, word in part.get("trust", {}).items():
        yield f"  {destination}: {word['state']} since {_when(word['since'])}"
    for destination, standby in part.get("active", {}).items():
        yield f"  {destination}: {standby} takes over"
    for destination, moment in part.get("lifted", {}).items():
        yield f"  {destination}: words up to {_when(moment)} are lifted"


@telling("control publish")
def run_publish(args: argparse.Namespace) -> int:
    """Run `errlock control publish`. Exit code 1 when the collector refuses it."""
    from ..control.client import NoAnswer, Peer

    body = msgspec.json.encode(signed_in(args.file))
    try:
        peer = Peer(args.url)
    except ValueError as error:
        raise ConfigError([Problem("--url", str(error))]) from None
    headers = {"Content-Type": "application/json"}
    status, answer = peer.exchange("POST", peer.path or "/", body, headers, _PATIENCE)
    kind = _kind(answer)
    if status == 200 and kind != "published":
        raise NoAnswer(peer.at, f"what answered (HTTP {status}) publishes no control document")
    if status != 200:
        err(f"errlock control publish: refused: {kind or f'HTTP {status}'}")
        return 1
    out("published")
    return 0


def _kind(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["kind"])
    except (ValueError, KeyError, TypeError):
        return ""


def _lifetime(args: argparse.Namespace) -> float:
    try:
        lifetime = Duration(args.valid)
    except ValueError as error:
        raise ConfigError([Problem("--valid", str(error))]) from None
    if not 0 < lifetime <= MAX_LIFETIME:
        raise ConfigError([Problem("--valid", f"expected at most {MAX_LIFETIME / 86400:.0f}d")])
    return lifetime


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
