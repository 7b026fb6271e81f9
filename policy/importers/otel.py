"""Scrubbing processors of an OpenTelemetry collector: redaction, attributes, resource, transform.

Formats: github.com/open-telemetry/opentelemetry-collector-contrib, processor/redactionprocessor,
attributesprocessor, resourceprocessor, transformprocessor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import yaml

from ..detectors import compile_pattern
from ..fields import TABLE, TEXT
from .fragment import Action, Fragment, Imported, NotAPolicy, custom, quoted
from .otel_statements import import_statements

_Importer: TypeAlias = Callable[[Mapping[str, Any], str, Fragment], None]
_REDACTION = frozenset(
    {
        "allow_all_keys", "allowed_keys", "ignored_keys", "ignored_key_patterns",
        "blocked_key_patterns", "blocked_values", "allowed_values", "redact_all_types",
        "hash_function", "hmac_key", "summary", "url_sanitizer", "db_sanitizer",
    }
)  # fmt: skip
# What is no attribute; documents of Sentry's protocol pass an allow-list of attributes untouched.
_NO_ATTRIBUTES = (
    "($string || $number || $boolean || $binary)"
    " && !(attributes.** || filtered_attributes.** || metadata.** || body.**)"
)
_SENTRY = ("$event.**", "$transaction.**", "$feedback.**")
_ELSEWHERE = object()
# What errlock does by itself: every exporter has a queue, and receivers refuse early under load.
_NOT_NEEDED = frozenset({"batch", "memory_limiter"})
_WITHHOLDING = {
    "filter": "what it drops goes out unless you write a `filter`",
    "probabilistic_sampler": "what it leaves out goes out unless you write a `sample`",
    "tail_sampling": "what it leaves out goes out unless you write a `sample`",
}
_ADDING = frozenset({"geoip", "k8sattributes", "resourcedetection"})
_SANITISERS = ("sql", "redis", "valkey", "memcached", "mongo", "opensearch", "es")


def import_otel(text: str) -> Imported:
    """Read YAML: a collector's configuration, or the options of one redaction processor.

    Raises NotAPolicy.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        raise NotAPolicy("expected YAML") from None
    if not isinstance(document, dict):
        raise NotAPolicy("expected `processors` of a collector")
    fragment = Fragment()
    document = _expanded(document, "", fragment)
    processors = document.get("processors")
    if not isinstance(processors, dict):
        if not document.keys() & _REDACTION:
            raise NotAPolicy("expected `processors` of a collector")
        _redaction(document, "", fragment)
        _unknown(document, _REDACTION, "", fragment)
        return fragment.imported()
    for id_ in _in_use(document, processors):
        options = processors[id_]
        type_ = str(id_).partition("/")[0]
        if type_ in _IMPORTERS:
            read, known = _IMPORTERS[type_]
            options = options if isinstance(options, dict) else {}
            read(options, f"processors.{id_}.", fragment)
            _unknown(options, known, f"processors.{id_}.", fragment)
        elif type_ in _ADDING:
            fragment.leave_out(f"processors.{id_}", "adds to documents, and takes nothing out")
        elif type_ not in _NOT_NEEDED:
            fragment.leave_out(f"processors.{id_}", _WITHHOLDING.get(type_, "is not read"))
    return fragment.imported()


def _unknown(
    options: Mapping[str, Any], known: Collection[str], prefix: str, fragment: Fragment
) -> None:
    """Tell of options that nobody here has read: they may be of a later version, or misspelt."""
    for name in options:
        if name not in known and not str(name).endswith("_statements"):
            fragment.leave_out(f"{prefix}{name}", "is an option that is not known here")


def _expanded(node: Any, path: str, fragment: Fragment) -> Any:
    """A tree in which `$$` is a `$`; without the texts that refer to something elsewhere."""
    if isinstance(node, dict):
        below = {k: _expanded(v, f"{path}.{k}".lstrip("."), fragment) for k, v in node.items()}
        return {key: value for key, value in below.items() if value is not _ELSEWHERE}
    if isinstance(node, list):
        items = [_expanded(v, f"{path}[{i}]", fragment) for i, v in enumerate(node)]
        return [item for item in items if item is not _ELSEWHERE]
    if not isinstance(node, str):
        return node
    if "${" in node.replace("$$", ""):
        if "hmac_key" not in path and path.startswith(("processors", *_REDACTION)):
            fragment.leave_out(path, "refers to something outside of the file")
        return _ELSEWHERE
    return node.replace("$$", "$")


def _in_use(document: Mapping[str, Any], processors: Mapping[str, Any]) -> list[str]:
    """The processors that pipelines name, in their order; all of them if there are none."""
    service = document.get("service")
    pipelines = service.get("pipelines") if isinstance(service, dict) else None
    if not isinstance(pipelines, dict):
        return list(processors)
    named: dict[str, None] = {}
    for pipeline in pipelines.values():
        if isinstance(pipeline, dict):
            named |= dict.fromkeys(_texts(pipeline.get("processors")))
    by_name = {str(id_): id_ for id_ in processors}
    return [by_name[name] for name in named if name in by_name]


# -- redaction -------------------------------------------------------------------------------


