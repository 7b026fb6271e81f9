"""What messages, pairs and dumps say of secrets: what goes and what stays."""

from __future__ import annotations

import json

import engine_twins as twins
import pytest
from rows import Row, hold, seen_otherwise
from scrubbing import scrubbed

SENTENCES: list[Row] = [
    ("wrong password hunter22 for bob", ["hunter22"], ["for bob"]),
    ("password for user bob (winter2024) refused", ["winter2024"], ["user bob (", ") refused"]),
    ("hunter22 is not a valid password", ["hunter22"], ["is not a valid"]),
    ("bcrypt.compare('hunter22', hash)", ["hunter22"], [", hash)"]),
    ("password sha256 / password attempts12 / password user1234", [], ["sha256", "s12", "r12"]),
    ("the password expired99? password column22", [], ["column22"]),
    ("invalid session id: o1jGG8BSsVkH4YF1", ["o1jGG8BS"], ["invalid session id"]),
    ("session id o1jGG8BSsVkH4YF1 is unknown", ["o1jGG8BS"], ["is unknown"]),
    ("license key hJ9WlKCwsm3jEIEL expired", ["hJ9WlKCw"], ["expired"]),
    ("Unauthorized: apiKey [Ux4vZ7rlc9amUaEf] unknown", ["Ux4vZ7rl"], ["unknown"]),
    ("refresh token <xN8Fhk2Y1HPb9SgJ> revoked", ["xN8Fhk2Y"], ["revoked"]),
    ("access token (xN8Fhk2Y1HPb9SgJ) revoked", ["xN8Fhk2Y"], ["revoked"]),
    ("the x-api-key header was BofZSsF24Tcpl3ne", ["BofZSsF2"], ["header was"]),
    ("password field was Wint3rfell9", ["Wint3rfell9"], ["field was"]),
    ("new password for bob => Wint3rfell9", ["Wint3rfell9"], ["for bob"]),
    ("temp password for bob@example.com -> Wint3rfell9", ["Wint3rfell9"], ["temp password"]),
    ("password for the new account: Wint3rfell9", ["Wint3rfell9"], ["new account: "]),
    ("created API key for tenant 42: Wint3rF3ll9x", ["Wint3rF3ll9x"], ["for tenant 42: "]),
    ("user entered password Wint3rfell9 twice", ["Wint3rfell9"], [" twice"]),
    ("Erlang cookie: KQXVNWBLOAZTJYHRMCPE", ["KQXVNWBL"], ["Erlang cookie: "]),
    ("Enter pass phrase: Wint3rfell9", ["Wint3rfell9"], ["Enter pass phrase: "]),
    ("Password ........ Wint3r!fell", ["Wint3r!fell"], ["Password ........ "]),
    ("db.token.......: Wint3rF3ll9x", ["Wint3rF3ll9x"], ["db.token.......: "]),
    ("expected password to equal 'winter' but got 'summer'", ["winter", "summer"], ["but got"]),
    ("Expected token to be 'w1nt3r99', got 's7mm3r88'", ["w1nt3r99", "s7mm3r88"], [", got"]),
    ("password mismatch: 'winter' != 'summer'", ["winter", "summer"], ["mismatch: ", "!="]),
    ("identifiant jroe, mot de passe Wint3rfell refusé", ["Wint3rfell"], ["identifiant", "refusé"]),
    (
        "utente jroe, password errata Wint3rfell, tentativo 3",
        ["Wint3rfell"],
        [" errata ", ", tent"],
    ),
    ("usuário jroe senha Wint3rfell inválida", ["Wint3rfell"], ["senha ", " inválida"]),
    ("użytkownik jroe hasło Wint3rfell odrzucone", ["Wint3rfell"], ["hasło ", " odrzucone"]),
    ("Kennwort Winter24 ungültig", ["Winter24"], ["Kennwort ", " ungültig"]),
    ("the password Winter24 was rejected", ["Winter24"], ["the password ", " was rejected"]),
    ("login: jroe email: x", ["jroe"], ["login: ", "email: x"]),
    ('db_password should be "wintertime"', ["wintertime"], ["db_password should be"]),
]

