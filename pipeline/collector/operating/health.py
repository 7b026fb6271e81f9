"""How well a collector is, told to load balancers and to what restarts processes."""

from __future__ import annotations

from collections.abc import Mapping

from .collecting import Collecting


class Health:
    """Looks at a collector and each of its components."""

    def __init__(self, collector: Collecting) -> None:
        self._collector = collector

    def health(self) -> tuple[bool, Mapping[str, object]]:
        """Whether it is alive (False: a restart would help), and how each component is, as JSON."""
        collector = self._collector
        running, fault = collector.state == "running", collector.storage_fault
        share, degraded = collector.refused_share()
        status: str = "degraded" if degraded else collector.state
        if fault and running:
            status = f"storage_{fault}"
        return running and fault != "gone", {
            "status": status,
            "refused_share": round(share, 4),
            "receivers": {id_: {"state": collector.state} for id_ in collector.receivers},
            "exporters": {
                id_: each.status().as_dict() for id_, each in collector.destinations.items()
            },
            "journal": collector.ledger.status() if collector.ledger is not None else None,
        }

    def ready(self) -> tuple[bool, Mapping[str, object]]:
        """The same; False also where nothing is taken that comes in, which a restart would not
        mend: a full disk, say.
        """
        healthy, told = self.health()
        return healthy and self._collector.storage_fault is None, told
