"""Sentry Relay's policies: a piiConfig, the data scrubbing settings of a project, or both.

Formats: docs.sentry.io/security-legal-pii/scrubbing/advanced-datascrubbing and
docs.sentry.io/product/relay/projects. What is deliberately different is in docs/importing.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .fragment import Action, Fragment, Imported, NotAPolicy, custom
from .patterns import PatternError, from_rust, groups, with_span
from .relay_builtins import BUILTINS, CLASSES, COMMON, SENSITIVE_KEYS, SUFFIXES, UUID
from .relay_selectors import (
    covering,
    reaches_everything,
    reaches_user_ids,
    special_fields,
)
from .relay_settings import SETTINGS, import_settings

_METHODS: dict[str | None, Action] = {
    None: "remove", "default": "remove", "remove": "remove", "replace": "replace", "mask": "mask",
    "hash": "hash",
}  # fmt: skip
_PARTS = {
    "piiConfig": "rules", "relayPiiConfig": "rules", "datascrubbingSettings": "settings",
    "datascrubbing_settings": "settings", "config": "both",
}  # fmt: skip
# Parts of a project that decide which documents go out, not what is in them.
_WITHHOLDING = {
    "filterSettings": "what they drop goes out unless you write a `filter`",
    "sampling": "what it leaves out goes out unless you write a `sample`",
    "quotas": "what they drop goes out unless you write a `sample` with `limits`",
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that does something by itself, with the method that counts for it."""

    id: str
    type: str
    spec: Mapping[str, Any]
    action: Action


def import_relay(text: str) -> Imported:
    """Read a JSON document: a piiConfig, settings, or a project's configuration with both.

    Raises NotAPolicy.
    """
    try:
        document = json.loads(text)
        if isinstance(document, str):  # as Sentry's API has it: `jq .relayPiiConfig project.json`
            document = json.loads(document)
    except ValueError:
        raise NotAPolicy(
            "expected JSON, as a project's configuration is; Relay's config.yml has no policy"
        ) from None
    if not isinstance(document, dict):
        raise NotAPolicy("expected an object: a piiConfig or data scrubbing settings")
    fragment = Fragment()
    if not _read(document, "", fragment):
        raise NotAPolicy("expected `applications` of a piiConfig, or data scrubbing settings")
    return fragment.imported()


def _read(document: Mapping[str, Any], path: str, fragment: Fragment) -> bool:
    """Import what is in an object; whether there was anything."""
    found = False
    if "applications" in document or "rules" in document:
        _PiiConfig(document, path, fragment).read()
        found = True
    if document.keys() & SETTINGS:
        import_settings(document, path, fragment)
        found = True
    for name in document.keys() & _PARTS.keys():
        inner = document[name]
        where = f"{path}.{name}".lstrip(".")
        if isinstance(inner, str):  # Sentry's API has it as text
            try:
                inner = json.loads(inner or "{}")
            except ValueError:
                fragment.leave_out(where, "is not JSON")
                continue
        if isinstance(inner, dict):
            found = _read(inner, where, fragment) or found
    for name, message in _WITHHOLDING.items():
        if document.get(name):
            fragment.leave_out(f"{path}.{name}".lstrip("."), message)
    return found


