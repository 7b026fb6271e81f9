"""The contracts of receivers, processors and exporters.

A component's *configuration* is a frozen struct with a `build` method: it is what a user writes
in YAML or passes to `Pipeline([...])`. Its *running part* is what `build` returns.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

import msgspec

from .counters import Counters
from .errors import DropReason, Problem
from .payloads.document import Document, DocumentType, Payload
from .payloads.document import Protocol as PayloadProtocol

if TYPE_CHECKING:
    from ..policy.plan import Part


@dataclass(frozen=True, slots=True)
class Settings:
    """What the pipeline hands to a component that it builds: not the user's to set."""

    id: str  # `type` or `type/name`
    counters: Counters
    log: logging.Logger
    storage: Path | None = None  # service.storage; None: keep everything in memory
    exporters: Sequence[str] = ()  # the ids of all that are configured; none: nobody knows


class ComponentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of one component. Each field has a description: docs come from it."""

    def problems(self) -> Iterable[Problem]:
        """What is wrong beyond types, with paths relative to this component."""
        return ()


class ReceiverConfig(ComponentConfig, frozen=True, kw_only=True):
    """The configuration of a receiver."""

    def endpoints(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """Where it listens: the path of the option, relative to this component, and `host:port`."""
        return ()

    def build(self, settings: Settings) -> Receiver:
        """Make the receiver. Opens nothing yet."""
        raise NotImplementedError


class ProcessorConfig(ComponentConfig, frozen=True, kw_only=True):
    """The configuration of a processor."""

    def build(self, settings: Settings) -> Processor | Part:
        """Make the processor, or its part of the scrub plan that the whole chain shares."""
        raise NotImplementedError


class ExporterConfig(ComponentConfig, frozen=True, kw_only=True):
    """The configuration of an exporter."""

    def hosts(self) -> Iterable[str]:
        """The names or addresses of the machines that it connects to. None: it connects to none."""
        return ()

    def build(self, settings: Settings) -> Exporter:
        """Make the exporter. Opens nothing yet."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a payload at the door: how many documents were accepted or refused.

    Filtered and sampled documents are accepted: the sender did nothing wrong. Refused ones are
    those that could not be judged (broken, limits, unknown kinds), by type and reason.
    """

    accepted: int
    refused: Mapping[tuple[DocumentType, DropReason], int] = field(default_factory=dict)


class Sink(Protocol):
    """Where a receiver puts what it received."""

    async def accept(self, payload: Payload) -> Receipt:
        """Sanitise a payload and queue it for every destination.

        When this returns, the payload is accepted: it is delivered, queued or counted as
        dropped, for each destination. Raises RefusedPayload (429 or 503) when the pipeline is
        too busy or stopping; then nothing was taken and the sender may try again.
        """


class Connections(NamedTuple):
    """How many connections an endpoint has, and how many it may have at one time."""

    open: int
    most: int


class Receiver(ABC):
    """Takes requests from senders and puts payloads into a sink."""

    @abstractmethod
    async def start(self, sink: Sink) -> None:
        """Open the door. Raises OSError when an endpoint cannot be had."""

    @abstractmethod
    async def stop(self) -> None:
        """Close the door: new requests are refused, those begun are finished. Idempotent.

        Must be safe to call without start() having been called.
        """

    def take_over(self, predecessor: Receiver) -> None:  # noqa: B027  most share nothing
        """Get ready to replace another receiver of this type, which is still open.

        Comes before `start`, so that nobody who is connecting meanwhile is refused.
        """

    async def retire(self) -> None:
        """Let another receiver have the door, refusing nobody; `stop` may cut it short."""
        await self.stop()

    def connections(self) -> Mapping[str, Connections]:
        """Those of each transport (`http`, `grpc`). May be called from any thread."""
        return {}

    async def finished(self) -> None:
        """Return when there is nothing more to come (a file was read); never, for servers."""
        import asyncio

        await asyncio.Event().wait()


class Processor(ABC):
    """Judges documents one by one. Synchronous, no I/O, never awaits."""

    contexts: ClassVar[bool] = False  # whether headers, resources and scopes are shown to it too
    once: ClassVar[bool] = False  # whether a document that it let through is not shown to it again

    @abstractmethod
    def process(self, document: Document) -> None:
        """Look at a document; assign a new `document.tree` to change it, raise Drop to drop it.

        The tree found there must not be changed in place. Any other exception drops the document
        as `processor_failed`: what nobody judged does not go out.
        """


class Planted(NamedTuple):
    """What of errlock's own was put into a document: the journal knows it by its digests."""

    destination: str
    week: str  # `2026-W48`
    digests: tuple[str, ...]


class Planter(ABC):
    """Puts something of errlock's own into documents on their way to a destination.

    A processor, or a part of the plan, that is one too.
    """

    @abstractmethod
    def plant(self, document: Document, destination: str, now: float) -> Planted | None:
        """Put it into a document that leaves; None: this one gets nothing.

        Assigns a new `document.tree`, as `Processor.process` does. Called from several threads.
        """

    @abstractmethod
    def returned(self, value: str) -> Sequence[tuple[str, str]]:
        """Whose and of which week what it planted is that stands in a secret that came in.

        The week is empty where only the journal can say.
        """


# What became of documents for a destination:
# delivered  it has them
# refused    it was sent them, and answered once that it does not take them: it has seen them
# perhaps    an attempt ended unclear and they were then given up: it may have them
# withheld   they did not leave
Outcome = Literal["delivered", "refused", "perhaps", "withheld"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a destination said to one payload: counts of documents."""

    accepted: int
    # Left out or refused for good, by reason: `unsupported`, `invalid`, `unroutable`, …
    dropped: Mapping[DropReason, int] = field(default_factory=dict)


class Exporter(ABC):
    """Delivers payloads to one destination. Knows one attempt; retries are the queue's work."""

    accepts: ClassVar[Sequence[PayloadProtocol]]  # a payload of another protocol is converted first
    supported: ClassVar[frozenset[DocumentType] | None] = None  # None: every type

    @abstractmethod
    async def start(self) -> None:
        """Get ready. Must not need the destination to be up."""

    @abstractmethod
    async def export(self, payload: Payload) -> Delivered:
        """Make one attempt to deliver a sanitised payload. Raises ExportFailed.

        Cancelling aborts the attempt at once, closing its connection.
        """

    @abstractmethod
    def abort(self) -> None:
        """Cut the destination off: no byte, connection or DNS lookup until `start` is called again.

        Returns at once. Attempts under way raise ExportFailed, their connections are reset. May be
        called from any thread, at any time, any number of times.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Close connections. Idempotent, safe without start()."""
