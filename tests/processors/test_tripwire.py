"""Tripwires: what is planted, where, with whom; and what came back is seen."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import quote

import grpc  # type: ignore[import-untyped]  # it has no annotations
import msgspec
import pytest
from grpc import aio
from line_payload import Line

from errlock.exporters.otlp import OtlpExporterConfig
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.component import Planted, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.crossing import convert
from errlock.pipeline.errors import ConfigError, Problem
from errlock.pipeline.options import Duration, Secret
from errlock.pipeline.payloads.document import DocumentType, Tree
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.pipeline.payloads.otlp_signals import SERVICES
from errlock.pipeline.planting import plant
from errlock.policy.keyring.decoys import digest, week_name, week_of
from errlock.policy.keyring.pseudonyms import new_key
from errlock.policy.parts import Part
from errlock.processors.redact import Redact
from errlock.processors.tripwire import Tripwire, TripwirePart

KEY = Secret(new_key())
NOW = 1764158400.0
CANARY = {"AWS_ACCESS_KEY_ID": Secret("canary-id-of-ours-1"), "AWS_REGION": Secret("eu-west-1")}


def part(*exporters: str, **options: Any) -> TripwirePart:
    options = {"key": KEY, "share": 1.0, **options}
    settings = Settings(
        "tripwire", Counters(), logging.getLogger("errlock.test"), exporters=exporters
    )
    return Tripwire(**options).build(settings)


def redact() -> Part:
    built = Redact().build(Settings("redact", Counters(), logging.getLogger("errlock.test")))
    assert isinstance(built, Part)
    return built


def planted_in(document: Line, part_: TripwirePart, destination: str = "sentry") -> Any:
    part_.plant(document, destination, NOW)
    return document.tree


TOKEN = part("sentry").decoys.of("sentry", week_of(NOW))["deploy_key"]
WRAPPED = {"type": "string", "value": TOKEN}


@pytest.mark.parametrize(
    ("type_", "tree", "expected"),
    [
        ("event", {"message": "x"}, {"message": "x", "extra": {"deploy_key": TOKEN}}),
        ("event", {"extra": {"a": 1}}, {"extra": {"a": 1, "deploy_key": TOKEN}}),
        ("transaction", {}, {"extra": {"deploy_key": TOKEN}}),
        ("span", {}, {"data": {"deploy_key": TOKEN}}),
        ("span", {"attributes": {}}, {"attributes": {"deploy_key": WRAPPED}}),
        ("log", {"body": "x"}, {"body": "x", "attributes": {"deploy_key": WRAPPED}}),
        ("log_record", {"body": "x"}, {"body": "x", "attributes": {"deploy_key": TOKEN}}),
        ("otlp_span", {"name": "x"}, {"name": "x", "attributes": {"deploy_key": TOKEN}}),
    ],
)
def test_it_stands_where_a_thief_looks(type_: DocumentType, tree: Tree, expected: Tree) -> None:
    assert planted_in(Line(type_, tree), part("sentry")) == expected


@pytest.mark.parametrize(
    ("type_", "tree"),
    [
        ("session", {}),
        ("metric", {}),
        ("raw_security", {}),
        ("event", []),
        ("event", {"extra": "not a map"}),
        ("event", {"extra": {"deploy_key": "something real"}}),
    ],
)
def test_what_has_no_place_for_one_is_left_as_it_is(type_: DocumentType, tree: Tree) -> None:
    document = Line(type_, tree)
    assert part("sentry").plant(document, "sentry", NOW) is None
    assert document.tree == tree


def test_what_was_planted_is_told_by_destination_week_and_digest() -> None:
    assert part("sentry").plant(Line("event", {}), "sentry", NOW) == Planted(
        "sentry", week_name(week_of(NOW)), (digest(TOKEN),)
    )


def test_own_decoys_stand_in_place_of_made_ones_where_there_are_any() -> None:
    mine = part("sentry", "tempo", decoys={"sentry": ({**CANARY},)})
    assert planted_in(Line("event", {}), mine) == {
        "extra": {"AWS_ACCESS_KEY_ID": "canary-id-of-ours-1", "AWS_REGION": "eu-west-1"}
    }
    assert list(planted_in(Line("event", {}), mine, "tempo")["extra"]) == ["deploy_key"]
    alone = part("sentry", "tempo", key=None, decoys={"sentry": ({**CANARY},)})
    assert planted_in(Line("event", {}), alone, "tempo") == {}


def chosen(part_: TripwirePart, destination: str, ids: list[str]) -> list[str]:
    return [
        id_
        for id_ in ids
        if part_.plant(Line("event", {}, event_id=id_), destination, NOW) is not None
    ]


def test_a_share_gets_one_by_its_ids_other_than_those_that_sample_prefers() -> None:
    ids = [f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}" for number in range(1, 4001)]
    mine = part("sentry", share=0.1)
    first = chosen(mine, "sentry", ids)
    assert first == chosen(part("sentry", share=0.1), "sentry", ids)
    assert 320 <= len(first) <= 480
    assert chosen(mine, "tempo", ids) != first
    # All that `sample` lets through at a low rate begins with ones.
    high = [f"{number:018x}{(1 << 56) - 1 - number:014x}" for number in range(1, 4001)]
    assert 320 <= len(chosen(mine, "sentry", high)) <= 480


def test_both_protocols_can_be_read_with_one_in_it() -> None:
    planters = [part("sentry")]
    envelope = Envelope.from_event({"message": "x"})
    told: list[Planted] = []
    plant(envelope, planters, "sentry", told.append)
    again = Envelope.decode(envelope.encode(), "shop", 0.0).documents[0].tree
    assert isinstance(again, dict)
    assert list(again["extra"]) == ["deploy_key"]  # type: ignore[arg-type]  # a map, as planted
    request = OtlpRequest.decode_json(
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}', "logs"
    )
    plant(request, planters, "sentry", told.append)
    tree = OtlpRequest.decode(request.encode(), "logs").documents[0].tree
    assert isinstance(tree, dict)
    assert list(tree["attributes"]) == ["deploy_key"]  # type: ignore[arg-type]  # as above
    assert len(set(told)) == 1


async def test_a_request_with_decoys_is_no_longer_than_servers_take() -> None:
    """Servers as they are: they refuse more than 4 MiB, and all of it would be lost."""
    records: list[Any] = [{"body": f"record {number} {'x' * 60}"} for number in range(60_000)]
    around: Any = {"attributes": {"service.name": "shop"}}
    request = OtlpRequest.from_trees("logs", around, {}, records, project="shop", received=5.0)
    requests = convert(request, "otlp").payloads
    assert len(requests) == 2

    async def export(request: bytes, _: object) -> bytes:
        return b""

    server = aio.server()
    handler = grpc.unary_unary_rpc_method_handler(export)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICES["logs"], {"Export": handler}),)
    )
    port = server.add_insecure_port("localhost:0")
    await server.start()
    config = OtlpExporterConfig(endpoint=f"http://localhost:{port}", timeout=Duration("60s"))
    exporter = config.build(Settings("otlp", Counters(), logging.getLogger("errlock.test")))
    await exporter.start()
    try:
        for each, share in zip(requests, (1.0, 0.01), strict=True):
            told: list[Planted] = []
            planted = plant(each.copy(), [part("otlp", share=share)], "otlp", told.append)
            assert (await exporter.export(planted)).accepted == len(each.documents)
            assert bool(told) == (b"deploy_key" in planted.encode()) == (share < 1)
    finally:
        await exporter.stop()
        await server.stop(None)


class Broken(TripwirePart):
    def plant(self, document: Any, destination: str, now: float) -> Planted | None:
        raise ValueError(f"cannot plant in {document.tree}")


def test_a_planter_that_fails_holds_nothing_up_and_shows_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    envelope = Envelope.from_event({"message": "hunter22correct"})
    before = envelope.encode()
    plant(envelope, [Broken(part().decoys, 1.0), part("sentry")], "tempo")
    assert "deploy_key" in envelope.encode().decode()
    assert len(envelope.encode()) > len(before)
    assert caplog.messages == ["a decoy cannot be planted: ValueError"]


@pytest.mark.parametrize(
    "way", [str, quote, lambda text: msgspec.json.encode({"k": text}).decode()]
)
def test_one_that_comes_back_is_counted_once_told_and_treated_as_a_secret(
    way: Any, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    steps = [Step("redact", redact()), Step("tripwire", part("sentry", "tempo"))]
    chain = Chain(steps, counters, "errors")
    token = part().decoys.of("tempo", week_of(time.time()) - 30)["deploy_key"]
    scanned = chain.scan(Envelope.from_event({"message": f"header: {way(token)}"}))
    for destination in ("sentry", "tempo"):
        assert token not in chain.render(scanned, chain.plan(destination)).encode().decode()
    chain.run(Envelope.from_event({"message": f"again: {token}"}))
    assert counters.total("decoys_returned", pipeline="errors", exporter="tempo") == 2
    assert counters.total("decoys_returned", exporter="sentry") == 0
    week = week_name(week_of(time.time()) - 30)
    assert caplog.messages == [
        f"a decoy planted with tempo in {week} came in: what it was sent was read by others"
    ]


def test_own_decoys_that_come_back_are_secrets_whatever_they_look_like() -> None:
    counters = Counters()
    decoys = {"sentry": ({"KEY": Secret("correct horse battery staple")},)}
    steps = [Step("redact", redact()), Step("tripwire", part("sentry", key=None, decoys=decoys))]
    chain = Chain(steps, counters, "errors")
    out = chain.run(
        Envelope.from_event({"message": "they said correct horse battery staple to us"})
    )
    assert "battery" not in out.encode().decode()
    assert counters.total("decoys_returned", exporter="sentry") == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, Problem("key", "expected a key, or decoys of your own")),
        ({"key": Secret("short")}, Problem("key", "not a key: make one with `errlock key new`")),
        (
            {"key": KEY, "former_keys": (Secret("short"),)},
            Problem("former_keys[0]", "not a key: make one with `errlock key new`"),
        ),
        (
            {"decoys": {"sentry": ({"A": Secret("short")},)}},
            Problem(
                "decoys.sentry[0]",
                "expected a value of at least 16 characters, that nobody guesses",
            ),
        ),
    ],
)
def test_options_that_plant_nothing_are_refused(options: Any, problem: Problem) -> None:
    assert list(Tripwire(**options).problems()) == [problem]


def test_decoys_of_an_exporter_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        part("sentry", "tempo", decoys={"sentri": ({**CANARY},)})
    assert [str(each) for each in raised.value.problems] == [
        str(Problem("decoys.sentri", "no exporter 'sentri'. Known: sentry, tempo"))
    ]
