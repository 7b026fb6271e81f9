"""What languages, validators and databases write of values: what goes and what stays."""

from __future__ import annotations

import pytest
from rows import Row, hold, seen_otherwise

OTHER_LANGUAGES: list[Row] = [
    ("Entry: password -> Wint3rfell9, user -> bob", ["Wint3rfell9"], ["user -> bob"]),
    ("Map(password -> Wint3rfell9, host -> db1)", ["Wint3rfell9"], ["host -> db1"]),
    ("[password, Wint3rfell9]", ["Wint3rfell9"], ["password"]),
    ('{:password "Wint3rfell", :user "bob"}', ["Wint3rfell"], ["bob"]),
    (
        'object(User)#3 (1) {\n  ["password":"User":private]=>\n  string(10) "Wint3rfell"\n}',
        ["Wint3rfell"],
        ["string(10)", "User"],
    ),
    ('["secret":protected]=>\n  string(10) "Wint3rfell"', ["Wint3rfell"], []),
    ("PDO->__construct('mysql:host=db1', 'app', 'Wint3rfell9')", ["Wint3rfell9"], ["app", "db1"]),
    ("mysqli_connect('db1', 'app', 'Wint3rfell9', 'shop')", ["Wint3rfell9"], ["db1", "shop"]),
    ("#0 PDO->__construct('mysql:host=db1', 'app', 'wintertime')", ["wintertime"], ["app"]),
    ("Session(id=SessionId(value=Wint3rf3ll9x), n=1)", ["Wint3rf3ll9x"], ["SessionId(", "n=1"]),
    ("Password[value=wintertime]", ["wintertime"], ["Password[value="]),
    ("DbConf(db1,Some(app),Password(Wint3rf3ll9x))", ["Wint3rf3ll9x"], ["db1,Some(app)"]),
    ('[AnyHashable("token"): Wint3rfell9, AnyHashable("x"): 1]', ["Wint3rfell9"], ['"x"): 1']),
    ("Token(value=name123), Token(v2), Token(value=text, line=1)", [], ["name123", "v2", "text"]),
    ('AnyHashable("token"): nil, AnyHashable("day"): x7y8z9a1', [], ["x7y8z9a1"]),
    ("ssh2_auth_password(Resource id #5, 'bob', 'wintertime')", ["wintertime"], ["bob"]),
    ("Auth->login('bob', 'Wint3rfell9')", ["Wint3rfell9"], ["bob"]),
    ("ConvertTo-SecureString 'Wint3rfell9' -AsPlainText", ["Wint3rfell9"], ["-AsPlainText"]),
    ('new NetworkCredential("bob", "Wint3rfell9")', ["Wint3rfell9"], ["bob"]),
    ('new DirectoryEntry("LDAP://h", "bob", "Wint3rfell9")', ["Wint3rfell9"], ["bob"]),
    ('[Net.NetworkCredential]::new("bob", "Wint3rfell9")', ["Wint3rfell9"], ["bob"]),
    ('DBI->connect("dbi:mysql:database=shop", "bob", "Wint3rfell9")', ["Wint3rfell9"], ["bob"]),
]

