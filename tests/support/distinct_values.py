"""How many different values rows of the account have seen."""

from __future__ import annotations

from collections.abc import Iterable

from errlock.ledger.account.figures import Figures
from errlock.ledger.account.sketches import Estimate, Sketch


def distinct(rows: Iterable[Figures]) -> Estimate:
    """In all of them together."""
    return Sketch(*(figures.sketch for figures in rows if figures.sketch is not None)).estimate()
