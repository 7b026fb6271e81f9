from __future__ import annotations

from pathlib import Path

import pytest
from self_signed import Authority

from errlock.pipeline.collector.expiry import invalid_now
from errlock.pipeline.config import Config, loads

CONFIG = """
receivers:
  otlp:
    protocols:
      http: {{ endpoint: "localhost:4318", tls: {{ cert_file: {cert}, key_file: {key} }} }}
exporters:
  otlp: {{ endpoint: "localhost:4317", tls: {{ ca_file: {ca} }} }}
service:
  pipelines:
    traces: {{ receivers: [otlp], exporters: [otlp] }}
"""


@pytest.mark.parametrize(
    ("days", "since", "text"),
    [(1.0, -1.0, None), (-1.0, -2.0, "expired on"), (2.0, 1.0, "is not valid before")],
)
def test_what_is_not_valid_today_is_told(
    days: float, since: float, text: str | None, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    for each in ("server", "old"):
        (tmp_path / each).mkdir()
    cert, key = authority.issue(tmp_path / "server", days, since)
    found = invalid_now(_config(cert, key, authority.cert))
    assert [(each.path, text in each.message if text else None) for each in found] == (
        [("receivers.otlp.protocols.http.tls.cert_file", True)] if text else []
    )


def test_an_authority_is_looked_at_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    for each in ("server", "old"):
        (tmp_path / each).mkdir()
    cert, key = authority.issue(tmp_path / "server")
    old, _ = authority.issue(tmp_path / "old", -1.0)
    found = invalid_now(_config(cert, key, old))
    assert [each.path for each in found] == ["exporters.otlp.tls.ca_file"]


def _config(cert: Path, key: Path, ca: Path) -> Config:
    return loads(CONFIG.format(cert=cert, key=key, ca=ca))
