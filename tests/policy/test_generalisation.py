from typing import Any

import pytest
from scrubbing import scrubbed, scrubbed_text

from errlock.policy.generalisation import Generaliser
from errlock.policy.parts import GeneralizePart, RedactPart


def coarse(text: str, **options: Any) -> Any:
    return scrubbed_text(text, [GeneralizePart(Generaliser(**options))])


@pytest.mark.parametrize(
    ("options", "text", "new"),
    [
        ({}, "from 203.0.113.77", "from 203.0.113.0/24"),
        ({}, "from 203.0.113.0/24 on", "from 203.0.113.0/24 on"),
        ({"v4": 16}, "from 203.0.113.0/24 on", "from 203.0.0.0/16 on"),
        ({}, "from 2001:db8:1:2::7", "from 2001:db8:1::/48"),
        ({"emails": True}, "to Jane@Example.com", "to [email]@example.com"),
        ({"timestamps": True}, "at 2024-01-02T03:04:05.678Z", "at 2024-01-02T03:00:00Z"),
        ({"timestamps": True}, "at 2024-01-02 03:04", "at 2024-01-02 03:00"),
        ({"paths": True}, "/home/jane/a C:\\Users\\jane\\b", "/home/user/a C:\\Users\\user\\b"),
        ({"routes": True}, "GET /users/4711/orders/12?x=1", "GET /users/{id}/orders/{id}?x=1"),
        ({"routes": True}, "https://a.example/u/4711", "https://a.example/u/{id}"),
        (
            {"sql": True},
            "SELECT a FROM t WHERE a='it''s' AND b=12",
            "SELECT a FROM t WHERE a=? AND b=?",
        ),
        ({"ids": True, "routes": True}, "GET /u/4711 of 2024", "GET /u/{id} of <id>"),
        ({"ids": True, "sql": True}, "SELECT a FROM t WHERE b=1234", "SELECT a FROM t WHERE b=?"),
        ({"ids": True}, "order 471100 of 12", "order <id> of 12"),
        ({"rules": (("order [0-9]+", "order <id>"),)}, "order 12 ok", "order <id> ok"),
        ({"rules": (("(a+)b", r"<\1>"),)}, "aab", "<aa>"),
    ],
)
def test_text_becomes_coarser(options: dict[str, Any], text: str, new: str) -> None:
    assert coarse(text, **{"emails": False, **options}) == new
    assert coarse(new, **{"emails": False, **options}) == new


def test_a_user_agent_becomes_its_family() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
    assert coarse(agent, user_agents=True) == "Firefox"


def test_a_field_that_takes_only_an_address_gets_one() -> None:
    part = GeneralizePart(Generaliser())
    assert scrubbed({"user": {"ip_address": "203.0.113.77"}}, parts=[part]) == {
        "user": {"ip_address": "203.0.113.0"}
    }


def test_address_attributes_of_otlp_stay_addresses() -> None:
    part = GeneralizePart(Generaliser())
    tree = {"attributes": {"client.address": "203.0.113.77", "x": "203.0.113.77"}}
    assert scrubbed(tree, parts=[part], type_="otlp_span") == {
        "attributes": {"client.address": "203.0.113.0", "x": "203.0.113.0/24"}
    }


def test_numbers_become_bands() -> None:
    part = GeneralizePart(Generaliser(bands=(("age", 10),)))
    assert scrubbed({"extra": {"Age": 37, "page": 37}}, parts=[part]) == {
        "extra": {"Age": "30-39", "page": 37}
    }


def test_times_and_ids_of_the_protocol_are_never_generalised() -> None:
    part = GeneralizePart(Generaliser(timestamps=True, ids=True))
    tree = {
        "event_id": "0af7651916cd43dd8448eb211c80319c",
        "timestamp": "2024-01-02T03:04:05Z",
        "breadcrumbs": [{"timestamp": "2024-01-02T03:04:05Z"}],
    }
    assert scrubbed(tree, parts=[part]) == tree


def test_a_real_finding_wins_over_what_is_only_made_coarser() -> None:
    chain = [GeneralizePart(Generaliser(ids=True)), RedactPart()]
    assert scrubbed_text("card 4111111111111111", chain) == "card ************1111"
