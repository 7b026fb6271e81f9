"""How programs, forms and people write what is sensitive: what goes and what stays."""

from __future__ import annotations

import pytest
from rows import Row, hold, seen_otherwise
from scrubbing import scrubbed

PASSWORDS: list[Row] = [
    ("fehlgeschlagen, Passwort: Hasenfuss", ["Hasenfuss"], ["fehlgeschlagen, Passwort: "]),
    ("user: bob password: wintertime host: db", ["bob", "wintertime"], ["user: ", "host: db"]),
    (
        "パスワード: winter-time 氏名：山田太郎 電話番号 03-1234-5678",
        ["winter-time", "山田"],
        ["氏名：", "電話番号"],
    ),
    ("form map[passwd:[wintertime] page:[2]]", ["wintertime"], ["passwd:[", "page:[2]"]),
    ("[password:wintertime, port:25]", ["wintertime"], ["port:25"]),
    ("mot de passe « W1nter!9 » refusé", ["W1nter!9"], ["« ", " » refusé"]),
    ("Passwort „W1nter!9“ abgelehnt", ["W1nter!9"], ["„", "“ abgelehnt"]),
    ("contraseña 'wintertime' incorrecta", ["wintertime"], ["incorrecta"]),
    ("password W1nter!9 rejected", ["W1nter!9"], ["rejected"]),
    ("Ihr Einmalpasswort lautet 77-kk-91", ["77-kk-91"], ["Einmalpasswort lautet"]),
    ("sudo: Password for deploy: wintertime", ["wintertime"], ["Password for deploy: "]),
    ("Password does not meet complexity: Pass123", ["Pass123"], ["does not meet complexity: "]),
    ("API key detected: Abc123_XYZ789_PQR456", ["Abc123_XYZ789"], ["API key detected: "]),
    ("Security code entered: 123456", ["123456"], ["Security code entered: "]),
    ("[INFO] CVV entered: 123", [": 123"], ["[INFO] CVV entered: "]),
    ("Bank account detected: 12-3456789", ["12-3456789"], ["Bank account detected: "]),
    ("apikey: {{h}o)p${e]nob(ody[finds>-_$#this}}", ["nob(ody"], ["apikey: "]),
    ("TOTP 482 913 rejected for user 19", ["482 913"], ["TOTP ", " rejected for user 19"]),
    ("PIN entered 4471 does not match", ["4471"], ["PIN entered "]),
    ("consul kv put db/password wintertime", ["wintertime"], ["kv put db/password "]),
    ("pulumi config set dbPassword wintertime --x", ["wintertime"], ["config set", "--x"]),
    ('data.password: Invalid value: "wintertime": bad', ["wintertime"], ["Invalid value: ", "bad"]),
    ("DbConfig(password=Masked(wintertime), pool=4)", ["wintertime"], ["pool=4"]),
    (
        'fields { key: "password" value { string_value: "wintertime" } }',
        ["wintertime"],
        ['key: "password"', "string_value"],
    ),
    ("etcdctl --user root:wintertime get /x", ["wintertime"], ["get /x"]),
    ("<key>Password</key><string>wintertime</string>", ["wintertime"], ["<key>Password</key>"]),
    ('Authorization: Token token="wintertime"\nHost: x', ["wintertime"], ["Token ", "Host: x"]),
    ('Authorization: Digest username="jroe", nonce="x1y2" ok', ["jroe", "x1y2"], ["Digest "]),
    ('-H "Authorization: Basic YWJjZGVm=" -H "X: y, z"', ["YWJjZGVm"], ['-H "X: y, z"']),
    ("<secret>{AQAAABAAA 3aac5ffbe1339bb584d4}</secret>", ["3aac5ffb"], ["<secret>"]),
    ('char secret[25] = "R{tq)8w$p}zz[kT-_#nt";', ["R{tq)8w"], ["char secret[25] = "]),
    ('{"Verification_value"=>"939", "number"=>"x"}', ["939"], ['"number"=>"x"']),
    ("email,password,plan\nx@y.example,wintertime,gold", ["wintertime"], ["plan", "gold"]),
]

PEOPLE: list[Row] = [
    ("nome: João da Silva, email joao@x.example", ["João", "Silva"], ["nome: ", "email "]),
    (
        "住所：東京都新宿区西新宿2-8-1 生年月日：1979年4月2日 終",
        ["西新宿", "1979"],
        ["生年月日：", "終"],
    ),
    (
        '<x:Attribute FriendlyName="givenName"><x:AttributeValue>Jane</x:AttributeValue>',
        ["Jane"],
        ['FriendlyName="givenName"'],
    ),
    (
        '<Attribute Name="http://x.example/claims/surname">\n <AttributeValue>Roe</AttributeValue>',
        ["Roe"],
        ["claims/surname"],
    ),
    ("customer=Customer(born=datetime.date(1979, 4, 2), n=1)", ["1979, 4, 2"], ["n=1"]),
    ("カード番号：４１１１１１１１１１１１１１１１", ["４１１１"], ["カード番号："]),
    ("Numéro de compte : 12345678901", ["12345678901"], ["Numéro de compte : "]),
    ("номер счета: 40817810099910004312", ["408178"], ["номер счета: "]),
    ("iccid=8949020000012345678 insuranceNumber=A123456781", ["89490", "A1234"], ["iccid="]),
]

HARMLESS = [
    "password: Required",
    "Passwort: Pflichtfeld",
    "{password: string, port: number}",
    "[password:String, port:Integer]",
    "mot de passe « oublié »",
    "the “password” field, password “strength” meter",
    "Password for bob: incorrect",
    "Password does not meet complexity: too short",
    "CVV entered: no",
    "'password' => 'required|string|min:8'",
    "email, password, plan\nname, digest, price",
    "wrong password: see https://shop.example/help",
    "Diagnose: keine",
    "the TOTP window is 30 seconds, code entered 4 times",
    "© 2006 Jane M. Roe Vidal",
    "config set password policy",
    "password: richiesta",
    "POST /oauth2/v2.0/token client_id=5f2b8c1d-9e0a-4b7c-8d6e-5f4a3b2c1d0e&scope=a",
    "password={db_password}, token: {{ vault.deploy2token }}",
    'tokens[0] = "lambda"',
    '<x:Attribute FriendlyName="plan"><x:AttributeValue>Gold</x:AttributeValue>',
    'spec.ports[0].name: Invalid value: "x": too short',
]


@pytest.mark.parametrize("row", [*PASSWORDS, *PEOPLE], ids=lambda row: row[0][:40])
def test_what_is_written_so_goes(row: Row) -> None:
    hold(*row)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    hold(text, [], [text])


def test_a_system_names_the_value_beside_it_in_fhir() -> None:
    extra = {
        "telecom": [{"system": "phone", "value": "555-780-8673", "use": "home"}],
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-90-5728"}],
        "card": {"pan": "4242424242424242", "cvc": "424", "holder": "Jane Roe"},
        "os": [{"system": "linux", "value": "6.1.0-13"}],
    }
    found = scrubbed({"extra": extra})["extra"]
    assert found["telecom"] == [{"system": "phone", "value": "[phone]", "use": "home"}]
    assert found["identifier"][0]["value"] == "[national_id.us]"
    assert found["card"]["holder"] == "[name]"
    assert found["os"] == extra["os"]


def test_the_engine_sees_it_as_the_walk_does() -> None:
    harmless: list[Row] = [(text, [], []) for text in HARMLESS]
    assert seen_otherwise([*PASSWORDS, *PEOPLE, *harmless]) == []
