"""Policies with values of wrong types in any place: told or refused, never a failure."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import yaml

from errlock.pipeline.commands.import_ import as_yaml
from errlock.policy.importers.eventscrubber import import_eventscrubber
from errlock.policy.importers.fragment import Imported, NotAPolicy
from errlock.policy.importers.gitleaks import import_gitleaks
from errlock.policy.importers.otel import import_otel
from errlock.policy.importers.relay import import_relay

JUNK: list[Any] = [
    True, 3, -1, 2.5, "", "x", "(", "${env:X}", "$$", "a.b", "'", "\n", "\ud800", 10**30,
    [], {}, [1], [[]], [{}], {"a": 1}, {"x": {"y": []}},
]  # fmt: skip
RELAY = {
    "piiConfig": {
        "vars": {"hashKey": "k"},
        "rules": {
            "number": {
                "type": "pattern",
                "pattern": "no-(\\d+)",
                "replaceGroups": [1],
                "redaction": {"method": "replace", "text": "[no]"},
            },
            "pair": {"type": "redact_pair", "keyPattern": "tan"},
            "all": {"type": "multiple", "rules": ["number"], "hideInner": True},
        },
        "applications": {"$string": ["@email:mask", "all", "pair"], "extra.a": ["@anything:hash"]},
    },
    "datascrubbingSettings": {
        "scrubData": True,
        "scrubDefaults": True,
        "scrubIpAddresses": True,
        "sensitiveFields": ["badge"],
        "excludeFields": ["order_token"],
    },
    "quotas": [{}],
}
OTEL = {
    "processors": {
        "redaction": {
            "allow_all_keys": False,
            "allowed_keys": ["a"],
            "ignored_keys": ["b"],
            "blocked_key_patterns": ["c.*"],
            "blocked_values": ["d+"],
            "hash_function": "sha3",
            "url_sanitizer": {"enabled": True},
            "db_sanitizer": {"sql": {"enabled": True}},
        },
        "attributes": {"actions": [{"key": "a", "action": "hash"}], "include": {"services": ["x"]}},
        "resource": {"attributes": [{"key": "a", "action": "upsert", "value": "x"}]},
        "transform": {
            "log_statements": ['delete_key(attributes, "a")'],
            "trace_statements": [
                {
                    "context": "span",
                    "conditions": ["true"],
                    "statements": ['set(attributes["a"], "")'],
                }
            ],
        },
    },
    "service": {
        "pipelines": {
            "traces": {"processors": ["redaction", "attributes", "resource", "transform"]}
        }
    },
}
GITLEAKS = {
    "extend": {"useDefault": True, "path": "other.toml", "disabledRules": ["a"]},
    "rules": [
        {
            "id": "acme-token",
            "regex": "acme_([a-z]{8})",
            "secretGroup": 1,
            "entropy": 3.9,
            "keywords": ["acme"],
            "allowlists": [{"regexes": ["x"], "stopwords": ["y"], "paths": ["z"]}],
        },
        {"id": "files", "path": "x"},
    ],
    "allowlist": {"regexes": ["x"], "commits": ["z"]},
}
SCRUBBER = {"denylist": ["a", "password"], "pii_denylist": ["ip_address"], "recursive": True}


def as_toml(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(as_toml(item) for item in tree) + "]"
    return json.dumps(tree)


def toml(document: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(name)} = {as_toml(value)}\n" for name, value in document.items())


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    listed = enumerate(tree) if isinstance(tree, list) else ()
    for key, value in tree.items() if isinstance(tree, dict) else listed:
        yield from places(value, (*path, key))


def broken(random: Random, policy: dict[str, Any]) -> dict[str, Any]:
    """A policy with one or two of its values, or keys, replaced."""
    tree = copy.deepcopy(policy)
    for _ in range(random.randint(1, 2)):
        *way, last = random.choice(list(places(tree)))
        node: Any = tree
        for key in way:
            node = node[key]
        if isinstance(node, dict) and random.random() < 0.2:
            node[str(random.choice(JUNK))] = node.pop(last)
        else:
            node[last] = copy.deepcopy(random.choice(JUNK))
    return tree


@pytest.mark.parametrize(
    ("policy", "written", "read"),
    [
        (RELAY, json.dumps, import_relay),
        (OTEL, yaml.safe_dump, import_otel),
        (GITLEAKS, toml, import_gitleaks),
        (SCRUBBER, json.dumps, import_eventscrubber),
    ],
    ids=["relay", "otel", "gitleaks", "eventscrubber"],
)
def test_a_value_of_a_wrong_type_is_told_or_refused(
    policy: dict[str, Any], written: Callable[[Any], str], read: Callable[[str], Imported]
) -> None:
    random = Random(7)
    for _ in range(200):
        text = written(broken(random, policy))
        try:
            imported = read(text)
        except NotAPolicy:
            continue
        as_yaml(imported).encode()
        for note in (*imported.left_out, *imported.differs):
            assert str(note)