DUMPS: list[Row] = [
    ('zone.conf: secret "aW50ZXI=="; };', ["aW50ZXI=="], ["secret ", "; };"]),
    ("LoginModel { UserName = jroe, Remember = True }", ["jroe"], ["Remember = True"]),
    ("Member { Pesel = 85032404753, Age = 3 }", ["85032404753"], ["Age = 3"]),
    ("GET /cb#code=Wint3rF3ll9xQ&state=3", ["Wint3rF3ll9xQ"], ["&state=3"]),
    ('[{user,"bob"},{password,"wintertime"},{port,1}]', ["wintertime"], ["{port,1}"]),
    ('{db_password,<<"Wint3rfell">>}', ["Wint3rfell"], ["db_password"]),
    ("[user, bob] [password, Wint3rfell!]", ["Wint3rfell"], ["[user, bob]"]),
    (
        'Property: spring.mail.password\n    Value: "wintertime"\n    Origin: a.properties',
        ["wintertime"],
        ["Origin: a.properties", "spring.mail.password"],
    ),
    ("ParameterKey=DbPassword,ParameterValue=Wint3rfell9 x", ["Wint3rfell9"], ["DbPassword"]),
    ("{'OptionName': 'DB_PASSWORD', 'Value': 'Wint3rfell9'}", ["Wint3rfell9"], ["OptionName"]),
    ("WHERE login='bob' AND password=MD5('wintertime')", ["wintertime"], ["WHERE login="]),
    ("UPDATE u SET pwd = PASSWORD('wintertime') WHERE id=7", ["wintertime"], ["WHERE id=7"]),
    ("#1 a.php(9): authenticateUser('bob', 'Wint3rfell9')", ["Wint3rfell9"], ["'bob'"]),
]

# Who stands beside a password logs in with it; alone, or a service's, it stays.
BESIDE_PASSWORDS: list[Row] = [
    ("level=warn user=jroe passwd=Wint3rfell", ["jroe"], ["level=warn user="]),
    ('signIn(user: "jroe", pin: "4471") { id }', ["jroe", "4471"], ["signIn(user: ", "{ id }"]),
    ("map[password:Wint3rfell user:jroe]", ["jroe"], ["user:"]),
    ("[client]\nuser=jroe\npassword=wintertime\nhost=db", ["jroe"], ["host=db"]),
    ("user=postgres password=Wint3rfell", ["Wint3rfell"], ["user=postgres"]),
    ("connect(user=user, password='Wint3rfell')", ["Wint3rfell"], ["user=user"]),
    ("user=jroe, tries: 3, see the page on how to set another password=Wint3rfell", [], ["jroe"]),
    ("user=jroe path=/x", [], ["user=jroe path=/x"]),
    ("snowflake account=ab12345 password=Wint3rfell", ["Wint3rfell"], ["account=ab12345"]),
]

HARMLESS = [
    "password for the new account: must be set",
    "Erlang cookie: not found",
    "checking password ......... done",
    "validating token .......... finished in 12ms",
    "expected token to be ';' but got 'const'",
    'expected key to equal "name" but got "names"',
    "password should be 'at least 8 characters'",
    "new LoginModel { UserName = userName, Remember = true }",
    "var x = new Member { Pesel = pesel, UserName = model.UserName };",
    '{"password": config["password"], "user": config["user"]}',
    "{'password': os.environ['DB_PASSWORD']}",
    "Session::STATUSES.each { |each| count(each) }",
    "realm = HTTPAuth::Htpasswd.new(path)",
    '<a accesskey="n" href="x.html">',
    'Token:     "#d8dee9",',
    'ZONE_PAT = "(?:%25|%)"',
    "fallbackCreds: &errorCreds{},",
    'RESET_TOKEN = "_password_reset_token"',
    "io.password('New password: ')",
    "Error: Invalid login: 535-5.7.8 Username and Password not accepted",
    "key 52A5 962C 542D 5751 5994 6333 7841 727C 785C 94FF",
    "{'auth': {'grant_type': 'authorization_code', 'token_type': 'Bearer'}}",
    "session id is missing",
    "def login(user, password) -> AuthenticationResponse: ...",
    "session id -> SessionStateManagerImpl",
    "download(session_id) -> HttpxBinaryResponseContent",
    "fetch((token) => verifySomethingLongEnough2(token))",
    "session ID of the request",
    "no session id: please log in",
    "session id cookie was not sent",
    "license key expired on 2026-11-27",
    "license key for 12 seats",
    "product key is required",
    "account key rotation done",
    "unexpected token [EOF] in line 3",
    "unexpected token (line 3)",
    "unexpected token <identifier> at 12",
    "session [closed] after 30s",
    "session (user-agent-only) started",
    "secret [default-token-x7k2p] not found",
    "token <0x7f3a2b1c9d> is a pointer",
    "access token (optional) and refresh token (required)",
    "token [AUTHENTICATED_REMEMBERED] accepted",
    "api key [read_only_scope] is not allowed",
    "password field was empty",
    "token header was missing",
    "secret parameter is unknown",
    "secret -> Kubernetes",
    "password => required",
    "[token, base64]",
    "[secret, user-id, name]",
    "[password, required]",
    '{token,"expired token"}',
    "{session, closed}",
    'Property: server.port\n    Value: "x9"\n    Origin: a.properties',
    'Property: spring.datasource.password\n    Value: "${DB_PASSWORD}"',
    "ParameterKey=InstanceType,ParameterValue=t3.large",
    "{'OptionName': 'MinSize', 'Value': '2'}",
    "WHERE digest=MD5('x1y2z3a4')",
    "password = hash(plain, salt)",
    "SELECT PASSWORD(?) FROM t",
    "authenticateUser('bob', 'redirect')",
    "public token of type [Bearer]",
    "password argon2id invalid",
    "Kennwort policy2 abgelaufen",
    "user jroe, password policy",
    "usuario jroe contraseña incorrecta",
    "login: bad user x1y2, login: no such role",
    'API_KEY_HEADER = "X-Api-Key"; token: x-auth-token',
]


