"""The strict profile on top of whatever a configuration says, for the time of an incident."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from ..processors.redact import Redact
from .config import Config

STRICT = "redact/incident-strict"  # the id of the processor that is added for every exporter


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
