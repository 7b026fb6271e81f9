"""The lists of sentry-sdk's EventScrubber: keys whose values are removed.

Source: docs.sentry.io/platforms/python/data-management/sensitive-data, sentry_sdk.scrubber.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterator, Mapping

import re2

from ..keys import classify_key
from .fragment import Fragment, Imported, NotAPolicy, is_text, quoted
from .relay_selectors import special_fields

_OPTIONS = ("denylist", "pii_denylist", "recursive", "send_default_pii")
# Where the scrubber looks.
_PLACES = (
    "$http.** || extra.** || $user.** || $breadcrumb.data.** || $frame.vars.** || $span.data.**"
    " || attributes.**"
)
_COMPUTED = object()  # stands for keys that only running the code would tell
_ADDRESSES = ("x_forwarded_for", "x_real_ip", "ip_address", "remote_addr")
_CHANGES = frozenset({"append", "extend", "insert", "remove"})
# sentry-sdk's own lists, which an application's usually begin with.
_DEFAULTS = {
    "DEFAULT_DENYLIST": (
        "password", "passwd", "secret", "api_key", "apikey", "auth", "credentials", "mysql_pwd",
        "privatekey", "private_key", "token", "session", "csrftoken", "sessionid", "x_csrftoken",
        "x_forwarded_for", "set_cookie", "cookie", "authorization", "proxy-authorization",
        "x_api_key", "aiohttp_session", "connect.sid", "csrf_token", "csrf", "_csrf",
        "_csrf_token", "PHPSESSID", "_session", "symfony", "user_session", "_xsrf", "XSRF-TOKEN",
    ),
    "DEFAULT_PII_DENYLIST": _ADDRESSES,
}  # fmt: skip


def import_eventscrubber(text: str) -> Imported:
    """Read JSON, or Python: a list, a dict of the scrubber's options, or code that makes one.

    Code is read, not run. Raises NotAPolicy.
    """
    fragment = Fragment()
    options = _options(text, fragment)
    if options.get("send_default_pii") is True:
        options.pop("pii_denylist", None)
        fragment.note("pii_denylist", "is not in force with send_default_pii; not imported")
    lists = {name: options[name] for name in ("denylist", "pii_denylist") if name in options}
    if not lists:
        raise NotAPolicy("expected a denylist: a list of keys, or code with one")
    for name, keys in lists.items():
        if isinstance(keys, (list, tuple, set)):
            _keys(keys, name, fragment)
        else:
            fragment.leave_out(name, "expected a list of keys")
    if options.get("recursive") is not True:
        fragment.note("recursive", "keys are looked for at every depth, as with recursive=True")
    return fragment.imported()


def _keys(keys: Collection[object], name: str, fragment: Fragment) -> None:
    by_class: dict[str, list[str]] = {}
    for index, key in enumerate(keys):
        if key and is_text(key):
            by_class.setdefault(_class_of(key) or f"custom.{name}", []).append(key)
        elif key is _COMPUTED:
            fragment.leave_out(name, "a part is computed by code; write its keys as a list")
        else:
            fragment.leave_out(f"{name}[{index}]", "expected a key")
    for class_, of_class in by_class.items():
        pattern = f"(?i)^(?:{'|'.join(re2.escape(key) for key in of_class)})$"
        fragment.key(name, pattern, class_)
        if class_.startswith("custom."):
            # Under a key that errlock does not know by itself every value goes, numbers too.
            paths = " || ".join(f"{quoted(key)} || {quoted(key)}.**" for key in of_class)
            fragment.selector(name, f"({paths}) && ({_PLACES})", class_)
            fragment.act(name, class_, "replace")
        for selector, own in special_fields(pattern):
            fragment.selector(name, selector, own or class_)
            if own is not None:
                fragment.act(name, own, "replace")


def _class_of(key: str) -> str | None:
    class_ = "pii.ip" if key.lower() in _ADDRESSES else classify_key(key)
    return None if class_ == "pii.user_id" else class_


# -- reading ---------------------------------------------------------------------------------


def _options(text: str, fragment: Fragment) -> dict[str, object]:
    try:
        value: object = json.loads(text)
    except ValueError:
        return _python(text, fragment)
    return _of_value(value)


def _of_value(value: object) -> dict[str, object]:
    if isinstance(value, (list, tuple, set)):
        return {"denylist": value}
    if isinstance(value, dict) and any(name in value for name in _OPTIONS):
        return {name: value[name] for name in _OPTIONS if name in value}
    raise NotAPolicy("expected a list of keys, or options of EventScrubber")


def _python(text: str, fragment: Fragment) -> dict[str, object]:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        raise NotAPolicy("expected JSON or Python") from None
    if len(module.body) == 1 and isinstance(module.body[0], ast.Expr):
        expression = module.body[0].value
        if not isinstance(expression, ast.Call):
            try:
                return _of_value(ast.literal_eval(expression))
            except ValueError:
                raise NotAPolicy("expected a list of literals") from None
    names: dict[str, object] = dict(_DEFAULTS)
    options: dict[str, object] = {}
    for name, node in _assignments(module):
        names[name] = _either(name, names, _value(node, names))
        plain = name.lower()
        if plain.endswith("denylist"):
            option = "pii_denylist" if "pii" in plain else "denylist"
            options[option] = _either(option, options, names[name])
    passed: dict[str, object] = {}
    for call in _scrubbers(module):
        written = [*zip(("denylist", "recursive"), call.args, strict=False)]
        written += [(k.arg, k.value) for k in call.keywords if k.arg in _OPTIONS]
        for option, node in written:
            passed[option] = _either(option, passed, _value(node, names))
    options |= passed
    for name in [n for n in ("denylist", "pii_denylist") if n in options and options[n] is None]:
        fragment.leave_out(name, "is computed by code; write its keys as a list")
        options[name] = []
    return options


def _assignments(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Names and what they become; what is added to a list is a sum."""
    for node in ast.walk(module):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            yield name, ast.BinOp(ast.Name(name), node.op, node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, method = node.func.value, node.func.attr
            if isinstance(owner, ast.Name) and method in _CHANGES and node.args:
                added = ast.List([node.args[0]]) if method == "append" else node.args[0]
                operator = ast.Add() if method in ("append", "extend") else ast.Sub()
                yield owner.id, ast.BinOp(ast.Name(owner.id), operator, added)


def _scrubbers(module: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name == "EventScrubber":
                yield node


def _value(node: ast.expr, names: Mapping[str, object]) -> object:
    """A literal, a name of one, or a sum of lists; None for anything else, `_COMPUTED` within."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):  # of an imported module: sentry_sdk.scrubber.DEFAULT_…
        return _DEFAULTS.get(node.attr)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_value(side, names) for side in (node.left, node.right)]
        return None if sides == [None, None] else [key for side in sides for key in _listed(side)]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        items: list[object] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                items += _listed(_value(element.value, names))
            else:
                value = _value(element, names)
                items.append(_COMPUTED if value is None else value)
        return items
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _either(name: str, before: Mapping[str, object], value: object) -> object:
    """A value, and the keys that its name has had: code is not run, any of them may be it."""
    earlier = before.get(name)
    if name not in before or not isinstance(earlier, (list, tuple, set)):
        return value
    listed = _listed(value)
    return [*listed, *(key for key in earlier if key not in listed)]


def _listed(value: object) -> list[object]:
    """The keys of a list; of what is none, that there are some."""
    return list(value) if isinstance(value, (list, tuple, set)) else [_COMPUTED]
