"""Where to listen."""

from __future__ import annotations

import pytest

from errlock.pipeline.endpoints import listen, split_endpoint


@pytest.mark.parametrize(
    ("endpoint", "parts"),
    [
        ("localhost:9000", ("localhost", 9000)),
        (":9000", (None, 9000)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_an_endpoint_is_split(endpoint: str, parts: tuple[str | None, int]) -> None:
    assert split_endpoint(endpoint) == parts


@pytest.mark.parametrize("endpoint", ["localhost", "9000", "::1:9000", "x:99999", "x:-1", "x:"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="host"):
        split_endpoint(endpoint)


def test_a_port_in_use_is_an_error() -> None:
    (first,) = listen("127.0.0.1:0")
    first.listen()
    with pytest.raises(OSError, match="Address already in use"):
        listen(f"127.0.0.1:{first.getsockname()[1]}")
    first.close()
