"""What a user may set about the ledger: `service.ledger`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ..pipeline.errors import Problem
from ..pipeline.options import Duration, Secret


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of what a user may set about the ledger."""


class HeadsOptions(Section, frozen=True, kw_only=True):
    """Where heads of the journal are sent, so that a copy lies where nobody here can change it."""

    file: Annotated[
        Path | None,
        Meta(description="A file to add each head to, one a line: on another machine's disk."),
    ] = None
    url: Annotated[
        str | None, Meta(description="Where each head is posted to as JSON (`https://…`).")
    ] = None
    token: Annotated[
        Secret | None, Meta(description="Sent to `url` as `Authorization: Bearer …`.")
    ] = None
    every: Annotated[
        Duration, Meta(description="How often, when there is a new one; and at the end.")
    ] = Duration("1m")

    def problems(self) -> Iterable[Problem]:
        """What cannot be sent to."""
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                yield Problem("url", "expected a URL such as https://example.com/heads")
        if self.token is not None and self.url is None:
            yield Problem("token", "is for url")
        if self.every < 1:
            yield Problem("every", "expected 1s or more")


class JournalOptions(Section, frozen=True, kw_only=True):
    """The journal of decisions and of closed minutes."""

    key: Annotated[
        Secret | None,
        Meta(
            description="The Ed25519 private key (PEM) that signs heads, as `${file:…}`. The file "
            "must lie outside of `service.storage`."
        ),
    ] = None
    heads: Annotated[
        HeadsOptions, Meta(description="Where heads are sent, away from this machine.")
    ] = HeadsOptions()

    def problems(self) -> Iterable[Problem]:
        """A key that is none."""
        from .journal.signing import SigningKey, WrongKey

        if self.key is not None:
            try:
                SigningKey(self.key.reveal())
            except WrongKey as wrong:
                yield Problem("key", str(wrong))


class AccountOptions(Section, frozen=True, kw_only=True):
    """The account of what left: how finely it is kept, and for how long."""

    minutes: Annotated[
        Duration, Meta(description="For how long it is kept by the minute; then by the hour.")
    ] = Duration("7d")
    hours: Annotated[
        Duration, Meta(description="For how long it is kept by the hour; then by the day.")
    ] = Duration("90d")
    keep: Annotated[Duration, Meta(description="For how long it is kept at all.")] = Duration(
        "400d"
    )

    def problems(self) -> Iterable[Problem]:
        """An order that makes no sense."""
        if self.minutes < 3600:
            yield Problem("minutes", "expected 1h or more")
        if not self.minutes <= self.hours <= self.keep:
            yield Problem("keep", "expected minutes, hours and keep to be ever longer")


class NeedleOptions(Section, frozen=True, kw_only=True):
    """Needles: keyed fingerprints by which values can be looked for later. They need `key`."""

    keep: Annotated[
        Duration,
        Meta(description="For how long after a value was last sent. `0`: none are kept."),
    ] = Duration("395d")
    guessable: Annotated[
        tuple[str, ...],
        Meta(
            description="Classes of numbers and words that could be tried out (`pii.phone`, "
            "`financial.card`, `pii.national_id`, …) of which needles are kept too, cut short: "
            "looking for them only ever answers `maybe`."
        ),
    ] = ()

    def problems(self) -> Iterable[Problem]:
        """Classes that are none of these."""
        from .needles.keys import GUESSABLE, is_guessable

        for index, class_ in enumerate(self.guessable):
            if not is_guessable(class_):
                yield Problem(f"guessable[{index}]", f"expected one of {', '.join(GUESSABLE)}")


Depth = Literal["counts", "code", "words"]


class LedgerOptions(Section, frozen=True, kw_only=True):
    """The record of what left, to whom, and of what was decided about it."""

    key: Annotated[
        Secret | None,
        Meta(
            description="A key from `errlock key new`, as `${file:…}` from outside of "
            "`service.storage`. Without, different values and people are not told apart."
        ),
    ] = None
    previous_keys: Annotated[
        tuple[Secret, ...],
        Meta(
            description="Keys that were `key` before, to find what was sent then: "
            "`errlock exposure search` asks for all of them."
        ),
    ] = ()
    needles: Annotated[
        NeedleOptions, Meta(description="Needles, by which values can be looked for later.")
    ] = NeedleOptions()
    depth: Annotated[
        Depth,
        Meta(
            description="What is kept of documents beside what was found in them: `counts` "
            "nothing, `code` what they tell of the program that sent them, `words` also "
            "fingerprints of words that could be tokens. Each costs more; see docs/ledger.md."
        ),
    ] = "code"
    account: Annotated[
        AccountOptions, Meta(description="The account of what left, and how long it is kept.")
    ] = AccountOptions()
    journal: Annotated[
        JournalOptions, Meta(description="The journal of decisions and of closed minutes.")
    ] = JournalOptions()
