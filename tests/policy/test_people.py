"""People in texts: what is said of them goes, what only looks like it stays."""

from __future__ import annotations

from typing import Any

import pytest
from engine_twins import difference
from rows import Row, hold, seen_otherwise
from scrubbing import scrubbed

NOBODY: list[Row] = [
    (text, [], [text])
    for text in (
        "Full Name: Foo",
        "User name: postgres",
        "login: success",
        '{"serviceFullName": "Amazon Inspector", "full_name": "refs/heads/main"}',
        'fname = f"tpc_{action.lower()}()"',
        "Nachname: Pflichtfeld",
        "passport: v0.7.0",
        "mobile app 4.15.2.1 crashed",
        "upgraded from 10.2.1.4 to 10.2.1.5",
        'family_name = "Arial", last_name: "Times New Roman"',
        "deps: upgrade V8 to 4.2.77.21, bump zlib from 1.2.3.4 to 1.2.3.5",
        "// 5.2.2.2. Advance position, step 12.1.1.4: content codings",
        "hash[mod.full_name] = mod",
        "options[:username] = user_or_options",
        "def m(mod, fname='(ERB)')",
        "User.objects.get(username=form.cleaned_data['email'])",
        'address: "http://localhost:9090/prefix", proxy.addr: 8080',
        'Addr: "525409008379", Wallet: MetaMask',
        "sudo: root : TTY=pts/0 ; PWD=/srv ; USER=root",
        "VIN: 5V0A2B3C4D5E6F7G8",
        "Upgrade: login:amd64 (1:4.13), dbus-user-session:amd64 1.14.10-1~deb12u1",
        "{'first_name': ['This field is required.'], 'username': ['This value is already taken']}",
    )
]

NAMED: list[Row] = [
    ('{"card":"4111111111111111","name":"Jane Roe"}', ["Jane", "Roe"], ['"name":']),
    ('{"card":"4111111111111112","name":"Jane Roe"}', [], ["Jane Roe"]),
    ('{"login": "jroe@x.example", "name": "Jane Roe"}', ["jroe", "Jane Roe"], ['"name":']),
    ('{"login": "jroe", "name": "Jane Roe"}', ["jroe"], ["Jane Roe"]),
    ("first_name: Jane Roe", ["Jane", "Roe"], ["first_name: "]),
    ("first_name: Jane Maiden: x", ["Jane"], ["Maiden: x"]),
    ("{'username': ['jroe is already taken']}", ["jroe"], ["username"]),
    ("{'last_name': [\"Roe is not valid\"], 'x': 1}", ["Roe"], ["'x': 1"]),
    (
        'phone: "0141 496 0001", created_at: "2024-02-03 10:00:00"',
        ["0141 496"],
        ["2024-02-03 10:00:00"],
    ),
    ("Login: user=, method=PLAIN, login: jroe", ["jroe"], ["user=, method=PLAIN"]),
    ("postal_code=94043-1351 zip: 01310-200", ["94043-1351", "01310-200"], ["postal_code="]),
]

