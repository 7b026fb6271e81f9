"""What the words before a value give away in one flat string, and what they must not."""

from __future__ import annotations

import pytest
from errlock.policy.detectors import load_catalogue
from errlock.policy.text import TextScanner
from hypothesis import given
from hypothesis import strategies as st

SCANNER = TextScanner(load_catalogue())


def found(text: str, key: str | None = None) -> set[str]:
    return {text[span.start : span.end] for span in SCANNER.scan(text, key)}


GIVEN_AWAY: list[tuple[str, set[str]]] = [
    ("password=hunter2 x", {"hunter2"}),
    ("pwd: S3cr3t! next", {"S3cr3t!"}),
    ('{"password": "x y z1"', {"x y z1"}),
    ('{\\"password\\": \\"abc1\\", \\"u\\":1', {"abc1"}),
    ('{\\\\\\"password\\\\\\": \\\\\\"abc1\\\\\\", \\\\\\"u\\\\\\":1', {"abc1"}),
    ("{'password': 'Tr0ub', 'a': 1}", {"Tr0ub"}),
    ('{:password=>"hunter", :a=>1}', {"hunter"}),
    ("{password=[qwErty!9IFKM], page=[055]}", {"qwErty!9IFKM"}),
    ("Authorization: Bearer abcdefgh12345678", {"abcdefgh12345678"}),
    ("curl -H 'Authorization: Basic dXNlcjpwYXNz' http://", {"dXNlcjpwYXNz"}),
    ("Cookie: sessionid=91sym3ahwvd26mq6m5; theme=dark", {"91sym3ahwvd26mq6m5"}),
    ("Set-Cookie: sid=abc123xyz; Path=/; HttpOnly", {"abc123xyz"}),
    ("<password>x1!</password>", {"x1!"}),
    ("<UserName>svc</UserName><Password>qwErty!</Password>", {"qwErty!", "svc"}),
    ('<input type="password" name="password" value="letM3inB7g"/>', {"letM3inB7g"}),
    ('<input value="letM3inB7g" name="password"/>', {"letM3inB7g"}),
    ('<string name="api_key">zzzz1111</string>', {"zzzz1111"}),
    (
        '------X\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2M5i\r\n------X',
        {"hunter2M5i"},
    ),
    ("UPDATE users SET password = 'hunter2ur' WHERE id = 1626", {"hunter2ur"}),
    ("CREATE USER x IDENTIFIED BY 'pa55'", {"pa55"}),
    ("ALTER ROLE a PASSWORD 'pa55'", {"pa55"}),
    (
        "INSERT INTO u (email, password, plan) VALUES ('a', 'pw1', 'pro'), ('b', 'pw2', 'x')",
        {"pw1", "pw2"},
    ),
    ("GET /x?token=gncuOAfxSzo10&next=/home", {"gncuOAfxSzo10"}),
    ("Server=db;User Id=sa;Pwd=p@ss&w0rd;Database=x", {"p@ss&w0rd"}),
    ("the new password is s3cr3tP@GQLJb and", {"s3cr3tP@GQLJb"}),
    ("the api key is 866266cc512157782f4f", {"866266cc512157782f4f"}),
    ("api_key was '7cad21b93a8c' after", {"7cad21b93a8c"}),
    ("login with password Winter2024! ok", {"Winter2024!"}),
    ("your verification code is 536930. Do not", {"536930"}),
    ("otp: 482193", {"482193"}),
    ("code is 482193", {"482193"}),
    ("DB_PASSWORD=Winter20CV5PBC", {"Winter20CV5PBC"}),
    ("db:\n  password: P@ssw0rdbB\nlog_level: debug", {"P@ssw0rdbB"}),
    ("app --password hunter2 --verbose", {"hunter2"}),
    ("['app', '--token', 'mysecrettok1', '-v']", {"mysecrettok1"}),
    ("mysql -u root -phunter2 db", {"hunter2"}),
    ("curl -u bob:hunter2 http://x", {"hunter2"}),
    ("SET 'session:gf14lly037fb097jfhdx6eowrpt4yw0i' 'user", {"gf14lly037fb097jfhdx6eowrpt4yw0i"}),
    (
        "Settings(debug=False, SECRET_KEY='eEwK91UOv6FzCWTH05zB', smtp_password='Winter20EK8F')",
        {"eEwK91UOv6FzCWTH05zB", "Winter20EK8F"},
    ),
    ('password = "hunter2"', {"hunter2"}),
    ('login(email: "a", password: "Tr0ub4ylzF") { viewer }', {"Tr0ub4ylzF"}),
    ('[{"name": "password", "value": "hunter2"},', {"hunter2"}),
    ("DbPassword = hunter2", {"hunter2"}),
    ("User [password] => hunter\n)", {"hunter"}),
    ("cvv=123 and", {"123"}),
    ("first_name=Alice", {"Alice"}),
    ("full_name: Louis Martin, age", {"Louis Martin"}),
    ("token: abcd1234efgh", {"abcd1234efgh"}),
    ("passwörd=5 пароль=секрет1", {"секрет1"}),
]


