"""Who stands in for a destination, and when."""

from __future__ import annotations

import logging

import pytest
from hand_clock import HandClock
from line_payload import events
from scripted_exporter import ScriptedExporter, unreachable

from errlock.delivery.destination import Destination
from errlock.delivery.offering import Offer, offer
from errlock.delivery.options import DeliveryOptions
from errlock.delivery.standby import Lineup, Standby, StandIn
from errlock.delivery.store import MemoryStore
from errlock.pipeline.counters import Counters

IDS = ("sentry", "spare", "last", "otlp")


class House:
    """Four destinations: `spare` stands by for `sentry`, `last` for `spare`."""

    def __init__(self, failover_after: float = 0.0) -> None:
        self.clock = HandClock()
        self.store = MemoryStore()
        self.exporters = {id_: ScriptedExporter() for id_ in IDS}
        self.destinations = {
            id_: Destination(
                id_, exporter, DeliveryOptions(), Counters(), logging.getLogger("errlock.test"),
                self.store, clock=self.clock,
            )
            for id_, exporter in self.exporters.items()
        }  # fmt: skip
        standbys = {"spare": Standby("sentry", failover_after), "last": Standby("spare")}
        self.lineup = Lineup(self.destinations, standbys, self.clock)

    @property
    def takers(self) -> set[str]:
        return set(self.lineup.takers(IDS))


async def test_a_standby_waits() -> None:
    assert House().takers == {"sentry", "otlp"}


async def test_it_stands_in_for_one_that_is_distrusted_and_goes_back_when_trusted() -> None:
    house = House()
    house.destinations["sentry"].set_trust("distrusted")
    assert house.takers == {"spare", "otlp"}
    assert house.lineup.stand_in("sentry", IDS) == StandIn("spare", "distrusted")
    house.destinations["sentry"].set_trust("trusted")
    assert house.takers == {"sentry", "otlp"}


async def test_what_is_held_is_nobody_elses() -> None:
    house = House()
    house.destinations["sentry"].set_trust("held")
    assert house.takers == {"sentry", "otlp"}


@pytest.mark.parametrize("state", ["held", "distrusted"])
async def test_a_standby_that_must_not_be_sent_to_has_its_own(state: str) -> None:
    house = House()
    house.destinations["sentry"].set_trust("distrusted")
    house.destinations["spare"].set_trust(state)  # type: ignore[arg-type]  # a parameter
    expected = {"last", "otlp"} if state == "distrusted" else {"sentry", "otlp"}
    assert house.takers == expected


async def test_where_nobody_can_stand_in_the_documents_wait() -> None:
    house = House()
    for id_ in ("sentry", "spare", "last"):
        house.destinations[id_].set_trust("distrusted")
    assert house.takers == {"sentry", "otlp"}


async def test_a_swap_holds_until_it_is_taken_back() -> None:
    house = House()
    house.lineup.swapped["sentry"] = "spare"
    assert house.takers == {"spare", "otlp"}
    del house.lineup.swapped["sentry"]
    assert house.takers == {"sentry", "otlp"}


async def test_one_that_is_alone_in_a_route_is_there_in_its_own_right() -> None:
    assert House().lineup.takers(("spare", "otlp")) == {"spare", "otlp"}


async def failing(house: House) -> None:
    house.exporters["sentry"].rest = unreachable()
    sentry = house.destinations["sentry"]
    await sentry.start()
    for _ in range(5):
        await offer(house.store, [Offer(events(), "p:1", [sentry])], house.clock)
    for _ in range(60):
        await house.clock.advance(5)


async def test_being_down_changes_nothing_unless_the_configuration_says_so() -> None:
    house = House()
    await failing(house)
    assert house.destinations["sentry"].status().health == "down"
    assert house.takers == {"sentry", "otlp"}
    await house.destinations["sentry"].stop(house.clock.now())


async def test_a_failover_comes_after_its_time_and_ends_with_health() -> None:
    house = House(failover_after=120)
    told: list[tuple[str, str | None, str | None]] = []
    house.lineup.told = lambda *failover: told.append(failover)
    await failing(house)
    assert house.lineup.stand_in("sentry", IDS) == StandIn("spare", "down")
    assert house.takers == house.takers == {"spare", "otlp"}
    assert told == [("sentry", "spare", None)]
    house.exporters["sentry"].rest = None
    for _ in range(20):
        await house.clock.advance(5)
    assert house.takers == {"sentry", "otlp"}
    assert told == [("sentry", "spare", None), ("sentry", None, "spare")]
    await house.destinations["sentry"].stop(house.clock.now())


async def test_a_standby_gets_its_share_for_a_rehearsal_beside_all_others() -> None:
    house = House()
    with house.lineup.shares.given("spare", 0.25):
        got = [house.takers for _ in range(9)]
    assert [takers == {"sentry", "otlp", "spare"} for takers in got] == [
        number % 4 == 0 for number in range(9)
    ]
    assert all(takers >= {"sentry", "otlp"} for takers in got)
    assert house.takers == {"sentry", "otlp"}
