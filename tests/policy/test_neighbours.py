"""What stands beside a secret in one text stays."""

from __future__ import annotations

from rows import hold


def test_what_stands_beside_a_secret_stays() -> None:
    traced = "+ helm upgrade x --set db.password=Wint3rfell9,replicas=3"
    hold(traced, ["Wint3rfell9"], ["replicas=3"])
    hold("db:\n  password: |-\n    Wint3rfell9\n  port: 3\n", ["Wint3rfell9"], ["port: 3"])
    hold("key: >\n  Wint3r\n  fell9\nport: 3\n", [], ["port: 3"])
