"""Components that do next to nothing, with options of every kind: for tests of configuration and
commands.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from errlock.pipeline.component import (
    Delivered,
    Exporter,
    ExporterConfig,
    Processor,
    ProcessorConfig,
    Receiver,
    ReceiverConfig,
    Settings,
    Sink,
)
from errlock.pipeline.errors import Drop, Problem
from errlock.pipeline.options import Duration, Secret, Size
from errlock.pipeline.payloads.document import Document, Payload
from errlock.pipeline.registry import Registry

Form = Literal["masked", "removed"]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    insecure: Annotated[bool, Meta(description="Whether to talk in clear.")] = False
    ca_file: Annotated[str | None, Meta(description="Whom to trust.")] = None


class ByName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="name"):
    pattern: str


class ByValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="value"):
    above: int


class Doorman(Receiver):
    async def start(self, sink: Sink) -> None: ...

    async def stop(self) -> None: ...

    async def finished(self) -> None: ...


class Washer(Processor):
    """Writes `washed` over a message, and drops a document without one."""

    def process(self, document: Document) -> None:
        tree = document.tree
        if not isinstance(tree, dict) or "message" not in tree:
            raise Drop("filtered")
        if tree["message"] == "boom":
            raise SystemError(str(tree))
        document.tree = {**tree, "message": "washed"}


class Shop(Exporter):
    accepts = ("sentry", "otlp")

    async def start(self) -> None: ...

    async def export(self, payload: Payload) -> Delivered:
        return Delivered(len(payload.documents))

    def abort(self) -> None: ...

    async def stop(self) -> None: ...


class Door(ReceiverConfig, frozen=True, kw_only=True):
    """Opens a door."""

    endpoint: Annotated[str, Meta(description="Where to listen.")] = "localhost:9000"
    tls: Annotated[Tls | None, Meta(description="Transport security.")] = None

    def build(self, settings: Settings) -> Receiver:
        return Doorman()


class Wash(ProcessorConfig, frozen=True, kw_only=True):
    """Washes documents."""

    profile: Annotated[Literal["balanced", "strict"], Meta(description="How much goes.")] = (
        "balanced"
    )
    rate: Annotated[float, Meta(ge=0, le=1, description="How many stay.")] = 1.0
    depth: Annotated[int, Meta(ge=1, description="How deep to look.")] = 8
    classes: Annotated[tuple[str, ...], Meta(description="What goes.")] = ()
    forms: Annotated[
        tuple[Literal["masked", "removed"], ...], Meta(description="How it goes.")
    ] = ()
    rules: Annotated[tuple[ByName | ByValue, ...], Meta(description="What else goes.")] = ()
    key: Annotated[Secret | None, Meta(description="The key.")] = None
    paths: Annotated[bool | Literal["home"], Meta(description="Whether paths go.")] = False

    def problems(self) -> Iterable[Problem]:
        if "everything" in self.classes:
            yield Problem(f"classes[{self.classes.index('everything')}]", "is not a class")

    def build(self, settings: Settings) -> Processor:
        return Washer()


class Target(ExporterConfig, frozen=True, kw_only=True):
    """Sends documents away."""

    endpoint: Annotated[str, Meta(description="Where to send.")]
    timeout: Annotated[Duration, Meta(description="How long an attempt may take.")] = Duration("5s")
    batch: Annotated[Size, Meta(description="How much at once.")] = Size("1MiB")
    headers: Annotated[dict[str, Secret], Meta(description="Headers to send.")] = msgspec.field(
        default_factory=dict
    )
    tls: Annotated[Tls, Meta(description="Transport security.")] = Tls()

    def build(self, settings: Settings) -> Exporter:
        return Shop()


class Shelf(ExporterConfig, frozen=True, kw_only=True):
    """Keeps documents."""

    path: Annotated[str | None, Meta(description="The file.")] = None

    def build(self, settings: Settings) -> Exporter:
        return Shop()


TOYS = Registry(
    {
        "receiver": {"sentry": Door, "otlp": Door},
        "processor": {"redact": Wash},
        "exporter": {"local": Shelf, "target": Target},
    },
    plugins=False,
)