OTHER_LANGUAGES += [
    ("Map(user -> bob, password -> wintertime)", ["wintertime"], ["user -> bob"]),
    ("Map(page -> 2, token -> Parser), see (password -> Label)", [], ["Parser", "Label"]),
    ("#1 /app/a.php(3): Auth->login('bob', 'wintertime')", ["wintertime"], ["'bob'"]),
    ("#2 [internal function]: App\\Guard::attempt('bob', 'wintertime')", ["wintertime"], []),
    ("conn.login('jane@x.example', 'wintertime', done)", ["wintertime"], ["done"]),
    ("router.login('user', 'dashboard')", [], ["dashboard"]),
    ('if ("Wint3rfell9" == password) {', ["Wint3rfell9"], ["== password) {"]),
    ("if 'Wint3rfell9' != user.api_key:", ["Wint3rfell9"], ["user.api_key:"]),
    ('"Wint3rfell9".equals(this.password)', ["Wint3rfell9"], ["equals(this"]),
    ("`Wint3rfell9` === secret", ["Wint3rfell9"], []),
    ("if 'Bearer' == token_type or \"admin\" == password: x['a-1'] == token", [], ["admin", "a-1"]),
    ('if "sha-256" == password_hash_algorithm', [], ["sha-256"]),
    ("setx DB_PASSWORD winter7", ["winter7"], ["setx DB_PASSWORD"]),
    ("set PASSWORD policy2; set password winter7", [], ["winter7"]),
    ("Payment[cardNumber=4111111111111111, holder=Jane Roe, n=1]", ["Jane Roe"], ["n=1"]),
    ("<SimpleLazyObject: <User: jane.roe>>", ["jane.roe"], ["<User: "]),
]

OTHER_LANGUAGES += [
    ('password=3D"wintertime" x=3D"y"', ["wintertime"], ['x=3D"y"']),
    (
        '<input name=3D"password"\r\n value=3D"winter=\r\ntime"> size=3D20',
        ["winter", "time"],
        ["size=3D20"],
    ),
    ("api_key =3D 'w=C3=BCnter=20time9'; a=3Db", ["nter", "time"], ["a=3Db"]),
    ("Subject: =?utf-8?Q?password=3A_Wint3rfell9?= a_b", ["Wint3rfell9"], ["=?utf-8?Q?", "a_b"]),
    ("From: =?utf-8?q?J=C3=BCrg?= <jane=40x.example>", [], ["J=C3=BCrg"]),
    ("limit=3D20 of user=3Dbob", [], ["limit=3D20", "user=3Dbob"]),
    ('[{<<"password">>,<<"Wint3rfell">>},{port,1}]', ["Wint3rfell"], ["{port,1}"]),
    ('FormData { password → "Wint3rfell" }', ["Wint3rfell"], ["FormData"]),
    ("{Authorization=[Bearer Wint3rfell9], Accept=[*/*]}", ["Wint3rfell9"], ["Accept=[*/*]"]),
    (
        "params: {password=[Ljava.lang.String;@1b2c3d, user=[Ljava.lang.String;@4f5e6d}",
        [],
        ["password=[Ljava.lang.String;@1b2c3d"],
    ),
    ('if token == "lambda": x', [], ['token == "lambda"']),
    ('if token == "Wint3rfell9": x', ["Wint3rfell9"], []),
    ('t.fullname == "builtins.int"', [], ["builtins.int"]),
]

