"""What Sentry's own ingestion would work out from the connection, worked out here.

A backend behind errlock sees errlock's address and the time at which errlock sends. So the
sender's address is put in where its SDK asks for that, and inference is switched off; and a
sender's wrong clock is corrected by Relay's rule before `sent_at` is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from aiohttp import web

from ..pipeline.errors import BrokenDocument
from ..pipeline.payloads.document import Tree
from ..pipeline.payloads.envelope import Envelope
from ..pipeline.payloads.envelope_documents import EVENT_TYPES, EnvelopeDocument, Item

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

AUTO = "{{auto}}"
# SDKs of these platforms run at the user: old ones have the address inferred without asking.
_CLIENT_PLATFORMS = ("javascript", "cocoa", "objc")
_ADDRESS_ATTRIBUTES = ("client.address", "user.ip_address")
_HINTS = (AUTO.encode(), b"infer_ip", *(platform.encode() for platform in _CLIENT_PLATFORMS))
# Relay corrects clocks that are off by this much or more, in seconds.
DRIFT = 55 * 60.0


def client_address(request: web.BaseRequest, trusted: Networks) -> str | None:
    """The sender's address: the last one in X-Forwarded-For that is not a trusted proxy."""
    hops = [part.strip() for part in ",".join(
        request.headers.getall("X-Forwarded-For", [])).split(",")]  # fmt: skip
    address = request.remote
    while address is not None and (parsed := _hop(address)) is not None:
        if not hops or not any(parsed in network for network in trusted):
            return str(parsed)
        address = hops.pop() or str(parsed)
    return None


# Some proxies name the port as well, which takes brackets around an IPv6 address.
_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]{1,5})?")


def _hop(text: str) -> IPv4Address | IPv6Address | None:
    """The address of a hop, without its port, and without its zone: that may be any text."""
    match = _WITH_PORT.fullmatch(text)
    try:
        found = ip_address(text if match is None else match[1] or match[2] or "")
    except ValueError:
        return None
    return IPv6Address(int(found)) if found.version == 6 else found


def put_in_address(envelope: Envelope, address: str | None, user_agent: str | None) -> None:
    """Answer every wish for the sender's address (and user agent), and take the wish away."""
    for document in envelope.items:
        try:
            if document.type in EVENT_TYPES and document.may_hold(*_HINTS):
                document.tree = _event(document.tree, address)
            elif document.type in ("session", "sessions") and document.may_hold(_HINTS[0]):
                document.tree = _at(document.tree, ("attrs",), lambda tree: _auto(tree, address))
            elif document.type in ("span", "log", "metric"):
                _attributes(document, address, user_agent)
        except BrokenDocument:
            continue  # it will be dropped by whoever judges it
    for document in envelope.items:
        if document.item is not None and document.item.container:
            _wish_no_more(document.item)


def _wish_no_more(item: Item) -> None:
    """Take away what a container wishes."""
    if item.type == "log" and (item.version or 1) < 2:
        # Up to version 1 the backend infers without being asked.
        item.version, item.infer_ip, item.infer_user_agent = 2, False, False
    item.infer_ip = False if item.infer_ip else item.infer_ip
    item.infer_user_agent = False if item.infer_user_agent else item.infer_user_agent


def correct_clock(envelope: Envelope) -> None:
    """Shift timestamps when the sender's clock is off by DRIFT or more."""
    sent = _moment(envelope.headers.maybe("sent_at"))
    if sent is None or abs(drift := envelope.received - sent) < DRIFT:
        return
    for document in envelope.items:
        try:
            document.tree = _shifted(document.tree, drift)
        except BrokenDocument:
            continue


