"""The embedding package as a whole: what it costs to import, what it is made of."""

from __future__ import annotations

import subprocess
import sys

import pytest

from errlock.pipeline import embed


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
        _ = embed.OtelMetricExporter
