"""What the configuration says about the process and not about a component: `service`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ...delivery.options import DeliveryOptions
from ...ledger.options import LedgerOptions
from ...policy.keyring.pseudonyms import check_key
from ..errors import Problem
from ..http.endpoints import endpoint_problem
from ..http.token_form import problem_of
from ..options import Duration, Secret, Size
from .fleet import FollowOptions, PublishOptions

_OPERATOR = re.compile(r"[\w.-]{1,255}")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration that belongs to no component."""


# Pipelines with these type names take one signal, as collector users expect; others take all.
SIGNALS = ("logs", "metrics", "traces")


class PipelineOptions(Section, frozen=True, kw_only=True):
    """The components of one pipeline, by id."""

    receivers: Annotated[
        tuple[str, ...], Meta(description="Ids of the receivers whose payloads it takes.")
    ]
    processors: Annotated[
        tuple[str, ...], Meta(description="Ids of its processors, in the order in which they act.")
    ] = ()
    exporters: Annotated[
        tuple[str, ...], Meta(description="Ids of the exporters that get what is left.")
    ]


class MetricsOptions(Section, frozen=True, kw_only=True):
    """errlock's own metrics."""

    level: Annotated[
        Literal["none", "basic", "normal", "detailed"],
        Meta(description="How much is measured. `none` opens no endpoint."),
    ] = "normal"
    endpoint: Annotated[
        str, Meta(description="Where Prometheus finds them, at /metrics (`host:port`).")
    ] = "localhost:8888"
    otlp_endpoint: Annotated[
        str | None, Meta(description="Where they are sent to as OTLP over gRPC (`host:port`).")
    ] = None

    def problems(self) -> Iterable[Problem]:
        """An endpoint that cannot be listened on."""
        if message := endpoint_problem(self.endpoint):
            yield Problem("endpoint", message)


class TracesOptions(Section, frozen=True, kw_only=True):
    """errlock's own traces."""

    otlp_endpoint: Annotated[
        str | None, Meta(description="Where they are sent to as OTLP over gRPC (`host:port`).")
    ] = None


class LogsOptions(Section, frozen=True, kw_only=True):
    """errlock's own log, on stderr."""

    level: Annotated[
        Literal["debug", "info", "warn", "error"], Meta(description="The least that is logged.")
    ] = "info"
    encoding: Annotated[
        Literal["console", "json"],
        Meta(description="One readable line or one JSON object for each entry."),
    ] = "console"


class TelemetryOptions(Section, frozen=True, kw_only=True):
    """What errlock tells about itself."""

    metrics: Annotated[MetricsOptions, Meta(description="errlock's own metrics.")] = (
        MetricsOptions()
    )
    traces: Annotated[TracesOptions, Meta(description="errlock's own traces.")] = TracesOptions()
    logs: Annotated[LogsOptions, Meta(description="errlock's own log, on stderr.")] = LogsOptions()


class HealthOptions(Section, frozen=True, kw_only=True):
    """The health endpoint."""

    endpoint: Annotated[
        str,
        Meta(description="Where health is told, at / (`host:port`). Empty: nowhere."),
    ] = "localhost:13133"

    def problems(self) -> Iterable[Problem]:
        """An endpoint that cannot be listened on."""
        if self.endpoint and (message := endpoint_problem(self.endpoint)):
            yield Problem("endpoint", message)


class EncryptionOptions(Section, frozen=True, kw_only=True):
    """How payloads are kept from who takes the disk."""

    key: Annotated[
        Secret | None,
        Meta(
            description="A key as `errlock key new` makes it, as `${file:…}` or `${env:…}`, that "
            "payloads on disk are encrypted with. It must not lie in `service.storage`."
        ),
    ] = None

    def problems(self) -> Iterable[Problem]:
        """A key that is none."""
        if self.key is not None and (message := check_key(self.key.reveal())):
            yield Problem("key", message)


class ControlOptions(Section, frozen=True, kw_only=True):
    """The control API, which the commands for operators talk to."""

    endpoint: Annotated[
        str,
        Meta(description="Where the control API answers (`host:port`). Empty: nowhere."),
    ] = "localhost:13134"
    hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Further host names under which it may be asked; addresses, localhost and "
            "the endpoint's own always may."
        ),
    ] = ()
    token: Annotated[
        Secret | None,
        Meta(
            description="A token that may do everything. Needed with `storage: memory`; otherwise "
            "one is made at the first start."
        ),
    ] = None
    second_person: Annotated[
        bool, Meta(description="Whether trusting a destination again takes two people's tokens.")
    ] = False

    def problems(self) -> Iterable[Problem]:
        """An endpoint that cannot be listened on."""
        if self.endpoint and (message := endpoint_problem(self.endpoint)):
            yield Problem("endpoint", message)