def _redaction(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    action: Action = "hash" if options.get("hash_function") else "replace"
    if options.get("hmac_key"):
        fragment.note(f"{prefix}hmac_key", "is not copied: errlock has a key of its own")
    if not options.get("allow_all_keys"):
        _allowed(options, prefix, fragment)
    for name in _texts(options.get("ignored_keys")):
        fragment.safe(f"{prefix}ignored_keys", _attribute(name))
    for index, pattern in enumerate(_texts(options.get("blocked_key_patterns"))):
        where = f"{prefix}blocked_key_patterns[{index}]"
        _blocked_keys(pattern, "custom.blocked_key", action, where, fragment)
    taken = False
    for index, pattern in enumerate(_texts(options.get("blocked_values"))):
        where = f"{prefix}blocked_values[{index}]"
        name = f"{prefix}blocked_value_{index}".replace("processors.", "")
        taken |= fragment.detector(where, name, "custom.blocked_value", pattern)
    if taken:
        fragment.act(f"{prefix}blocked_values", "custom.blocked_value", action)
    _left_out(options, prefix, fragment)
    _sanitisers(options, prefix, fragment)


def _allowed(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    names = [*_texts(options.get("allowed_keys")), *_texts(options.get("ignored_keys"))]
    fragment.keep([
        _NO_ATTRIBUTES, *_SENTRY,
        *(f"{place}.{quoted(name)}" for name in names
          for place in ("attributes", "filtered_attributes", "body", "body.**")),
    ])  # fmt: skip
    fragment.note(
        f"{prefix}allow_all_keys",
        "is false: of attributes only those named stay, and those that are ids, times, versions "
        "or words of the protocol",
    )


def _left_out(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    if options.get("allowed_values"):
        fragment.leave_out(
            f"{prefix}allowed_values",
            "errlock's own detectors would leave it, too: write yours in redact",
        )
    if options.get("ignored_key_patterns"):
        fragment.leave_out(
            f"{prefix}ignored_key_patterns", "fields are left alone by name only: safe_fields"
        )
    if options.get("redact_all_types"):
        fragment.leave_out(
            f"{prefix}redact_all_types", "numbers of fewer than nine digits are not matched"
        )
    if options.get("summary") in ("debug", "info"):
        fragment.leave_out(f"{prefix}summary", "errlock counts in its metrics, not in attributes")


def _sanitisers(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    url = options.get("url_sanitizer")
    if isinstance(url, dict) and url.get("enabled"):
        fragment.generalize(routes=True)
        fragment.note(f"{prefix}url_sanitizer", "ids in paths become {id}, in every text")
    database = options.get("db_sanitizer")
    if not isinstance(database, dict):
        return
    for name in _SANITISERS:
        if not _enabled(database.get(name)):
            continue
        if name == "sql":
            fragment.generalize(sql=True)
            fragment.note(f"{prefix}db_sanitizer.sql", "literals become ?, in every SQL statement")
        else:
            fragment.leave_out(f"{prefix}db_sanitizer.{name}", "only SQL is made coarser")


def _enabled(options: object) -> bool:
    return isinstance(options, dict) and bool(options.get("enabled"))


def _blocked_keys(pattern: str, class_: str, action: Action, path: str, fragment: Fragment) -> None:
    if not fragment.key(path, pattern, class_):
        return
    fragment.act(path, class_, action)
    # A known attribute is what it is, whatever its key: it takes a selector to reach it.
    known = TABLE["resource"]["attributes"]
    compiled = compile_pattern(pattern)
    for name, field in known.items() if isinstance(known, dict) else ():
        if field is not TEXT and compiled.search(name.encode()) is not None:
            own = getattr(field, "class_", None) == "pii.user_id"
            fragment.selector(path, _attribute(name), "pii.user_id" if own else class_)
            if own:
                fragment.act(path, "pii.user_id", action)


# -- attributes and resource -----------------------------------------------------------------


def _attributes(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    for index, action in enumerate(_objects(options.get("actions"))):
        _attribute_action(action, f"{prefix}actions[{index}]", "", fragment)
    for name in ("include", "exclude"):
        if options.get(name):
            fragment.note(f"{prefix}{name}", "is not carried over: every document is meant")


def _resource(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    for index, action in enumerate(_objects(options.get("attributes"))):
        _attribute_action(action, f"{prefix}attributes[{index}]", "$resource.", fragment)


def _attribute_action(action: Mapping[str, Any], path: str, owner: str, fragment: Fragment) -> None:
    kind, key, pattern = action.get("action"), action.get("key"), action.get("pattern")
    does: Action | None = {"delete": "remove", "hash": "hash"}.get(str(kind))  # type: ignore[assignment]  # of literals
    if kind in ("update", "upsert") and "value" in action:
        does = "replace"
        fragment.note(path, "the class in brackets stands where its value stood")
    if does is None:
        fragment.leave_out(path, f"{kind} removes nothing")
        return
    if isinstance(key, str) and key:
        _field(f"{owner}attributes.{quoted(key)}", key, does, path, fragment)
    if isinstance(pattern, str) and pattern and kind in ("delete", "hash"):
        _blocked_keys(pattern, custom(f"{kind}_keys"), does, path, fragment)


def _field(selector: str, key: str, action: Action, path: str, fragment: Fragment) -> None:
    """Act on one attribute, whatever it holds."""
    known = TABLE["resource"]["attributes"]
    field = known.get(key) if isinstance(known, dict) else None
    class_: str = action
    if getattr(field, "class_", None) == "pii.user_id":
        class_ = "pii.user_id"
        fragment.act(path, class_, action)
    elif action == "hash":
        class_ = custom(f"hashed_{key}")
        fragment.act(path, class_, action)
    fragment.selector(path, f"{selector} || {selector}.**", class_)


def _transform(options: Mapping[str, Any], prefix: str, fragment: Fragment) -> None:
    import_statements(options, prefix, fragment, field=_field, keys=_blocked_keys)


# With the options that each reads.
_IMPORTERS: Mapping[str, tuple[_Importer, Collection[str]]] = {
    "redaction": (_redaction, _REDACTION),
    "attributes": (_attributes, ("actions", "include", "exclude")),
    "resource": (_resource, ("attributes",)),
    "transform": (_transform, ("error_mode", "flatten_data")),
}


def _attribute(name: str) -> str:
    return f"attributes.{quoted(name)}"


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