OTHER_LANGUAGES += [
    (
        "&{User:bob Password:correct horse Token:0xc0000142a0 Tries:3}",
        ["bob", "correct", "horse"],
        ["Token:0xc0000142a0 Tries:3"],
    ),
    ("map[password:winter plan:gold]", ["winter"], ["plan:gold"]),
    (
        "&{User:bob Password:correct, horse Tries:3} &{Tries:3 Password:battery, staple}",
        ["bob", "correct", "horse", "battery", "staple"],
        [" Tries:3} &{Tries:3 "],
    ),
    ("{user:bob, password:Wint3r, plan:gold, free}", ["Wint3r"], [", plan:gold, free}"]),
    ("{User:bob Password: Email:none Tries:3}", [], ["Password: Email:none Tries:3"]),
    ("{User:bob Password: Wint3rfell:9 Tries:3}", ["bob", "Wint3rfell"], [" Tries:3}"]),
    (
        "a.Login{Token:(*string)(0xc0000142a0), Name:(*string)(0xc0000142b0)}",
        [],
        ["Token:(*string)(0xc0000142a0), Name:(*string)(0xc0000142b0)"],
    ),
    (
        'a.Login{Password:[]uint8{0x57, 0x69, 0x6e}, Next:[]string{"x"}}',
        ["0x57", "0x69"],
        ['Next:[]string{"x"}'],
    ),
    (
        "map[Accept:[*/*] Cookie:[session=Wint3rfell9; theme=dark]]",
        ["Wint3rfell9"],
        ["Cookie:[session=[", "]; theme=dark]]"],
    ),
    ("map[password:[Wint3r fell] page:[2]]", ["Wint3r"], ["map[password:[[", "]] page:[2]]"]),
    ('Password: &"Wint3rfell"', ["Wint3rfell"], []),
    (
        "Login(user=bob, password=correct horse, tries=3)",
        ["bob", "correct", "horse"],
        [", tries=3)"],
    ),
    ("Login[user=bob, password=correct horse]", ["bob", "correct", "horse"], ["Login[user="]),
    ("{username:String password:String}", [], ["password:String"]),
    ("{ password: <Buffer 57 69 6e 74>, n: 1 }", ["57 69"], ["n: 1"]),
    ("{ password: Uint8Array(3) [ 87, 105, 110 ], n: 1 }", ["87, 105"], ["n: 1"]),
    ('{"password":{"type":"Buffer","data":[87,105,110]},"n":1}', ["87,105"], ['"n":1']),
    ("'token' => 'Wint3rfell9',\n'plan' => 'gold',", ["Wint3rfell9"], ["'token' => '["]),
    (
        "Login Object\n(\n    [token:App\\Login:private] => Wint3rfell9\n)",
        ["Wint3rfell9"],
        [r"[token:App\Login:private] => "],
    ),
    ("#0 a.php(3): hash_password('Wint3rfell9')", ["Wint3rfell9"], ["hash_password('"]),
    ("#<Login:0x000078e1a2b3c4d8 @tries=3>", [], ["#<Login:0x000078e1a2b3c4d8 @tries=3>"]),
]

DECLARATIONS: list[Row] = [
    ('password: str = "Wint3rfell9"', ["Wint3rfell9"], ["password: str = "]),
    ("const apiToken: string | undefined = 'Wint3rfell9';", ["Wint3rfell9"], ["undefined"]),
    ('let token: &\'static str = "Wint3rfell9";', ["Wint3rfell9"], ["'static str"]),
    ('var apiToken string = "Wint3rfell9"', ["Wint3rfell9"], ["string"]),
    ('Dim apiToken As String = "Wint3rfell9"', ["Wint3rfell9"], ["As String"]),
    ('val token: Option[String] = Some("Wint3rfell9")', ["Wint3rfell9"], ["Some("]),
    ("Login { password: Some(Wint3rfell) }", ["Wint3rfell"], ["Login { password: Some("]),
    ('API_TOKEN ::= "Wint3rfell9"', ["Wint3rfell9"], []),
    ('$token ??= "Wint3rfell9"; $token .= "Wint3rfell8";', ["Wint3rfell9", "Wint3rfell8"], []),
    ("ENV['API_TOKEN'] ||= 'Wint3rfell9'", ["Wint3rfell9"], ["||="]),
    ('api_token <- "Wint3rfell9"', ["Wint3rfell9"], ["api_token"]),
    ('std::string api_token{"Wint3rfell9"};', ["Wint3rfell9"], ["std::string"]),
    ('[{user,<<"bob">>},{password,<<"Wint3rfell9">>}]', ["Wint3rfell9"], ["bob"]),
    ("def login(password: str = None, token: str = ''):", [], ["None, token: str = ''"]),
    ("token: str = tokens.get(name)", [], ["tokens.get(name)"]),
    ("token += chunk; token <- channel; token ||= read(f)", [], ["chunk", "channel", "read(f)"]),
    ("Pwd=$env:DB_PASSWORD;", [], ["$env:DB_PASSWORD"]),
    ("password: !Ref DbPassword", [], ["!Ref DbPassword"]),
]

