"""What deliveries to one destination are made with."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..pipeline.component import Exporter
from ..pipeline.counters import Counters
from .clock import Clock
from .options import DeliveryOptions


@dataclass(frozen=True, slots=True)
class Target:
    """An exporter, and what all who deal with it share."""

    id: str
    exporter: Exporter
    options: DeliveryOptions
    counters: Counters
    log: logging.Logger
    clock: Clock