LABELLED: list[Row] = [
    ("First name = Jane\nUser name = jroe, x", ["Jane", "jroe"], ["First name = "]),
    ("Achternaam: van der Roe, Voornaam: Jana", ["Roe", "Jana"], ["Achternaam: "]),
    ("Nazwisko: Roe, Imię: Jana\nData urodzenia: 12.07.1984", ["Roe", "Jana", "1984"], ["Imię"]),
    ("Příjmení: Novotná, Soyadı: Yılmazer", ["Novotná", "Yılmazer"], ["Soyadı: "]),
    ("Фамилия: Иванова, Имя: Ольга не найдена", ["Иванова", "Ольга"], ["Имя: ", "не найдена"]),
    ("氏名: 佐藤 花子", ["佐藤", "花子"], ["氏名: "]),
    ("姓名：王小明，手机号：13812345678", ["王小明", "13812345678"], ["姓名：", "，手机号："]),
    ("이름: 김철수, 전화번호: 010-1234-5678", ["김철수", "010-1234-5678"], ["이름: "]),
    ("الاسم: فاطمة الزهراء", ["فاطمة", "الزهراء"], ["الاسم"]),
    ("fecha de nacimiento: 12/07/1984 no válida", ["1984"], ["no válida"]),
    ("生年月日：1984年7月12日", ["1984年7月12"], ["生年月日"]),
    ("Numer telefonu: 601 234 567 jest zajęty", ["601 234 567"], ["jest zajęty"]),
    ("Telefone: (11) 96123-4567", ["96123-4567"], ["Telefone: "]),
    ("order 17: address: 5 Elm Street, Springfield", ["5 Elm", "Springfield"], ["order 17: "]),
    ("Adresse: Musterweg 3, 10115 Berlin\nOrt: x", ["Musterweg", "Berlin"], ["\nOrt: x"]),
    ("Họ và tên: Trần Lan, SĐT: 0912 345 678", ["Trần", "0912"], ["SĐT: "]),
    ("Ονοματεπώνυμο: Μαρία Σταύρου, Κινητό: 694 512 3456", ["Μαρία", "3456"], ["Κινητό: "]),
    ("שם מלא: רבקה לוינסון, טלפון: 052-5551234", ["רבקה", "5551234"], ["טלפון: "]),
    ("नाम: सुनीता शर्मा, मोबाइल: 98765 43210", ["सुनीता", "43210"], ["मोबाइल: "]),
    ("성명: 김서연, 휴대폰: 010-9876-5432", ["김서연", "5432"], ["휴대폰: "]),
    ("telefonszám: 06 30 123 4567, Tel. Nr: 030 901820", ["4567", "901820"], ["Tel. Nr: "]),
    ("Date of birth (DD/MM/YYYY): 12/07/1984", ["1984"], ["(DD/MM/YYYY): "]),
    ("Next of kin: Jane Roe (sister)", ["Jane", "Roe"], ["(sister)"]),
    ("Nom : Delacroix\nPrénom : Apolline", ["Delacroix", "Apolline"], ["Nom : "]),
    ("Naam: Jana van der Roe, Telefoon: 06-12345678", ["Jana", "Roe", "5678"], ["Naam: "]),
    ("Person[name=Jane Roe, birthDate=1984-07-12]", ["Jane", "Roe", "1984"], ["Person[name="]),
    ('{:patient {:name "Jane Roe" :dob "1984-07-12"}}', ["Jane", "1984"], [':name "']),
    ("住所: 東京都新宿区西新宿2-8-1", ["西新宿"], ["住所: "]),
    ("Indirizzo: Via Roma 12, Citta: Roma", ["Via Roma 12"], [", Citta: Roma"]),
]

# A name alone may be of anything: what stands beside it is of a person.
BESIDE: list[Row] = [
    ("Name: checkout, phone: +49 30 901820", ["901820"], ["Name: checkout"]),
    ("Name: Acme Widgets GmbH, phone: +49 30 901820", ["901820"], ["Acme Widgets GmbH"]),
    ('{"name": "First Name", "email": "jroe@shop.example"}', ["jroe"], ["First Name"]),
]

# Behind a name and a space, in quotes.
QUOTED: list[Row] = [
    ('{:user/last-name "Roe", :user/id 42}', ["Roe"], [":user/id 42"]),
    ('(assoc m :first-name "Jane" :tries 3)', ["Jane"], [":tries 3"]),
    ('No customer found with last name "Roe"', ["Roe"], ["with last name "]),
    ('Invalid phone number "(0)30-55510x"', ["55510"], ["Invalid phone number "]),
    ("invalid postal code 'SW1A 9ZZ' for GB", ["9ZZ"], ["for GB"]),
    ('the last name "is required", first name "foo"', [], ['"is required"', '"foo"']),
    ('{:on-error "retry" :address "localhost:80" :last-name "First Name"}', [], ["First Name"]),
    ('sort by last name "asc", the phone number "format"', [], ['"asc"', '"format"']),
]