@pytest.mark.parametrize(("text", "gone", "stay"), [*SENTENCES, *DUMPS, *BESIDE_PASSWORDS])
def test_what_a_message_calls_a_secret_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


@pytest.mark.parametrize("text", HARMLESS)
def test_the_same_words_without_a_secret_stay(text: str) -> None:
    hold(text, [], [text])


@pytest.mark.parametrize(
    ("name", "value"),
    [("ParameterKey", "ParameterValue"), ("optionName", "Value"), ("param_name", "param_value")],
)
def test_a_name_apart_may_say_what_it_names(name: str, value: str) -> None:
    given = {name: "DbPassword", value: "Wint3rfell"}
    for extra in ({"args": [given]}, {"args": json.dumps([given])}):
        assert "Wint3rfell" not in str(scrubbed({"extra": extra}))
    other = {"extra": {"args": [{name: "InstanceType", value: "t3.large"}]}}
    assert scrubbed(other) == other


REFUSED = [
    {"type": "missing", "loc": ["body", "password"], "msg": "short", "input": "wintertime"},
    {"code": "too_small", "path": ["user", "password"], "received": "wintertime"},
    {"type": "field", "value": "wintertime", "msg": "bad", "path": "password", "location": "body"},
    {"codes": ["Size"], "objectName": "f", "field": "password", "rejectedValue": "wintertime"},
    {"PropertyName": "Password", "ErrorMessage": "bad", "AttemptedValue": "wintertime"},
    {"target": {}, "property": "password", "value": "wintertime", "constraints": {}},
    {"kind": "Secret", "apiVersion": "v1", "stringData": {"conn": "wintertime"}},
    {"name": "AUTH", "args": ["default", "wintertime"]},
    {"instancePath": "/user/password", "keyword": "minLength", "data": "wintertime"},
    {"dataPath": ".password", "keyword": "minLength", "data": "wintertime"},
]
ACCEPTED = [
    {"type": "missing", "loc": ["body", "password"], "input": {"color": "wintertime"}},
    {"loc": ["body", "color"], "input": "wintertime"},
    {"path": "/v1/secret", "value": "wintertime"},
    {"loc": [["password"], "color"], "input": "wintertime"},
    {"kind": "ConfigMap", "data": {"conn": "wintertime"}},
    {"name": "auth", "image": "x", "args": ["wintertime"]},
    {"instancePath": "/user/color", "keyword": "minLength", "data": "wintertime"},
]


@pytest.mark.parametrize("given", REFUSED)
def test_what_validators_and_manifests_name_apart_goes(given: dict[str, object]) -> None:
    for extra in ({"all": [given]}, {"all": json.dumps([given])}, {"all": repr([given])}):
        left = str(scrubbed({"extra": extra}))
        assert "wintertime" not in left
        assert all(key in left for key in given)


@pytest.mark.parametrize("given", ACCEPTED)
def test_what_other_fields_of_them_hold_stays(given: dict[str, object]) -> None:
    for extra in ({"all": [given]}, {"all": json.dumps([given])}, {"all": repr([given])}):
        assert scrubbed({"extra": extra}) == {"extra": extra}


def test_the_engine_sees_it_as_the_walk_does() -> None:
    harmless: list[Row] = [(text, [], []) for text in HARMLESS]
    assert seen_otherwise([*SENTENCES, *DUMPS, *BESIDE_PASSWORDS, *harmless]) == []
    for given in [*REFUSED, *ACCEPTED]:
        event = {"extra": {"all": [given]}}
        assert twins.difference("default", "event", event) is None
        assert twins.raw_difference("default", "event", json.dumps(event).encode()) is None
