"""The embedding package as a whole: what it costs to import, what it is made of."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from errlock.pipeline import Pipeline, embed


def test_importing_it_starts_nothing_and_loads_no_sdk() -> None:
    code = """
import sys, threading
import errlock.pipeline.embed
print({"sentry_sdk", "opentelemetry", "google.protobuf", "asyncio"} & set(sys.modules))
print(threading.active_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n1\n"


@pytest.mark.parametrize("name", embed.__all__)
def test_every_name_can_be_had(name: str) -> None:
    assert callable(getattr(embed, name))


def test_other_names_cannot() -> None:
    with pytest.raises(AttributeError, match=r"^module 'errlock.pipeline.embed' has no attribute"):
        _ = embed.OtelMetricReader  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Pipeline, "the class Pipeline"),
        ("errlock.yaml", "an object of str"),
        (None, "an object of NoneType"),
    ],
)
def test_what_is_no_pipeline_is_refused_at_once(given: Any, told: str) -> None:
    """Otherwise all that an application sends would be lost, and nothing would say so."""
    expected = f"^pipeline: expected what Pipeline.default\\(\\) makes, got {told}$"
    for make in (
        lambda: embed.sentry_transport(given),
        lambda: embed.OtelSpanExporter(ConsoleSpanExporter(), given),
        lambda: embed.OtelLogExporter(ConsoleLogRecordExporter(), given),
        lambda: embed.OtelMetricExporter(ConsoleMetricExporter(), given),
        lambda: embed.LoggingFilter(given),
        lambda: embed.LoggingHandler(logging.NullHandler(), given),
    ):
        with pytest.raises(TypeError, match=expected):
            make()


@pytest.mark.parametrize(
    "wrapper", [embed.OtelSpanExporter, embed.OtelLogExporter, embed.OtelMetricExporter]
)
def test_what_is_no_exporter_is_refused_at_once(wrapper: Any) -> None:
    """Otherwise each export would fail, in the SDK's log only."""
    for given, told in ((None, "NoneType"), ("http://localhost:4318", "str")):
        with pytest.raises(TypeError, match=f"^expected an exporter to wrap, got .* of {told}$"):
            wrapper(given, Pipeline.default())
    with pytest.raises(TypeError, match=r"^expected an exporter; what makes one"):
        wrapper(ConsoleSpanExporter, Pipeline.default())
