"""What a sanitised payload holds, put together before it is stored and booked when it is delivered.

It is stored beside the payload, so that a restart does not lose it, and is bytes so that no store
needs to understand it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ..pipeline.payloads.document import CONTEXT_TYPES, Document, Payload, Trace
from .origins import OTHER, origin

# Who a document is about, the most telling one first.
_SUBJECTS = ("pii.user_id", "pii.email", "pii.username")


class Items(msgspec.Struct, array_like=True):
    """The documents of one type."""

    count: int
    size: int  # bytes as received
    subjects: list[int] = []  # fingerprints: each person once
    unjudged: int = 0  # bytes of text that no detector could judge in full
    sampled: int = 0  # thousandths of documents that these stand for beside themselves


class Line(msgspec.Struct, array_like=True):
    """What was found in documents of one type, of one class, form and detector."""

    type: str
    class_: str
    form: str
    detector: str
    documents: int
    occurrences: int
    values: list[int] = []  # fingerprints: each value once
    parts: list[int] = []  # and of parts of them, for needles


class Manifest(msgspec.Struct, array_like=True):
    """What a payload holds."""

    service: str
    environment: str
    items: dict[str, Items]
    lines: list[Line] = []


_log = logging.getLogger("errlock.ledger")

_decoder = msgspec.msgpack.Decoder(Manifest)
_encode = msgspec.msgpack.Encoder().encode


def read_manifest(data: bytes) -> Manifest:
    """The reverse of `write_manifest`. Raises msgspec.MsgspecError."""
    return _decoder.decode(data)


def or_empty(make: Callable[[], bytes]) -> bytes:
    """A manifest, empty when it cannot be made: a gap of the account once it is delivered.

    Never raises: the account must not hold up a delivery.
    """
    try:
        return make()
    except Exception as failure:  # noqa: BLE001  a foreign text may quote the document
        _log.error("what a payload holds cannot be told: %s", type(failure).__name__)
        return b""


def write_manifest(
    payload: Payload,
    carried: Sequence[Document] | None = None,
    *,
    judged: bool = True,
) -> bytes:
    """What a sanitised payload holds. `carried` are the documents of which it was made, where it
    was converted from the other protocol. Not `judged`: nobody looked for anything in it.
    """
    types = payload.types
    items: dict[str, Items] = {type_: Items(count, 0) for type_, count in types.items()}
    if len(items) == 1:
        next(iter(items.values())).size = payload.size
    else:
        for document in payload.alive:
            items[document.type].size += document.size
    only = next(iter(types)) if len(types) == 1 else None
    lines: defaultdict[tuple[str, str, str, str], list[Trace]] = defaultdict(list)
    subjects: defaultdict[str, set[int]] = defaultdict(set)
    made = payload.made if carried is None else _with_contexts(carried)
    for document in made:
        noted = document.traces or document.unjudged or document.weight != 1
        if noted and document.lost is None:
            known = document.type in items or document.type in CONTEXT_TYPES
            type_ = document.type if known else only or OTHER
            for trace in document.traces:
                lines[type_, trace.class_, trace.form, trace.detector].append(trace)
            if (subject := _subject(document.traces)) is not None:
                subjects[type_].add(subject)
            _weigh(document, items.get(type_), items)
    for type_, each in items.items():
        each.subjects = sorted(subjects[type_])
        if not judged:
            each.unjudged = each.size
    return _encode(Manifest(*origin(payload), items, [_line(*each) for each in lines.items()]))


def renewed(manifest: bytes, payload: Payload, *, judged: bool = True) -> bytes:
    """The manifest of a stored payload that was sanitised once more. Raises msgspec.MsgspecError.

    What was noted first stays, but for what was in clear and was found again.
    """
    old = read_manifest(manifest)
    new = read_manifest(write_manifest(payload, judged=judged))
    found = {(line.type, line.class_) for line in new.lines}
    kept = [
        line for line in old.lines if line.form != "clear" or (line.type, line.class_) not in found
    ]
    for type_, items in new.items.items():
        if (before := old.items.get(type_)) is not None:
            items.subjects = sorted({*items.subjects, *before.subjects})
            items.sampled = before.sampled * items.count // max(before.count, 1)
    new.lines = [*kept, *new.lines]
    return _encode(new)


def manifest_of_portion(
    whole: Payload, before: int, carried: Sequence[Document], portion: Payload
) -> bytes:
    """What a payload holds into which `carried` documents of a stored one went, that has `before`
    others before these. Its own documents are of one type.

    All portions together hold what the whole does, but for types of which none was carried. Which
    of them has a value nobody noted, so each does. Raises msgspec.MsgspecError.
    """
    manifest, total = read_manifest(whole.manifest), whole.count_alive
    after = before + len(carried)
    types: set[str] = {document.type for document in carried}
    (own, count), *_ = portion.types.items()

    def share(amount: int) -> int:
        return amount * after // total - amount * before // total

    items = [each for type_, each in manifest.items.items() if type_ in types]
    subjects = sorted(frozenset().union(*(each.subjects for each in items)))
    size = share(sum(each.size for each in items))
    unjudged = share(sum(each.unjudged for each in items))
    sampled = share(sum(each.sampled for each in items))
    manifest.items = {own: Items(count, size, subjects, unjudged, sampled)}
    manifest.lines = [
        line for line in manifest.lines if line.type in types or line.type in CONTEXT_TYPES
    ]
    for line in manifest.lines:
        line.type = line.type if line.type in CONTEXT_TYPES else own
        line.documents, line.occurrences = share(line.documents), share(line.occurrences)
    return _encode(manifest)


def _line(key: tuple[str, str, str, str], traces: Sequence[Trace]) -> Line:
    """Of the traces of documents, one of each."""
    return Line(
        *key,
        documents=len(traces),
        occurrences=sum(trace.occurrences for trace in traces),
        values=sorted(frozenset().union(*(trace.values for trace in traces))),
        parts=sorted(frozenset().union(*(trace.parts for trace in traces))),
    )


def _weigh(document: Document, own: Items | None, items: dict[str, Items]) -> None:
    """Note what a document stands for, and what nobody judged in it or in what it shares."""
    if own is not None:
        own.sampled += round((document.weight - 1) * 1000)
    if (around := own or next(iter(items.values()), None)) is not None:
        around.unjudged += document.unjudged


def _subject(traces: Iterable[Trace]) -> int | None:
    values = {trace.class_: min(trace.values) for trace in traces if trace.values}
    return next((values[class_] for class_ in _SUBJECTS if class_ in values), None)


def _with_contexts(documents: Sequence[Document]) -> list[Document]:
    found: dict[int, Document] = {}
    for document in documents:
        for each in (*document.parents, document):
            found[id(each)] = each
    return list(found.values())
