"""The JSON Schema of the configuration."""

import json
import re
from typing import Any

import pytest
from toy_components import TOYS

from errlock.pipeline.config.schema import config_schema
from errlock.pipeline.registry import DEFAULT, KINDS, Kind


def definition(schema: dict[str, Any], section: str, id_: str) -> dict[str, Any]:
    """The definition that applies to an id of a section."""
    patterns = schema["properties"][section]["patternProperties"]
    (found,) = [each for pattern, each in patterns.items() if re.search(pattern, id_)]
    ref, null = found["anyOf"]
    assert null == {"type": "null"}
    name: str = ref["$ref"].removeprefix("#/$defs/")
    result: dict[str, Any] = schema["$defs"][name]
    return result


def test_each_option_has_its_description_default_and_limits() -> None:
    redact = definition(config_schema(TOYS), "processors", "redact/cards")
    assert redact["additionalProperties"] is False
    assert redact["properties"]["depth"] == {
        "description": "How deep to look.",
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": r"\$\{.+\}"},
        ],
        "default": 8,
    }
    assert redact["properties"]["profile"]["anyOf"][0] == {"enum": ["balanced", "strict"]}
    assert redact["properties"]["classes"]["items"] == {"type": "string"}
    assert redact["properties"]["rules"]["items"] == {
        "anyOf": [{"$ref": "#/$defs/ByName"}, {"$ref": "#/$defs/ByValue"}]
    }


def test_a_tagged_struct_has_its_tag() -> None:
    by_name = config_schema(TOYS)["$defs"]["ByName"]
    assert by_name["properties"]["type"] == {"const": "name"}
    assert by_name["required"] == ["type", "pattern"]


def test_an_exporter_has_its_own_options_and_those_of_delivery() -> None:
    target = definition(config_schema(TOYS), "exporters", "target")
    assert target["required"] == ["endpoint"]
    assert {"endpoint", "tls", "sending_queue", "retry_on_failure", "standby_for"} <= set(
        target["properties"]
    )
    assert target["properties"]["timeout"]["default"] == "5s"


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_type_is_in_the_schema(kind: Kind) -> None:
    schema = config_schema(DEFAULT)
    for name in DEFAULT.names(kind):
        assert definition(schema, f"{kind}s", name)["type"] == "object"


@pytest.mark.parametrize("kind", KINDS)
def test_editors_are_offered_the_types_by_name(kind: Kind) -> None:
    section = config_schema(DEFAULT)["properties"][f"{kind}s"]
    assert list(section["properties"]) == DEFAULT.names(kind)
    for name, each in section["properties"].items():
        assert section["patternProperties"][rf"^{name}(/[\w.-]+)?$"] == each


def test_a_list_has_its_least_length() -> None:
    project = config_schema(DEFAULT)["$defs"]["ProjectConfig"]
    assert project["properties"]["keys"]["minItems"] == 1


def test_every_reference_has_a_definition_and_the_whole_is_json() -> None:
    schema = config_schema(DEFAULT)
    refs = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)))
    assert refs <= set(schema["$defs"])


def test_every_option_of_a_built_in_type_has_a_description() -> None:
    schema = config_schema(DEFAULT)
    bare = [
        f"{name}.{option}"
        for name, each in schema["$defs"].items()
        for option, about in each["properties"].items()
        if not about.get("description") and "const" not in about
    ]
    assert bare == []
