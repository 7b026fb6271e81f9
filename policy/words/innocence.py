"""Which values are innocent whatever their key says: nothing, placeholders, code, prose."""

from __future__ import annotations

import re

from ..keys import EMPTY_WORDS, classify_key
from ..linear import compile_linear, short_test

# What stands where a value was or will be: masks, marks of scrubbers, variables of templates.
_is_placeholder = short_test(
    r"(?i)(?:\*{2,}|x{3,}|\.{2,}|…+|-+|_+|\?+|•+|#+|\[[a-z_][a-z0-9_.:\- ]*\]|<[a-z_][^<>]*>"
    r"|%(?:\([a-z_]\w*\))?[sdrifx]|%\([a-z_]\w*\)|\$\d{1,3}(?:::\w+)?|:(?:[a-z_]+|\w+_\d{1,3})|@(?:[a-z_]+|p\d{1,3}|string/\w+)"
    r"|\$?\{\{?[^{}]*\}?\}|#\{[^{}]*\}"
    r"|\[?L?[\w.$]+;?@[0-9a-f]{5,8}|\$\([^()]*\)?|\$\(\$\(.*|(?-i:\$(?:env:)?[A-Z][A-Z0-9_]+)|(?-i:\$[A-Z][A-Z0-9_]{3,}/[\w./#-]*)|%[A-Z_]+%"
    r"|&lt;[a-z_][^<>&]*&gt;|#(?:[0-9a-f]{3}|[0-9a-f]{6})"
    r"|<.*\bat 0x[0-9a-f]+>|\[redacted.*\]"
    r"|\(hidden\)|\{\}|[$#]?\{(?:[a-z_][\w.]*|\d{1,2})(?:![rsa])?(?::[^{}]*)?\}?|\$?\{\{|<%=?|\[\]|\(\)"
    r"|\$(?:this|(?:user|new|old|db|\w{1,40}_)?(?:pass(?:word|wd)?|pwd|pw|token|secret|api_?key|key)))"
)
# No name of a variable: `{AQAAABAAAAAQ…}` is how Jenkins keeps secrets.
_HELD_IN_BRACES = re.compile(
    r"\{(?!\{)(?:[^{} ]{1,40} )?(?=[^{} ]*[0-9][^{} ]*[0-9])(?=[^{} ]*[A-Za-z])"
    r"[A-Za-z0-9+/]{20,}={0,2}\}"
)
# One of these it begins with, or `@` is in it.
_OF_PLACEHOLDERS = frozenset("*xX.…-_?•#[<%$:@{(&")
# Source code or the name of a type; a call's arguments are not digits only: `Summer(2024)`.
_is_code = short_test(
    r"(?:(?:await|new|return|lambda|not|typeof) .*|0x[0-9a-fA-F]{1,16}"
    r"|-----BEGIN (?:CERT|[A-Z ]*PUBLIC).*"
    r"|(?:typing\.|t\.)?(?:Optional|Union|List|Dict|Tuple|Sequence|Set|Type|Final|ClassVar|Iterable"
    r"|Mapping|Callable|Literal|list|dict|tuple|set|type|Array|Map|Promise|Record|Vec|Option)[\[<].*"
    r"|[A-Za-z_][\w.]*\((?:\)|[^)\d].*)?[;,]?"
    r"|\((?:const |unsigned )?(?:g?char|void|wchar_t|u?int(?:8|16|32|64)?(?:_t)?) ?\*{1,2}\).*"  # C
    r"|!\([A-Za-z_]\w*[.()\[ ].*|\(\?[:=!<P].*"  # a condition, a pattern
    r"|&[A-Za-z_][\w.]*\{(?:\}.*)?"  # Go
    r"|&(?:mut )?(?:str|String|\[u8\]|Path|Vec<.*)[;,]?|&'[a-z_]{1,20} .*"  # Rust
    r"|&?(?:self|this|cls|os|settings|config|process|request|req|ctx|env|args|options|opts|params|app"
    r"|props|state|user|data|session|form|cfg|conf|current_app|System|Rails|ENV"
    r"|\$_(?:POST|GET|REQUEST|SERVER|SESSION|COOKIE|ENV)|\$this)"
    r"(?:\.[A-Za-z_]+|\[['\"]?\w+['\"]?\]|\[$|->\w+)+(?:[\[(.;, ].*)?)"
)
_SIGN_OF_CODE = re.compile(r"[ (\[<.]|->|^0x|^[&!]")  # one of these stands in it
_EMAIL_LIKE = re.compile(r"@|%40|＠|\[at\]")
_IP_LIKE = compile_linear(r"(?i)\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f]{0,4}:")
_TEMPLATE = compile_linear(r"[$#]?\{\{?[A-Za-z_ ][\w. ]*\}?\}|%(?:\([A-Za-z_]\w*\))?[sdr]")
_LOOPBACK = re.compile(
    r"\[?(?:127(?:\.[0-9]{1,3}){3}|0\.0\.0\.0|::1?|::ffff:127\.[0-9.]++)\]?(?::[0-9]++)?"
)
# `pin: GPIO17`: what a wire is soldered to.
_PIN_OF_BOARD = re.compile(r"(?:GPIO|IO|GP|P[A-K]|[AD])_?[0-9]{1,2}")
_COORDINATE = compile_linear(r"\d\.\d{2,}")
_HARMLESS_HOST = compile_linear(
    r"^(?:0x[0-9a-fA-F]+|[\w.:\[\]-]*:\d+|[a-z0-9-]+(?:\.[a-z0-9-]+)*)$"
)

