"""Components that do nothing, with options of every kind: for tests of the configuration."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from errlock.pipeline.component import ExporterConfig, ProcessorConfig, ReceiverConfig
from errlock.pipeline.errors import Problem
from errlock.pipeline.options import Duration, Secret, Size
from errlock.pipeline.registry import Registry
from msgspec import Meta

Form = Literal["masked", "removed"]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    insecure: Annotated[bool, Meta(description="Whether to talk in clear.")] = False
    ca_file: Annotated[str | None, Meta(description="Whom to trust.")] = None


class ByName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="name"):
    pattern: str


class ByValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="value"):
    above: int


class Door(ReceiverConfig, frozen=True, kw_only=True):
    endpoint: Annotated[str, Meta(description="Where to listen.")] = "localhost:9000"
    tls: Annotated[Tls | None, Meta(description="Transport security.")] = None


class Wash(ProcessorConfig, frozen=True, kw_only=True):
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


class Target(ExporterConfig, frozen=True, kw_only=True):
    endpoint: Annotated[str, Meta(description="Where to send.")]
    timeout: Annotated[Duration, Meta(description="How long an attempt may take.")] = Duration("5s")
    batch: Annotated[Size, Meta(description="How much at once.")] = Size("1MiB")
    headers: Annotated[dict[str, Secret], Meta(description="Headers to send.")] = msgspec.field(
        default_factory=dict
    )
    tls: Annotated[Tls, Meta(description="Transport security.")] = Tls()


class Shelf(ExporterConfig, frozen=True, kw_only=True):
    path: Annotated[str | None, Meta(description="The file.")] = None


TOYS = Registry(
    {
        "receiver": {"sentry": Door, "otlp": Door},
        "processor": {"redact": Wash},
        "exporter": {"local": Shelf, "target": Target},
    },
    plugins=False,
)