# A person by the key above: in data inside of a text as in a document itself.
BELOW: list[Row] = [
    ("{'customer': {'name': 'Jane Roe', 'plan': 'gold'}}", ["Jane"], ["gold"]),
    ('{"contacts": [{"displayName": "Jane Roe", "tz": "Europe/Berlin"}]}', ["Jane"], ["Berlin"]),
    (
        '{"name": [{"use": "official", "family": "Roe", "given": ["Jane"]}]',
        ["Roe", "Jane"],
        ["use"],
    ),
    ("{'name': {'first': 'Jane', 'last': 'Roe'}, 'x': 1}", ["Jane", "Roe"], ["'x': 1"]),
    ('main.C{ID:7, Name:main.Name{First:"Jane", Last:"Roe"}}', ["Jane", "Roe"], ["ID:7"]),
    ("Patient(name='Jane Roe', dob=datetime.date(1950, 3, 3))", ["Jane", "1950"], ["Patient("]),
    ("{'user': {'name': 'Service Account'}, 'customer': {'name': 'Acme Corp'}}", [], ["Acme Corp"]),
    (
        "{'queue': {'name': 'Default Queue'}, 'user': {'name': 'shop'}}",
        [],
        ["Default Queue", "shop"],
    ),
    ("""{'recipient': "'Jane Roe'", 'n': 1}""", ["Jane", "Roe"], ["'n': 1"]),
    ("{'theme': {'family': 'Inter', 'given': 'dark'}}", [], ["Inter", "dark"]),
    ("{'name': {'text': 'Checkout'}}", [], ["Checkout"]),
    ("{'city': 'Ulm', 'plz': '89073', 'n': 1}", ["Ulm"], ["'n': 1"]),
    ('{"city": "Ulm", "reviewer": "Jane Roe", "n": 1}', ["Jane"], ["Ulm"]),
    ('display_name:"Jane Roe" email:"x@y.example"', ["Jane"], ["display_name:"]),
    ('{"user": {"first": "Jane", "last": "Roe"}, "n": 1}', ["Jane", "Roe"], ['"n": 1']),
    ('{"user": {"first": "2024-01-02", "last": "3 days"}, "n": 1}', [], ["2024-01-02", "3 days"]),
    ("SELECT 'Jane Roe' AS full_name, 'gold' AS plan", ["Jane", "Roe"], ["'gold' AS plan"]),
    ("'user' AS username, 'x' as y, it's 'Jane Roe' as first", [], ["'user'", "'Jane Roe'"]),
    ("nom=Roe prenom=Jane produit=LEP", ["Roe", "Jane"], ["produit=LEP"]),
    ("Kunde Jana van Roe (Nr. 7), Telefon 0341/9876543", ["Jana", "Roe"], ["Kunde ", "(Nr. 7)"]),
    ("Kunde Neue Bestellung (Nr. 7), Status offen", [], ["Kunde Neue Bestellung"]),
]

# What labels are of in programs and in messages of forms.
UNLABELLED: list[Row] = [
    (text, [], [text])
    for text in (
        "First name = required; user name = value",
        "Column name: First Name, Display name: Checkout Service",
        "Имя: обязательно, Имя файла: report.pdf, имя: app.log",
        "氏名: 必須",
        "电话号码格式不正确, 姓名不能为空, 住所は必須です",
        "Address: 0x401000 Size: 4096, Adres: 0x7f3a2b1c",
        "address: localhost:8080, x",
        "Address: 10 retries left",
        "adresse mémoire 0x7fff5fbff8c0",
        "geb. 12 Beispiele, born in 2.3s, born 2 goroutines",
        "Name: Main Branch Build\nState: Running",
        "sort by last name: asc, sort by: last name: Asc Nulls Last Please",
        "Telefone: campo obrigatório, Teléfono: 12",
    )
]

