"""Each way in which secrets are kept is told apart, and each secret read with a name of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import pytest

from errlock.ledger.inventory.placeholders import is_placeholder
from errlock.ledger.inventory.reading import read_inventory
from errlock.ledger.inventory.wanted import BadInventory, InventoryFormat
from errlock.ledger.search.variants import variants


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


NETRC = """\
machine api.example.com
  login deploy # the robot
  password n3trc/One
machine git.example.com login ci password "n3trc \\"Two"
macdef init
  password of no login

default login anonymous password n3trc-Three
"""
PGPASS = r"""# host:port:database:user:password
db.internal:5432:shop:app:p\:g\\One
*:*:*:admin:pgTwo
"""
PROPERTIES = r"""
# of Java
spring.datasource.password=pr0p = One
spring.datasource.url: jdbc:postgresql://u:pw@db/x
key\ of\ it:  \u0074wo\
    three
! a comment
api.token  f0ur
"""
DOCKER = {"auths": {"r.example:5000": {"auth": base64_of("ann:d0cker")}}}
KUBERNETES = f"""\
apiVersion: v1
kind: Secret
metadata:
  name: shop-db
  annotations: {{note: "no secret"}}
data:
  password: {base64_of("k8sOne!")}
  line: {base64_of("k8sTwo")[:4]}
    {base64_of("k8sTwo")[4:]}
stringData:
  plain: k8sThree
---
kind: Secret
metadata: {{name: registry}}
data:
  .dockerconfigjson: {base64_of(json.dumps(DOCKER))}
"""
KUBECONFIG = f"""\
apiVersion: v1
kind: Config
users:
- name: admin
  user:
    token: k.ube/Token
    client-key-data: {base64_of("-----BEGIN EC PRIVATE KEY-----")}
- name: robot
  user: {{password: 0123, insecure: true}}
"""
PEM = """\
Bag Attributes
    friendlyName: shop
-----BEGIN CERTIFICATE-----
MIIB
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIIC
-----END PRIVATE KEY-----
"""
TERRAFORM = {
    "outputs": {"db": {"value": "tfOne", "sensitive": True}},
    "resources": [
        {
            "type": "random_password",
            "name": "db",
            "instances": [{"attributes": {"result": "tfTwo"}}],
        }
    ],
}
BITWARDEN = {
    "encrypted": False,
    "items": [
        {
            "name": "Shop DB",
            "login": {"password": "bwOne"},
            "fields": [{"name": "pin", "value": "bwTwo"}],
        }
    ],
}
KEEPASS = """\
"Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified"
"Root/Prod","Shop DB","app","kpOne","https://ann:kpTwo@x.example","over
two lines","","0","2026-01-01T00:00:00Z"
"""
INI_WITH_KEY = """\
[vpn]
user = ann
key = -----BEGIN PRIVATE KEY-----
  MIIC==
  -----END PRIVATE KEY-----
