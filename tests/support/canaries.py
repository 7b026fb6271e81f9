"""Distinctive synthetic secrets and personal data, for tests that look for them afterwards.

Every value is made up. Vendor tokens are put together from pieces so that no secret scanner takes
this file for a leak. `CANARIES` maps a name to the *core*: the part that must not be found again.
`FRAGMENTS` maps the same names to text as an application would carry it, with the core in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

_JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (
        b'{"alg":"HS256","typ":"JWT"}',
        b'{"sub":"canary-7731","name":"Jane Canary","iat":1516239022}',
        b"canary-signature-0123456789abcdef",
    )
)
_KEY_LINE = "MIIEpAIBAAKCAQEAcanaryKq8Wm3tYt0vZ5rKx2Lp7Ns4Hd9Gf6Jb1YeUa0CdEfGh"
_PRIVATE_KEY = (
    f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY_LINE}\n"
    "3q2x8nT5vB7mZ1kL9pR4sW6yC0dF2gH8jA5eU3iO7tQ1xN9bM4vK6zP2rS8wY0c\n"
    "-----END RSA PRIVATE KEY-----"
)

CANARIES: dict[str, str] = {
    "password": "Tr0ub4dor-canary-91x",
    "aws_access_key": "AKIA" + "QX7TCANARY5PLM2Z",
    "aws_secret_key": "q8Wm3cAnArYt0vZ5rKx2Lp7Ns4Hd9Gf6" + "Jb1YeUa0",
    "jwt": _JWT,
    "github_token": "ghp_" + "cAnArY0vZ5rKx2Lp7Ns4Hd9Gf6Jb1YeUa0Cd",
    "stripe_key": "sk_live_" + "51cAnArY0vZ5rKx2Lp7Ns4Hd9Gf6Jb",
    "basic_auth": "s3cr3tcanaryPW",
    "session_cookie": "k3s9canaryq0x7v2m5n8b1c4z6",
    "private_key": _KEY_LINE,
    "email": "jane.canary@customer-example.org",
    "phone": "+44 20 7946 0958",
    "card": "4539 5787 6362 1486",
    "iban": "GB33 BUKB 2020 1555 5555 55",
    "ip": "81.2.69.160",
}

FRAGMENTS: dict[str, str] = {
    "password": f"password={CANARIES['password']}",
    "aws_access_key": f"aws_access_key_id={CANARIES['aws_access_key']}",
    "aws_secret_key": f"aws_secret_access_key={CANARIES['aws_secret_key']}",
    "jwt": f"Authorization: Bearer {CANARIES['jwt']}",
    "github_token": f"git push with {CANARIES['github_token']} was refused",
    "stripe_key": f"charge with {CANARIES['stripe_key']} failed",
    "basic_auth": f"GET https://deploy:{CANARIES['basic_auth']}@git.corp.example/repo.git",
    "session_cookie": f"Cookie: sessionid={CANARIES['session_cookie']}; theme=dark",
    "private_key": _PRIVATE_KEY,
    "email": f"no account for {CANARIES['email']}",
    "phone": f"calling {CANARIES['phone']} failed",
    "card": f"card {CANARIES['card']} was declined",
    "iban": f"transfer to {CANARIES['iban']} was refused",
    "ip": f"connection from {CANARIES['ip']} was reset",
}


def forms(core: str) -> Iterator[bytes]:
    """A value as it may appear on a wire: plain, escaped, without its spaces, base64, hex."""
    spellings = {core, core.replace(" ", "")}
    for text in spellings:
        raw = text.encode()
        yield raw
        yield json.dumps(text)[1:-1].encode()
        yield quote(text, safe="").encode()
        yield raw.hex().encode()
        for shift in range(3):  # base64 of a text that has the value at any offset
            encoded = base64.b64encode(b" " * shift + raw + b" " * 3).rstrip(b"=")
            yield encoded[(0, 2, 3)[shift] : -5]


def found_in(views: Iterator[bytes] | list[bytes]) -> list[str]:
    """The names of the canaries that are in any of these byte strings, in any form."""
    haystacks = list(views)
    return [
        name
        for name, core in CANARIES.items()
        if any(form in view for form in forms(core) for view in haystacks)
    ]


def envelope_full_of(text: str, event: Mapping[str, Any]) -> bytes:
    """An envelope with a text wherever a sender can write, in names, types and file names too.

    `event` is what else its event has.
    """
    written = {
        "message": text, "environment": text, "release": text, "server_name": text,
        "tags": {text: text}, "extra": {text: {text: text}}, **event,
    }  # fmt: skip
    headers = {"trace": {"environment": text, "release": text, "user_segment": text}}
    items = [
        ({"type": "event", "x": text}, json.dumps(written)),
        ({"type": text}, text),
        ({"type": "attachment", "filename": text, "content_type": "text/plain"}, text),
    ]
    lines = [json.dumps(headers)]
    for header, body in items:
        lines += [json.dumps({**header, "length": len(body.encode())}), body]
    return "\n".join(lines).encode() + b"\n"