class Stored(Section, frozen=True, kw_only=True):
    """Where a collector keeps what outlives it."""

    storage: Annotated[
        str,
        Meta(
            description="The folder for what must outlive the process, made when needed; "
            "`memory` keeps everything in memory, up to a crash. A `~` is not expanded."
        ),
    ] = "./errlock-data"

    @property
    def folder(self) -> Path | None:
        """The folder for what must outlive the process; None: nothing does."""
        return None if self.storage == "memory" else Path(self.storage)

    def problems(self) -> Iterable[Problem]:
        """A storage that is none."""
        if not self.storage.strip():
            yield Problem("storage", "expected a folder, or memory")
        elif self.storage.startswith("~"):
            # Who stops a destination may be somebody else than who runs the collector, and must
            # mean the same folder.
            yield Problem(
                "storage",
                "~ would be another folder for each user: write all of the path, or "
                "${env:HOME}/…, or ./~… for a folder of that name",
            )


class ServiceOptions(Stored, frozen=True, kw_only=True):
    """How the components are put together, and the process around them."""

    storage_reserve: Annotated[
        Size,
        Meta(
            description="Held back on the disk, so that what is delivered can be booked when it is "
            "full; what comes in then is refused."
        ),
    ] = Size("32MiB")
    retain_delivered: Annotated[
        Duration,
        Meta(
            description="How long payloads are kept after their last delivery, so that `replay` "
            "can send them elsewhere. 0: they are deleted at once."
        ),
    ] = Duration(0)
    retain_delivered_size: Annotated[
        Size,
        Meta(
            description="While the file of the queues is larger, the oldest of what "
            "`retain_delivered` keeps goes before its time; so it does while the disk is full."
        ),
    ] = Size("4GiB")
    encryption: Annotated[
        EncryptionOptions, Meta(description="How payloads are kept from who takes the disk.")
    ] = EncryptionOptions()
    pipelines: Annotated[
        dict[str, PipelineOptions],
        Meta(description="Receivers, processors and exporters, put together."),
    ] = {}
    telemetry: Annotated[TelemetryOptions, Meta(description="What errlock tells about itself.")] = (
        TelemetryOptions()
    )
    health: Annotated[HealthOptions, Meta(description="The health endpoint.")] = HealthOptions()
    control: Annotated[
        ControlOptions,
        Meta(description="The control API, which the commands for operators talk to."),
    ] = ControlOptions()
    ledger: Annotated[
        LedgerOptions, Meta(description="The record of what left and of what was decided.")
    ] = LedgerOptions()
    watch_config: Annotated[
        bool,
        Meta(
            description="Whether a changed configuration file, or a renewed certificate that it "
            "names, is enough to run what it says; else SIGHUP or `errlock reload` say when."
        ),
    ] = True
    publish: Annotated[
        PublishOptions, Meta(description="The control document that a fleet follows.")
    ] = PublishOptions()
    follow: Annotated[
        FollowOptions, Meta(description="The control document that this collector obeys.")
    ] = FollowOptions()
    shutdown_timeout: Annotated[
        Duration, Meta(description="How long queues may drain when the process is told to stop.")
    ] = Duration("30s")
    max_bytes_in_flight: Annotated[
        Size | None,
        Meta(
            description="Most bytes that may wait to be sanitised; more is refused with 429. By "
            "default 256 MiB, or a sixteenth of the memory where that is less."
        ),
    ] = None

    def problems(self) -> Iterable[Problem]:
        """An endpoint that cannot be listened on, a token that nobody can send, no folder."""
        yield from super().problems()
        if message := endpoint_problem(self.publish.endpoint):
            yield Problem("publish.endpoint", message)
        # Not told by the section itself: `errlock distrust` reads that, and goes on without.
        token = self.control.token
        if token is not None and (message := problem_of(token.reveal())):
            yield Problem("control.token", message)


class StoredAtOptions(Section, frozen=True, kw_only=True):
    """Where a backend can be asked what it has stored."""

    url: Annotated[
        str,
        Meta(
            description="A page whose text has the message of the newest events, such as a list of "
            "issues; `{event_id}` in it is replaced.",
            pattern="^https?://",
        ),
    ]
    token: Annotated[
        Secret | None, Meta(description="A token that may read it (`Authorization: Bearer`).")
    ] = None


class DestinationOptions(DeliveryOptions, frozen=True, kw_only=True):
    """The keys of an exporter's section that are not the exporter's own."""

    processors: Annotated[
        tuple[str, ...],
        Meta(description="Ids of processors that make the policy stricter for this exporter."),
    ] = ()
    standby_for: Annotated[
        str | None,
        Meta(description="The id of the exporter that this one can take over from."),
    ] = None
    failover_after: Annotated[
        Duration,
        Meta(
            description="Take over, without anybody's word, from an exporter that has been down "
            "for this long, until it is up again. 0: only people switch."
        ),
    ] = Duration(0)
    operator: Annotated[
        str | None,
        Meta(
            description="Who runs it: `distrust` takes this name too, and means every destination "
            "that has it. The registrable domain of its host (`sentry.io`) always counts as well."
        ),
    ] = None

    stored_at: Annotated[
        StoredAtOptions | None,
        Meta(description="Where `errlock incident run --drill` asks whether its event was stored."),
    ] = None

    def problems(self) -> Iterable[Problem]:
        """What is wrong beyond types, with paths relative to the exporter."""
        yield from super().problems()
        if self.operator is not None and not _OPERATOR.fullmatch(self.operator):
            yield Problem("operator", "expected a name of letters, digits, ., - and _")