USERS_OF_URLS: list[Row] = [
    (
        f"https://{user}:Wint3rfell9@api.corp.example/v1 failed",
        ["Wint3rfell9"],
        [f"{user}:", "@api.corp.example/v1 failed"],
    )
    for user in ("username", "login", "token")
]
USERS_OF_URLS += [
    ("postgres://username:password@db1:5432/shop", [], ["username:password@db1:5432/shop"]),
    ("//token:Wint3rfell9", ["Wint3rfell9"], []),
    ("https://username:************@example.com", [], ["username:************@example.com"]),
    ("https://username:**Wint3rfell9@example.com", ["Wint3rfell9"], ["username:"]),
]

VALIDATION: list[Row] = [
    (
        "password: Path `password` (`Wint3rfell`) is shorter than the minimum allowed length (12).",
        ["Wint3rfell"],
        ["is shorter than the minimum allowed length (12)."],
    ),
    (
        'Cast to Number failed for value "Wint3rfell" (type string) at path "password"',
        ["Wint3rfell"],
        ['at path "password"'],
    ),
    ('Cast to Number failed for value "ten" (type string) at path "size"', [], ['"ten"']),
    (
        (
            'sql: Scan error, name "password": converting driver.Value type string '
            '("Wint3rfell") to a int: invalid syntax'
        ),
        ["Wint3rfell"],
        ["to a int: invalid syntax"],
    ),
    (
        (
            'Cannot deserialize value of type `int` from String "Wint3rfell": not a valid value\n'
            ' at [Source: x] (through reference chain: a.Form["items"]->a.Item["password"])'
        ),
        ["Wint3rfell"],
        ["not a valid value"],
    ),
    (
        (
            'from String "five": bad (through reference chain: a.Form["age"]); '
            'from String "Wint3rfell": bad (through reference chain: a.Form["password"])'
        ),
        ["Wint3rfell"],
        ['"five"'],
    ),
    (
        "Incorrect integer value: 'it's Wint3rfell' for column 'password' at row 1",
        ["Wint3rfell"],
        ["for column 'password'"],
    ),
    ('password: invalid type: string "Wint3rfell", expected u32', ["Wint3rfell"], ["expected u32"]),
    (
        'invalid type: found string "Wint3rfell", expected u16 for key "db.password" in `x`',
        ["Wint3rfell"],
        ["expected u16"],
    ),
    (
        "Out of range. (Parameter 'password')\nActual value was Wint3rfell.",
        ["Wint3rfell"],
        ["Actual value was"],
    ),
    (
        (
            "1 validation error for Login\npassword\n  String should have at least 12 characters "
            "[type=string_too_short, input_value='Wint3rfell', input_type=str]"
        ),
        ["Wint3rfell"],
        ["1 validation error for Login", "type=string_too_short", "input_type=str"],
    ),
    (
        (
            "1 validation error for Page\nsize\n  Input should be a valid integer "
            "[type=int_parsing, input_value='ten', input_type=str]"
        ),
        [],
        ["input_value='ten'"],
    ),
    (
        (
            "[{'type': 'string_too_short', 'loc': ('body', 'password'), 'msg': 'too short', "
            "'input': 'Wint3rfell', 'ctx': {'min_length': 12}}]"
        ),
        ["Wint3rfell"],
        ["too short", "'min_length': 12"],
    ),
    (
        "Field error in object 'f' on field 'password': rejected value [Wint3r fell]; codes [Size]",
        ["Wint3r fell"],
        ["codes [Size]"],
    ),
    (
        "'sommer' is too short\n\nOn instance['user']['password']:\n    'sommer'",
        ["\n    'sommer'"],
        ["is too short"],
    ),
    ('"password" with value "sommer" fails to match', ["sommer"], ["fails to match"]),
]

