"""The control document: what a fleet is told about its destinations, signed.

It has two parts, each signed by a key of its own role (see keys.py):

- *online*: which destinations are held or distrusted, and which standbys take over. The
  collector signs it anew every few seconds, so that it is never older than that.
- *release*: up to which moment earlier words against a destination are lifted. Signed by a
  person with the key that no collector has. It waits beside the online part until it expires.

Neither names anything but destinations of the reader's own configuration: no address, no DSN,
no policy. What is signed are the bytes of the payload as they are sent, not a reading of them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import msgspec

from ...pipeline.errors import UNREADABLE
from .keys import PublicKey, Role, SigningKey

Tight = Literal["held", "distrusted"]
RefusalReason = Literal[
    "too_large",  # more bytes than a document may have
    "malformed",  # not a control document: cut off, or with something unknown in it
    "unsigned",  # no key of this reader signed it
    "wrong_audience",  # it is for another fleet
    "from_the_future",  # issued later than now: the clocks differ, or it was made up
    "expired",  # it was for earlier
    "rolled_back",  # older than one that was seen before
    "conflicting",  # another one with the same version was seen before
    "too_many_names",  # more names than a reader keeps
]

MAX_BYTES = 256 * 1024
MAX_NAMES = 1000
# How far a reader's clock may be behind the signer's.
MAX_AHEAD = 30.0
# Nobody needs to sign for longer; a forgotten document ends.
MAX_LIFETIME = 90 * 86400.0

_LONGEST_NAME = 1100  # that of an exporter's id


class Refused(Exception):  # noqa: N818  an answer about a document
    """A document does not count, for a reason of a closed list."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason)
        self.reason: RefusalReason = reason


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown fields are refused: what a reader does not understand must not be signed away."""


class Word(_Strict, frozen=True, kw_only=True):
    """What was said about one destination, and when (seconds since the epoch)."""

    state: Tight
    since: float


class _Part(_Strict, frozen=True, kw_only=True):
    """What both parts say about themselves."""

    audience: str  # the fleet it is for
    version: int  # strictly increasing for one audience and role
    issued: float  # seconds since the epoch
    expires: float


class Online(_Part, frozen=True, kw_only=True):
    """May only tighten. Names are ids of destinations or operators (registrable domains)."""

    trust: dict[str, Word] = {}
    # Which destination takes over from which; it counts only while the latter is not trusted.
    active: dict[str, str] = {}


class Release(_Part, frozen=True, kw_only=True):
    """Lifts what was said about a destination up to a moment; later words stand."""

    lifted: dict[str, float] = {}


P = TypeVar("P", Online, Release)
S = TypeVar("S", bound=_Strict)
_ROLES: Mapping[type[Online | Release], Role] = {Online: "online", Release: "release"}


class Signed(_Strict, frozen=True, kw_only=True):
    """The bytes of one part, and a signature over exactly these."""

    payload: bytes  # base64 in JSON
    signature: bytes

    @classmethod
    def decode(cls, data: bytes) -> Signed:
        """Read one by itself. Raises Refused."""
        return _decoded(data, cls)

    @property
    def digest(self) -> str:
        """Tells two payloads apart."""
        return hashlib.sha256(self.payload).hexdigest()


class Bundle(_Strict, frozen=True, kw_only=True, omit_defaults=True):
    """A control document as it is served: nothing in it is believed yet."""

    online: Signed
    release: Signed | None = None

    @classmethod
    def decode(cls, data: bytes) -> Bundle:
        """Read one. Raises Refused."""
        return _decoded(data, cls)

    def encode(self) -> bytes:
        """As it is served."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Opened(Generic[P]):
    """A part that a known key signed, for this audience and this time."""

    part: P
    digest: str


def sign(part: Online | Release, key: SigningKey) -> Signed:
    """Sign a part. The key must be of its role."""
    assert key.role == _ROLES[type(part)]
    payload = msgspec.json.encode(part)
    return Signed(payload=payload, signature=key.sign(payload))


def open_online(
    signed: Signed, keys: Iterable[PublicKey], audience: str, now: float
) -> Opened[Online]:
    """Believe an online part, or raise Refused."""
    part = open_part(signed, keys, audience, Online)
    _check_times(part, now)
    return Opened(part, signed.digest)


def open_release(
    signed: Signed, keys: Iterable[PublicKey], audience: str, now: float
) -> Opened[Release]:
    """Believe a release, or raise Refused."""
    part = open_part(signed, keys, audience, Release)
    _check_times(part, now)
    return Opened(part, signed.digest)


def open_part(signed: Signed, keys: Iterable[PublicKey], audience: str, shape: type[P]) -> P:
    """A part that one of the keys signed for this audience, whenever. Raises Refused."""
    role = _ROLES[shape]
    if not any(key.role == role and key.verifies(signed.signature, signed.payload) for key in keys):
        raise Refused("unsigned")
    part = read_part(signed, shape)
    if part.audience != audience:
        raise Refused("wrong_audience")
    return part


def read_part(signed: Signed, shape: type[P]) -> P:
    """What a part says, whoever signed it. Raises Refused when it says nothing that can be."""
    try:
        part = msgspec.json.decode(signed.payload, type=shape)
    except UNREADABLE:
        raise Refused("malformed") from None
    names: list[str]
    moments: list[float]
    names, moments = _said(part)
    if (
        not all(map(math.isfinite, (part.issued, part.expires, *moments)))
        or part.version < 1
        or len(names) > 3 * MAX_NAMES
        or not all(map(_is_name, names))
        or max(moments, default=0.0) > part.issued  # a word is about the past of its document
        or not part.issued < part.expires <= part.issued + MAX_LIFETIME
    ):
        raise Refused("malformed")
    return part


def _decoded(data: bytes, shape: type[S]) -> S:
    if len(data) > MAX_BYTES:
        raise Refused("too_large")
    try:
        return msgspec.json.decode(data, type=shape)
    except UNREADABLE:
        raise Refused("malformed") from None


def _said(part: Online | Release) -> tuple[list[str], list[float]]:
    """Every name and every moment in a part."""
    if isinstance(part, Release):
        return list(part.lifted), list(part.lifted.values())
    names = [*part.trust, *part.active, *part.active.values()]
    return names, [word.since for word in part.trust.values()]


def _check_times(part: Online | Release, now: float) -> None:
    if part.issued > now + MAX_AHEAD:
        raise Refused("from_the_future")
    if part.expires <= now:
        raise Refused("expired")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable()
