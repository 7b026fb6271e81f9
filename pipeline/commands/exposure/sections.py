"""Options of `service` that some actions need alone: of the rest nothing is looked at, as who asks
at night may lack what the collector's configuration refers to.
"""

from __future__ import annotations

from pathlib import Path

from ....ledger.options import LedgerOptions
from ...config.service import Section, Stored


class WithLedger(Stored, frozen=True, kw_only=True):
    """Where the record is, and all of its options."""

    ledger: LedgerOptions = LedgerOptions()


class _Heads(Section, frozen=True, kw_only=True):
    file: Path | None = None


class _Journal(Section, frozen=True, kw_only=True):
    heads: _Heads = _Heads()


class _Ledger(Section, frozen=True, kw_only=True):
    journal: _Journal = _Journal()


class HeadsElsewhere(Section, frozen=True, kw_only=True):
    """Where heads of the journal are sent."""

    ledger: _Ledger = _Ledger()
