import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from errlock.exporters.http import Answer
from errlock.exporters.sentry_limits import RateLimits


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def answer(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CIMultiDictProxy(CIMultiDict(named)), b"")


def test_a_limit_ends_when_its_time_is_over() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    limits.learn(answer(200, X_Sentry_Rate_Limits="60:error:key"))
    assert (limits.wait("event"), limits.wait("transaction")) == (60.0, 0.0)
    clock.now += 59
    assert limits.wait("event") == 1.0
    clock.now += 2
    assert limits.wait("event") == 0.0


@pytest.mark.parametrize(
    ("header", "event", "log"),
    [
        ("60::organization", 60.0, 60.0),
        ("60:", 60.0, 60.0),
        ("60", 60.0, 60.0),
        ("60:log_item;log_byte:key:reason:namespaces", 0.0, 60.0),
        ("60:log_byte:organization:quota", 0.0, 60.0),
        ("60:log_byte:key, 5:log_item:key", 0.0, 60.0),
        ("5:error:key, 7:log_item:key", 5.0, 7.0),
        ("9:error, 5:error", 9.0, 0.0),
        ("1.5:error;log_item:key", 1.5, 1.5),
        ("60:brand_new:key", 0.0, 0.0),
        ("soon:error:key", 0.0, 0.0),
        ("nan:error:key,inf::", 0.0, 0.0),
        ("-5:error", 0.0, 0.0),
        ("99999999:error", 604800.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_the_header_is_understood(header: str, event: float, log: float) -> None:
    limits = RateLimits(Clock())
    limits.learn(answer(429, X_Sentry_Rate_Limits=header))
    assert (limits.wait("event"), limits.wait("log")) == (event, log)


def test_a_limit_on_the_size_of_metrics_is_one_on_metrics() -> None:
    limits = RateLimits(Clock())
    limits.learn(answer(200, X_Sentry_Rate_Limits="60:trace_metric_byte:organization"))
    assert (limits.wait("metric"), limits.wait("log")) == (60.0, 0.0)


@pytest.mark.parametrize(
    ("made", "wait"),
    [(answer(429), 60.0), (answer(429, Retry_After="5"), 5.0), (answer(503, Retry_After="5"), 0.0)],
)
def test_without_the_header_only_a_429_limits_everything(made: Answer, wait: float) -> None:
    limits = RateLimits(Clock())
    limits.learn(made)
    assert limits.wait("event") == limits.wait("client_report") == wait
