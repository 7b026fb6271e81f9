"""Whatever stands in a configuration, what is wrong with it is told as problems."""

import contextlib
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errlock.pipeline.config import loads
from errlock.pipeline.config.reading import load
from errlock.pipeline.errors import ConfigError

NAMES = [
    "receivers", "processors", "exporters", "service", "sentry", "otlp", "protocols", "grpc",
    "endpoint", "redact", "hash", "generalize", "debug", "file", "path", "pipelines", "errors",
    "telemetry", "logs", "level", "storage", "shutdown_timeout", "max_bytes_in_flight", "rules",
    "match", "with", "sample", "rate", "classes", "ip", "v4", "known_values", "env", "local",
]  # fmt: skip
SCALARS = [
    "1", "-1", "1e999", ".nan", "null", "true", "''", "10s", "1GiB", "localhost:1", "[::1]:99999",
    "${env:X}", "${env:", "${file:/nope}", "$$", "'('", "*a", "&a x", "!!python/name:os.system x",
    "2024-99-99", '"\\ud800"', '"\\0"', "9" * 5000, "<<", "? x",
]  # fmt: skip
values = st.recursive(
    st.sampled_from(SCALARS + NAMES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.dictionaries(st.sampled_from(NAMES + SCALARS), inner, max_size=4).map(
            lambda each: "{" + ", ".join(f"{k}: {v}" for k, v in each.items()) + "}"
        ),
    ),
    max_leaves=12,
)
sections = st.dictionaries(st.sampled_from(NAMES[:4]), values, max_size=4).map(
    lambda each: "\n".join(f"{key}: {value}" for key, value in each.items())
)
noise = st.text(string.printable + "\x00\ufeff\u2028\U0001f600", max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.one_of(sections, noise, values))
def test_a_configuration_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        loads(text, {"X": "[{"})


@settings(max_examples=100, deadline=None)
@given(noise, st.one_of(values, noise))
def test_a_setting_is_read_or_refused(name: str, value: str) -> None:
    with contextlib.suppress(ConfigError):
        load([], [f"{name}={value}"], {})


def test_a_number_longer_than_python_reads_is_a_problem() -> None:
    with pytest.raises(ConfigError) as refused:
        loads("service:\n  shutdown_timeout: " + "9" * 5000, {})
    assert "service.shutdown_timeout: too long a number" in str(refused.value)


def test_a_setting_nested_deeper_than_any_option_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"expected a\.b\.c=value"):
        load([], ["a." * 3000 + "b=1"], {})
