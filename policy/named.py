"""Names and values that a document keeps apart: pair lists, named objects, command lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache

from .fields import Field
from .findings import Tree
from .keys import MAX_KEY, classify_key, words_of
from .templates import COLUMNS, TOLD, is_entered, named_items
from .validation.numbers import luhn
from .words.innocence import is_innocent
from .words.values import looks_made_up

# What `parameterKey` and `parameter_value` say twice.
KINDS = ("parameter", "param", "option", "variable", "setting", "property", "field", "header")
_OF_KINDS = tuple(kind + sign for kind in KINDS for sign in ("", "_"))
_LABELLING = ("label", "question")
_NAMES = (
    "name", "key", "header", "field", "attribute", "param", "variable", "k", "n", "system",
    *_LABELLING,
    *(kind + end for kind in _OF_KINDS for end in ("name", "key")),
)  # fmt: skip
_VALUES = (
    "value", "val", "values", "content", "data", "v", "stringValue", "string_value", "text",
    "answer",
    *(kind + "value" for kind in _OF_KINDS),
)  # fmt: skip

# What validators write of an entry that they refuse: its place, and it.
_PLACES = (
    "loc", "path", "property", "propertypath", "propertyname", "instancepath", "datapath", "field",
    "param", "parameter", "attribute",
)  # fmt: skip
_REFUSED = (
    "input", "received", "value", "rejectedvalue", "rejected_value", "invalidvalue",
    "invalid_value", "attemptedvalue", "attempted_value", "data",
)  # fmt: skip
_MOST_SAID = 12  # of fields beside them

# An object without any of these (whatever their case) gives no field another name.
NAMING = frozenset({*_NAMES, *_PLACES, "op", "kind", "display"})
# Objects below these keys are people, and what `name` is in them is theirs.
PEOPLE = (
    "applicant", "approver", "assignee", "attendee", "author", "beneficiary", "borrower",
    "candidate", "cardholder", "claimant", "contact", "customer", "donor", "employee",
    "guarantor", "guest", "invitee", "lawyer", "manager", "passenger", "patient", "payee",
    "payer", "person", "physician", "recipient", "reporter", "reviewer", "signatory", "student",
    "subscriber", "supervisor", "teacher", "user",
)  # fmt: skip
# Who did something to a thing.
_DOERS = tuple(
    verb + sign
    for verb in ("approved", "created", "modified", "requested", "reviewed", "signed", "submitted",
                 "updated")
    for sign in ("_by", "by")
)  # fmt: skip
# They may be a name themselves. `user` stands in every event, and would make it be read as a whole.
CALLED = (*(each for each in PEOPLE if each != "user"), *_DOERS)
# In other languages things have no names that are called so beside a family name.
_NAMES_ABROAD = ("nome", "nom", "nombre", "naam", "navn", "namn", "isim", "ad")
NAMES_OF_PEOPLE = ("name", "displayname", "display_name", "holder", *_NAMES_ABROAD)
_ABROAD = frozenset(_NAMES_ABROAD)
# The parts of an object below `name`: Mongo's habit, and HumanName of FHIR.
_PARTS_OF_NAMES = {
    "first": "first_name", "given": "first_name", "middle": "middle_name", "last": "last_name",
    "family": "last_name", "surname": "last_name", "full": "full_name", "text": "full_name",
}  # fmt: skip
# `user` is anything; beside a password it is who logs in with it.
LOGINS = ("user", "usr", "uname", "nutzer", "usuario", "usuário", "utente", "utilisateur")
GIVEN_WITH = ("secret.password", "secret.otp")
# Of an address, if a part of one stands beside them.
_LINES = ("line1", "line2")
_TOWNS = (
    "city", "town", "locality", "ort", "wohnort", "stadt", "ville", "commune", "ciudad",
    "localidad", "città", "citta", "comune", "cidade", "localidade", "plaats", "woonplaats",
    "postort", "poststed", "miasto", "miejscowość", "miejscowosc", "obec", "город", "місто",
    "市区町村", "城市", "도시", "şehir", "sehir",
)  # fmt: skip
# What Node says of a command that it could not run: the tool stands beside its arguments.
_ARGUMENTS, _TOOLS = "spawnargs", ("path", "spawnfile", "file")
SPAWNED = f" {_ARGUMENTS}"
# An object without any of these gives no field another name, whatever stands above it.
TELLING = NAMING | {
    "line1", _ARGUMENTS, *TOLD, *_TOWNS, *COLUMNS, *CALLED, *NAMES_OF_PEOPLE, *_PARTS_OF_NAMES,
    *LOGINS,
}  # fmt: skip
# FHIR says beside a reference whom it means.
REFERRED = ("Patient", "Practitioner", "RelatedPerson", "Person")
NO_PEOPLE = frozenset(  # words of names of others
    """account admin administrator ag anonymous bot bv co company corp default department gmbh group
    inc llc ltd sa sales sas service services support system team test unknown user""".split()  # noqa: SIM905  reads best as text
)

_BEFORE_AND_AFTER = (
    "old", "new", "before", "after", "from", "to", "old_value", "new_value", "oldvalue", "newvalue",
    "previous", "current",
)  # fmt: skip
PERSONAL = frozenset(
    """pii.email pii.phone pii.dob pii.national_id pii.name financial.card financial.cvv
    financial.iban""".split()  # noqa: SIM905  reads best as text
)
# The fields that another one may give its name (whatever their case).
GIVEN_NAMES = frozenset(
    name.casefold() for name in (*_VALUES, *_BEFORE_AND_AFTER, *_REFUSED, "data", "stringData")
)
_MOST_FIELDS, _LONGEST_NAME = 40, 80
_OF_TOWNS = frozenset(_TOWNS)
_OF_LOGINS = frozenset(LOGINS)
_ADDRESS = re.compile(r"[\w.+\-]{1,64}@[\w.\-]{1,200}")
_CARD = re.compile(r"[2-6][0-9]{12,18}")
_STREET_AND_NUMBER = re.compile(r"[0-9][^ ]{0,4} [^\W\d_]|[^\W\d_] [0-9]")
_ONE_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]{1,30}(?:[-’'][^\W\d_]{1,30})?")
_PERSON = re.compile(r"[^\W\d_a-z][^\W\d_]+(?:[ '’.-]{1,2}[^\W\d_]+){1,3}")


def tells(key: str) -> bool:
    """Whether a key of a document may give another one its name.

    As `TELLING`, but that what a login is given with tells and not its `user`: that stands in every
    event.
    """
    folded = key.casefold()
    if folded in _OF_LOGINS:
        return False
    return folded in TELLING or classify_key(key) in GIVEN_WITH


def names_given(node: Mapping[str, Tree], above: str | None = None) -> dict[str, str]:
    """What other fields of an object, and the key `above` it, make of a field's name.

    `{"name": "password", "value": …}` and `{"field": "password", "old": …, "new": …}` keep name and
    value apart; the `name` beside an e-mail address, or below `customer`, is a person's.
    """
    if len(node) > _MOST_FIELDS:
        return {}
    given: dict[str, str] = {}
    if above is not None and (last := _last_word(above)) is not None:
        given = _of_a_name(node)
        if last != "name":  # `{"user": {"first": "Jane", "last": "Roe"}}`
            given = {key: part for key, part in given.items() if _is_one_name(str(node[key]))}
            given |= _named(node, NAMES_OF_PEOPLE)
    given |= _named(node, CALLED)
    if len(node) < 2:
        return given
    folded = {key.casefold(): key for key in node}
    given |= _kept_apart(node, folded)
    given |= named_items(node)
    if _ARGUMENTS in node:
        for tool in map(node.get, _TOOLS):
            if isinstance(tool, str):
                given[_ARGUMENTS] = tool + SPAWNED
    if not _OF_LOGINS.isdisjoint(folded) and any(map(_is_given_with, node, node.values())):
        given |= {folded[who]: "username" for who in LOGINS if who in folded}
    if "line1" in folded and any(_tells_where(key) for key in node if node[key]):
        given |= {folded[line]: "street_address" for line in _LINES if line in folded}
    if not _OF_TOWNS.isdisjoint(folded) and any(map(_is_where, node, node.values())):
        given |= {folded[town]: "street_address" for town in _TOWNS if town in folded}
    named = _named(node, NAMES_OF_PEOPLE) | _beside_another_part(node)
    if named and any(_tells_who(key, node[key]) for key in node if key not in named):
        given = named | given
    return given


def _tells_who(key: str, value: Tree) -> bool:
    """Whether a field is of something that people have, so that a name beside it is theirs."""
    if not value:
        return False
    class_ = classify_key(key)
    if class_ in PERSONAL or _tells_where(key):
        return True
    if class_ == "pii.username":
        return isinstance(value, str) and _ADDRESS.fullmatch(unquoted(value)) is not None
    if not isinstance(value, str | int):  # of all below a field the text would be long
        return False
    digits = unquoted(value) if isinstance(value, str) else str(value)
    return _CARD.fullmatch(digits) is not None and luhn(digits)


def _is_given_with(key: str, value: Tree) -> bool:
    """Whether it is what somebody logs in with, who then stands beside it."""
    if not isinstance(value, str) or (class_ := classify_key(key)) not in GIVEN_WITH:
        return False
    return not is_innocent(unquoted(value), class_)


def _tells_where(key: str) -> bool:
    """Whether a key is of a part of an address: `address` alone may be that of a machine."""
    return classify_key(key) == "pii.address" and "addr" not in key.casefold()


def _is_where(key: str, value: Tree) -> bool:
    """Whether it is a street or a postal code: where people live, a town is, too."""
    if not isinstance(value, (str, int)) or classify_key(key) != "pii.address":
        return False
    if "addr" in key.casefold() and _STREET_AND_NUMBER.search(str(value)) is None:
        return False
    return not is_innocent(value, "pii.address")


@lru_cache(maxsize=1024)
def _last_word(key: str) -> str | None:
    """The last word of a key, in the singular, if it announces a person, or that it is `name`."""
    words = words_of(key) if len(key) <= MAX_KEY else ()
    last = words[-1].removesuffix("s") if words else ""
    return last if last in PEOPLE or (last == "name" and len(words) == 1) else None


def _of_a_name(node: Mapping[str, Tree]) -> dict[str, str]:
    parts = {key: _PARTS_OF_NAMES.get(key.casefold()) for key in node}
    if len([part for part in parts.values() if part]) < 2:  # `"name": {"text": "Checkout"}`
        return {}
    return {key: part for key, part in parts.items() if part is not None}


def _named(node: Mapping[str, Tree], names: Container[str]) -> dict[str, str]:
    """The fields with one of these names that hold the name of a person."""
    return {
        key: "full_name"
        for key, value in node.items()
        if key.casefold() in names and isinstance(value, str) and names_a_person(value)
    }


def _beside_another_part(node: Mapping[str, Tree]) -> dict[str, str]:
    """One word, where another part of a name stands: `{"nom": "Dupont", "prénom": "Zoé"}`."""
    if _ABROAD.isdisjoint(map(str.casefold, node)):
        return {}
    if not any(node[key] and classify_key(key) == "pii.name" for key in node):
        return {}
    return {
        key: "full_name"
        for key, value in node.items()
        if key.casefold() in _ABROAD and isinstance(value, str) and _is_one_name(value)
    }


def _is_one_name(text: str) -> bool:
    text = unquoted(text)
    return _ONE_NAME.fullmatch(text) is not None and text.casefold() not in NO_PEOPLE


def unquoted(text: str) -> str:
    """A text without the quotes that sentry-sdk puts around those of variables."""
    return text.strip("\"'")


def names_a_person(name: str) -> bool:
    """Whether a name is of several words as those of people are."""
    name = unquoted(name)
    if len(name) > _LONGEST_NAME or _PERSON.fullmatch(name) is None:
        return False
    return classify_key(name) is None and NO_PEOPLE.isdisjoint(name.casefold().split())


def classes_of_columns(names: Sequence[str]) -> list[str | None]:
    """What columns hold by their names; the `name` beside something personal is a person's."""
    classes = [classify_key(name) for name in names]
    if PERSONAL.isdisjoint(classes):
        return classes
    named = [name.casefold() == "name" for name in names]
    return ["pii.name" if n else c for n, c in zip(named, classes, strict=True)]


