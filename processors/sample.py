"""Let a part of the documents through.

By `rate` it is a pure function of the trace id (else the event id, else a digest of the content),
the same on every collector, so that spans, logs and errors of one trace share their fate. It is
the consistent probability sampling of OpenTelemetry: the last 56 bits of the trace id are its
randomness R, and it stays when R >= (1 - rate) * 2^56.
https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/

On top of that come `always` and `limits`, which are local to one process: two collectors count for
themselves.

What stays by a rate below 1 says how many it stands for: `errlock.sample_weight` is 1 / rate, in
`extra` of Sentry events and transactions, in the attributes (or `data`) of everything else; and the
`sample_rate` of the envelope's trace header, where there is one, is multiplied by `rate`. What
stays by `always` stands for itself. A weight that is there already, from a collector before this
one, is not multiplied but raised to the larger of the two: the same trace ids pass both. One above
a million is nobody's, and is as none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ..pipeline.component import Processor, ProcessorConfig, Settings
from ..pipeline.errors import Drop, Problem
from ..pipeline.payloads.document import Document, DocumentType, Tree
from ..policy.forks import ForkedLock
from .budgets import FirstOnes, Limit, budget

# What can be sampled. Attachments and user reports follow their event; sessions, check-ins,
# client reports and metrics are sums, of which a part says nothing.
SAMPLED: tuple[DocumentType, ...] = (
    "event", "transaction", "span", "log", "raw_security", "otlp_span", "log_record",
)  # fmt: skip
WEIGHT = "errlock.sample_weight"
# Whoever sends may write one. Rates that anybody samples by make smaller ones, and the account,
# which adds them up, has no room for much larger ones.
_MOST_WEIGHT = 1_000_000

# What is decided once for all copies of a document: dropped for a reason, or kept for a reason.
Decision = Literal["sampled", "rate_limited", "always", "by rate"]
Level = Literal["trace", "debug", "info", "warning", "error", "fatal"]
# OTLP's severity numbers, four to a level: 1 to 4 are trace, 21 to 24 are fatal.
_SEVERITIES: tuple[Level, ...] = ("trace", "debug", "info", "warning", "error", "fatal")


class Always(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stays whatever the rate."""

    level: Annotated[
        tuple[Level, ...], Meta(description="Events and logs of these levels always stay.")
    ] = ()
    first_per_fingerprint: Annotated[
        str | None,
        Meta(
            description="The first errors of each kind always stay: `10/1h` means ten an hour. "
            "The kind is the exception types and the application's frames, never the message."
        ),
    ] = None


class Sample(ProcessorConfig, frozen=True, kw_only=True):
    """Let a part of the documents through, the same part on every collector."""

    rate: Annotated[
        float,
        Meta(ge=0, le=1, description="The share of traces that stays, from 0 to 1."),
    ] = 1.0
    always: Annotated[Always, Meta(description="What stays whatever the rate.")] = Always()
    limits: Annotated[
        Mapping[str, str],
        Meta(
            description="The most that passes this process, by document type and for each "
            "project, as `event: 100/1s`. The rest is dropped as `rate_limited`."
        ),
    ] = msgspec.field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """Budgets that cannot be read, types that are never sampled."""
        if self.always.first_per_fingerprint is not None:
            yield from _unreadable(
                "always.first_per_fingerprint", self.always.first_per_fingerprint
            )
        for type_, text in self.limits.items():
            if type_ not in SAMPLED:
                yield Problem(f"limits.{type_}", f"expected one of {', '.join(SAMPLED)}")
            else:
                yield from _unreadable(f"limits.{type_}", text)

    def build(self, settings: Settings) -> Sampler:
        """Make the processor."""
        return Sampler(self, settings.id)


def _unreadable(path: str, text: str) -> Iterable[Problem]:
    try:
        budget(text)
    except ValueError as wrong:
        yield Problem(path, str(wrong))