# Words of validation messages: a form's error under `password` is not the password.
_PROSE = compile_linear(
    r"(?i)\b(?:required|must|invalid|incorrect|cannot|can't|may not|should|at least|characters"
    r"|too (?:short|long|common|weak)|not match|do(?:es)? not|didn't|blank|expired|missing|failed"
    r"|is empty|not found|goes here|from elsewhere|enter (?:a|your)|is wrong|was not|is not"
    r"|not valid|error|unable|verify)\b"
)
# What forms say of an entry, in the languages they are in. Nobody is called so.
_OF_FORMS = compile_linear(
    r"(?i)\b(?:required|must (?:be|have|contain|not|start|match)|cannot|can't|may not|at least"
    r"|at most|characters|(?:is|are|was) (?:not|already|too|in)|has already|already exists"
    r"|(?:is|be) empty|invalid|not (?:valid|found)|(?:enter|provide|select|choose) an?"
    r"|pflichtfeld|erforderlich|ungültig|darf nicht|muss mindestens|obligatoire|invalide"
    r"|ne (?:peut|doit) pas|obligatori[oa]|requerid[oa]|inv[áa]lid[oa]|no (?:puede|debe)"
    r"|obbligatori[oa]|non (?:valid[oa]|può)|obrigatóri[oa]|não (?:pode|deve)|verplicht|vereist"
    r"|falsch|fehlt|richiest[ao]|mancante|errat[ao]|manquant|ontbreekt|brakuje|vergessen|oublié|incorrecte?|incorreta|olvidad[ao]|esquecid[ao]|ongeldige?|wymagan[aey]|nieprawidłow[aey]|zorunlu|geçersiz|обязательн|неверн|некорректн)"
    r"|必須|必填|不能为空|无效|不正确|無効|入力してください|필수|올바르지"
)
# How they begin, so that they do not quote what was entered: `Jane Roe is not valid`.
_BEGINS_AS_FORMS = compile_linear(
    r"(?i)[^\x00-\x{17F}\x{400}-\x{45F}]"
    r"|(?:this|that|these|the|an?|it|please|enter|must|can|cannot|may|is|are|has|not|no|invalid"
    r"|required|value|field|string|ensure|(?:first |last |full |user)?name|address|street|at"
    r"|pflichtfeld|dies(?:e[rs]?)?|der|die|das|bitte|darf|muss|wert|feld|ungültig\w*|c(?:e|et|ette)"
    r"|l[ea]s?|ne|veuillez|champ|obligat\w*|est[ea]|el|por|no|campo|quest[oa]|il|inserire|deve|o|dit"
    r"|de(?:ze)?|veld|to|ta|pole|bu|поле|эт[оа]|неверн\w*|обязательн\w*)(?:[ :.,!']|$)"
)
_QUOTES = compile_linear(r"[\"`„“”«»]|(?:^|\W)'")
# Accounts that systems and services run under, and how a login ended: nobody's user name.
_ACCOUNTS = frozenset(
    """admin administrator apache app daemon default denied ec2-user elastic failed failure git
    guest jenkins kafka mongodb mysql nginx nobody ok operator oracle postgres rabbitmq redis root
    runner sa success successful system test tomcat ubuntu user username www-data""".split()  # noqa: SIM905  reads best as text
)
# Names that programmers give where any name would do.
_ANY_NAMES = frozenset(["foo", "bar", "baz", "qux", "quux", "foobar", "foo bar", "lorem ipsum"])
# Families of letters have names, too.
_FONTS = compile_linear(
    r"(?i)^(?:arial|calibri|consolas|courier new|helvetica|menlo|monospace|open sans|roboto"
    r"|sans-serif|segoe ui|serif|tahoma|times new roman|verdana)(?: neue| mono|,.*)?$"
)
# What is diagnosed of programs, not of people: these have disks, nodes and clusters too.
_OF_MACHINES = compile_linear(
    r"(?i)\b(?:memory leak|out of memory|servers?|threads?|timeouts?|timed out|cpu|databases?|cache"
    r"|configuration|quer(?:y|ies)|disk (?:full|space|usage|failure)|worker process(?:es)?"
    r"|connections? (?:refused|reset|lost|closed|failed|pool)"
    r"|network (?:errors?|failures?|partitions?|unreachable))\b"
    r"|^(?:ok|(?:un)?healthy|degraded)$"
)
_REPLY = re.compile(r"[2-5][0-9]{2}[ -][0-9]\.[0-9]{1,3}\.[0-9]{1,3}")  # of a mail server
_POSTCODE = re.compile(r"[0-9]{2,5}-[0-9]{3,4}")
# A template, a name with its scope, a file, or a repository with its owner.
_IN_CODE = re.compile(
    r"\{[\w.()]*\}|::|^[\w.-]+(?:/[\w.-]+)+\Z"
    r"|^[\w.-]+\.(?:py|js|ts|java|go|rb|php|cpp|txt|csv|json|xml|html|pdf|png|jpe?g|log|zip|ya?ml|sql)\Z"
)
_PATH = compile_linear(
    r"^(?:/(?:[\w.@-]+/)+[\w.@-]*|(?:\.{1,2}|~)/[\w./@-]+|[A-Z]:\\.+|file:/.+"
    r"|/(?:app|build|code|data|etc|home|mnt|opt|root|src|srv|tmp|usr|var|work|workspace))$"
)
_OWN_MARK = re.compile(r"\[[a-z_.]{2,40}(?::e[0-9]{1,9}:0x[0-9a-f]{1,64})?\]|\*{16}")
_BARE_URL = compile_linear(r"(?i)^(?:https?|wss?|s3|gs)://[^\s@?#]+$")
_VERSION = compile_linear(
    r"^[v^~=<>]{0,2}\d{1,3}(?:\.\d{1,5}){1,3}(?:[-.+]?(?:rc|a|b|dev|post|final)\d*)?$"
)
# When something expires or began: `token: {expires_at: …}`. Without a time it might be a password.
_MOMENT = compile_linear(
    r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z| ?[+-]\d\d:?\d\d| UTC)?$"
)
_DAY = compile_linear(r"^(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ]|$)")
_is_scheme = short_test(
    r"(?i)(?:oauth ?[12]?(?:\.0)?|jwt|[hrep]s\d{3}|saml2?|x\.?509|basic|bearer|digest|session"
    r"|base64(?:url)?|utf-?8|cram-md5|digest-md5|scram-sha-?\d{1,3}(?:-plus)?|xoauth2?|ntlm(?:v2)?|gssapi|mschapv2)"
)
_LONGEST_SCHEME = len("scram-sha-256-plus")
# What Laravel asks of an entry: `'password' => 'required|min:8'`.
_RULES = re.compile(
    r"(?:bail|required|nullable|sometimes|string|confirmed)(?:\|[a-z_]+(?::[\w,]++)?)++"
)
# Which header holds it: `API_KEY_HEADER = "X-Api-Key"`.
_A_HEADER = re.compile(r"[xX](?:-[A-Za-z]{1,20}){1,4}")
# The name of a thing elsewhere, not the thing: a resource of AWS, an element of a page.
_REFERENCE = compile_linear(r"^(?:arn:aws[a-z-]{0,10}:|#[a-z]+(?:-[a-z]+)+$)")

