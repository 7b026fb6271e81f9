"""What a user may set about fleets: `service.publish` and `service.follow`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from ...delivery.following.keys import KeyUnusable, PublicKey, SigningKey
from ...delivery.following.source import HttpSource
from ..errors import Problem
from ..options import Duration, Secret

AUDIENCE = "errlock"
_AUDIENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of `service`."""


class PublishOptions(_Section, frozen=True, kw_only=True):
    """The control document that a fleet follows."""

    signing_key: Annotated[
        Secret | None,
        Meta(
            description="The online key (`errlock control key online FILE`), as `${file:…}`. "
            "Without one, no control document is published."
        ),
    ] = None
    endpoint: Annotated[str, Meta(description="Where it is found, at /control (`host:port`).")] = (
        "localhost:13135"
    )
    audience: Annotated[str, Meta(description="The name of the fleet that it is for.")] = AUDIENCE
    release_keys: Annotated[
        tuple[str, ...],
        Meta(description="Public keys (`release:…`) of those who may let a fleet trust again."),
    ] = ()

    def problems(self) -> Iterable[Problem]:
        """Keys that are none, and names that cannot be one."""
        if self.signing_key is not None:
            try:
                key = SigningKey.parse(self.signing_key.reveal())
                if key.role != "online":
                    yield Problem("signing_key", "the release key must not be on a collector")
            except KeyUnusable as error:
                yield Problem("signing_key", str(error))
        yield from _key_problems("release_keys", self.release_keys)
        yield from _audience_problems(self.audience)


class FollowOptions(_Section, frozen=True, kw_only=True):
    """The control document that this collector obeys."""

    url: Annotated[
        str | None, Meta(description="Where another collector publishes it (`http://…/control`).")
    ] = None
    file: Annotated[str | None, Meta(description="Or a file that has it.")] = None
    keys: Annotated[
        tuple[str, ...],
        Meta(description="The public keys that it is signed with (`online:…`, `release:…`)."),
    ] = ()
    audience: Annotated[str, Meta(description="The name of the fleet that it is for.")] = AUDIENCE
    max_age: Annotated[
        Duration,
        Meta(description="Without a valid one for so long, every destination is held."),
    ] = Duration("30s")

    @property
    def is_on(self) -> bool:
        """Whether there is something to follow."""
        return self.url is not None or self.file is not None

    def problems(self) -> Iterable[Problem]:
        """Keys that are none, and addresses that cannot be one."""
        if self.url is not None and self.file is not None:
            yield Problem("file", "expected either url or file")
        if self.url is not None:
            try:
                HttpSource(self.url)
            except ValueError as error:
                yield Problem("url", str(error))
        if self.is_on and not any(key.startswith("online:") for key in self.keys):
            yield Problem("keys", "expected at least one that begins with online:")
        if self.max_age <= 0:
            yield Problem("max_age", "expected more than 0")
        yield from _key_problems("keys", self.keys)
        yield from _audience_problems(self.audience)


def _key_problems(name: str, keys: Iterable[str]) -> Iterator[Problem]:
    for number, key in enumerate(keys):
        try:
            PublicKey.parse(key)
        except KeyUnusable as error:
            yield Problem(f"{name}[{number}]", str(error))


def _audience_problems(audience: str) -> Iterator[Problem]:
    if not _AUDIENCE.fullmatch(audience):
        yield Problem("audience", "expected a name of letters, digits, ., - and _")
