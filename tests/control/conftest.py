"""A collector for all tests of a module here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_operators import Controlled, running_controlled


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    with running_controlled(tmp_path_factory.mktemp("controlled")) as found:
        yield found
