"""Documents a second, from counters."""

from errlock.pipeline.collector.operating.rates import Rates
from errlock.pipeline.counters import Counters


def test_a_rate_is_the_mean_of_the_last_minute() -> None:
    counters, now = Counters(), [0.0]
    rates = Rates(counters, clock=lambda: now[0])
    assert rates.of("exporter_sent", "sentry") == 0.0
    for second in range(5, 201, 5):
        now[0] = float(second)
        counters.add("exporter_sent", 50 if second > 100 else 5, exporter="sentry", type="event")
        counters.add("exporter_sent", 1000, exporter="otlp", type="event")
        counters.add("exporter_offered", 5, exporter="sentry", type="event")
        rates.sample()
        if second == 50:
            assert rates.of("exporter_sent", "sentry") == 1.0
    assert rates.of("exporter_sent", "sentry") == 10.0
    assert rates.of("exporter_offered", "sentry") == 1.0
    assert rates.of("exporter_sent", "nobody") == 0.0
