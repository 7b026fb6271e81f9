"""The documents of an OTLP request, as far as somebody has asked for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .document import Document
from .otlp_documents import CONTEXTS, OtlpDocument, Record, Repairs
from .otlp_received import Received
from .otlp_wire import Splice


class Made:
    """Makes each of them when it is needed. Copies of a payload have their own."""

    __slots__ = ("_around", "_received", "_records", "repairs")

    def __init__(self, received: Received) -> None:
        self.repairs = (
            Repairs()
        )  # what is mended while trees are looked at, for all copies together
        self._received = received
        # What was made so far: records by region; by container the contexts around what is in it,
        # from the inside to the outside.
        self._records: dict[int, Record] = {}
        self._around: dict[int, tuple[OtlpDocument, ...]] = {-1: ()}

    def copy(self) -> Made:
        """The same documents with the same fates, to go another way."""
        other = Made(self._received)
        other.repairs = self.repairs
        for number, around in sorted(self._around.items()):
            if around:
                container = self._received.layout.containers[number]
                copied = other._around[container.parent]
                if container.holder.kind is not None:
                    copied = (around[0].copy(copied), *copied)
                other._around[number] = copied
        owners = self._received.layout.owners if self._records else []
        other._records = {
            region: record.copy(other._around[~owners[region]])
            for region, record in self._records.items()
        }
        return other

    @property
    def dropped(self) -> int | None:
        """How many records were dropped; None: a context was, and its records are lost with it."""
        if any(around[0].dropped for around in self._around.values() if around):
            return None
        return sum(each.dropped is not None for each in self._records.values())

    @property
    def so_far(self) -> list[Document]:
        """Those that were made, contexts first: copies have the same ones in the same order."""
        contexts = sorted(self._contexts(), key=lambda made: made[0])
        records = sorted(self._records.items())
        return [*(context for _, context in contexts), *(record for _, record in records)]

    def records(self) -> list[Document]:
        """All records. Makes those that were not made yet."""
        owners = self._received.layout.owners
        return [self._record(region) for region, owner in enumerate(owners) if owner < 0]

    def contexts(self) -> list[Document]:
        """All contexts. Makes those that were not made yet."""
        return [
            self._contexts_of(number)[0]
            for number, container in enumerate(self._received.layout.containers)
            if container.holder.kind is not None
        ]

    def at(self, offsets: Sequence[int]) -> list[Document]:
        """The documents that ascending offsets into the request belong to, each once, in order.

        Records and contexts whose own bytes hold them. An offset may be that of a byte or the end
        of a match: near the first byte of a document it belongs to the one before it as well.
        Others than these and their parents are not made.
        """
        layout = self._received.layout
        found: dict[Document, int] = {}
        for region in layout.regions(offsets):
            owner = layout.owners[region]
            if owner < 0:
                found[self._record(region)] = layout.starts[region]
            else:
                around = self._contexts_of(owner)
                found.setdefault(around[0], self._starts_at(owner))
        return sorted(found, key=found.__getitem__)

    @property
    def touched(self) -> bool:
        """Whether any was changed or dropped."""
        contexts = [context for _, context in self._contexts()]
        return _any_touched(self._records.values()) or _any_touched(contexts)

    def shared(self) -> list[tuple[Document, int]]:
        """What goes out of the contexts, to be read only: each with how many records share it,
        lost ones among them.
        """
        if not _any_touched(context for _, context in self._contexts()):
            return self._received.shared
        layout = self._received.layout
        containers, of_records = layout.containers, Counter(layout.owners)
        counts = [of_records[~number] for number in range(len(containers))]
        for number in range(len(containers) - 1, -1, -1):
            if containers[number].parent >= 0:
                counts[containers[number].parent] += counts[number]
        numbers = [n for n, each in enumerate(containers) if each.holder.kind is not None]
        return [
            (context, counts[number])
            for number, context in zip(numbers, self.contexts(), strict=True)
            if context.lost is None
        ]

    def encode(self) -> bytes:
        """The request as protobuf: the very bytes that came in, but for what was changed."""
        if not self.touched:
            return self._received.body
        splice = Splice(self._received.layout)
        for region, record in self._records.items():
            if record.dropped is not None:
                splice.record(region, None)
            elif record.changed:
                splice.record(region, record.encoded)
        for number, context in self._contexts():
            if context.dropped is not None:
                splice.context(number, None)
            elif context.changed:
                splice.context(number, context.encoded)
        return splice.bytes()

    def _contexts(self) -> list[tuple[int, OtlpDocument]]:
        """Those that were made, with the containers that they are."""
        containers = self._received.layout.containers if len(self._around) > 1 else []
        return [
            (number, around[0])
            for number, around in self._around.items()
            if around and containers[number].holder.kind is not None
        ]

    def _record(self, region: int) -> Record:
        found = self._records.get(region)
        if found is None:
            received = self._received
            parents = self._contexts_of(~received.layout.owners[region])
            content = received.record(region)
            found = Record(received.shape.record, content, self.repairs, parents)
            self._records[region] = found
        return found

    def _contexts_of(self, number: int) -> tuple[OtlpDocument, ...]:
        """The contexts around what a container holds, from the inside to the outside."""
        found = self._around.get(number)
        if found is None:
            container = self._received.layout.containers[number]
            found = self._contexts_of(container.parent)
            kind = container.holder.kind
            if kind is not None:
                content = self._received.context(number)
                found = (CONTEXTS[kind](kind, content, self.repairs, found), *found)
            self._around[number] = found
        return found

    def _starts_at(self, number: int) -> int:
        """Where the context begins that a container is, or is a part of."""
        container = self._received.layout.containers[number]
        if container.holder.kind is None:
            return self._starts_at(container.parent)
        return container.start


def _any_touched(documents: Iterable[OtlpDocument]) -> bool:
    return any(each.dropped is not None or each.changed for each in documents)
