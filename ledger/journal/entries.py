"""The form of the journal: lines that name the hash of the line before them, and heads.

A line is one JSON object in one canonical way to write it (no spaces, keys of `body` sorted) and
ends in a line feed, which JSON escapes everywhere else:

    {"number":2,"time":"…Z","kind":"trust","body":{…},"previous":"…","signature":"…","hash":"…"}

`hash` is SHA-256 over all that stands before it in the line, `previous` the hash of the line
before (zeros for the first), `signature` that of the head before. So whoever trusts one head can
check every line up to it: see verifying.py.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec

from ...pipeline.errors import UNREADABLE

EntryKind = Literal[
    "start",  # a collector began to write here
    "stop",  # it ended as it was told to
    "policy",  # a policy came into force: its hash, and it as written, before ${…} is expanded
    "reload",  # a configuration replaced another one
    "trust",  # a destination's trust changed: by whom, and why
    "route",  # where documents go changed: swaps, failover, standbys
    "token",  # who may tell a collector what changed: a token was added or removed
    "replay",  # documents were sent again or elsewhere
    "purge",  # documents were destroyed before delivery, or old rows of the account forgotten
    "key",  # a key epoch was made or destroyed
    "decoy",  # decoys of a week began to be planted with a destination
    "process",  # an embedded pipeline began to hand its account over, or came back
    "control_off",  # a control was switched off, or traffic passed it by
    "search",  # somebody looked for values, or what stands for one: who, how many, how many found
    "minute",  # a closed minute of the account
    "code",  # a closed day of the code that was disclosed, or thirty that were joined
    "gap",  # something that belongs here is missing: what, and since when
]
KINDS: tuple[str, ...] = get_args(EntryKind)
# Puts an entry into a journal: its kind and its body.
WriteEntry = Callable[[EntryKind, Mapping[str, Any]], object]

MAX_LINE = 4 * 2**20  # bytes
NOTHING = "0" * 64  # what the first entry follows
SHORTEST_HASH = 13  # hex digits of a head that are enough: as many as a metric holds exactly

_MAGIC = b"errlock journal entry 1\n"
_HASH = re.compile(rb',"hash":"([0-9a-f]{64})"}')
_HASH_SIZE = 9 + 64 + 2
HASH_IN_LINE = slice(-67, -3)  # of a line with its line feed
_HEAD = re.compile(rf"(\d{{1,18}}):([0-9a-f]{{{SHORTEST_HASH},64}})")


class BrokenEntry(Exception):  # noqa: N818  a fact about data
    """A line is not an entry as they are written: it was damaged or edited."""


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the hash of an entry is of."""

    number: int
    time: str
    kind: str
    body: dict[str, Any]
    previous: str
    signature: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal."""

    number: int  # the first one is 1
    time: str  # UTC, as `now` writes it
    kind: str
    body: Mapping[str, Any]
    previous: str
    signature: str | None  # of the head before, by the journal's key; base64
    hash: str

    @property
    def head(self) -> Head:
        """The head of a journal that ends here."""
        return Head(self.number, self.hash, self.time)


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries a journal has and the hash of the last one: it stands for all of them."""

    count: int
    hash: str  # from outside also its beginning, of at least SHORTEST_HASH digits
    time: str = ""  # of the last entry
    signature: str | None = None
    journal: str | None = None  # the hash of its first entry; None: nobody said of which it is

    def __str__(self) -> str:
        return f"{self.count}:{self.hash}"

    @property
    def message(self) -> bytes:
        """What its signature signs."""
        return f"errlock journal head 1\n{self.count}:{self.hash}".encode()

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return asdict(self)


def read_head(text: str) -> Head:
    """A head as `COUNT:HASH` or as the JSON that was sent away. Raises ValueError."""
    if text.lstrip().startswith("{"):
        try:
            head = msgspec.json.decode(text, type=Head)
        except UNREADABLE:
            raise ValueError("not a head of a journal") from None
        text = str(head)
    else:
        head = None
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a head of a journal: expected COUNT:HASH")
    return head or Head(int(found[1]), found[2])


def now() -> str:
    """The time as entries have it: `2026-11-26T12:55:34.123456Z`."""
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(seconds: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(
    number: int, time: str, kind: str, body: Mapping[str, Any], previous: str, signature: str | None
) -> tuple[bytes, str]:
    """The line of an entry, and its hash. Raises ValueError, which quotes nothing of the body."""
    try:
        content = msgspec.json.encode(
            {
                "number": number, "time": time, "kind": kind,
                "body": msgspec.Raw(msgspec.json.encode(body, order="sorted")),
                "previous": previous, "signature": signature,
            }
        )  # fmt: skip
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise ValueError(f"a body of kind {kind} is not JSON") from None
    unsealed = content[:-1]
    if len(unsealed) + _HASH_SIZE + 1 > MAX_LINE:
        raise ValueError(f"a body of kind {kind} is longer than {MAX_LINE >> 20} MiB")
    hash_ = _hash(unsealed)
    return b'%b,"hash":"%b"}\n' % (unsealed, hash_.encode()), hash_


def decode(line: bytes) -> Entry:
    """An entry of its line, less the line feed. Raises BrokenEntry."""
    found = _HASH.fullmatch(line, max(0, len(line) - _HASH_SIZE))
    if found is None:
        raise BrokenEntry("it does not end in a hash")
    unsealed = line[:-_HASH_SIZE]
    if _hash(unsealed) != found[1].decode():
        raise BrokenEntry("its hash is not that of its text")
    try:
        content = msgspec.json.decode(unsealed + b"}", type=_Content)
    except UNREADABLE:
        raise BrokenEntry("it is not the JSON of an entry") from None
    entry = Entry(**msgspec.structs.asdict(content), hash=found[1].decode())
    if encode(*list(msgspec.structs.astuple(content)))[0][:-1] != line:
        raise BrokenEntry("it is not written as entries are")
    return entry


def _hash(unsealed: bytes) -> str:
    return hashlib.sha256(_MAGIC + unsealed).hexdigest()
