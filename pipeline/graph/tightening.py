"""The strict profile on top of whatever a configuration says, for the time of an incident."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from ...processors.redact import Redact
from ..chain import Chain, Step
from ..component import Settings
from ..config import Config
from ..counters import Counters

if TYPE_CHECKING:
    from ...ledger.keeping import Ledger

STRICT = "redact/incident-strict"  # the id of the processor that is added for every exporter


def strict_chain(counters: Counters, scope: str, ledger: Ledger | None) -> Chain:
    """The strict profile alone, for what goes to a destination (`scope`)."""
    part = Redact(profile="strict").build(Settings(STRICT, counters, logging.getLogger("errlock")))
    trace = None if ledger is None else ledger.tracer.traces
    return Chain([Step(STRICT, part)], counters, "replay", scope, trace)


def tightened(config: Config) -> Config:
    """The same configuration, with everything that leaves judged by the strict profile as well."""
    exporters = {
        id_: replace(
            options,
            delivery=msgspec.structs.replace(
                options.delivery, processors=(*options.processors, STRICT)
            ),
        )
        for id_, options in config.exporters.items()
    }
    processors = {**config.processors, STRICT: Redact(profile="strict")}
    return replace(config, processors=processors, exporters=exporters)
