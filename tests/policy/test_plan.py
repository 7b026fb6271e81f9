"""What the walk judges, field by field, and what documents that came together share."""

from typing import Any

import pytest
from scrubbing import rendered, scrubbed, scrubbed_text

from errlock.policy.keyring.pseudonyms import SingleKey, new_key
from errlock.policy.parts import HashPart, RedactPart, default_parts
from errlock.policy.plan import Findings, Plan, PolicyLimit, Subject, Unsupported

SECRET = "Tr0ub4dor-9"


def test_a_clean_document_is_returned_as_it_is() -> None:
    tree = {"message": "it broke", "extra": {"n": 1, "l": [True, None, "x"]}}
    assert rendered(tree).tree is tree


def test_everything_under_a_sensitive_key_is_judged_with_its_class() -> None:
    tree = {"extra": {"password": [SECRET, {"a": SECRET, "b": 12345678, "c": None}]}}
    assert scrubbed(tree) == {
        "extra": {"password": ["[password]", {"a": "[password]", "b": "[password]", "c": None}]}
    }


def test_what_only_describes_a_secret_stays() -> None:
    tree = {"extra": {"token": {"value": SECRET, "type": "bearer", "expires_in": 3600}}}
    assert scrubbed(tree) == {
        "extra": {"token": {"value": "[token]", "type": "bearer", "expires_in": 3600}}
    }


@pytest.mark.parametrize(
    ("tree", "clean"),
    [
        ([["password", SECRET], ["x", "y"]], [["password", "[password]"], ["x", "y"]]),
        (["password", SECRET], ["password", "[password]"]),
        (["password", "email"], ["password", "email"]),
        (["password", "Gk53gEOPaCx9MIp"], ["password", "[password]"]),  # it ends in `Ip`
        ("[('X-Api-Key', 'Gk53gEOPaCx9MIp')]", "[('X-Api-Key', '[api_key]')]"),
        (["street", "685 Ikvaba Street"], ["street", "[address]"]),
        ('[["X-Step","b"],["X-Street","6 B Street"]]', '[["X-Step","b"],["X-Street","[address]"]]'),
        ([{"name": "password", "value": SECRET}], [{"name": "password", "value": "[password]"}]),
        ([{"Key": "password", "Value": SECRET}], [{"Key": "password", "Value": "[password]"}]),
        (["app", "--password", SECRET, "-v"], ["app", "--password", "[password]", "-v"]),
        (["Login, password:", SECRET, "ok"], ["Login, password:", "[password]", "ok"]),
        (["password: ", "required", "Pass:", "a"], ["password: ", "required", "Pass:", "a"]),
        (["mixed", ["password", SECRET]], ["mixed", ["password", "[password]"]]),
        ({"password": f"'{SECRET}'"}, {"password": "'[password]'"}),
        ({"password": "<PasswordField object at 0x7f12>"},) * 2,
        ({"password": None, "has_password": True},) * 2,
    ],
)
def test_names_and_values_are_put_together(tree: Any, clean: Any) -> None:
    assert scrubbed({"extra": {"x": tree}}) == {"extra": {"x": clean}}


def test_keys_are_values_too_and_never_collide() -> None:
    tree = {"extra": {"jane@example.com": 1, "john@example.com": 2, "[email]": 3}}
    assert scrubbed(tree) == {"extra": {"[email]_2": 1, "[email]_3": 2, "[email]": 3}}


def test_a_card_as_a_number_is_found_and_replaced_by_valid_json() -> None:
    assert scrubbed({"extra": {"ref": 4111111111111111}}) == {"extra": {"ref": "************1111"}}
    assert scrubbed_text('{"ref": 4111111111111111}') == '{"ref": "************1111"}'


def test_numbers_in_json_in_a_string_are_judged_by_their_keys() -> None:
    assert scrubbed_text('{"pin": 483920, "n": 483920}') == '{"pin": "[otp]", "n": 483920}'
    assert scrubbed_text('{"token": {"n": 123456789, "expires_in": 3600123456}}') == (
        '{"token": {"n": "[token]", "expires_in": 3600123456}}'
    )


def test_bytes_stay_bytes() -> None:
    tree = {"attributes": {"raw": b"password=" + SECRET.encode(), "bin": b"\xff\x00"}}
    assert scrubbed(tree, type_="log_record") == {
        "attributes": {"raw": b"password=[password]", "bin": b"\xff\x00"}
    }


def test_bytes_that_are_not_text_go_as_a_whole() -> None:
    tree = {"attributes": {"raw": b"\xff\x00password=" + SECRET.encode()}}
    assert scrubbed(tree, type_="log_record") == {"attributes": {"raw": b"[password]"}}


