"""gitleaks' rules: a `gitleaks.toml` as detectors.

Format: github.com/gitleaks/gitleaks, "Configuration". Its patterns are Go's, which is RE2's syntax.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..detectors import Detector, load_detectors
from .fragment import Fragment, Imported, NotAPolicy, custom
from .patterns import groups, with_span
from .required import always_captures, requires

_MAX_EXTENSIONS = 2  # gitleaks' own limit
# What a rule's id says besides the vendor.
_CREDENTIAL = frozenset({
    "access", "account", "admin", "api", "app", "application", "auth", "bearer", "bot",
    "client", "credential", "credentials", "deploy", "fine", "grained", "id", "integration",
    "key", "legacy", "live", "oauth", "oauth2", "pat", "password", "personal", "private",
    "production", "public", "publishable", "refresh", "registration", "restricted",
    "routable", "rt", "runner", "sandbox", "secret", "service", "session", "signing", "test",
    "token", "uat", "url", "user", "webhook", "webhooks",
})  # fmt: skip
_KNOWN = {
    "private-key": "secret.private_key", "jwt": "secret.token.jwt",
    "jwt-base64": "secret.token.jwt", "generic-api-key": "secret.api_key",
    "curl-auth-header": "secret.token.bearer", "curl-auth-user": "secret.basic_auth",
}  # fmt: skip
# The validator `varied` wants seven different characters, whatever their case. Text of more bits a
# character than this has at least twice as many.
_VARIED = math.log2(14)


def import_gitleaks(text: str, folder: Path | None = None) -> Imported:
    """Read a TOML text. `folder` is where a file of `[extend]` is looked for.

    Raises NotAPolicy.
    """
    fragment = Fragment()
    _document(text, folder, fragment, "", 0, frozenset())
    return fragment.imported()


def detectors_from_gitleaks(path: str | Path) -> tuple[Detector, ...]:
    """The rules of a file that can be loaded, as detectors.

    Raises NotAPolicy when the file is none, OSError when it cannot be read.
    """
    file = Path(path)
    fragment = Fragment()
    _document(_decoded(file), file.parent, fragment, "", 0, frozenset())
    return load_detectors([{"source": str(path), **entry} for entry in fragment.detectors()])


def _decoded(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAPolicy("expected UTF-8 text") from None


def _document(
    text: str,
    folder: Path | None,
    fragment: Fragment,
    prefix: str,
    depth: int,
    disabled: frozenset[str],
) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise NotAPolicy("expected TOML") from None
    rules = document.get("rules", [])
    extend = document.get("extend")
    if not isinstance(rules, list) or not (rules or isinstance(extend, dict)):
        raise NotAPolicy("expected [[rules]] or [extend] of gitleaks")
    for index, rule in enumerate(rules):
        if not isinstance(rule, dict):
            fragment.leave_out(f"{prefix}rules.{index}", "expected a rule")
        elif str(rule.get("id")) not in disabled:
            _rule(rule, f"{prefix}rules.{rule.get('id', index)}", fragment)
    _allowlists(document, prefix, fragment)
    if isinstance(extend, dict):
        off = set(_texts(extend.get("disabledRules")))
        _extend(extend, folder, fragment, prefix, depth, disabled | off)


def _extend(
    extend: Mapping[str, Any],
    folder: Path | None,
    fragment: Fragment,
    prefix: str,
    depth: int,
    disabled: frozenset[str],
) -> None:
    if extend.get("useDefault"):
        fragment.leave_out(
            f"{prefix}extend.useDefault",
            "gitleaks' own rules are not part of errlock; import its gitleaks.toml as well",
        )
    name = extend.get("path")
    if not isinstance(name, str) or not name:
        return
    where = f"{prefix}extend.path"
    if folder is None or depth >= _MAX_EXTENSIONS:
        fragment.leave_out(where, "is not followed so far")
        return
    try:
        text = _decoded(folder / name)
        _document(text, folder, fragment, f"{prefix}extend.", depth + 1, disabled)
    except OSError:
        fragment.leave_out(where, "cannot be read")
    except NotAPolicy as error:
        fragment.leave_out(where, str(error))


def _rule(rule: Mapping[str, Any], path: str, fragment: Fragment) -> None:
    id_ = rule.get("id")
    pattern = rule.get("regex")
    if not isinstance(id_, str) or not id_:
        fragment.leave_out(path, "a rule needs an `id`")
        return
    if not isinstance(pattern, str) or not pattern:
        fragment.leave_out(path, "has no `regex`: errlock sees no files whose paths could match")
        return
    entropy = rule.get("entropy")
    more: dict[str, object] = {}
    if isinstance(entropy, (int, float)) and entropy > _VARIED:
        more["validator"] = "varied"
    words = [word.casefold() for word in _texts(rule.get("keywords")) if word]
    if words and requires(pattern, words):
        more["needs"] = words
    for group in _groups(rule, pattern, path, fragment):
        name = f"{id_}.{group}" if group > 1 and not rule.get("secretGroup") else id_
        try:
            spanned = with_span(pattern, group)
        except ValueError as error:
            fragment.leave_out(path, str(error))
            return
        if not fragment.detector(path, name, class_of(id_), spanned, **more):
            return
    if isinstance(entropy, (int, float)) and entropy > 0:
        fragment.note(path, "values of less entropy are removed as well")
    if rule.get("path"):
        fragment.note(path, "looks everywhere, not only in files of its `path`")
    if rule.get("required"):
        fragment.note(path, "looks without what it requires nearby")
    _allowlists(rule, f"{path}.", fragment)


def _groups(rule: Mapping[str, Any], pattern: str, path: str, fragment: Fragment) -> Sequence[int]:
    """Which groups are the secret: the named one, else the first with something in it.

    Which one that is depends on the text, so all of them are. Without any it is the whole match.
    """
    wanted = rule.get("secretGroup")
    if isinstance(wanted, int) and wanted > 0:
        return (wanted,)
    count = groups(pattern)
    if count and not always_captures(pattern):
        fragment.note(path, "may match without its groups and has no `secretGroup`: all of it goes")
        return (0,)
    if count > 1:
        fragment.note(path, "has several groups and no `secretGroup`: all of them go")
    return range(1, count + 1) or (0,)


def _allowlists(owner: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    found = [("allowlist", owner.get("allowlist")), *_numbered(owner.get("allowlists"))]
    for name, allowlist in found:
        if not isinstance(allowlist, dict):
            continue
        for kind in ("regexes", "stopwords"):
            if allowlist.get(kind):
                fragment.leave_out(
                    f"{prefix}{name}.{kind}",
                    "what it allows goes, unless you write it into `allowed_values` of redact",
                )
        for kind in ("paths", "commits"):
            if allowlist.get(kind):
                fragment.note(f"{prefix}{name}.{kind}", "means files: there are none here")


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _numbered(value: object) -> list[tuple[str, object]]:
    if not isinstance(value, list):
        return []
    return [(f"allowlists[{index}]", item) for index, item in enumerate(value)]


def class_of(id_: str) -> str:
    """The class of what a rule finds: `secret.api_key.<vendor>` where the id names a credential."""
    known = _KNOWN.get(id_)
    if known is not None:
        return known
    words = [word for word in re.split(r"[^a-z0-9]+", id_.lower()) if word]
    vendor = words[:]
    while vendor and vendor[-1] in _CREDENTIAL:
        vendor.pop()
    if not vendor or len(vendor) == len(words):
        return custom(id_)
    return f"secret.api_key.{vendor[0][:40]}"
