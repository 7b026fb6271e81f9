"""The journal's entry about a policy that came into force, however long the policy is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from .journal.entries import MAX_LINE

_ROOM = MAX_LINE - 64 * 1024  # bytes of a body: the rest is for what an entry has around it


def fitting(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of such an entry. Where it is too long for one, each processor's options are there
    by their SHA-256 only: which of them another policy changed, the journal still shows.
    """
    if len(msgspec.json.encode(body)) <= _ROOM:
        return body
    content = body["content"]
    digests = {id_: _digest(options) for id_, options in content["processors"].items()}
    return {**body, "content": {**content, "processors": digests}}


def _digest(options: object) -> str:
    return f"sha256:{hashlib.sha256(msgspec.json.encode(options, order='sorted')).hexdigest()}"