def test_lone_surrogates_do_not_hide_a_secret() -> None:
    assert scrubbed_text(f"\ud83d password={SECRET}") == "\ufffd password=[password]"


@pytest.mark.parametrize(
    ("tree", "clean"),
    [
        ({"user": {"ip_address": "203.0.113.7"}}, {"user": {"ip_address": None}}),
        ({"user": {"ip_address": "{{auto}}"}},) * 2,
        ({"user": {"ip_address": "127.0.0.1"}, "extra": {"argv": ["127.0.0.1:80"]}},) * 2,
        ({"user": {"id": "4711"}},) * 2,
        ({"user": {"id": "jane@example.com"}}, {"user": {"id": "[email]"}}),
        (
            {"user": {"geo": {"country_code": "DE", "city": "Ulm"}}},
            {"user": {"geo": {"country_code": "DE", "city": "[location]"}}},
        ),
        (
            {"user": {"email": "jane at home", "name": None}},
            {"user": {"email": "[email]", "name": None}},
        ),
        ({"modules": {"a": "1.2.3.4"}, "sdk": {"packages": [{"version": "1.2.3.4"}]}},) * 2,
        ({"event_id": "a" * 32, "contexts": {"trace": {"trace_id": "b" * 32}}},) * 2,
        ({"timestamp": 1715739899.364915, "breadcrumbs": [{"timestamp": 1715739899}]},) * 2,
        ({"modules": {"password": SECRET}}, {"modules": {"password": "[password]"}}),
        ({"release": f"app@1.2.3.4+{'0a' * 20}"},) * 2,
        ({"release": "app+ghp_" + "aB3" * 12}, {"release": "app+[api_key.github]"}),
        ({"transaction": "/u/jane@example.com"}, {"transaction": "/u/[email]"}),
        ({"request": {"cookies": {"theme": "dark"}}},) * 2,
        (
            {"request": {"headers": {"Authorization": f"Bearer {SECRET}abcdef"}}},
            {"request": {"headers": {"Authorization": "Bearer [token.bearer]"}}},
        ),
    ],
)
def test_a_fields_place_says_what_it_is(tree: Any, clean: Any) -> None:
    assert scrubbed(tree) == clean


def test_an_id_field_that_holds_no_id_is_text() -> None:
    assert scrubbed({"event_id": f"password={SECRET}"}) == {"event_id": "password=[password]"}


def test_source_code_stays_and_its_secrets_go() -> None:
    frame = {
        "context_line": f"client = login(password='{SECRET}')",
        "pre_context": ["token = tokens.get(request.headers['Authorization'])"],
        "function": "get_password",
        "vars": {"password": f"'{SECRET}'"},
    }
    clean = scrubbed({"stacktrace": {"frames": [frame]}})["stacktrace"]["frames"][0]
    assert clean == {
        **frame,
        "context_line": "client = login(password='[password]')",
        "vars": {"password": "'[password]'"},
    }


def test_otlp_attributes_have_their_classes() -> None:
    tree = {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "body": {"text": f"login with {SECRET}"},
        "attributes": {
            "client.address": "203.0.113.7",
            "user.email": "jane@example.com",
            "http.request.header.authorization": ["Bearer abc123def456ghi789"],
            "http.response.status_code": 200,
            "telemetry.sdk.version": "1.2.3.4",
            "custom": {"password": SECRET},
        },
    }
    assert scrubbed(tree, type_="log_record") == {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "body": {"text": "login with [password]"},
        "attributes": {
            "client.address": "[ip]",
            "user.email": "[email]",
            "http.request.header.authorization": ["Bearer [token.bearer]"],
            "http.response.status_code": 200,
            "telemetry.sdk.version": "1.2.3.4",
            "custom": {"password": "[password]"},
        },
    }


def test_sentrys_typed_attributes_have_their_classes() -> None:
    tree = {
        "body": "x",
        "attributes": {
            "password": {"value": SECRET, "type": "string"},
            "user.email": {"value": "jane@example.com", "type": "string"},
            "sentry.sdk.version": {"value": "1.2.3.4", "type": "string"},
            "count": {"value": 4, "type": "integer"},
        },
    }
    for type_ in ("log", "span", "metric"):
        assert scrubbed(tree, type_=type_)["attributes"] == {
            **tree["attributes"],  # type: ignore[dict-item]  # a dict, as written above
            "password": {"value": "[password]", "type": "string"},
            "user.email": {"value": "[email]", "type": "string"},
        }


# -- encodings wherever a sender can put them ------------------------------------------------