def _kept_apart(node: Mapping[str, Tree], folded: Mapping[str, str]) -> dict[str, str]:
    if unquoted(str(node.get("kind"))) == "Secret":  # of Kubernetes: all that it holds
        return {key: "secret" for key in ("data", "stringData") if key in node}
    if node.keys() == {"name", "args"} and unquoted(str(node["name"])).casefold() == "auth":
        return {"args": "password"}  # a command of Redis, as clients show it
    referred = unquoted(str(node.get("reference"))).partition("/")[0]
    if "display" in folded and referred in REFERRED:
        return {folded["display"]: "full_name"}
    given: dict[str, str] = {}
    if len(node) <= 6 and not NAMING.isdisjoint(folded):
        given = _given_apart(node, folded)
    if not given and len(node) <= _MOST_SAID:
        given = _given_by_validators(node, folded)
    return given


def _given_apart(node: Mapping[str, Tree], folded: Mapping[str, str]) -> dict[str, str]:
    if "op" in folded and "path" in folded and isinstance(node[folded["path"]], str):
        name = str(node[folded["path"]]).rpartition("/")[2]  # JSON Patch, RFC 6902
        return {folded["value"]: name} if "value" in folded else {}
    for name_key in _NAMES:
        found = node[folded[name_key]] if name_key in folded else None
        if isinstance(found, str) and len(found) <= 128:
            for value_key in _VALUES:
                if value_key.casefold() in folded:
                    field = folded[value_key.casefold()]
                    return {field: found} if _is_of(name_key, found, node[field]) else {}
            changed = [key for key in _BEFORE_AND_AFTER if key in folded]
            if changed and name_key != "name":
                return {folded[key]: found for key in changed}
    return {}


