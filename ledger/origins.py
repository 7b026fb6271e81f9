"""Which service and environment documents name, as dimensions of the account.

It is what they say after they were sanitised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..pipeline.errors import UNREADABLE, BrokenDocument
from ..pipeline.payloads.digest import keyed_digest
from ..pipeline.payloads.document import Document, Payload, Tree
from ..policy.linear import compile_linear

if TYPE_CHECKING:
    from ..pipeline.payloads.otlp import OtlpRequest
    from ..pipeline.payloads.otlp_documents import OtlpDocument

# Policy versions of embedded pipelines begin with this, and their services where code is counted:
# nobody else's do.
EMBEDDED = "embedded:"
OTHER = "other"
UNKNOWN = "unknown"

_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
# What a label may be made of: words, such as `shop-eu2` or `k8s.prod`. It comes from documents and
# is shown in many places, so what could be a token, an id or markup is none.
_WORD = r"(?:[A-Za-z]{1,24}[0-9]{0,4}|[0-9]{1,7}|[A-Za-z0-9]{1,4})"
_LABEL = compile_linear(rf"{_WORD}(?:[-._/@+ ]{_WORD})*")
# Such words may also be an address: of a person, or of their machine.
_ADDRESS = compile_linear(r"@[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*\.|(?:[0-9]+\.){3}[0-9]")
_LONGEST = 64
_MOST_DIGITS = 8  # a phone or card number has more
_PROJECT = compile_linear(r"[0-9]{1,20}")  # a number in the URL that documents are sent to

_REMEMBERED = 4096
# What resources say, by digests of them, and labels that were found good: a service has few.
_resources: dict[str, tuple[str, str]] = {}
_labels: set[str] = set()


def origin(payload: Payload) -> tuple[str, str]:
    """Service and environment, as sanitised documents name them."""
    if payload.protocol == "otlp":
        shared = cast("OtlpRequest", payload).shared()
        resource = next((each for each, _ in shared if each.type == "resource"), None)
        return _of_resource(resource) if resource is not None else (UNKNOWN, UNKNOWN)
    contexts = [each for each in payload.contexts if each.lost is None]
    trace = _object(_tree(contexts[0] if contexts else None).get("trace"))
    environment = trace.get("environment")
    if environment is None:
        environment = next((found for d in payload.alive if (found := _environment(d))), None)
    service = label(payload.project)
    if service == OTHER and _PROJECT.fullmatch(payload.project):
        service = payload.project
    return service, label(environment)


def _of_resource(resource: Document) -> tuple[str, str]:
    key = keyed_digest(cast("OtlpDocument", resource).encoded)
    found = _resources.get(key)
    if found is None:
        attributes = _object(_tree(resource).get("attributes"))
        environment = next((attributes[name] for name in _ENVIRONMENT if name in attributes), "")
        found = label(attributes.get("service.name")), label(environment)
        if len(_resources) >= _REMEMBERED:
            _resources.clear()
        _resources[key] = found
    return found


class _Environment(msgspec.Struct):
    """All that is read of an event that nobody has read yet."""

    environment: str | None = None


_environment_decoder = msgspec.json.Decoder(_Environment)


def _environment(document: Document) -> Tree:
    if document.type not in ("event", "transaction"):
        return None
    try:
        if document.raw_json is not None:
            return _environment_decoder.decode(document.raw_json).environment
    except UNREADABLE:
        return None
    return _tree(document).get("environment")


def label(value: Tree) -> str:
    """A document's own word as a dimension of the account: `unknown` or `other` if it is none."""
    if value is None or value == "":
        return UNKNOWN
    if not isinstance(value, str):
        return OTHER
    if value not in _labels:
        if not _is_label(value):
            return OTHER
        if len(_labels) >= _REMEMBERED:
            _labels.clear()
        _labels.add(value)
    return value


def _is_label(text: str) -> bool:
    if len(text) > _LONGEST or not text.isascii() or sum(map(str.isdigit, text)) > _MOST_DIGITS:
        return False
    return _LABEL.fullmatch(text) is not None and _ADDRESS.search(text) is None


def _tree(document: Document | None) -> dict[str, Tree]:
    try:
        return _object(document.tree if document is not None else None)
    except BrokenDocument:
        return {}


def _object(tree: Tree) -> dict[str, Tree]:
    return tree if isinstance(tree, dict) else {}
