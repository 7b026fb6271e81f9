"""The control API's description is OpenAPI 3.1 and names everything that can be asked."""

from openapi_spec_validator import OpenAPIV31SpecValidator

from errlock.pipeline.control.endpoints import ENDPOINTS
from errlock.pipeline.control.openapi import description


def test_it_is_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(description()).iter_errors()) == []


def test_it_has_every_endpoint_with_its_role() -> None:
    paths = description()["paths"]
    assert {
        (method.upper(), path, operation["description"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    } == {(each.method, each.path, f"Role: `{each.role}`.") for each in ENDPOINTS}
