"""What became of documents, told to whoever keeps account of what left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ..pipeline.component import Outcome
from ..pipeline.errors import DropReason
from ..pipeline.payloads.document import Document, DocumentType, Payload
from .store import Booking, Counts, Record, Sent

Lost = Mapping[tuple[DocumentType, DropReason], int]

_OUTCOMES: Mapping[Sent, Outcome] = {"no": "withheld", "perhaps": "perhaps", "refused": "refused"}


class Told(Protocol):
    """Is told of each document of one destination once. Never blocks and never raises.

    `policy` is the version that the documents passed, `manifest` says what their payload holds:
    empty where nobody has read it.
    """

    def left(
        self,
        policy: str,
        manifest: bytes,
        documents: Counts,
        outcome: Outcome,
        reason: DropReason | None,
        refused: Counts,
    ) -> None:
        """Documents were sent. Of one payload also `refused` ones, by an answer that took others.

        `reason` says why they were given up, if they were.
        """

    def exposed(self, payload: Payload, documents: Counts) -> None:
        """An attempt sent documents of a payload, or may have: the destination can have read them.

        Of each record once in a process, whatever becomes of it. Nobody changes the payload any
        more.
        """

    def withheld(self, policy: str, manifest: bytes, documents: Lost) -> None:
        """Documents did not leave."""


def tell_given_up(told: Told | None, record: Record, lost: Lost) -> None:
    """Of documents that were not delivered, whether or not an attempt sent them."""
    if told is None or not lost:
        return
    outcome = _OUTCOMES[record.sent]
    if outcome == "withheld":
        told.withheld(_policy_of(record), record.manifest, lost)
        return
    for reason in dict.fromkeys(reason for _, reason in lost):
        counts = {type_: amount for (type_, why), amount in lost.items() if why == reason}
        told.left(_policy_of(record), record.manifest, counts, outcome, reason, {})


def tell_answered(
    told: Told | None, record: Record, marked: Sequence[Document], bookings: Sequence[Booking]
) -> None:
    """Of documents that were sent and answered; `marked` ones the exporter left out.

    What it told in numbers only was refused by the destination, if it is `invalid`: it was sent.
    """
    if told is None:
        return
    policy, manifest = _policy_of(record), record.manifest
    taken: Counter[DocumentType] = Counter()
    for line in bookings:
        if line.kind == "delivered":
            taken[line.type] += line.amount
    if not marked and all(line.reason is None for line in bookings):  # as most
        if taken:
            told.left(policy, manifest, taken, "delivered", None, {})
        return
    left_out = Counter((each.type, each.lost) for each in marked if each.lost is not None)
    refused: Counter[DocumentType] = Counter()
    for key, amount in (Counter(lost_in(bookings)) - left_out).items():
        if key[1] == "invalid":
            refused[key[0]] += amount
        else:
            left_out[key] += amount
    if taken:
        told.left(policy, manifest, taken, "delivered", None, refused)
    elif refused:
        told.left(policy, manifest, refused, "refused", "invalid", {})
    tell_given_up(told, record, left_out)


def _policy_of(record: Record) -> str:
    return record.passed or record.policy


def lost_in(bookings: Iterable[Booking]) -> Lost:
    """What bookings say was dropped."""
    lost: Counter[tuple[DocumentType, DropReason]] = Counter()
    for line in bookings:
        if line.reason is not None:
            lost[line.type, line.reason] += line.amount
    return lost
