"""What the record cannot tell: gaps, times without a collector, and what no record has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from ...account.account import FORGOTTEN
from ...account.store import MINUTE
from ...journal.entries import Entry
from ...needles.needles import FILE
from ...needles.store import kept_in
from ...origins import EMBEDDED, OTHER, UNKNOWN
from ..model import Unknown, Window
from ..records import Told
from ..tallies import moment
from ..wording import plural
from .collecting import Collected
from .telling import time_of

# Of gaps, those in which documents may have left that nobody booked. Others are of needles, or of
# what was said and done.
_NOT_BOOKED = (
    "the account may lack", "a new account", "a damaged account", "a deleted or replaced account",
    "documents that were not booked", "an embedded process ended", "an embedded process had no",
)  # fmt: skip
# What no entry can tell, whatever the window.
_ALWAYS = {
    "detection": "Only what a detector claims is counted. What none knows left as ordinary text: "
    "errlock leaktest tells the share of planted values that a policy misses.",
    "bypass": "What applications sent to the destination without this collector is not in this "
    "record, nor what pipelines embedded in applications sent by themselves without handing over "
    "their account.",
    "partial": "Where a destination took only a part of a request, documents are exact, and "
    "everything found in documents of that type counts: too much rather than too little.",
}


def unknowns(
    told: Sequence[Told], window: Window, found: Collected, now: datetime
) -> list[Unknown]:
    """All of them: what each record cannot tell of the window first, then what is always so."""
    until = min(window.until, now)
    return [
        *(
            msgspec.structs.replace(unknown, record=each.number)
            for each in told
            for unknown in _of_record(each, window, until)
        ),
        *_coarse(window),
        *_ahead(found, now),
        *_unclear(found),
        *_not_judged(found),
        *_embedded(found),
        *_not_told_apart(found),
        *_told_apart_by_several(told, window),
        *_labels(found),
        *(Unknown(kind=kind, text=text) for kind, text in _ALWAYS.items()),
    ]


def _of_record(told: Told, window: Window, until: datetime) -> Iterator[Unknown]:
    yield from _before_the_record(told.entries, window)
    yield from _forgotten(told.entries, window)
    yield from _gaps(told.entries, window)
    yield from _away(told.entries, window, until)
    if told.unsaid_end is not None:
        yield from _unsaid(told.unsaid_end, window, until)


def _before_the_record(entries: Sequence[Entry], window: Window) -> Iterator[Unknown]:
    first = time_of(entries[0].time) if entries else None
    if first is None:
        yield Unknown(kind="no record", text="The journal has no entries: nothing is known.")
    elif first > window.since:
        yield Unknown(
            kind="before the record", since=window.since, until=min(first, window.until),
            text="At that time errlock kept no record: what was sent is not known here.",
        )  # fmt: skip


def _forgotten(entries: Sequence[Entry], window: Window) -> Iterator[Unknown]:
    before = [
        entry.body["before"]
        for entry in entries
        if entry.kind == "purge"
        and entry.body.get("what") == FORGOTTEN
        and isinstance(entry.body.get("before"), int)
    ]
    if before and moment(max(before)) > window.since:
        yield Unknown(
            kind="forgotten", since=window.since, until=min(moment(max(before)), window.until),
            text="The account is kept no longer than account.keep: what is older is gone.",
            lacks=True,
        )  # fmt: skip


def _gaps(entries: Sequence[Entry], window: Window) -> Iterator[Unknown]:
    for entry in entries:
        if entry.kind != "gap":
            continue
        at = time_of(entry.time) or datetime.now(UTC)
        since = time_of(entry.body.get("since")) or at
        until = time_of(entry.body.get("until")) or at
        if since < window.until and until >= window.since:
            documents, names = entry.body.get("documents"), entry.body.get("names")
            number = f": {documents:,}" if isinstance(documents, int) and documents else ""
            if isinstance(names, int) and names:
                number += f", {names:,} names of code"
            service = f" (in {entry.body['service']})" if entry.body.get("service") else ""
            yield Unknown(
                kind="gap",
                text=f"Missing from the record: {entry.body.get('what')}{number}{service}.",
                since=since,
                until=until,
                entry=entry.number,
                lacks=str(entry.body.get("what")).startswith(_NOT_BOOKED) and documents != 0,
            )


def _away(entries: Sequence[Entry], window: Window, until: datetime) -> Iterator[Unknown]:
    """Times between the end of one collector and the start of the next."""
    last: Entry | None = None
    for entry in entries:
        if entry.kind == "start" and last is not None:
            yield from _between(last, entry, window)
        last = entry
    if last is not None and last.kind == "stop":
        ended = time_of(last.time)
        if ended is not None and max(ended, window.since) < until:
            yield Unknown(
                kind="no collector", since=max(ended, window.since), until=until,
                entry=last.number, text="No collector ran here; it was stopped.",
            )  # fmt: skip


def _between(last: Entry, start: Entry, window: Window) -> Iterator[Unknown]:
    since, until = time_of(last.time), time_of(start.time)
    if since is None or until is None or since >= window.until or until <= window.since:
        return
    crash = last.kind != "stop"
    text = (
        "A collector ended without saying so (a crash, a power cut), at the earliest after its "
        "last entry, and was started again."
        if crash
        else "No collector ran here: it was stopped and started again."
    )
    yield Unknown(
        kind="no collector", text=text, since=max(since, window.since),
        until=min(until, window.until), entry=start.number,
    )  # fmt: skip


def _unsaid(last: Entry, window: Window, until: datetime) -> Iterator[Unknown]:
    """What no gap tells of yet: the collector that would find it has not been started."""
    since = time_of(last.time)
    if since is not None and max(since, window.since) < until:
        yield Unknown(
            kind="no collector", since=max(since, window.since), until=until, entry=last.number,
            text="No collector runs here, and the last one did not say that it ended: it crashed, "
            "or this is a copy that was made while it ran. What it delivered last may be missing.",
            lacks=True,
        )  # fmt: skip


def _coarse(window: Window) -> Iterator[Unknown]:
    if window.crossing:
        longest = "a day" if window.coarsest > 3600 else "an hour"
        yield Unknown(
            kind="edges",
            text=f"{window.crossing:,} records of up to {longest} lie across the window's edge, "
            "because older records are joined: they count in the upper bounds only.",
        )


def _ahead(found: Collected, now: datetime) -> Iterator[Unknown]:
    if found.end > now.timestamp() + MINUTE:
        yield Unknown(
            kind="clock",
            text=f"Documents are booked up to {moment(found.end):%Y-%m-%d %H:%M} UTC, later than "
            "this report: a clock was ahead. They count here, whenever they left.",
        )


def _unclear(found: Collected) -> Iterator[Unknown]:
    tally = found.outcomes.get("perhaps")
    if tally is not None:
        number = tally.documents.at_most
        yield Unknown(
            kind="unclear",
            text=f"{plural(number, 'document')} sent and never answered for, then given up: the "
            "destination may have that. It counts in the upper bounds only.",
        )


def _not_judged(found: Collected) -> Iterator[Unknown]:
    if found.all.unjudged.at_most:
        yield Unknown(
            kind="not judged",
            text=f"{found.all.unjudged.at_most:,} bytes of text left that no detector could judge "
            "in full: they were over a limit, or in an encoding that nobody could read.",
        )


def _embedded(found: Collected) -> Iterator[Unknown]:
    number = sum(
        tally.documents.at_most
        for (policy,), tally in found.policies.items()
        if policy.startswith(EMBEDDED)
    )
    if number:
        yield Unknown(
            kind="embedded",
            text=f"{plural(number, 'document')} counted by the word of applications that embed "
            f"errlock (policies {EMBEDDED}…): whoever has their token could have claimed more.",
        )


def _not_told_apart(found: Collected) -> Iterator[Unknown]:
    tallies = [tally for (_, _), tally in found.classes.items() if tally.occurrences.at_most]
    if tallies and all(tally.distinct is None for tally in tallies):
        yield Unknown(
            kind="no key",
            text="Different values and people were not told apart: service.ledger.key was not set.",
        )
    elif number := sum(tally.untold for tally in tallies):
        yield Unknown(
            kind="no key",
            text=f"At least {number:,} values are in no number of different values or people: they "
            "were noted without service.ledger.key, or were not in clear when they came in.",
        )


def _told_apart_by_several(told: Sequence[Told], window: Window) -> Iterator[Unknown]:
    since, until = window.since.timestamp(), window.until.timestamp()
    runs = [run for each in told for run in kept_in(each.record.folder / FILE)]
    keys = {run.key for run in runs if run.since < until and run.until >= since}
    if len(keys) > 1:
        yield Unknown(
            kind="keys",
            text=f"Values and people were told apart under {len(keys)} keys (service.ledger.key): "
            "who was seen under several of them counts once for each.",
        )


def _labels(found: Collected) -> Iterator[Unknown]:
    for name, why in (
        (UNKNOWN, "named no service"),
        (OTHER, "named a service that could be a value, or one beyond the 256th"),
    ):
        tally = found.services.get((name,))
        if tally is not None and tally.documents.at_most:
            yield Unknown(
                kind="origin",
                text=f"{plural(tally.documents.at_most, 'document')} {why}: see “{name}”.",
            )