_TOKENLIKE = ("secret.token", "secret.session", "secret.api_key", "secret.cookie", "secret.otp")


def is_innocent(value: object, class_: str) -> bool:
    """Whether a value is not made sensitive by a key of this class.

    Nothing, booleans, reprs of objects, placeholders (ours and others'), template variables and
    type names are innocent under every key; counts under a token-like one. Under a name, e-mail or
    phone key the value must only be of a plausible shape. Containers are never innocent.
    """
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, (int, float)):
        return _innocent_number(value, class_)
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode("utf-8", "replace")
    if not isinstance(value, str):
        return False
    text = _unquoted(value.strip())
    if not text or text.casefold() in EMPTY_WORDS:
        return True
    if len(text) < 4 and not _has_letters(text):
        return True
    if len(text) == 1 and class_.startswith("secret."):
        return True  # `accesskey="n"` of HTML
    if _made_up(text):
        return _implausible(text, class_)
    if len(text) <= 200 and _stands_for_a_value(text):
        return True
    if class_.startswith("secret.") and _is_about_a_secret(text, class_):
        return True
    if ("{" in text or "%" in text) and not _has_letters(_TEMPLATE.sub("", text)):
        return _HELD_IN_BRACES.match(text) is None  # `{user}:{password}`, `%s:%s`
    return _implausible(text, class_)


