"""The control API's own description, made from what it runs on. https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from .endpoints import ENDPOINTS, SECOND, Endpoint
from .messages import Trouble

_TEMPLATE = "#/components/schemas/{name}"
_TROUBLES = {
    "400": "The request is not what this document says.",
    "401": "No token, or nobody's.",
    "403": "The token's role does not allow it.",
    "404": "There is no such thing.",
    "409": "It cannot be done as things are.",
}


@cache
def encoded_description() -> bytes:
    """The OpenAPI document as it is served. It takes long to make, and few ask for it."""
    return msgspec.json.encode(description())


def description(endpoints: Iterable[Endpoint] = ENDPOINTS) -> dict[str, Any]:
    """The OpenAPI document."""
    endpoints = tuple(endpoints)
    types = [
        type_ for each in endpoints for type_ in (each.order, each.answer) if type_ is not None
    ]
    _, schemas = msgspec.json.schema_components([*types, Trouble], ref_template=_TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "errlock control API",
            "version": version("errlock"),
            "description": "What operators tell a collector to do, and how it is. Roles: `read` "
            "looks, `operate` also stops and moves what is sent, `release` also trusts again; "
            "`account` is for applications that embed errlock, and for what they hand over only.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"Role: `{endpoint.role}`.",
        "responses": {
            "200": {"description": "Done.", "content": _json(endpoint.answer)},
            **{
                status: {"description": text, "content": _json(Trouble)}
                for status, text in _TROUBLES.items()
            },
        },
    }
    if endpoint.order is not None:
        found["requestBody"] = {"required": True, "content": _json(endpoint.order)}
    if "{id}" in endpoint.path:
        found["parameters"] = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    if endpoint.two_people:
        found["parameters"] = [
            {
                "name": SECOND,
                "in": "header",
                "description": "`Bearer` and the token of a second person with the same role, "
                "where `service.control.second_person` asks for one.",
                "schema": {"type": "string"},
            }
        ]
    return found


def _json(type_: type[msgspec.Struct]) -> dict[str, Any]:
    reference = _TEMPLATE.format(name=type_.__name__)
    return {"application/json": {"schema": {"$ref": reference}}}
