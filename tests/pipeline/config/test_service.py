"""What the configuration says about the process."""

import pytest

from errlock.pipeline.config.service import endpoint_problem


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:4317", "0.0.0.0:0", ":8888", "[::1]:65535", "errlock.internal.example:1"],
)
def test_host_and_port_make_an_endpoint(endpoint: str) -> None:
    assert endpoint_problem(endpoint) is None


@pytest.mark.parametrize(
    "endpoint",
    ["", "localhost", "8888", "http://localhost:1", "::1:80", "a b:1", "host:", "host:x"],
)
def test_anything_else_is_not_one(endpoint: str) -> None:
    assert endpoint_problem(endpoint) == (
        "expected host:port, such as localhost:4317 or [::1]:4317"
    )


def test_a_port_has_its_range() -> None:
    assert endpoint_problem("localhost:65536") == "expected a port from 0 to 65535"