@pytest.mark.parametrize(("text", "values"), GIVEN_AWAY, ids=[text for text, _ in GIVEN_AWAY])
def test_words_give_a_value_away(text: str, values: set[str]) -> None:
    assert found(text) == values


HARMLESS = [
    "token = tokens.get(request.headers.get('Authorization'))",
    "def view(request, token=None, password=None):",
    "secret = settings.SECRET_KEY or os.environ['SECRET_KEY']",
    "WHERE email = %s",
    "WHERE password = ?",
    "password policy loaded",
    "token expired",
    "the author",
    "CSRF token missing or incorrect.",
    "'NoneType' object has no attribute 'token'",
    "secret key is required",
    "Password must contain at least 8 characters",
    "    return PasswordResetForm(request.POST, user=user)",
    "  if (!password.match(rules.password)) {",
    "      const token = await auth.getToken();",
    "    throw new TypeError(`Unexpected token ${ch}`);",
    "Unexpected token: punc (})",
    "Acme.Api, Version=5.6.3.4, Culture=neutral, PublicKeyToken=null",
    "Task ValidateTokenAsync(String token)",
    "resp = session.post(url, json=payload, timeout=10)",
    "auth.session",
    "POST /api/v1/sessions",
    "/accounts/password/reset/",
    "SELECT id, email, password FROM auth_user WHERE email = %s LIMIT 21",
    "new_password_form:on",
    "token_count: 312",
    "password: None",
    "user=user, password=password",
    "login(token=self.token, session=session)",
    "password=request.POST['password']",
    'password: "This field is required."',
    "error code is 500000",
    "status code: 404123",
    '{"password": ["Enter a valid password."]}',
    "password=[Filtered]",
    "password=[password] token=[token]",
    "token: {token}",
    "password: ********",
    "function login(password: string, token: Token) {",
    "token = jwt.encode(payload, key)",
    "self.token = token",
    'api_key = os.getenv("API_KEY")',
    "session: requests.Session = None",
    "auth: oauth2",
    "cookie: theme=dark; lang=en",
    "using password: YES",
    "Access denied for user 'root'@'localhost' (using password: NO)",
    "private_key=/etc/ssl/private/key.pem",
    "password reset token sent",
    "bearer authentication",
    "basic authentication scheme required",
    "address: 0x7ffe12",
    "const { password } = req.body",
    "Key (token)=(abc) exists",
]


@pytest.mark.parametrize("text", HARMLESS, ids=HARMLESS)
def test_code_prose_and_templates_stay(text: str) -> None:
    assert found(text) == set()


def test_offsets_are_in_characters() -> None:
    text = "für 東京: password=hünter2 ok"
    (span,) = SCANNER.scan(text)
    assert text[span.start : span.end] == "hünter2"


def test_a_lone_surrogate_does_not_hide_a_value() -> None:
    assert "hunter2" in found("\ud800 password=hunter2")


def test_a_key_gives_context_to_a_number() -> None:
    assert found("020 7946 0958", key="contactPhone") == {"020 7946 0958"}
    assert found("020 7946 0958", key="rows") == set()


def test_a_version_key_spares_what_looks_like_an_address() -> None:
    assert found("17.0.9.1", key="runtime_version") == set()
    assert found("17.0.9.1", key="peer") == {"17.0.9.1"}


@pytest.mark.parametrize(
    "text",
    [
        "3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
        "352e3ebf7ec959a21215a03fd04156decd842292",
        "registry.example.com/shop@sha256:" + "19b9c9fa" * 8,
        "2024-05-14T22:43:38.380251+00:00",
        "1715075363321",
        "/opt/venv/lib/python3.11/site-packages/requests/tokens.py",
        "<app.views.PasswordResetForm object at 0x7f41d9c98d78>",
        "#d37d83",
        'W/"9b8e6-14e11523"',
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/115.0.0.0 Safari/537.36",
        "lodash@4.17.21",
        "git@github.com:acme/shop.git",
        "ip-10-0-118-193",
        "kafka-1:9092 partition 43 offset 2354447",
        "0d8089729ffba8f35e84accbc86c2bd2-fe53b3121c73d43a-1",
        "com.acme.security.PasswordEncoder",
        "billing.views.CreditCardView.post",
        "shop@4.16.5+352e3ebf7ec959a21215a03fd04156decd842292",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    assert found(text) == set()


@given(st.text(max_size=300))
def test_any_text_is_scanned_and_spans_lie_inside_it(text: str) -> None:
    for span in SCANNER.scan(text):
        assert 0 <= span.start < span.end <= len(text)


SIGNS = st.sampled_from(
    ["password", "token", "=", ":", " ", '"', "'", "\\", "a1", "<", ">", "é", "&"]
)


@given(st.lists(SIGNS, max_size=60).map("".join))
def test_broken_quoting_is_survived(text: str) -> None:
    for span in SCANNER.scan(text):
        assert 0 <= span.start < span.end <= len(text)
