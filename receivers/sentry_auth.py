"""Who sent a request: keys of Sentry SDKs in every form, and the project that a key belongs to.

Source: https://develop.sentry.dev/sdk/foundations/transport/authentication/
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hmac import compare_digest
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from ..pipeline.errors import RefusedPayload
from ..pipeline.options import Secret

DEFAULT_PROJECT = "default"  # when nothing names one and none is listed
_KEY_IN_HEADER = re.compile(r"(?:^|[\s,])sentry_key\s*=\s*\"?([^\s,\"]+)")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ProjectConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project that may send."""

    id: Annotated[
        int | str,
        msgspec.Meta(description="The project's id: the last part of the DSNs of its senders."),
    ]
    keys: Annotated[
        list[Secret],
        msgspec.Meta(description="The public keys in those DSNs.", min_length=1),
    ]


class Projects:
    """The projects that may send, by their keys. None listed: every project and key may."""

    def __init__(self, listed: Mapping[str, ProjectConfig]) -> None:
        self._listed = listed

    def name(self, id_: str | None, key: str | None) -> str:
        """The name of the project that a request is for.

        Raises RefusedPayload: 401 `no_key`, 403 `unknown_key`, 403 `wrong_project`, 400
        `bad_project`.
        """
        if id_ is not None and not _PROJECT.fullmatch(id_):
            raise RefusedPayload(400, "bad_project", "invalid project id")
        if not self._listed:
            return id_ or DEFAULT_PROJECT
        if key is None:
            raise RefusedPayload(401, "no_key", "missing authorization information")
        found = None
        for name, project in self._listed.items():
            for known in project.keys:
                if compare_digest(known.reveal().encode(), key.encode("utf-8", "replace")):
                    found = name
        if found is None:
            raise RefusedPayload(403, "unknown_key", "unknown public key")
        if id_ is not None and id_ not in (str(self._listed[found].id), found):
            raise RefusedPayload(403, "wrong_project", "the key is not of this project")
        return found


def key_of(request: web.BaseRequest) -> str | None:
    """The public key in a request's headers or query: X-Sentry-Auth, Authorization, sentry_key."""
    for header in ("X-Sentry-Auth", "Authorization"):
        text = request.headers.get(header, "")
        scheme, _, rest = text.strip().partition(" ")
        if scheme.lower() == "sentry" and (found := _KEY_IN_HEADER.search(rest)):
            return found[1]
        if scheme.lower() == "basic" and (user := _basic_user(rest)):
            return user
    return request.query.get("sentry_key") or None


def key_in_dsn(dsn: str | None) -> tuple[str | None, str | None]:
    """Project id and public key of a DSN, as far as it has them."""
    try:
        parts = urlsplit(dsn or "")
    except ValueError:
        return None, None
    return parts.path.rstrip("/").rpartition("/")[2] or None, parts.username or None


def _basic_user(credentials: str) -> str | None:
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0] or None
    except (Base64Error, UnicodeDecodeError):
        return None