DATABASES: list[Row] = [
    (
        'null in column "plan"\nDETAIL:  Failing row contains (4711, Roe (Jane), Winter), null).\n',
        ["4711", "Roe", "Jane", "Winter"],
        ['column "plan"', "Failing row contains ("],
    ),
    (
        "DETAIL:  Fehlgeschlagene Zeile enthält (7, Jane Roe, null). CONTEXT: COPY users, line 2",
        ["Jane"],
        ["CONTEXT: COPY users, line 2"],
    ),
    ("DETAIL:  Failing row contains (7, Jane Roe, wint", ["Jane", "wint"], ["DETAIL"]),
    (
        "Cannot insert duplicate key in object 'dbo.users'. The duplicate key value is (janeroe).",
        ["janeroe"],
        ["dbo.users"],
    ),
    ("Cannot insert duplicate key. The duplicate key value is (<NULL>).", [], ["<NULL>"]),
    (
        "1: INSERT INTO users VALUES (4711, 'Jane Roe', N'winter', now()), (4712, 'Joe', '",
        ["Jane", "winter", "Joe"],
        ["INSERT INTO users VALUES (4711, '", "now()), (4712, '"],
    ),
    ("INSERT INTO users VALUES (?, %s, :name, '?')", [], ["VALUES (?, %s, :name, '?')"]),
    (
        "Schlüssel »(api_token)=(aB3dE6gH9jK2)« existiert bereits",
        ["aB3dE6gH9jK2"],
        ["Schlüssel »(api_token)=(", ")« existiert bereits"],
    ),
    (
        "DETAIL:  Key (user_id, api_token)=(4711, aB3dE6gH9jK2) already exists.",
        ["aB3dE6gH9jK2"],
        ["(user_id, api_token)=(4711, "],
    ),
    (
        "DETAIL:  Key (password, plan)=(Wint3r, fell, gold) already exists.",
        ["Wint3r", "fell", "gold"],
        [],
    ),
    (
        "Key (lower(api_token::text), n)=(wintertime, 1) already exists.",
        ["wintertime"],
        [", 1) already exists"],
    ),
    ("Key (plan, token_count)=(gold, 3) already exists.", [], ["(gold, 3)"]),
    ("Duplicate entry 'Wint3rfell' for key 'users.api_token_UNIQUE'", ["Wint3rfell"], ["UNIQUE"]),
    ("Duplicate entry 'gold' for key 'plans.slug'", [], ["'gold'"]),
    (
        "Incorrect integer value: 'Wint3rfell' for column `s`.`users`.`password` at row 1",
        ["Wint3rfell"],
        ["`password` at row 1"],
    ),
    (
        (
            'Failed query: insert into "u" ("id", "email", "password") values (default, $1, $2), '
            "(default, $3, $4)\nparams: a@corp.example,Wint3rfell,b@corp.example,Summ3rfell"
        ),
        ["Wint3rfell", "Summ3rfell", "corp.example"],
        ["(default, $1, $2)"],
    ),
    (
        'Failed query: select 1 from "u" where "u"."password" = $1 limit $2\nparams: Wint3rfell,10',
        ["Wint3rfell"],
        [",10"],
    ),
    (
        (
            "UNIQUE constraint failed: users.email\n"
            "[SQL: INSERT INTO users (email, password, age) VALUES (?, ?, ?)]\n"
            "[parameters: ('jane@corp.example', 'Wint3rfell', 44)]"
        ),
        ["jane@corp.example", "Wint3rfell"],
        ["44", "VALUES (?, ?, ?)"],
    ),
    (
        (
            "[SQL: INSERT INTO users (name, password) VALUES (%s, %s)]\n"
            "[parameters: [('a', 'Wint3rfell'), ('b', 'sommer')]]"
        ),
        ["Wint3rfell", "sommer"],
        ["('a', ", "('b', "],
    ),
    (
        "[SQL: UPDATE users SET password=%s WHERE id=%s]\n[parameters: ('Wint3rfell', 7)]",
        ["Wint3rfell"],
        ["7"],
    ),
    (
        'Executing: INSERT INTO "Users" ("id","password") VALUES ($1,$2); "7", "Wint3rfell"',
        ["Wint3rfell"],
        ['"7"'],
    ),
    ("DETAIL:  Key (api_token)=(aB3dE6gH9jK2) already exists.", ["aB3dE6gH9jK2"], ["api_token"]),
    ("SELECT crypt('Wint3rfell9', gen_salt('bf'))", ["Wint3rfell9"], ["gen_salt('bf')"]),
    ("SET PASSWORD FOR 'bob'@'%' = 'sommer'", ["sommer"], ["bob"]),
    ("VALUES (1, 'host=db user=app password=''hunter2''')", ["hunter2"], ["host=db"]),
]

