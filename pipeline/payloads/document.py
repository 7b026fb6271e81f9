"""What flows: payloads, and the documents that are judged one by one.

A *payload* is one received request. Its *documents* are what can be sanitised, sampled,
delivered and accounted for on their own: an envelope item or an element of a container item,
a log record, a span, a data point. Its *contexts* are what several documents share: the
envelope's headers, an OTLP resource, scope or metric (name, unit, description).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

from ..errors import DropReason

# A decoded document: what JSON can say, and bytes. Trees are never changed in place: whoever
# wants another one builds it, sharing what stays the same.
Tree: TypeAlias = "None | bool | int | float | str | bytes | list[Tree] | dict[str, Tree]"

Protocol = Literal["sentry", "otlp"]

DocumentType = Literal[
    # contexts
    "envelope", "resource", "scope", "otlp_metric",
    # Sentry; a container item (logs, spans, metrics) counts as its elements
    "event", "transaction", "span", "log", "metric", "check_in", "feedback", "user_report",
    "raw_security", "session", "sessions", "client_report", "attachment",
    # OTLP
    "otlp_span", "log_record", "data_point",
    # everything else: minidumps, replays, profiles, types that nobody knows
    "unknown",
]  # fmt: skip
DOCUMENT_TYPES: tuple[str, ...] = get_args(DocumentType)
CONTEXT_TYPES = frozenset({"envelope", "resource", "scope", "otlp_metric"})


class Trace(NamedTuple):
    """What the policy found in a document and how it left, for the account. Holds no value."""

    class_: str
    form: str  # a pseudonym's with its epoch: `pseudonym:e1`
    detector: str
    occurrences: int
    values: frozenset[int]  # keyed fingerprints; empty without a key
    parts: frozenset[int] = frozenset()  # and of what may be looked for within them


class Document(ABC):
    """One thing to judge. Decoded when somebody looks, encoded again when somebody changed it."""

    __slots__ = (
        "decisions", "dropped", "dropped_by", "parents", "traces", "type", "unjudged", "weight",
    )  # fmt: skip

    def __init__(self, type_: DocumentType, parents: tuple[Document, ...] = ()) -> None:
        self.type: DocumentType = type_
        # Without them this one must not go out: headers, resource, scope, an attachment's event.
        self.parents = parents
        self.dropped: DropReason | None = None
        self.dropped_by = ""  # the id of the processor that decided so
        # What was decided once for all copies of this document, by processor id (sampling).
        self.decisions: dict[str, object] = {}
        self.traces: tuple[Trace, ...] = ()
        self.unjudged = 0  # bytes of its text that the policy did not judge, or not in full
        self.weight = 1.0  # how many documents it stands for, since it was sampled

    @property
    @abstractmethod
    def tree(self) -> Tree:
        """The decoded content. Raises BrokenDocument when the bytes cannot be read."""

    @tree.setter
    @abstractmethod
    def tree(self, tree: Tree) -> None:
        """Replace the content."""

    @property
    def raw(self) -> bytes | None:
        """Its content as it stands in the request, while nobody changed it, if it stands alone."""
        return None

    @property
    def raw_json(self) -> bytes | None:
        """Its content as JSON as it came in, where nobody has read it yet."""
        return None

    def trust_raw(self) -> None:  # noqa: B027  most kinds have nothing to remember
        """Take it that the bytes are what they should be: they need not be read to go out."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of the content as received (an estimate where documents share bytes)."""

    @property
    @abstractmethod
    def trace_id(self) -> str | None:
        """The 32 hex digits of its trace, if it belongs to one."""

    @property
    @abstractmethod
    def event_id(self) -> str | None:
        """The 32 hex digits of its event id, if it has one."""

    @property
    def project(self) -> str:
        """The name of the project or service that it is of, as its outermost context has it."""
        return self.parents[-1].project if self.parents else ""

    @property
    def lost(self) -> DropReason | None:
        """Why it does not go out: dropped itself, or belonging to something that was."""
        if self.dropped is not None:
            return self.dropped
        return "parent" if any(parent.lost for parent in self.parents) else None

    @abstractmethod
    def digest(self) -> str:
        """A keyed digest of the content, for records that must not show it (digest.py)."""

    @abstractmethod
    def copy(self, parents: tuple[Document, ...]) -> Document:
        """Another document with the same content, fate and decisions, to go another way."""

    def share_fate(self, other: Document) -> None:
        """Make a copy have been dropped, decided upon and traced as this one was."""
        other.dropped, other.dropped_by = self.dropped, self.dropped_by
        other.traces, other.unjudged, other.weight = self.traces, self.unjudged, self.weight
        other.decisions = self.decisions


@dataclass(frozen=True, slots=True)
class Loss:
    """A document that did not go out: what the record keeps of it. Never a value."""

    type: DocumentType
    reason: DropReason
    size: int
    by: str  # the id of the component that decided
    digest: str  # keyed: the same for the same content, until the process ends


class Payload(ABC):
    """One received request, kept in its own protocol without loss of anything it names."""

    __slots__ = ("contexts", "documents", "manifest", "project", "received", "repaired")

    protocol: Protocol

    def __init__(self, project: str, received: float) -> None:
        self.project = project  # the name that the receiver found for the sender's project
        self.received = received  # when it came in, seconds since the epoch
        self.contexts: list[Document] = []
        self.documents: list[Document] = []
        self.repaired = 0  # sloppy places that were mended when it was read
        # What is in it once it is sanitised, for the account (ledger/manifest.py); copies have it.
        self.manifest = b""

    @abstractmethod
    def encode(self) -> bytes:
        """The request as bytes, without the documents that are lost."""

    @property
    @abstractmethod
    def reader(self) -> Callable[[bytes], Payload]:
        """Reads what `encode` wrote: the same without what is lost. Raises RefusedPayload."""

    @abstractmethod
    def copy(self) -> Payload:
        """The same content to go another way. Cheap: trees are shared until replaced."""

    @property
    def buffer(self) -> bytes | None:
        """The request as `encode` gives it while nothing is changed or lost, where that is kept.

        None: its documents must be looked at one by one. Else it has `at`.
        """
        return None

    def at(self, offsets: Sequence[int]) -> list[Document]:
        """The documents and contexts that ascending offsets into `buffer` belong to."""
        raise NotImplementedError

    def sift(
        self,
        ends: Sequence[int],
        numbers: Set[int],
        is_clean: Callable[[DocumentType, bytes, Callable[[], Tree]], bool],
    ) -> list[int]:
        """Of ascending places in `buffer` where matches end, where not all is harmless.

        Some are of `numbers` only, which are harmless in texts without quotes. `is_clean` is asked
        for parts of documents: their kind, their bytes, and what reads them.
        """
        return list(ends)

    @property
    def made(self) -> list[Document]:
        """Its contexts and documents as far as there are any yet: copies have the same ones."""
        return [*self.contexts, *self.documents]

    @property
    def count(self) -> int:
        """How many documents it has, lost ones among them, without making any."""
        return len(self.documents)

    @property
    def count_alive(self) -> int:
        """How many documents still go out, without making any."""
        return len(self.alive)

    @property
    def types(self) -> Counter[DocumentType]:
        """How many documents of each type still go out, without making any."""
        return Counter(document.type for document in self.alive)

    @property
    def size(self) -> int:
        """Bytes of all documents as received."""
        return sum(document.size for document in self.documents)

    @property
    def alive(self) -> list[Document]:
        """The documents that still go out."""
        return [document for document in self.documents if document.lost is None]