psk = iniTwo
"""
TOML = """# top
title = "t0ml"
[api]
keys = [
  "tomlOne",
  "tomlTwo",
]
port = 5432
"""
SHELL = """\
export A='it'"'"'s'
B=one\\
two
C="x"y # said
D=C:\\shop\\
E=five
"""

FORMATS: list[tuple[str, str, InventoryFormat, Sequence[tuple[str, str]]]] = [
    ("netrc", NETRC, "netrc", [
        ("api.example.com login", "deploy"), ("api.example.com password", "n3trc/One"),
        ("git.example.com login", "ci"), ("git.example.com password", 'n3trc "Two'),
        ("default login", "anonymous"), ("default password", "n3trc-Three"),
    ]),
    ("pgpass", PGPASS, "pgpass", [("db.internal shop app", "p:g\\One"), ("admin", "pgTwo")]),
    ("git-credentials", "https://ann:p%40ss@git.example\nhttps://ci:t0k@git.example\n", "urls", [
        ("git.example (1)", "https://ann:p%40ss@git.example"),
        ("git.example (2)", "https://ci:t0k@git.example"),
    ]),
    ("properties", PROPERTIES, "properties", [
        ("spring.datasource.password", "pr0p = One"),
        ("spring.datasource.url", "jdbc:postgresql://u:pw@db/x"),
        ("key of it", "twothree"), ("api.token", "f0ur"),
    ]),
    ("lines of JSON", '{"name": "db", "secret": "a1"}\n\n{"user": "u", "secret": "b2"}\n', "json", [
        ("line 1 (db) secret", "a1"), ("line 3 user", "u"), ("line 3 secret", "b2"),
    ]),
    ("Kubernetes", KUBERNETES, "yaml", [
        ("[shop-db].password", "k8sOne!"), ("[shop-db].line", "k8sTwo"),
        ("[shop-db].plain", "k8sThree"),
        ("[registry]..dockerconfigjson.auths.r.example:5000.auth", base64_of("ann:d0cker")),
    ]),
    ("Kubernetes in JSON", json.dumps({"kind": "Secret", "metadata": {"name": "db"}, "data": {
        "a": base64_of("k8s\n"), "bin": "/wAB"}}), "json", [("db.a", "k8s\n"), ("db.bin", "/wAB")]),
    ("kubeconfig", KUBECONFIG, "yaml", [
        ("apiVersion", "v1"), ("kind", "Config"), ("users[admin].user.token", "k.ube/Token"),
        ("users[admin].user.client-key-data", base64_of("-----BEGIN EC PRIVATE KEY-----")),
        ("users[robot].user.password", "0123"),
    ]),
    ("docker", json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": "YTpi"}}}), "json", [
        ("auths.index.docker.io/v1.auth", "YTpi"),
    ]),
    ("PEM", PEM, "pem", [
        ("line 3 CERTIFICATE", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
        ("line 6 PRIVATE KEY", "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----"),
    ]),
    ("Terraform", json.dumps(TERRAFORM), "json", [
        ("outputs.db.value", "tfOne"), ("resources[random_password.db].type", "random_password"),
        ("resources[random_password.db].instances[0].attributes.result", "tfTwo"),
    ]),
    ("Bitwarden", json.dumps(BITWARDEN), "json", [
        ("items[Shop DB].login.password", "bwOne"), ("items[Shop DB].fields[pin].value", "bwTwo"),
    ]),
    ("KeePass", KEEPASS, "csv", [
        ("line 2 (Shop DB) Username", "app"), ("line 2 (Shop DB) Password", "kpOne"),
        ("line 2 (Shop DB) URL", "https://ann:kpTwo@x.example"),
        ("line 2 (Shop DB) Notes", "over\ntwo lines"),
    ]),
    ("CSV of Excel", "sep=;\nkey;value\nDB;a1\nMAIL;b2\n", "csv", [
        ("line 3 (DB) value", "a1"), ("line 4 (MAIL) value", "b2"),
    ]),
    ("a key in INI", INI_WITH_KEY, "ini", [
        ("vpn.user", "ann"),
        ("vpn.key", "-----BEGIN PRIVATE KEY-----\nMIIC==\n-----END PRIVATE KEY-----"),
        ("vpn.psk", "iniTwo"),
    ]),
    ("TOML", TOML, "toml", [
        ("title", "t0ml"), ("api.keys[0]", "tomlOne"), ("api.keys[1]", "tomlTwo"),
        ("api.port", "5432"),
    ]),
    ("a shell's .env", SHELL, "env", [
        ("A", "it's"), ("B", "onetwo"), ("C", "xy"), ("D", "C:\\shop\\"), ("E", "five"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [case[1:] for case in FORMATS],
    ids=[case[0] for case in FORMATS],
)
def test_what_it_is_is_told_by_its_content(
    text: str, format_: InventoryFormat, expected: list[tuple[str, str]]
) -> None:
    for given in (None, format_):
        found = read_inventory(text.encode(), given)
        assert [(each.name, each.value) for each in found] == expected
    if "\\\n" not in text and format_ not in ("pem", "csv"):
        found = read_inventory(text.replace("\n", "\r\n").encode())
        assert [(each.name, each.value.replace("\r", "")) for each in found] == expected


def test_the_password_in_each_login_is_looked_for() -> None:
    for value in ("https://ann:p%40ss@git.example", base64_of("ann:p@ss")):
        assert "p@ss" in [text for text, _ in variants(value)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("machine h login ann hunter2", "not .netrc: line 1"),
        ("machine h login ann password", "not .netrc: it ends amid a login"),
        ('{"a": "b"}\n{"a": hunter2}\n', "not JSON: line 2, column 7"),
        ('{"encrypted": true, "data": "2.abc"}', "it is encrypted: export it without a password"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "it is encrypted: decrypt it first"),
        ("-----BEGIN PGP MESSAGE-----\nhQ\n", "it is encrypted: decrypt it first"),
        ("-----BEGIN A KEY-----\nMIIC\n", "not PEM: what line 1 begins has no end"),
        ("a\n-----BEGIN A KEY-----\nMI\n", "it has a key in it, but is nothing that is known"),
        ("a: 1\nb: [hunter2\nc: 2\n", "not YAML: line 3"),
        ("a: &a\n  b: *a\n", "not YAML that ends: line 2 is within itself"),
        ("---\n" + "[" * 5000, "not YAML: nested too deeply"),
        ("name,password\nshop,one,two\n", "line 2 has more cells than there are columns"),
        ("[a]\nkey = -----BEGIN A KEY-----\nMIIC\n", "what line 2 begins has no end"),
        ("a.b=c\nhunter2\nd.e=f\n", "not .properties: line 2"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_told_and_not_read_in_part(text: str, message: str) -> None:
    with pytest.raises(BadInventory) as caught:
        read_inventory(text.encode())
    assert str(caught.value) == message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_number_that_python_does_not_read_ends_nothing() -> None:
    text = f'[a]\nn = {"9" * 5000}\npw = "hunter2"\n'
    assert ("a.pw", "hunter2") in [
        (each.name, each.value) for each in read_inventory(text.encode())
    ]
    with pytest.raises(BadInventory, match="not TOML: a number is too long"):
        read_inventory(text.encode(), "toml")


def test_aliases_of_yaml_cannot_make_it_enormous(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("errlock.ledger.inventory.trees._MOST_NODES", 10_000)
    bomb = "a: &a []\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    )
    with pytest.raises(BadInventory, match="its aliases make too many values"):
        read_inventory(bomb.encode())


@pytest.mark.parametrize(
    "value",
    [
        "op://Prod/db/password", "ref+vault://secret/db#/password", "vault:secret/data/db#password",
        "arn:aws:secretsmanager:eu-central-1:1:secret:db", "${DB_PASSWORD}", "$DB_PASSWORD",
        "{{ db_password }}", "!vault abc", "********", "\u2022\u2022\u2022\u2022", "XXXXXX",
        "<sensitive>", "(sensitive value)", "[REDACTED]", "ENC[AES256_GCM,data:abc,type:str]",
        "@Microsoft.KeyVault(SecretUri=https://x)", "encrypted:BDqD/x",
        "projects/p/secrets/s/versions/1",
    ],
)  # fmt: skip
def test_what_stands_for_a_value_is_none(value: str) -> None:
    assert is_placeholder(value)
    assert is_placeholder(f" {value}\n")


@pytest.mark.parametrize(
    "value",
    ["$ecret!", "hunter2", "x", "a{{b}}", "p@ss", "!", "xxhash64", "$2y$10$abc", "[x]", "vault: x"],
)
def test_what_may_be_a_value_is_one(value: str) -> None:
    assert not is_placeholder(value)