# A type that must not be null: `mutation L($pwd: String!)`.
_OF_GRAPHQL = re.compile(r"\[?(?:String|ID|Int|Float|Boolean|[A-Z][A-Za-z]*Input)!?\]?!")


def _stands_for_a_value(text: str) -> bool:
    if text[-1] == "!" and _OF_GRAPHQL.fullmatch(text):
        return True
    if (text[0] in _OF_PLACEHOLDERS or "@" in text) and _is_placeholder(text):
        return _HELD_IN_BRACES.match(text) is None
    return _SIGN_OF_CODE.search(text) is not None and _is_code(text)


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _made_up(text: str) -> bool:
    """Letters and digits only, both of them, and long: neither code nor a placeholder nor prose."""
    if text[:2] == "0x":  # a pointer: `#<Login:0x00007f76>`, `{Token:0xc0000142a0}`
        return False
    return len(text) >= 8 and text.isalnum() and not text.isalpha() and not text.isdigit()


def _is_about_a_secret(text: str, class_: str) -> bool:
    """Prose, the path of a file, an address or the name of a scheme instead of a secret."""
    if " " in text and _PROSE.search(text):
        return True
    if text[-1] == ":" and classify_key(text) is not None:
        return True  # a prompt
    if len(text) > 200:
        return False
    # Whose home folder it was may have gone already: replaced, masked or removed.
    text = _without_marks(text, "x")
    if "/" in text or "\\" in text:
        text = text.replace("/home//", "/home/x/").replace("/Users//", "/Users/x/")
        if _PATH.match(text) and ("." in text or not any(map(str.isdigit, text))):
            return True
        if "://" in text and _BARE_URL.match(text):
            return True
    if len(text) <= _LONGEST_SCHEME and _is_scheme(text):
        return True
    if text.isalpha() and _OF_FORMS.search(text) is not None:
        return True
    if "|" in text and _RULES.fullmatch(text):
        return True
    if text[0] in "a#" and _REFERENCE.match(text):
        return True
    if text[0] in "xX" and _A_HEADER.fullmatch(text):
        return True
    if "." in text and _VERSION.match(text):
        return True
    return text[4:5] == "-" and _MOMENT.match(text) is not None


