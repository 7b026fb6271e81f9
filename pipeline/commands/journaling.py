"""Commands that look for values leave word of it for the journal of the collector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..terminal import err

if TYPE_CHECKING:
    from ...ledger.search.searches import LookUp, Search


def journaled(folder: Path, search: Search | LookUp) -> None:
    """Leave it in a storage folder; says so where that cannot be done, and goes on."""
    from ...ledger.search.searches import leave

    try:
        leave(folder, search)
    except OSError as error:
        err(f"errlock: this search cannot be journaled: {error.strerror}")