@pytest.mark.parametrize(
    "text", ["d29ya2VyIHJlZnVzZWQgamFuZUBleGFtcGxlLmNvbQ==", "refused%20jane%40example.com"]
)
def test_a_word_of_the_protocol_does_not_hide_encoded_text(text: str) -> None:
    assert "[email]" in scrubbed({"level": text})["level"]
    assert "[email]" in scrubbed({"unit": text}, type_="otlp_metric")["unit"]


def test_a_short_base64_token_in_a_place_of_words_is_read() -> None:
    assert scrubbed({"level": "amFuZUBleGFtcGxlLmNvbQ"}) == {"level": "[email]"}


def test_encoded_literals_in_lines_of_source_are_read_by_their_shape() -> None:
    frame = {
        "context_line": 'send("d29ya2VyIHJlZnVzZWQgamFuZUBleGFtcGxlLmNvbQ==")',
        "pre_context": [r"to = '\u006aane@example.com'", "x = 'jane%40example.com'"],
        "post_context": ["print('password%3DTr0ub4dor')"],
    }
    assert scrubbed({"stacktrace": {"frames": [frame]}}) == {
        "stacktrace": {
            "frames": [
                {
                    "context_line": 'send("[email]")',
                    "pre_context": ["to = '[email]'", "x = '[email]'"],
                    "post_context": ["print('password%3DTr0ub4dor')"],
                }
            ]
        }
    }


def test_a_sentence_in_a_field_of_routes_is_text_and_a_route_is_not() -> None:
    tree = {"transaction": "failed: open /home/marpetra18/app/main.py, gave up"}
    assert scrubbed(tree) == {"transaction": "failed: open /home/[username]/app/main.py, gave up"}
    routes = {
        "transaction": "/home/spring18/offers",
        "request": {"url": "https://a.example/home/s9/x"},
    }
    assert scrubbed(routes) == routes


# -- what cannot be judged -------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "tree"), [("unknown", b"x"), ("attachment", b"\x00\xff")])
def test_what_nobody_can_judge_is_unsupported(type_: str, tree: Any) -> None:
    with pytest.raises(Unsupported):
        rendered(tree, type_=type_)


def test_it_passes_only_where_the_policy_names_it() -> None:
    parts = [RedactPart(item_types=frozenset({"unknown"}))]
    assert scrubbed(b"x", type_="unknown", parts=parts) == b"x"


def test_deep_nesting_is_a_limit() -> None:
    tree: Any = "x"
    for _ in range(200):
        tree = [tree]
    with pytest.raises(PolicyLimit, match=r"^nested too deeply$"):
        rendered({"extra": tree})


def test_decoding_is_bounded_by_the_size_of_the_document() -> None:
    with pytest.raises(PolicyLimit, match=r"^too many encoded parts$"):
        rendered({"extra": ["%252541"] * 3000})


def test_json_three_deep_in_a_large_body_is_within_the_limits() -> None:
    import json

    text: str = json.dumps([{"note": "nothing to see", "n": n} for n in range(3000)])
    for _ in range(2):
        text = json.dumps({"body": text})
    assert scrubbed({"request": {"data": text}}) == {"request": {"data": text}}


def test_a_limit_met_by_one_document_does_not_touch_another() -> None:
    plan = Plan(default_parts())
    results = plan.detect([Subject("unknown", b""), Subject("event", {"message": "x"})])
    assert isinstance(results[0], Unsupported)
    assert isinstance(results[1], Findings)


# -- copies ----------------------------------------------------------------------------------


def test_copies_are_removed_everywhere_in_a_document() -> None:
    tree = {
        "extra": {"password": SECRET, f"key-{SECRET}": 1},
        "message": f"saw/{SECRET}!",
        "level": SECRET,
        "exception": {"values": [{"type": f"Bad{SECRET}"}]},
    }
    assert scrubbed(tree) == {
        "extra": {"password": "[password]", "key-[password]": 1},
        "message": "saw/[password]!",
        "level": "[password]",
        "exception": {"values": [{"type": "Bad[password]"}]},
    }


@pytest.mark.parametrize("value", ["Error", "ValueError", "1234567", "api_client", "a", "secret"])
def test_a_common_value_does_not_blank_the_document(value: str) -> None:
    tree = {"extra": {"password": value}, "message": f"{value} in main: {value}"}
    assert scrubbed(tree)["message"] == tree["message"]


def test_a_number_is_a_copy_only_as_a_whole() -> None:
    tree = {"extra": {"password": "90817263", "a": "x90817263y", "b": "id 90817263"}}
    assert scrubbed(tree)["extra"] == {
        "password": "[password]", "a": "x90817263y", "b": "id [password]",
    }  # fmt: skip