INSERT = "insert into users (first_name, last_name) values "
STATEMENTS: list[Row] = [
    ("insert into u (name, email) values ('Jane Roe', 'x@y.example')", ["Jane"], ["(name, email)"]),
    ("insert into tags (name, hue) values ('Main Office', 'red')", [], ["Main Office"]),
    (
        "INSERT INTO u (name, email) VALUES (?, ?)]\n[parameters: ('Jane Roe', 'x@y.example')]",
        ["Jane", "Roe"],
        ["[parameters: ("],
    ),
    (
        'INSERT INTO "u" ("name", "phone") VALUES ($1, $2)  [["name", "Jane Roe"], ["n", 1]]',
        ["Jane", "Roe"],
        ['["n", 1]]'],
    ),
    (f"{INSERT}(?, ?)\n[generated in 0.00013s] ('Jane', 'Roe')", ["Jane", "Roe"], ["generated"]),
    (f"{INSERT}(?, ?)\n[cached since 1.2s ago] ('Jane', 'Roe')", ["Jane", "Roe"], ["cached"]),
    (
        f"{INSERT}(?, ?)\nbinding parameter [1] as [X] - [Jane]\nbinding parameter (2:X) <- [Roe]",
        ["Jane", "Roe"],
        ["binding parameter [1] as [X] - ["],
    ),
    (f'{INSERT}($1, $2) RETURNING "id"; "Jane", "Roe"', ["Jane", "Roe"], ['RETURNING "id"; "']),
    (f"Query\nargs: [Jane, Roe]\nsql: {INSERT}($1, $2)", ["Jane", "Roe"], ["Query\nargs: ["]),
    (
        'UPDATE u SET "lastName"=$1,"phone"=$2 WHERE "id" = $3; "Roe", "0221 9876543", 4',
        ["Roe", "0221 9876543"],
        [", 4"],
    ),
    ("INSERT INTO u (id, first_name) SELECT 7, 'Jane' FROM dual", ["Jane"], ["7, ", "FROM dual"]),
    ("INSERT INTO u (first_name) SELECT first_name FROM old", [], ["SELECT first_name FROM old"]),
    ("SELECT 1 WHERE lower(last_name) = 'roe' AND x = 'y'", ["'roe'"], ["x = 'y'"]),
    ("WHERE last_name IN ('Roe', 'Doe') AND x IN ('a', 'b')", ["Roe", "Doe"], ["('a', 'b')"]),
    ("WHERE first_name LIKE '%Jane%' AND kind LIKE '%x%'", ["Jane"], ["'%x%'"]),
    ("SET first_name = E'Jane', born_at = DATE '1984-07-12'", ["Jane"], ["1984-07-12"]),
    ("WHERE birth_date = DATE '1984-07-12'", ["1984"], ["DATE '"]),
    ("{'dob': datetime.date(1984, 7, 12), 'due': datetime.date(2024, 7, 12)}", ["1984"], ["2024"]),
    ("binding parameter [1] as [INTEGER] - [42]", [], ["[42]"]),
]

TABLES: list[Row] = [
    (
        "COPY public.c (id, first_name, last_name, city) FROM stdin;\n1\tJane\tRoe\tUlm\n\\.",
        ["Jane", "Roe"],
        ["1\t", "Ulm"],
    ),
    (
        "-[ RECORD 1 ]-+-----\nid         | 44\nfirst_name | Jane\ndob        | 1984-07-12\nx | y",
        ["Jane", "1984"],
        ["44", "x | y"],
    ),
    ("Name,Email\nJane Roe,jroe@shop.example", ["Jane", "Roe"], ["Name,Email"]),
    ("Name,Size\nMain Queue,4", [], ["Main Queue"]),
    ("a | first_name\nb | Jane", ["Jane"], ["a | first_name"]),
]

