"""What the configuration says about the process."""

import pytest

from errlock.pipeline.config import loads
from errlock.pipeline.errors import ConfigError


def test_an_exporter_has_the_operators_of_all_its_hosts_and_the_named_one() -> None:
    config = loads(
        """
        exporters:
          sentry:
            projects: { shop: "https://k@o1.ingest.us.sentry.io/1", "*": "https://k@tracker.eu/2" }
          sentry/named: { dsn: "https://k@errors.corp.example:8443/1", operator: Acme }
          otlp: { endpoint: "10.0.0.7:4317" }
          otlp/url: { endpoint: "https://api.honeycomb.io:443" }
          otlp_http: { endpoint: "https://otlp.nr-data.net", logs_endpoint: "http://[::1]:4318/l" }
          debug: {}
        """,
        {},
    )
    assert {id_: set(options.operators) for id_, options in config.exporters.items()} == {
        "sentry": {"sentry.io", "tracker.eu"},
        "sentry/named": {"corp.example", "acme"},
        "otlp": {"10.0.0.7"},
        "otlp/url": {"honeycomb.io"},
        "otlp_http": {"nr-data.net", "::1"},
        "debug": set(),
    }


def test_an_operator_is_a_name() -> None:
    with pytest.raises(ConfigError, match=r"exporters\.debug\.operator: expected a name of let"):
        loads("exporters: { debug: { operator: 'a b' } }", {})