def _is_of(name_key: str, name: str, value: Tree) -> bool:
    """Whether a value may be what its name says: what people read as a label heads more."""
    if name_key not in _LABELLING:
        return True
    secret = (classify_key(name) or "").startswith("secret.")
    return not (secret and _is_several(value)) and is_entered(name, value)


def _is_several(value: Tree) -> bool:
    """Whether a value is more than a word, without writing out all that is below it."""
    if isinstance(value, dict):
        return bool(value)
    if isinstance(value, list):
        return len(value) > 1 or (bool(value) and _is_several(value[0]))
    return " " in str(value)


def _given_by_validators(node: Mapping[str, Tree], folded: Mapping[str, str]) -> dict[str, str]:
    """`{"loc": ["body", "password"], "input": …}`, `{"field": "password", "rejectedValue": …}`."""
    for place_key in _PLACES:
        place = node[folded[place_key]] if place_key in folded else None
        if isinstance(place, str) and not (place_key == "path" and "/" in place):
            place = [place]
        if not isinstance(place, list) or not all(isinstance(part, (str, int)) for part in place):
            continue
        name = place[-1] if place else None
        if not isinstance(name, str) or len(name) > 128:
            continue
        for value_key in _REFUSED:
            if value_key in folded and not isinstance(node[folded[value_key]], (dict, list)):
                return {folded[value_key]: name}
    return {}