SAID: list[Row] = [
    ("hi, my name is Luka Babić and I wait", ["Luka", "Babić"], ["my name is", "and I wait"]),
    ("the file name is Report, my name is not set", [], ["name is Report", "is not set"]),
    ("lives at Lindenstraße 14, 4020 Linz", ["Linden", "14", "Linz"], ["lives at "]),
    ("sent to 221B Baker Street, London", ["221B", "Baker"], ["sent to "]),
    ("3 Google Drive files, 404 Road, 2 Main", [], ["3 Google Drive files, 404 Road, 2 Main"]),
    ("Emergency contact: Jane Roe, +49 30 901820", ["Jane", "901820"], ["Emergency contact: "]),
    ('{"path":["birthDate"],"message":"bad","input":"31.02.1980"}', ["31.02"], ['"bad"']),
    ('mobile: 2024-02-03, fname = "utils.py"', [], ["2024-02-03", "utils.py"]),
    ("Ship to: Jane Roe, 18 Harbour Road, Portsmouth", ["Jane", "18 Harbour"], ["Ship to: "]),
    ("Ship to: staging, delivery to: 3 queues", [], ["staging", "3 queues"]),
    ("path `phone` with value `0171-555-44x`", ["555-44x"], ["path `phone`"]),
    (
        f"{INSERT}($1,$2)\nDETAIL:  parameters: $1 = 'Jane', $2 = 'Roe'",
        ["Jane", "Roe"],
        ["parameters: $1 = "],
    ),
    ("diagnosis: F32.1 depressive episode, x", ["F32.1", "depressive", "episode"], [", x"]),
    ("Diagnosis: memory leak in worker", [], ["memory leak in worker"]),
    ("Diagnosis: disk full", [], ["disk full"]),
    ("diagnosis: herniated disk, x", ["herniated", "disk"], [", x"]),
    ("diagnosis: swollen lymph nodes, x", ["lymph"], [", x"]),
    ("diagnosis: cluster headache, x", ["headache"], [", x"]),
    ("the 'username:' option without a 'password:'", [], ["' option without a '"]),
    ("MAC=001B44113AB7, MAC: HMAC-SHA256", ["001B44113AB7"], ["HMAC-SHA256"]),
]

# Objects as programs print them.
PRINTED: list[Row] = [
    ("Customer[name=Jane Roe, email=jane.roe@x.example]", ["Jane", "Roe,"], ["Customer[name="]),
    ("User(id=3, plan=gold, phone=+44 20 7946 0958, name=Zoë Özil)", ["Zoë", "Özil"], ["gold"]),
    ("{Name:Jane Roe Email:jane.roe@x.example Tries:3}", ["Jane", "Roe"], [" Email:", "Tries:3"]),
    ("{Email:jane.roe@x.example Name:Jane Roe Tries:3}", ["Jane", "Roe"], [" Tries:3"]),
    ('#<struct C name="Jane Roe", email="jane.roe@x.example">', ["Jane", "Roe"], ["#<struct C"]),
    ("Table[name=Order Items, schema=public]", [], ["Order Items"]),
    ('#<C @name="Jane Roe", @iban="DE89370400440532013000", @n=1>', ["Jane"], ["@n=1"]),
    ("Account{iban=DE89370400440532013000, holder='Jane Roe', n=1}", ["Jane", "Roe"], ["', n=1}"]),
    ("Order(id=3, customer='Jane Roe')", ["Jane", "Roe"], ["id=3"]),
    ("Order(id=3, customer='Acme Corp', patient='none')", [], ["Acme Corp"]),
]

ROWS = [
    *NOBODY,
    *NAMED,
    *LABELLED,
    *BESIDE,
    *QUOTED,
    *UNLABELLED,
    *STATEMENTS,
    *SAID,
    *PRINTED,
    *BELOW,
    *TABLES,
]


@pytest.mark.parametrize(("text", "gone", "stay"), ROWS)
def test_only_what_is_said_of_a_person_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


def test_the_engine_sees_in_them_what_the_walk_sees() -> None:
    assert seen_otherwise(ROWS) == []