def _event(tree: Tree, address: str | None) -> Tree:
    assert isinstance(tree, dict)
    user, sdk = tree.get("user"), tree.get("sdk")
    settings = sdk.get("settings") if isinstance(sdk, dict) else None
    asked = settings.get("infer_ip") if isinstance(settings, dict) else None
    has_address = isinstance(user, dict) and user.get("ip_address") is not None
    inferred = asked == "auto" or (asked is None and tree.get("platform") in _CLIENT_PLATFORMS)
    tree = _at(tree, ("user",), lambda found: _auto(found, address))
    tree = _at(tree, ("request", "env"), lambda found: _auto(found, address))
    assert isinstance(tree, dict)
    if inferred:
        if not has_address and address is not None:
            user = tree.get("user")
            tree = {**tree, "user": {**(user if isinstance(user, dict) else {}),
                                     "ip_address": address}}  # fmt: skip
        never: Tree = {**(settings if isinstance(settings, dict) else {}), "infer_ip": "never"}
        tree = {**tree, "sdk": {**(sdk if isinstance(sdk, dict) else {}), "settings": never}}
    return tree


def _attributes(document: EnvelopeDocument, address: str | None, user_agent: str | None) -> None:
    """Spans, logs and metrics: attributes `{"type": …, "value": …}`, or plain span data."""
    if document.may_hold(_HINTS[0]):
        document.tree = _at(document.tree, ("data",), lambda found: _auto(found, address))
        document.tree = _at(document.tree, ("attributes",), lambda found: _auto(found, address))
    item = document.item
    wanted = {}
    if item is not None and item.infer_ip and address is not None:
        wanted["client.address"] = address
    if item is not None and item.infer_user_agent and user_agent is not None:
        wanted["user_agent.original"] = user_agent
    tree = document.tree if wanted else None
    if isinstance(tree, dict):
        found = tree.get("attributes")
        known = found if isinstance(found, dict) else {}
        more: Tree = {name: {"type": "string", "value": text} for name, text in wanted.items()}
        assert isinstance(more, dict)
        document.tree = {**tree, "attributes": {**more, **known}}


def _auto(tree: Tree, address: str | None) -> Tree:
    """An object with `{{auto}}` replaced by the address (by null when it is not known)."""
    if not isinstance(tree, dict):
        return tree
    changed: dict[str, Tree] = {}
    for key in ("ip_address", "REMOTE_ADDR", *_ADDRESS_ATTRIBUTES):
        value = tree.get(key)
        if value == AUTO:
            changed[key] = address
        elif isinstance(value, dict) and value.get("value") == AUTO:
            changed[key] = {**value, "value": address}
    return {**tree, **changed} if changed else tree


def _shifted(tree: Tree, drift: float) -> Tree:
    """A document with its timestamps, and those of its spans and breadcrumbs, shifted."""
    if not isinstance(tree, dict):
        return tree
    changed: dict[str, Tree] = {}
    for key in ("timestamp", "start_timestamp", "end_timestamp", "started"):
        moment = _moment(tree.get(key))
        if moment is not None:
            changed[key] = _like(tree[key], moment + drift)
    for key in ("spans", "breadcrumbs", "values", "aggregates"):
        inner = tree.get(key)
        if isinstance(inner, list):
            changed[key] = [_shifted(each, drift) for each in inner]
        elif key == "breadcrumbs" and isinstance(inner, dict):
            changed[key] = _shifted(inner, drift)
    return {**tree, **changed} if changed else tree


def _moment(value: Tree) -> float | None:
    """Seconds since the epoch, from a number or an ISO text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if abs(value) < 1e11 else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _like(value: Tree, moment: float) -> Tree:
    """A timestamp in the form that `value` has."""
    if not isinstance(value, str):
        return moment
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # beyond the years that there are
        return value


def _at(tree: Tree, path: tuple[str, ...], change: Callable[[Tree], Tree]) -> Tree:
    """The tree with what is at a path changed; the same object when nothing is."""
    if not path:
        return change(tree)
    if not isinstance(tree, dict) or path[0] not in tree:
        return tree
    inner = tree[path[0]]
    changed = _at(inner, path[1:], change)
    return tree if changed is inner else {**tree, path[0]: changed}
