"""Which destinations a word about a company means."""

import pytest

from errlock.delivery.trust.operators import operators_of, registrable_domain


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("sentry.io", "sentry.io"),
        ("o447951.ingest.us.sentry.io", "sentry.io"),
        ("O1.Ingest.SENTRY.io.", "sentry.io"),
        ("errors.shop.co.uk", "shop.co.uk"),
        ("co.uk", "co.uk"),
        ("shop.herokuapp.com", "shop.herokuapp.com"),
        ("tracker.münchen.example.de", "example.de"),
        ("otel.bücher.de", "xn--bcher-kva.de"),
        ("localhost", "localhost"),
        ("tempo", "tempo"),
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("10.66051", "10.1.2.3"),
        ("0x0a010203", "10.1.2.3"),
        ("collector.observability.svc.cluster.local", "cluster.local"),
    ],
)
def test_the_registrable_domain_of_a_host(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


def test_a_named_operator_is_one_more() -> None:
    assert operators_of(["eu.sentry.io", "us.sentry.io"], "Acme") == {"sentry.io", "acme"}
    assert operators_of([]) == frozenset()
