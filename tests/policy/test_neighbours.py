"""What stands beside a secret in one text stays."""

from __future__ import annotations

from engine_twins import difference
from rows import hold
from scrubbing import scrubbed


def test_what_stands_beside_a_secret_stays() -> None:
    traced = "+ helm upgrade x --set db.password=Wint3rfell9,replicas=3"
    hold(traced, ["Wint3rfell9"], ["replicas=3"])
    hold("db:\n  password: |-\n    Wint3rfell9\n  port: 3\n", ["Wint3rfell9"], ["port: 3"])
    hold("key: >\n  Wint3r\n  fell9\nport: 3\n", [], ["port: 3"])


def test_of_a_forwarded_header_only_the_addresses_go() -> None:
    headers = [["Forwarded", "for=203.0.113.7;proto=https;by=203.0.113.9"]]
    event = {"request": {"headers": headers}, "extra": {"headers": dict(headers)}}
    left = scrubbed(event)
    assert left["request"]["headers"][0][1] == "for=[ip];proto=https;by=[ip]"
    assert left["extra"]["headers"]["Forwarded"] == "for=[ip];proto=https;by=[ip]"
    assert scrubbed(left) == left
    assert difference("default", "event", event) is None


def test_what_only_tells_about_a_secret_or_an_address_stays() -> None:
    oauth = {"grant_type": "authorization_code", "client_secret": "Wint3rfell9"}
    address = {"line1": "14 Parnell Street", "country": "IE"}
    left = scrubbed({"extra": {"oauth": oauth, "address": address}})["extra"]
    assert left["oauth"] == {"grant_type": "authorization_code", "client_secret": "[token]"}
    assert left["address"] == {"line1": "[address]", "country": "IE"}
