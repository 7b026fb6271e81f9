"""Formats that somebody who did not build the policy tried on it: what goes and what stays."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from engine_twins import difference
from rows import Row, hold, seen_otherwise
from scrubbing import scrubbed, scrubbed_text

PROTOCOLS: list[Row] = [
    ("AUTH PLAIN AGt2b3NzAFdpbnQzcmZlbGw=", ["AGt2b3Nz"], ["AUTH PLAIN"]),
    (
        "reply: b'334 UGFzc3dvcmQ6\\r\\n'\nsend: 'V2ludDNyZmVsbDk5\\r\\n'",
        ["V2ludDNyZmVsbDk5"],
        ["334 UGFzc3dvcmQ6"],
    ),
    ('a001 LOGIN bob "Wint3rfell9"', ["Wint3rfell9"], ["LOGIN bob"]),
    ("> USER bob\n< 331 go on\n> PASS Wint3rfell9\n< 230 ok", ["Wint3rfell9"], ["230 ok"]),
    ("AUTH Wint3rfell9", ["Wint3rfell9"], []),
    ("PASS src/Button2.test.js", [], ["src/Button2.test.js"]),
    (
        "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" + "fe5f80f7" * 8,
        ["fe5f80f7"],
        ["SignedHeaders=host"],
    ),
    ("Cannot connect to host bob:Wint3rfell@db1:443 ssl:default", ["Wint3rfell"], ["db1:443"]),
    ("image redis:7.2-alpine@sha256:1234", [], ["redis:7.2-alpine@sha256:1234"]),
    ("sqlplus app/Wint3rfell9@//db1:1521/orcl", ["Wint3rfell9"], ["db1:1521/orcl"]),
    ("db1.example:5432:shop:app:Wint3rfell9", ["Wint3rfell9"], ["db1.example:5432:shop"]),
    ("ssh bob@198.51.100.23", ["198.51.100.23"], []),
    ("shop@198.51.100.23", [], ["198.51.100.23"]),
    ("%B5425233430109903^VOSS/KARLA^2604101000?", ["5425233430109903", "VOSS"], []),
    ("userPassword:: V2ludDNyZmVsbDk5", ["V2ludDNyZmVsbDk5"], ["userPassword"]),
]

COMMANDS: list[Row] = [
    ("Command '['mysql', '-uroot', '-pWint3rfell', 'shop']' failed", ["Wint3rfell"], ["'shop'"]),
    ("openssl enc -aes-256-cbc -k Wint3rfell -in a", ["Wint3rfell"], ["-in a"]),
    ("echo Wint3rfell9 | sudo -S apt update", ["Wint3rfell9"], ["sudo -S apt update"]),
    (r"net use \\srv\share Wint3rfell9 /user:bob", ["Wint3rfell9"], ["/user:bob"]),
    ("zip -P Wint3rfell9 a.zip b", ["Wint3rfell9"], ["a.zip b"]),
    ('NetworkCredential("bob", "wintertime")', ["wintertime"], ['("bob", "']),
    (r'DirectoryEntry("LDAP://x", "corp\bob", "wintertime")', ["wintertime"], ["LDAP://x"]),
    ('NetworkCredential("bob", @"wintertime")', ["wintertime"], ['("bob", @"']),
    ("ldap_bind(Resource id #5, 'cn=a', 'winter')", ["winter"], ["Resource id #5, 'cn=a'"]),
    ('NetworkCredential("username", "password"); login("bob", "redirect")', [], ['"password"']),
    ("setenv DB_PASSWORD Wint3rfell9", ["Wint3rfell9"], ["DB_PASSWORD"]),
]

COMMANDS += [
    ("curl -u ':Wint3rfell9' https://x", ["Wint3rfell9"], ["https://x"]),
    ("curl -u 'Wint3rfell9:' https://x", ["Wint3rfell9"], ["https://x"]),
    ("curl --user  bob:'Wint3rfell9' -iX PATCH", ["Wint3rfell9"], ["-iX PATCH"]),
    ('curl -u <user:password> -u "$USER:$PASSWORD" x', [], ["<user:password>", "$PASSWORD"]),
    ("lftp -u bob,Wint3rfell9 sftp://h", ["Wint3rfell9"], ["sftp://h"]),
    ("az login -u bob -p Wint3rfell9 --tenant t", ["Wint3rfell9"], ["--tenant t"]),
    ("sqlcmd -S db1 -U sa -P Wint3rfell9 -Q x", ["Wint3rfell9"], ["-Q x"]),
    ("htpasswd -b /etc/f bob Wint3rfell9", ["Wint3rfell9"], ["/etc/f bob"]),
    ("smbclient //srv/x -U bob%Wint3rfell9", ["Wint3rfell9"], ["//srv/x -U bob"]),
    ("xfreerdp /u:bob /p:Wint3rfell9 /v:h", ["Wint3rfell9"], ["/v:h"]),
    ("net user bob Wint3rfell9 /add", ["Wint3rfell9"], ["/add"]),
    (r"net use x: \\srv\x /user:bob Wint3rfell9", ["Wint3rfell9"], ["/user:bob"]),
    ("see the -p option of sqlcmd -p option", [], ["sqlcmd -p option"]),
    ("echo bob:Wint3rfell9 | chpasswd", ["Wint3rfell9"], ["chpasswd"]),
    ("Command '['curl', '-u', 'bob:Wint3rfell9', 'https://x']'", ["Wint3rfell9"], ["https://x"]),
]

SETTINGS: list[Row] = [
    ("password: >-\n  Wint3rfell\nport: 1", ["Wint3rfell"], ["port: 1"]),
    ("password: |\n  correct horse\nport: 1", ["correct horse"], ["port: 1"]),
    ('[db]\npassword = """\nsommer"""\nport = 1', ["sommer"], ["port = 1"]),
    ("GITHUB_TOKEN (secret): Wint3rfell9", ["Wint3rfell9"], ["(secret)"]),
]

TABLES: list[Row] = [
    ("id;password;city\n1;Wint3rfell9;Ulm", ["Wint3rfell9"], ["id;password;city", "Ulm"]),
    (
        " login | password    \n-------+-------------\n kv1   | Wint3rfell9 \n x2 | Z9y8x7w6\n",
        ["Wint3rfell9", "Z9y8x7w6"],
        ["password"],
    ),
    ("first, password, then\nfoo, bar, baz", [], ["foo, bar, baz"]),
    ("<tr><td>Password</td><td>Wint3rfell9</td></tr>", ["Wint3rfell9"], ["Password"]),
    ("<key>password</key>\n<string>Wint3rfell</string>", ["Wint3rfell"], ["<key>password</key>"]),
    ("<th>Token</th><td><code>Wint3rfell9</code></td>", ["Wint3rfell9"], ["<code>"]),
    ("<tr><th>Password</th><th>Email</th></tr>", [], ["Email"]),
    ('<password enc="no" value="wintertime"/>', ["wintertime"], ['<password enc="no" value="']),
    ('<birthDate value="1971-03-04"/>', ["1971-03-04"], ["<birthDate"]),
    ('<token value="IDENT"/><password value="${db.password}"/>', [], ["IDENT", "${db.password}"]),
    ("<td>Password</td><td>is required here</td>", [], ["is required here"]),
    (
        "<Password>\n  <Value>Wint3rfell9</Value><PlainText>true</PlainText>\n</Password>",
        ["Wint3rfell9"],
        ["<PlainText>true"],
    ),
    ("<TokenCount><Value>312</Value></TokenCount>", [], ["312"]),
]

SENTENCES: list[Row] = [
    ("the password for user 'bob' is 'Wint3rfell9'", ["Wint3rfell9"], ["bob"]),
    ("//Wint3rfell9a1 is the password", ["Wint3rfell9"], ["//", "is the password"]),
    ("Key (password)=(wintertime) already exists.", ["wintertime"], ["already exists"]),
    ("token aB3dE6gH9jK2mQ has expired", ["aB3dE6gH9jK2mQ"], ["has expired"]),
    ("session k3j4h5k6j7h8l9m0 not found", ["k3j4h5k6j7h8l9m0"], ["not found"]),
    ("secret default-token-x7k2p not found", [], ["default-token-x7k2p"]),
    ("hashing the password sha256 first", [], ["sha256"]),
    ("secret base64url text", [], ["base64url"]),
    ("UsernamePasswordAuthenticationToken [Authenticated=false]", [], ["Authenticated=false"]),
    ("the optimizely key is eqlSpys72QShOQPOSy7T", ["eqlSpys72QShOQPOSy7T"], ["optimizely key"]),
    ("the mailgun key is missing", [], ["the mailgun key is missing"]),
    ('the giphy key was "zX8kQ2mN7pL4"', ["zX8kQ2mN7pL4"], ["the giphy key was"]),
    ("GitHub key is ssh-ed25519 AAAAC3NzaC1l", [], ["ssh-ed25519 AAAAC3NzaC1l"]),
    ("the github key is deploy-key-2", [], ["deploy-key-2"]),
    ("github key is SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8", [], ["SHA256:nThbg6kXU"]),
    ("aws key is alias/prod-key-1, google key was rotated2024", [], ["alias/prod-", "rotated2024"]),
    ('the miro key is "name"', [], ['"name"']),
    ("rabbitmqKey=orders.created.v2 debounceKey=search", [], ["orders.created.v2", "=search"]),
    ("Das Passwort lautet Wint3rfell9", ["Wint3rfell9"], ["lautet"]),
    ("mot de passe : Wint3rfell9", ["Wint3rfell9"], ["mot de passe"]),
    ("La contraseña es Wint3rfell9", ["Wint3rfell9"], ["contraseña"]),
    ("Ihr TAN-Code lautet 482193", ["482193"], ["lautet"]),
    ("パスワード：Wint3rfell9", ["Wint3rfell9"], ["パスワード"]),
    ("ｐａｓｓｗｏｒｄ＝Wint3rfell9", ["Wint3rfell9"], []),
    ("**Password:** Wint3rfell9", ["Wint3rfell9"], ["**Password:**"]),
    ("password\n\nWint3rfell9", ["Wint3rfell9"], ["password"]),
    ("use Wint3rfell9 as password", ["Wint3rfell9"], ["as password"]),
    ("use sha256 as password hash", [], ["sha256"]),
    ("Das Passwort ist leider falsch", [], ["Das Passwort ist leider falsch"]),
    ("La contraseña es demasiado corta", [], ["La contraseña es demasiado corta"]),
    ("Le mot de passe est obligatoire", [], ["Le mot de passe est obligatoire"]),
    ("a single token of `inline` type", [], ["`inline`"]),
    ("no such key: {curve.name!r}", [], ["{curve.name!r}"]),
]

# What is written where a secret could be, and is none.
NO_SECRETS: list[Row] = [
    (text, [], [text])
    for text in (
        "AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256",
        'password = "$shop_db_password"',
        "PASSWORD=$($(dirname $0)/../bin/get-setting DB_PASSWORD)",
        "FORGOT_PASSWORD=$SHOP_BASE_URL/account/#/forgot",
        "AccountName={2};AccountKey={3};",
        "SharedAccessKey=[Shared Access key goes here];",
        "user = (char *) (p + 1);\npwd = (char *) (p + len + 2);",
        'accountKey = Buffer.from("accountKey", "base64");',
        "write_key: 's3://{bucket}/events/type={schema}'",
        '<password value="@string/hint"/>',
        '"password": "&lt;YOUR_PASSWORD&gt;"',
        'ChangePassword = "arn:aws:iam::aws:policy/IAMUserChangePassword"',
        'this.addPassword = "#add-password";',
        '"_password = "+new Buffer("feast")',
        "Authorization: Bearer $(gcloud auth print-access-token)",
        'full_name = f"test.{module}"; $fname = "${module}::boot"',
        "joined ff02::1:2 and 239.255.255.250",
        "RFC 6265 Section 5.1.1.5, OID 1.3.6.1, §5.1.2.4",
        # Types of Rust: what follows `&` is no text, and `'a` no quote.
        "pub struct Login<'a> { password: &'a str, token: &'a [u8], secret: Option<String> }",
        "fn session<'a>(&'a self, password: &'a str) -> Session<'a> {",
        "fn check(token: &'static str, x: u8) -> bool {",
        "password: &'a str,\n    token: &'static str,",
        "fn login(user: &str, password: &str) -> Result<Token, Error> {",
        "let password = &args.password;",
    )
]

PEOPLE: list[Row] = [
    ('{"license_plate": "LB21 KTD", "plan": "gold"}', ["LB21 KTD"], ['"plan": "gold"']),
    ('{"id_card": "front", "tax_id": "step 12"}', [], ['"front"', '"step 12"']),
    ("First name: Jane\nLast Name: van Roe\nCity: Ulm", ["Jane"], ["First name", "City: Ulm"]),
    ("User name: jroe, Mother's maiden name: Walton", ["jroe", "Walton"], ["User name: "]),
    ("- first name: Jane\n[INFO] Last name:\tRoe", ["Jane", "Roe"], ["first", "[INFO] Last"]),
    ("**First name:** Jane, Last name: 'Roe'", ["Jane", "Roe"], ["**First name:** "]),
    ("First name: Иван\nMother’s maiden name: J.R. Walton", ["Иван", "Walton"], ["maiden name: "]),
    ("Full name: Acme.Data, Version=1\nfull name: Acme.Data.Row", [], ["Acme.Data,", "Data.Row"]),
    ("First name: This Field Is Required\nsort by last name: Asc", [], ["This Field", ": Asc"]),
    ("First name: Is required. User name: not found", [], ["Is required. User name: not found"]),
    ("<bounce+jane.doe=corp.example@mail.example>", ["bounce+jane"], []),
    (r"\\srv\profiles\kvoss\x", ["kvoss"], ["srv"]),
    ("open /home/kvoss/app/main.py", ["kvoss"], ["/home/", "/app/main.py"]),
    (r"C:\Users\Karla Voss\AppData\x.log", ["Karla", "Voss"], ["AppData"]),
    ("/home/runner/work/x.py and /home/ubuntu/x", [], ["runner", "ubuntu"]),
    ("GET /home/products/3 200", [], ["/home/products/3"]),
    ("https://x.example/home/alice/photo.png", [], ["/home/alice/photo.png"]),
    ("alice [at] example [dot] com", ["alice"], []),
    ("alice@[192.0.2.1]", ["alice"], []),
    ("ec2-203-0-113-77.compute.example", ["203-0-113-77"], ["compute.example"]),
    ("ip-10-0-3-4.ec2.internal", [], ["ip-10-0-3-4.ec2.internal"]),
]

_LOGIN = '{"password": "Wint3rfell"}'
ENCODINGS: list[Row] = [
    *(
        (f"body {encoded}", [encoded], ["body "])
        for encoded in (
            "0x" + _LOGIN.encode().hex(),
            _LOGIN.encode().hex(" "),
            _LOGIN.encode().hex(":").upper(),
            base64.b64encode(_LOGIN.encode("utf-16-le")).decode(),
            base64.b64encode(_LOGIN.encode("utf-16")).decode(),
            base64.b64encode(_LOGIN.encode("utf-16-be")).decode(),
        )
    ),
    ("%u0070assword%u003DWint3rfell", ["Wint3rfell"], ["%u0070assword%u003D"]),
    (r"\160assword\075Wint3rfell", ["Wint3rfell"], [r"\160assword\075"]),
    ("password: !!binary V2ludDNyZmVsbA==", ["V2ludDNyZmVsbA"], ["!!binary"]),
    ("fingerprint " + bytes(range(150, 170)).hex(":"), [], [bytes(range(150, 170)).hex(":")]),
    ("at 10 20 30 40 50 60 70 20 30 40 50", [], ["10 20 30 40 50 60 70 20 30 40 50"]),
    ("q=your+otp+is+482193", ["482193"], ["q="]),
    ("q=from+198.51.100.23+denied", ["198.51.100.23"], ["denied"]),
    ("body " + b'{"password": "Wint3rfell"}'.hex(), [b"Wint3rfell".hex()], ["body"]),
    ("digest " + "fe5f80f7" * 8, [], ["fe5f80f7" * 8]),
    (
        "POST /login HTTP/1.1\r\nHost: x\r\n\r\nemail=jane%40corp.example&password=sommer&next=%2F",
        ["jane%40corp", "sommer"],
        ["Host: x", "next=%2F"],
    ),
]


ROWS = [
    *PROTOCOLS,
    *COMMANDS,
    *SETTINGS,
    *TABLES,
    *SENTENCES,
    *NO_SECRETS,
    *PEOPLE,
    *ENCODINGS,
]


@pytest.mark.parametrize(("text", "gone", "stay"), ROWS)
def test_only_what_is_sensitive_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


def test_the_engine_sees_in_them_what_the_walk_sees() -> None:
    assert seen_otherwise(ROWS) == []


BYTES = list(b"Wint3rfell")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"password": BYTES}, {"password": ["[password]"] * 10}),
        (
            {"password": {"type": "Buffer", "data": BYTES}},
            {"password": {"type": "Buffer", "data": ["[password]"] * 10}},
        ),
        ({"secret": [-87, 105, *BYTES]}, {"secret": ["[token]"] * 12}),
        ({"tokens": [3, 4, 5]}, {"tokens": [3, 4, 5]}),
        ({"token_ids": BYTES}, {"token_ids": BYTES}),
        ({"passwords_by_hour": BYTES}, {"passwords_by_hour": BYTES}),
    ],
)
def test_a_secret_goes_that_is_spelled_out_byte_by_byte(given: Any, left: Any) -> None:
    assert scrubbed({"extra": {"x": given}}) == {"extra": {"x": left}}
    assert difference("default", "event", {"extra": {"x": given}}) is None


ORDINARY: list[Any] = [
    "&".join(f"p{n}=%5B{n}%5D" for n in range(300)),
    [rf"C:\t\n{n}" for n in range(4000)],
    [f'{{"a":"{n} \\n x"}}' for n in range(4000)],
    repr([f"a\n{n}" for n in range(700)]),
    [f"a &amp; b {n}" for n in range(4000)],
    [base64.b64encode(b"hello world %d!" % n).decode() for n in range(3000)],
]


@pytest.mark.parametrize(
    "value", ORDINARY, ids=["query", "paths", "json", "repr", "html", "base64"]
)
def test_an_ordinary_document_full_of_escapes_is_within_the_limits(value: Any) -> None:
    assert scrubbed({"extra": {"x": value}}) == {"extra": {"x": value}}


APART: list[tuple[Any, Any]] = [
    (
        {"op": "replace", "path": "/user/password", "value": "sommer"},
        {"op": "replace", "path": "/user/password", "value": "[password]"},
    ),
    (
        {"field": "password", "old": "sommer", "new": "winter"},
        {"field": "password", "old": "[password]", "new": "[password]"},
    ),
    ({"field": "size", "old": "a", "new": "b"}, {"field": "size", "old": "a", "new": "b"}),
    ({"name": "Jane Doe", "phone": "+14155552671"}, {"name": "[name]", "phone": "[phone]"}),
    ({"name": "Jane Doe", "phone": None}, {"name": "Jane Doe", "phone": None}),
    ({"name": "shop-web", "email": "a@b.example"}, {"name": "shop-web", "email": "[email]"}),
    ({"name": "Cart Service", "size": 3}, {"name": "Cart Service", "size": 3}),
]


@pytest.mark.parametrize(("given", "left"), APART)
def test_what_other_fields_of_an_object_say_about_one(given: Any, left: Any) -> None:
    assert scrubbed({"extra": {"x": given}}) == {"extra": {"x": left}}
    assert json.loads(scrubbed_text(json.dumps(given))) == left


@pytest.mark.parametrize(
    "text",
    [
        "Command '['mysql', '-uroot', '-pWint3rfell', 'shop']' failed",
        "bob:$6$rounds=5000$saltsalt$" + "abcdefgh01234567" * 5 + "abcdef:19000:0:99999:7:::",
        "bob:Wint3rfell9@proxy.example:3128",
        r"-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1abc\n-----END PRIVATE KEY-----",
    ],
    ids=["list", "shadow", "authority", "key"],
)
def test_what_a_run_left_gives_nothing_else_away(text: str) -> None:
    once = scrubbed_text(text)
    assert once != text
    assert scrubbed_text(once) == once


def test_cookies_of_sessions_go_whatever_they_are_called() -> None:
    cookies = {"symfony": "Wint3rfell9", "c_user": "100012345678901", "theme": "dark-2"}
    left = scrubbed({"request": {"cookies": cookies}})["request"]["cookies"]
    assert left == {"symfony": "[session]", "c_user": "[session]", "theme": "dark-2"}


def test_a_cookie_that_looks_made_up_goes_from_the_object_as_from_the_header() -> None:
    cookies = {"k2": "9fXq2LmT7vRz", "theme": "dark", "lang": "pQ7rStU2vW9x", "basket": "empty"}
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    request = {"cookies": cookies, "headers": {"Cookie": header}}
    left = scrubbed({"request": request})["request"]
    assert left["cookies"] == {**cookies, "k2": "[cookie]"}
    assert left["headers"]["Cookie"] == header.replace("k2=9fXq2LmT7vRz", "k2=[cookie]")
    pairs = [[name, value] for name, value in cookies.items()]
    assert scrubbed({"request": {"cookies": pairs}})["request"]["cookies"] == [
        ["k2", "[cookie]"], *pairs[1:],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "key", ["MAILCHIMP_KEY", "x-rapidapi-key", "wifi_psk", "security_answer", "aiohttp_session"]
)
def test_keys_that_vendors_and_frameworks_use_name_a_secret(key: str) -> None:
    assert "Wint3rfell9" not in str(scrubbed({"extra": {key: "Wint3rfell9"}}))


@pytest.mark.parametrize(
    "key",
    [
        "TRELLO_KEY",
        "clearbitKey",
        "keenReadKey",
        "AZURE_SPEECH_KEY",
        "configcat.sdkKey",
        "X-Honeycomb-Team",
    ],
)
def test_keys_that_services_give_out_by_their_own_name_are_secrets(key: str) -> None:
    assert "Wint3rfell9" not in str(scrubbed({"extra": {key: "Wint3rfell9"}}))


def test_a_pepper_may_be_a_spice() -> None:
    tree = {"extra": {"bell_pepper": "red, 3 kg", "mailchimp_key_count": "3"}}
    assert scrubbed(tree) == tree


def test_lone_surrogates_in_a_key_are_no_obstacle() -> None:
    tree = {"extra": {"x \ud800 jane@corp.example": "y"}}
    assert "jane" not in str(scrubbed(tree))