DATABASES += [
    (
        (
            "[Parameters=[@p0='x' (Size = 256), @p1='sommer' (Size = 64)], CommandType='Text']\n"
            "INSERT INTO Users (Email, Password) VALUES (@p0, @p1)"
        ),
        ["sommer"],
        ["@p0='x'", "VALUES (@p0, @p1)"],
    ),
    (
        "[SQL: INSERT INTO u (id, password) VALUES (:id, :password)]\n[parameters: (7, 'sommer')]",
        ["sommer"],
        ["(7, ", ":password"],
    ),
    (
        "[SQL: SELECT x WHERE password = %(password_1)s]\n[parameters: {'password_1': 'sommer'}]",
        ["sommer"],
        ["%(password_1)s"],
    ),
    (
        (
            "==> Preparing: SELECT * FROM users WHERE id = ? AND password = ?\n"
            "==> Parameters: 7(Integer), Wint3rfell9(String)"
        ),
        ["Wint3rfell9"],
        ["7(Integer)", "(String)"],
    ),
    ("SELECT 1 FROM t WHERE token = $2::VARCHAR", [], ["token = $2::VARCHAR"]),
]

DATABASES += [
    (
        "-[ RECORD 1 ]---\nid       | 7\npassword | Wint3rf&ll\nplan     | pro1x2y3",
        ["Wint3rf"],
        ["id       | 7", "plan     | pro1x2y3"],
    ),
    ("─[ RECORD 1 ]─\npassword │ wintertime\nplan │ pro", ["wintertime"], ["plan │ pro"]),
    ("-[ RECORD 1 ]---\npassword | \nplan | x1y2z3a4", [], ["plan | x1y2z3a4"]),
]

BY_PLACE: list[Row] = [
    ("LoginForm(j.roe,Wint3rfell!,false) x", ["j.roe", "Wint3rfell!"], [",false) x"]),
    ("api.Credentials(jroe, Wint3rfell, Some(3))", ["jroe", "Wint3rfell"], ["Some(3)"]),
    ("SignIn(jane@shop.example,wintertime,true)", ["jane", "wintertime"], [",true)"]),
    ("CALL create_user('jroe', 'Wint3rfell!', 3)", ["jroe", "Wint3rfell!"], [", 3)"]),
    ("SELECT dbo.usp_AddLogin(N'jroe', N'Wint3rfell')", ["jroe", "Wint3rfell"], ["usp_Add"]),
    ("#1 /app/a.php(3): login('jane.roe', 'Wint3rfell')", ["jane.roe", "Wint3rfell"], ["#1"]),
    ("LoginForm(data, instance, prefix), SignIn(Idle,None)", [], ["instance", "Idle,None"]),
    ("LoginAttempt(user42, 3), Login([email],[password],true)", [], ["user42, 3", "[password]"]),
    ("PasswordPolicy(8,Wint3r-x!,true) LoginPage(a.b.c, v1.2-rc1)", [], ["x!,true", "v1.2-rc1"]),
    ("CALL create_user_index('orders', 'created_at')", [], ["orders", "created_at"]),
    ("SELECT set_user_flag('beta_2026', 'on')", [], ["beta_2026"]),
]