class _PiiConfig:
    def __init__(self, document: Mapping[str, Any], path: str, fragment: Fragment) -> None:
        self._rules = _object(document.get("rules"))
        self._applications = _object(document.get("applications"))
        self._variables = _object(document.get("vars"))
        self._prefix = f"{path}." if path else ""
        self._fragment = fragment
        self._used: set[str] = set()
        self._wide: set[str] = set()

    def read(self) -> None:
        for selector, ids in self._applications.items():
            path = f"{self._prefix}applications.{selector}"
            if not isinstance(ids, list):
                self._fragment.leave_out(path, "expected a list of rule ids")
                continue
            for index, id_ in enumerate(ids):
                for rule in self._resolved(str(id_), f"{path}[{index}]", frozenset(), None):
                    self._apply(rule, selector, f"{path}[{index}]")
        for id_ in [id_ for id_ in self._rules if id_ not in self._used]:
            self._fragment.note(f"{self._prefix}rules.{id_}", "is applied nowhere, as in Relay")
        if self._variables.get("hashKey"):
            self._fragment.note(
                f"{self._prefix}vars.hashKey", "is not used: errlock has a key of its own"
            )

    def _resolved(
        self, id_: str, path: str, seen: frozenset[str], outer: Action | None
    ) -> Iterator[_Rule]:
        """The rules that an id stands for, their own methods overridden by `outer`."""
        if id_ not in self._rules:
            yield from self._builtin(id_, path, outer)
            return
        self._used.add(id_)
        where = f"{self._prefix}rules.{id_}"
        spec = self._rules[id_]
        if not isinstance(spec, dict):
            self._fragment.leave_out(where, "expected a rule")
            return
        type_ = spec.get("type")
        if id_ in seen:
            self._fragment.leave_out(where, "is made of itself")
        elif type_ in ("multiple", "alias"):
            inner = spec.get("rules") if type_ == "multiple" else [spec.get("rule")]
            hidden = bool(spec.get("hideInner"))
            method = _object(spec.get("redaction")).get("method")
            override = outer
            if outer is None and hidden and method not in (None, "default"):
                override = self._action(spec, where)
            for each in inner if isinstance(inner, list) else ():
                yield from self._resolved(str(each), where, seen | {id_}, override)
        else:
            yield _Rule(id_, str(type_), spec, outer or self._action(spec, where))

    def _builtin(self, id_: str, path: str, outer: Action | None) -> Iterator[_Rule]:
        name, _, suffix = id_.partition(":")
        if name == "@common" and suffix in ("", "filter"):
            for each in COMMON[suffix]:
                yield from self._builtin(each, path, outer)
        elif name in BUILTINS and suffix in ("", *BUILTINS[name].suffixes):
            builtin = BUILTINS[name]
            action = SUFFIXES[suffix] if suffix else builtin.default
            yield _Rule(id_, builtin.type, {}, outer or action)
        else:
            self._fragment.leave_out(path, f"there is no rule {id_!r}")

    def _action(self, spec: Mapping[str, Any], path: str) -> Action:
        redaction = _object(spec.get("redaction"))
        method = redaction.get("method")
        if not isinstance(method, str | None):
            method = json.dumps(method)
        if method not in _METHODS:
            self._fragment.note(path, f"the method {method!r} is unknown: what matches is removed")
        elif method == "replace" and str(redaction.get("text", "")) not in ("", "[Filtered]"):
            self._fragment.note(path, "the class in brackets stands where its text stood")
        return _METHODS.get(method, "remove")

    # -- one rule on one selector ----------------------------------------------------------

    def _apply(self, rule: _Rule, selector: str, path: str) -> None:
        where = f"{self._prefix}rules.{rule.id}" if rule.spec else path
        if rule.type == "anything":
            self._anything(rule, selector, path)
            return
        taken = False
        if rule.type == "pattern":
            taken = self._pattern(rule, where)
        elif rule.type in ("redact_pair", "redactPair"):
            taken = self._pair(rule, where)
        elif rule.type == "password":
            taken = self._keys(rule, SENSITIVE_KEYS, "secret.password", where)
        elif rule.type == "uuid":
            taken = self._fragment.detector(where, "uuid", "custom.uuid", UUID)
            self._fragment.act(where, "custom.uuid", rule.action)
        elif rule.type in CLASSES:
            taken = True
            for class_ in CLASSES[rule.type]:
                self._fragment.act(where, class_, rule.action)
        else:
            self._fragment.leave_out(where, f"there is no rule type {rule.type!r}")
        if taken and not reaches_everything(selector) and selector not in self._wide:
            self._wide.add(selector)
            self._fragment.note(
                f"{self._prefix}applications.{selector}",
                "its rules look everywhere, not only where the selector says",
            )

    def _anything(self, rule: _Rule, selector: str, path: str) -> None:
        class_ = custom(rule.id) if rule.action == "hash" else rule.action
        covered = covering(selector)
        if not self._fragment.selector(path, covered, class_):
            return
        if rule.action == "hash":
            self._fragment.act(path, class_, "hash")
        if reaches_user_ids(covered):  # a class that a field has by itself outdoes a selector's
            self._fragment.act(path, "pii.user_id", rule.action)

    def _pattern(self, rule: _Rule, path: str) -> bool:
        pattern = rule.spec.get("pattern")
        if not isinstance(pattern, str):
            self._fragment.leave_out(path, "a rule of type pattern needs `pattern`")
            return False
        wanted = rule.spec.get("replaceGroups") or [0]
        if not isinstance(wanted, list) or not all(type(group) is int for group in wanted):
            self._fragment.leave_out(path, "`replaceGroups`: expected numbers of groups")
            return False
        numbers = sorted(set(wanted))
        class_ = custom(rule.id)
        if "|" in pattern and numbers != [0]:
            self._fragment.note(path, "where only some alternatives have the group, more may match")
        taken = False
        for number in numbers:
            id_ = f"{rule.id}.{number}" if len(numbers) > 1 else rule.id
            try:
                translated = with_span(from_rust(pattern), number)
            except (PatternError, ValueError) as error:
                self._fragment.leave_out(path, str(error))
                continue
            taken = self._fragment.detector(path, id_, class_, translated) or taken
        if taken:
            self._fragment.act(path, class_, rule.action)
        return taken

    def _pair(self, rule: _Rule, path: str) -> bool:
        pattern = rule.spec.get("keyPattern")
        if not isinstance(pattern, str):
            self._fragment.leave_out(path, "a rule of type redact_pair needs `keyPattern`")
            return False
        try:
            translated = with_span(from_rust(pattern), 0) if groups(pattern) else from_rust(pattern)
        except PatternError as error:
            self._fragment.leave_out(path, str(error))
            return False
        self._fragment.note(
            path, "a text that only mentions such a key stays; what stands behind the key goes"
        )
        return self._keys(rule, translated, custom(rule.id), path)

    def _keys(self, rule: _Rule, pattern: str, class_: str, path: str) -> bool:
        if not self._fragment.key(path, pattern, class_):
            return False
        self._fragment.act(path, class_, rule.action)
        for selector, own in special_fields(pattern):
            self._fragment.selector(path, selector, own or class_)
            if own == "pii.user_id":  # no profile but strict takes it by itself
                self._fragment.act(path, own, rule.action)
        return True


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