@pytest.mark.parametrize(
    "data",
    [
        {"customer": {"name": "Jane Roe"}},
        {"recipient": "Jane Roe", "method": "express"},
        {"subject": {"reference": "Patient/12", "display": "Roe, Jane"}},
        {"displayName": "Jane Roe", "email": "x@y.example"},
        {"number": "4111111111111111", "cvc": "737", "name": "Jane Roe"},
        {"name": "Jane Roe", "line1": "Roe Lane", "postal_code": "1015 CX"},
        {"contacts": [{"displayName": "Jane Roe"}]},
        {"name": [{"family": "Roe", "given": ["Jane"]}]},
        {"name": {"first": "Jane", "last": "Roe"}},
        {"name": "'Jane Roe'", "email": "'x@y.example'"},
        {"recipient": "'Jane Roe'"},
        {"recipient": '"Jane Roe"'},
        {"nome": "Jane Roe", "cpf": "529.982.247-25"},
        {"nom": "Roe", "prénom": "Jane"},
        {"ad": "'Jane'", "soyad": "'Roe'"},
        {"reviewer": "Jane Roe", "signed_by": "Jane Roe", "manager": {"name": "Jane Roe"}},
        {"kontoinhaber": "Jane Roe", "郵便番号": "150-Roe2"},
        {"strasse": "Am Markt 7", "plz": "06108", "ort": "Roe"},
        {"zip": 22202, "city": "Roe", "n": 1},
        {"customer": {"first": "Jane", "last": "Roe"}, "from_name": "Jane Roe"},
        {"applicant": {"given": "Jane", "surname": "Roe"}, "hoTen": "Jane Roe"},
        {"address": "12 Elm Street", "Town": "'Roe'"},
        {"user": "Roe", "password": "wintertime", "n": 1},
    ],
)
def test_a_person_by_the_key_above_goes_from_documents(data: dict[str, Any]) -> None:
    tree = {"extra": {"data": data}}
    left = str(scrubbed(tree))
    assert "Jane" not in left
    assert "Roe" not in left
    assert difference("default", "event", tree) is None


def test_a_thing_beside_a_person_keeps_its_name() -> None:
    data = {"name": "Checkout", "first_name": "Jane", "ad": "summer sale", "nom": "GET /x"}
    tree = {"extra": {"data": data}}
    assert scrubbed(tree)["extra"]["data"] == data | {"first_name": "[name]"}
    assert difference("default", "event", tree) is None


@pytest.mark.parametrize(
    "data",
    [
        {"city": "Ulm", "temperature": 21},
        {"city": "Ulm", "zip": None, "address": "pool-7:80"},
        {"town": "Ulm", "zip": "required", "address": "localhost"},
        {"manager": "Session Service", "reviewer": "bot", "created_by": "System User"},
        {"user": "jroe", "password": None, "pin": "****"},
        {"user": "jroe", "password_policy": "strict"},
    ],
)
def test_a_town_alone_and_a_role_of_a_thing_stay(data: dict[str, Any]) -> None:
    tree = {"extra": {"data": data}}
    assert scrubbed(tree) == tree
    assert difference("default", "event", tree) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("first_name", "This field is required."),
        ("last_name", "Dieses Feld ist erforderlich."),
        ("surname", "Ce champ est obligatoire."),
        ("address", "can't be blank"),
        ("zip", "must be 5 digits"),
        ("username", "A user with that username already exists."),
        ("username", "postgres"),
        ("姓名", "不能为空"),
        ("phone", "Must be 7 to 15 digits, not 123456."),
    ],
)
def test_what_a_form_says_of_an_entry_stays(key: str, value: Any) -> None:
    tree = {"extra": {"errors": {key: [value]}}}
    assert scrubbed(tree) == tree
    assert difference("default", "event", tree) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("first_name", "Jane Roe is not valid"),
        ("last_name", "'Roe' is not a valid choice."),
        ("username", "jroe is already taken"),
        ("postal_code", "94043-1351"),
        ("plz", "00-838"),
        ("phone", "'0171 2345' is not valid"),
    ],
)
def test_what_a_form_quotes_of_an_entry_goes(key: str, value: str) -> None:
    tree = {"extra": {"errors": {key: [value]}}}
    assert value not in str(scrubbed(tree))
    assert difference("default", "event", tree) is None