MAPS: list[Row] = [
    ("Map(user -> jroe, firstName -> Jane Ann, n -> 3)", ["Jane", "Ann"], ["n -> 3"]),
    (
        "HashMap(street -> 5 Elm Street, otp -> 482193, a -> List(1, 2))",
        ["Elm", "482193"],
        ["List"],
    ),
    ('[{first_name,<<"Jane">>},{plan,<<"pro">>}]', ["Jane"], ['{plan,<<"pro">>}']),
    ("Map(firstName -> String, password -> Label), street -> Elm 5", [], ["Label", "Elm 5"]),
    ("T[id=3, street=Elm Street 5, plan=pro]", ["Elm", "5,"], [" plan=pro]"]),
    ("strasse: Am Ring 4b; plan: pro", ["Ring", "4b"], ["; plan: pro"]),
    ("addr=Main 4, street = Elm 5, street=one 4", [], ["Main 4", "Elm 5", "one 4"]),
    ("<b>Password:</b> wintertime7 <br><i>Plan:</i> pro", ["wintertime7"], ["pro"]),
    ("<b>Password:</b> is required", [], ["is required"]),
    ("password “Wint3rfell” refused", ["Wint3rfell"], ["” refused"]),
    ("Vorname: „Jane“, Plan: „Gold“", ["Jane"], ["Gold"]),
    ("the token “expired” and the password « de passe »", [], ["expired", "de passe"]),
    ("username,password\njroe,wintertime\n", ["wintertime"], ["username,password"]),
    ("id,otp\n3,482193\n4,12", ["482193"], ["4,12"]),
    ("password Wint3rfell9 not accepted", ["Wint3rfell9"], ["not accepted"]),
    ("Duplicate entry 'qX7r2mK9vT4bLs8w' for key 't.api_key'", ["qX7r2mK9"], ["t.api_key"]),
    ("create.arg0.phone: must match \"^1\" (was '0170 987654')", ["0170"], ["must match"]),
    ("create.arg0.size: must be less (was '12345678')", [], ["12345678"]),
]

YAML: list[Row] = [
    ("passwords:\n  - Wint3rfell!\nhosts:\n  - db1!x7y8", ["Wint3rfell"], ["- db1!x7y8"]),
    ("passwords:\n- Wint3rfell!\nhosts:\n- db1!x7y8", ["Wint3rfell"], ["- db1!x7y8"]),
    (
        "password:\n  value: Wint3rfell9\n  rotated: 2026-01-01\nvalue: x7y8z9a1",
        ["Wint3rfell9"],
        ["rotated: 2026-01-01", "value: x7y8z9a1"],
    ),
    (
        "kind: ConfigMap\ndata:\n  a: x7y8z9a1\n---\nkind: Secret\ndata:\n  a: d2ludGVydGltZQ==\n",
        ["d2ludGVy"],
        ["a: x7y8z9a1"],
    ),
    ("data:\n  a: wintertime\nkind: Secret\nmetadata:\n  name: x", ["wintertime"], ["name: x"]),
    (
        "secrets:\n  db:\n    value: Wint3rfell9\n    ttl: 30d\nport: 1",
        ["Wint3rfell9"],
        ["ttl: 30d", "port: 1"],
    ),
    ("secrets:\n  roles:\n    - db1!x7y8", [], ["db1!x7y8"]),
    ("secrets:\n  - db_password1\n  - source: app-tls1", [], ["db_password1", "app-tls1"]),
    ("password:\n  type: string\n  minLength: 8", [], ["type: string", "minLength: 8"]),
]

ROWS = [
    *OTHER_LANGUAGES,
    *BY_PLACE,
    *MAPS,
    *DECLARATIONS,
    *USERS_OF_URLS,
    *VALIDATION,
    *DATABASES,
    *YAML,
]


@pytest.mark.parametrize(("text", "gone", "stay"), ROWS)
def test_only_what_is_sensitive_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


def test_the_engine_sees_in_them_what_the_walk_sees() -> None:
    assert seen_otherwise(ROWS) == []