class Sampler(Processor):
    """Decides once for all copies of a document. Safe from several threads."""

    once: ClassVar[bool] = True

    def __init__(
        self, options: Sample, id_: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._id = id_
        self._rate = options.rate
        self._threshold = threshold(options.rate)
        self._levels = frozenset(options.always.level)
        first = options.always.first_per_fingerprint
        self._first = FirstOnes(*budget(first), clock) if first else None
        self._limits = {
            type_: Limit(*budget(text), clock) for type_, text in options.limits.items()
        }
        self._lock = ForkedLock()

    def process(self, document: Document) -> None:
        """See `Processor.process`. Raises Drop (`sampled` or `rate_limited`)."""
        if document.type not in SAMPLED:
            return
        # Under the lock, so that two copies that two threads judge get one decision.
        with self._lock:
            decision = document.decisions.get(self._id)
            if decision is None:
                decision = document.decisions[self._id] = self._decide(document)
        if decision == "sampled" or decision == "rate_limited":
            raise Drop(decision)
        if decision == "by rate" and self._rate < 1:
            record_weight(document, self._rate, self._id)

    def _decide(self, document: Document) -> Decision:
        always = self._always(document)
        if not always and randomness(document) < self._threshold:
            return "sampled"
        limit = self._limits.get(document.type)
        if limit is not None and not limit.take(document.project):
            return "rate_limited"
        return "always" if always else "by rate"

    def _always(self, document: Document) -> bool:
        if self._levels and level(document) in self._levels:
            return True
        if self._first is None or document.type != "event":
            return False
        return self._first.take(fingerprint(document.tree))


def threshold(rate: float) -> int:
    """The smallest randomness that stays."""
    return round((1 - rate) * (1 << 56))


def randomness(document: Document) -> int:
    """56 bits that say where a document stands between 0 (goes first) and 2^56 (goes last)."""
    for id_ in (document.trace_id, document.event_id):
        if id_ is not None and id_.strip("0"):
            return int(id_[-14:], 16)
    content = msgspec.json.encode(document.tree, order="sorted")
    return int.from_bytes(blake2b(content, digest_size=7).digest(), "big")


def level(document: Document) -> str | None:
    """The level of an event or log, in Sentry's words; None for what has none."""
    tree = document.tree
    if not isinstance(tree, dict):
        return None
    if document.type == "log_record":
        number = tree.get("severity_number")
        if not isinstance(number, int) or not 1 <= number <= 24:
            return None
        return _SEVERITIES[(number - 1) // 4]
    if document.type not in ("event", "log"):
        return None
    named = tree.get("level")
    if isinstance(named, str):
        return "warning" if named == "warn" else named
    return "error" if document.type == "event" else None  # Sentry's own default


def fingerprint(tree: Tree) -> tuple[object, ...]:
    """What makes two errors the same kind: never the message, which anybody can vary."""
    event = tree if isinstance(tree, dict) else {}
    values = _list(event.get("exception"))
    if not values:
        return tuple(str(event.get(name)) for name in ("level", "logger"))
    return tuple((str(value.get("type")), *_own_frames(value)) for value in values)


def _own_frames(value: dict[str, Tree]) -> Iterator[tuple[str, str]]:
    """The module and function of the application's frames, or of all if none is marked."""
    stacktrace = value.get("stacktrace")
    frames = _list(stacktrace.get("frames")) if isinstance(stacktrace, dict) else []
    own = [frame for frame in frames if frame.get("in_app") is True]
    for frame in own or frames:
        place = frame.get("module") or frame.get("filename")
        yield str(place), str(frame.get("function"))


def _list(tree: Tree) -> list[dict[str, Tree]]:
    """The objects in a list, or in the `values` of an object as Sentry also writes lists."""
    if isinstance(tree, dict):
        tree = tree.get("values", [tree])
    return [each for each in tree if isinstance(each, dict)] if isinstance(tree, list) else []


def record_weight(document: Document, rate: float, id_: str) -> None:
    """Say in a document, and in the trace header above it, that it stands for 1 / rate."""
    document.weight = max(1 / rate, document.weight)
    tree = document.tree
    if not isinstance(tree, dict):
        return
    where, wrapped = place(document.type, tree)
    if where is None:
        return
    around = tree.get(where)
    around = around if isinstance(around, dict) else {}
    before = _weight(around.get(WEIGHT))
    document.weight = max(document.weight, before)
    weight: Tree = document.weight
    if wrapped:
        weight = {"type": "double", "value": weight}
    document.tree = {**tree, where: {**around, WEIGHT: weight}}
    if not before and document.type in ("transaction", "span"):
        for parent in document.parents:
            if parent.type == "envelope":
                _scale_header(parent, rate, id_)


def _weight(there: Tree) -> float:
    """What a document says that it stands for; 0: nothing that can be believed."""
    value = there.get("value") if isinstance(there, dict) else there
    # Compared as it is: there are numbers that no float can be.
    if isinstance(value, int | float) and 0 <= value <= _MOST_WEIGHT:
        return float(value)
    return 0.0


def place(type_: DocumentType, tree: dict[str, Tree]) -> tuple[str | None, bool]:
    """Where what errlock adds goes, and whether values there are wrapped as Sentry's attributes."""
    if type_ in ("event", "transaction"):
        return "extra", False
    if type_ in ("otlp_span", "log_record"):
        return "attributes", False
    if type_ == "span" and "attributes" not in tree:
        return "data", False
    return (None, False) if type_ == "raw_security" else ("attributes", True)


def _scale_header(envelope: Document, rate: float, id_: str) -> None:
    """Multiply `trace.sample_rate`, once for each copy of the envelope's headers."""
    headers = envelope.tree
    trace = headers.get("trace") if isinstance(headers, dict) else None
    if not isinstance(headers, dict) or not isinstance(trace, dict) or "sample_rate" not in trace:
        return
    if id_ not in envelope.decisions:
        try:
            scaled = float(str(trace["sample_rate"])) * rate
        except ValueError:
            return
        # Sentry wants a string here. The decision is what other copies are set to.
        envelope.decisions[id_] = f"{scaled:.17g}"
    decided = str(envelope.decisions[id_])
    envelope.tree = {**headers, "trace": {**trace, "sample_rate": decided}}