def together(*subjects: Subject) -> list[Any]:
    plan = Plan(default_parts())
    results = plan.detect(subjects)
    trees = []
    for subject, findings in zip(subjects, results, strict=True):
        assert isinstance(findings, Findings)
        tree = plan.render(subject, findings).tree
        trees.append(
            {k: v for k, v in tree.items() if k != "_meta"} if isinstance(tree, dict) else tree
        )
    return trees


def test_items_of_an_envelope_share_what_was_found() -> None:
    envelope = Subject("envelope", {"note": SECRET})
    event = Subject("event", {"extra": {"password": SECRET}}, (envelope,))
    attachment = Subject("attachment", f"saw {SECRET}", (envelope,))
    assert together(envelope, event, attachment) == [
        {"note": "[password]"},
        {"extra": {"password": "[password]"}},
        "saw [password]",
    ]


def test_records_share_with_their_resource_but_not_with_each_other() -> None:
    resource = Subject("resource", {"attributes": {"x": SECRET}})
    one = Subject("log_record", {"body": {"password": SECRET}}, (resource,))
    two = Subject("log_record", {"body": f"saw {SECRET}"}, (resource,))
    assert together(resource, one, two) == [
        {"attributes": {"x": "[password]"}},
        {"body": {"password": "[password]"}},
        {"body": f"saw {SECRET}"},
    ]


# -- chains ----------------------------------------------------------------------------------


def test_the_first_part_that_claims_a_class_acts_on_the_whole_finding() -> None:
    ring = HashPart(classes=("pii", "*"), keyring=SingleKey(new_key()))
    text = "postgres://app:p4ss@corp.example.com/db and jane@example.com"
    clean = scrubbed_text(text, [ring, RedactPart()])
    assert clean.startswith("postgres://app:[url_credentials]@corp.example.com/db and [email:e0:")
    assert scrubbed_text(text, [RedactPart(), ring]).endswith("and [email]")


def test_a_secret_is_hashed_only_where_a_secret_class_is_named() -> None:
    named = HashPart(classes=("secret.password",), keyring=SingleKey(new_key()))
    assert scrubbed_text(f"password={SECRET}", [named]).startswith("password=[password:e0:")


def test_a_later_chain_lowers_a_form_and_never_raises_it() -> None:
    ring = HashPart(classes=("pii",), keyring=SingleKey(new_key()))
    pseudonym = scrubbed_text("jane@example.com", [ring])
    assert scrubbed_text(pseudonym, [RedactPart()]) == "[email]"
    assert scrubbed_text("[email]", [ring]) == "[email]"
    other = HashPart(classes=("pii",), keyring=SingleKey(new_key()))
    assert scrubbed_text(pseudonym, [other]) == pseudonym


def test_a_mask_is_lowered_by_a_stricter_chain_and_left_by_the_same() -> None:
    masked = scrubbed_text("card 4111111111111111")
    assert masked == "card ************1111"
    assert scrubbed_text(masked) == masked
    assert scrubbed_text(masked, [RedactPart(profile="strict")]) == "card [card]"


def test_pseudonyms_differ_per_destination_unless_shared() -> None:
    keyring = SingleKey(new_key())
    for shared, count in ((False, 2), (True, 1)):
        part = HashPart(classes=("pii",), keyring=keyring, shared=shared)
        trees = [
            scrubbed({"message": "jane@example.com"}, parts=[part], scope=scope)["message"]
            for scope in ("a", "b")
        ]
        assert len(set(trees)) == count


def test_a_pseudonym_does_not_depend_on_the_encoding() -> None:
    part = HashPart(classes=("pii",), keyring=SingleKey(new_key()))
    plain = scrubbed_text("jane@example.com", [part])
    assert scrubbed_text("x=jane%40example.com", [part]) == f"x={plain}"
    assert scrubbed_text('{"a": "jane\\u0040example.com"}', [part]) == f'{{"a": "{plain}"}}'


def test_findings_serve_every_destination() -> None:
    part = HashPart(classes=("pii",), keyring=SingleKey(new_key()))
    subject = Subject("event", {"message": "jane@example.com"})
    [findings] = Plan([part], "a").detect([subject])
    assert isinstance(findings, Findings)
    plan = Plan([part], "b")
    assert plan.render(subject, findings) == rendered(subject.tree, parts=[part], scope="b")


def test_what_leaves_in_which_form_is_counted() -> None:
    found = rendered({"user": {"id": "4711", "email": "jane@example.com"}}).found
    assert [(each.class_, each.form, each.value) for each in found] == [
        ("pii.user_id", "clear", "4711"),
        ("pii.email", "removed", "jane@example.com"),
    ]