def _without_marks(text: str, new: str) -> str:
    """With something else in place of what an earlier chain left."""
    return _OWN_MARK.sub(new, text) if "[" in text or "*" in text else text


def _unquoted(text: str) -> str:
    """Without the quotes and the prefix of a repr: `b'x'` is x."""
    if len(text) > 1 and text[0] in "bur" and text[1] in "'\"":
        text = text[1:]
    while len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`":
        text = text[1:-1]
    return text.strip()


def _innocent_number(value: float, class_: str) -> bool:
    if class_ == "pii.location":
        return value == 0
    if isinstance(value, float):
        return True
    size = len(str(abs(value)))
    if class_.startswith(("secret.otp", "financial.cvv")):
        return size < 3
    if class_.startswith("secret."):
        return size < (4 if class_ == "secret.password" else 9)
    if class_ in ("pii.name", "pii.email", "pii.ip", "pii.mac", "pii.address", "pii.username"):
        return class_ != "pii.address" or size < 4
    return size < 6


def _is_of_a_form(text: str) -> bool:
    """Whether it is what a form says of an entry and does not quote it."""
    if not _OF_FORMS.search(text) or _QUOTES.search(text):
        return False
    return _BEGINS_AS_FORMS.match(text) is not None


def _implausible(text: str, class_: str) -> bool:
    match class_:
        case "pii.email":
            return not _EMAIL_LIKE.search(text)
        case "pii.phone":
            odd = not 5 <= _digits(text) <= 20 or len(text) > 60 or _DAY.match(text) is not None
            return odd or _is_of_a_form(text)
        case "pii.username":
            moment = text[4:5] == "-" and _MOMENT.match(text) is not None
            odd = moment or text[-1] in "=:"  # that is the next key
            odd = odd or text.casefold() in ("email", "login", "username")
            odd = odd or _REPLY.fullmatch(text) is not None
            return odd or text.casefold() in _ACCOUNTS or _is_of_a_form(text)
        case "pii.name":
            odd = len(text) > 120 or not any(map(str.isalpha, text))
            odd = odd or text[0] in "(^" or text.casefold() in _ANY_NAMES
            odd = odd or _FONTS.search(text) is not None
            return odd or _IN_CODE.search(text) is not None or _is_of_a_form(text)
        case "pii.ip":
            return not _IP_LIKE.search(_without_marks(text, "")) or bool(_LOOPBACK.fullmatch(text))
        case "pii.location":
            return not _COORDINATE.search(text)
        case "pii.address":
            coded = (text.isdigit() and len(text) < 10) or _POSTCODE.fullmatch(text) is not None
            host = "://" in text or _HARMLESS_HOST.match(text) is not None
            return not coded and (host or _is_of_a_form(text))
        case "pii.health":
            return _is_of_a_form(text) or _OF_MACHINES.search(text) is not None
        case "pii.imei" | "financial.card" | "financial.iban":
            return _digits(text) < 8  # the last four of a card are no card
        case "pii.dob":
            return _digits(text) < 4
        case "pii.national_id":  # plates of cars have few digits
            return _digits(text) < (2 if text.isupper() else 6)
        case "pii.passport" | "financial.bank_account":
            return _digits(text) < 3 or _VERSION.match(text) is not None
        case "secret.url_credentials":
            return "@" not in text and "=" not in text
        case "financial.crypto_wallet":
            return _digits(text) == 0
        case "secret.otp" if _PIN_OF_BOARD.fullmatch(text):
            return True
        case "financial.cvv":
            return not 3 <= _digits(text) <= 4
    if class_ in _TOKENLIKE:
        return text.isdigit() and len(text) < (3 if class_ == "secret.otp" else 6)
    return False