# Inside of an object under a sensitive key (`token: {value, type, expires_in}`) these say
# something about the value without being it.
_DESCRIPTIONS = frozenset(
    """status state type kind method provider scope scopes expires expiry expires_in expires_at
    expiresin expiresat count size length version algorithm alg enabled verified valid created
    created_at updated updated_at issued_at lang language format source role level reason
    grant_type token_type response_type auth_type country country_code countrycode
    error message code_length attempts""".split()  # noqa: SIM905  reads best as text
)


def describes(key: str, value: Tree) -> bool:
    """Whether a field of an object under a sensitive key only tells about the sensitive value."""
    if key.casefold() not in _DESCRIPTIONS:
        return False
    if isinstance(value, str):
        return (
            len(value) <= 32 and value.replace("_", "").replace("-", "").replace(" ", "").isalpha()
        )
    return not isinstance(value, (dict, list, bytes))


def pair_list(node: Sequence[Tree]) -> bool:
    """Whether a list is one of `[name, value]` pairs, as headers and tags often are."""
    return bool(node) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in node
    )


_STREET = re.compile(r"[0-9]+[A-Za-z]? ")  # `12 High Street` would be a name of a street


def pair_key(node: Sequence[Tree], key_class: Callable[[str], str | None]) -> str | None:
    """The name of a lone `["password", "x"]`; None when it is a list of names or anything else."""
    if len(node) != 2 or not isinstance(node[0], str) or node[1] is None:
        return None
    if len(node[0]) > 64 or key_class(node[0]) is None:
        return None
    return None if isinstance(node[1], str) and _is_name(node[1], key_class) else node[0]


def _is_name(text: str, key_class: Callable[[str], str | None]) -> bool:
    """Whether it would be a key, and what a machine made is none that ends by chance as one does:
    `Gk53gEOPaCx9MIp`.
    """
    return not _STREET.match(text) and key_class(text) is not None and not looks_made_up(text)


LABELS = (":", ": ")  # how they end
_FEWEST_BYTES = 8  # of a secret; fewer numbers may count something


def spelled_out(node: Sequence[Tree], class_: str | None) -> Field | None:
    """What each number is where a list under the key of a secret is its bytes: `[87, 105, …]`."""
    if class_ is None or len(node) < _FEWEST_BYTES or class_ == "secret.otp":
        return None
    if not class_.startswith("secret.") or not all(
        type(n) is int and -128 <= n < 256 for n in node
    ):
        return None
    return Field(class_=class_)


def flagged_value(value: object, field: Field) -> str | None:
    """The name that an item of a list gives the next one: `--password`; in texts also `Password:`,
    as what was given to `console.log` is.
    """
    if not isinstance(value, str):
        return None
    value = unquoted(value)
    if not 2 < len(value) <= 64:
        return None
    if value.endswith(LABELS) and field.kind == "text":
        label = value.rstrip(": ")
        return label if classify_key(label) == "secret.password" else None
    if not value.startswith("-"):
        return None
    if any(char in value for char in "= ["):  # `-p[password]`: its value has gone already
        return None
    return value.lstrip("-")
