"""Canaries of the branch `secret` that no vendor's format describes; the vendors' are examples."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from functools import partial
from random import Random

from ...policy.detectors import Detector, example, load_catalogue
from .kinds import Canary, Kind, characters, mixed, plain

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_URL_SAFE = _ALNUM + "-_"
_VENDOR_KEYS = ("api_key", "apiToken", "SECRET_KEY", "x-api-key", "access_token")


def _password(random: Random) -> str:
    if random.random() < 0.5:
        word = characters(random, string.ascii_lowercase, 6).capitalize()
        return f"{word}{random.choice('-_.!#')}{random.randint(1000, 9999)}{random.choice('xyz')}"
    return mixed(random, _ALNUM, 8) + random.choice("!#-_") + mixed(random, _ALNUM, 5)


def _session(random: Random) -> str:
    if random.random() < 0.5:
        return mixed(random, _HEX, 32)
    return mixed(random, string.ascii_lowercase + string.digits, 26)


def _otp(random: Random) -> str:
    return f"{random.randint(100_000, 999_999)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _jwt(random: Random) -> Canary:
    header = _encoded(b'{"alg":"HS256","typ":"JWT"}')
    payload = json.dumps(
        {"sub": characters(random, string.digits, 10), "jti": random.getrandbits(60)}
    )
    claims, signature = _encoded(payload.encode()), characters(random, _URL_SAFE, 42) + "A"
    return Canary(f"{header}.{claims}.{signature}", (claims, signature))


def _bearer(random: Random) -> Canary:
    token = mixed(random, _ALNUM, 40)
    return Canary(f"Bearer {token}", (token,))


def _basic(random: Random) -> Canary:
    password = _password(random)
    token = base64.b64encode(f"deploy:{password}".encode()).decode()
    return Canary(f"Basic {token}", (token, password))


def _cookie(random: Random) -> Canary:
    session = _session(random)
    return Canary(f"theme=dark; sessionid={session}; lang=en", (session,))


def _url(random: Random) -> Canary:
    password = mixed(random, _ALNUM, 14)
    form = random.choice(
        ("postgres://app:{}@db.shop.example:5432/shop", "redis://:{}@cache.shop.example:6379/0",
         "https://deploy:{}@git.shop.example/shop.git", "amqp://worker:{}@mq.shop.example/orders")
    )  # fmt: skip
    return Canary(form.format(password), (password,))


def _connection(random: Random) -> Canary:
    password = mixed(random, _ALNUM, 14)
    form = random.choice(
        ("Server=db.shop.example;Database=shop;User Id=app;Password={};Encrypt=true",
         "host=db.shop.example port=5432 dbname=shop user=app password={} sslmode=require")
    )  # fmt: skip
    return Canary(form.format(password), (password,))


def _pem(random: Random) -> Canary:
    lines = [characters(random, _ALNUM + "+/", 64) for _ in range(4)]
    kind = random.choice(("RSA ", "EC ", ""))
    body = "\n".join(lines)
    # In pieces, so that no scanner takes this file for a leak.
    edges = tuple(f"-----{edge} {kind}PRIVATE " + "KEY-----" for edge in ("BEGIN", "END"))
    return Canary(f"{edges[0]}\n{body}\n{edges[1]}", tuple(lines))


def _from_examples(detector: Detector, random: Random) -> Canary:
    notation = random.choice(_fresh(detector))
    for _ in range(10):
        text, start, end = example(f"{detector.id}/{random.getrandbits(64)}", notation)
        if any(c.isdigit() for c in text[start:end]):  # one of 200 tokens has none by chance
            break
    return Canary(text, (text[start:end],))


def _fresh(detector: Detector) -> list[str]:
    """The examples with characters that are made up anew: the fixed ones are everybody's."""
    return [
        each
        for each in detector.catch
        if any(f"{{{a}:" in each for a in ("alnum", "hex", "base64", "base64url", "digit", "lower",
                                           "uppernum", "lowernum", "HEX", "base32", "alpha"))
        or "{jwt}" in each
    ]  # fmt: skip


def _vendors() -> Iterator[Kind]:
    """Every format of the catalogue that has examples to make values of."""
    for detector in load_catalogue():
        notations = _fresh(detector)
        if not detector.class_.startswith("secret.") or not notations:
            continue
        yield Kind(
            f"{detector.class_} ({detector.id})",
            detector.class_,
            partial(_from_examples, detector),
            shape=True,  # the examples have around them what their format needs
            keys=_VENDOR_KEYS,
            lines=any("\n" in each for each in notations),
        )


def secret_kinds() -> list[Kind]:
    """Every kind of the branch."""
    return [
        Kind(
            "secret.password", "secret.password", plain(_password),
            keys=("password", "passwd", "userPassword", "DB_PASSWORD", "new-password"),
            phrases=("the password is {}", "password: {}", "pwd={}", "with password {}"),
        ),
        Kind(
            "secret.password_hash", "secret.password_hash", plain(lambda r: mixed(r, _HEX, 40)),
            keys=("password_hash", "hashedPassword"),
        ),
        Kind("secret.private_key", "secret.private_key", _pem, shape=True, lines=True,
             keys=("private_key", "sshKey")),
        Kind("secret.session", "secret.session", plain(_session),
             keys=("sessionid", "session_id", "PHPSESSID", "JSESSIONID", "sessionToken")),
        Kind("secret.cookie", "secret.cookie", _cookie, header=True, keys=("Cookie", "cookie"),
             phrases=("Cookie: {}",)),
        Kind("secret.otp", "secret.otp", plain(_otp), digits=True,
             keys=("otp", "verification_code", "mfaCode"),
             phrases=("your verification code is {}", "otp: {}", "otp={}")),
        Kind("secret.token", "secret.token", plain(lambda r: mixed(r, _URL_SAFE, 36)),
             keys=("access_token", "refreshToken", "X-Auth-Token", "client_secret", "csrf-token"),
             phrases=("token={}", "token: {}", "the access token is {}")),
        Kind("secret.token.jwt", "secret.token.jwt", _jwt, shape=True, keys=("jwt", "id_token")),
        Kind("secret.token.bearer", "secret.token.bearer", _bearer, header=True,
             keys=("Authorization", "Proxy-Authorization"), phrases=("Authorization: {}",)),
        Kind("secret.basic_auth", "secret.basic_auth", _basic, header=True,
             keys=("Authorization", "authorization"), phrases=("Authorization: {}",)),
        Kind("secret.api_key", "secret.api_key", plain(lambda r: mixed(r, _ALNUM, 32)),
             keys=("api_key", "apiKey", "X-Api-Key", "SECRET_ACCESS_KEY"),
             phrases=("api_key={}", "api key: {}", "the API key is {}")),
        Kind("secret.url_credentials", "secret.url_credentials", _url, shape=True,
             keys=("DATABASE_URL", "redis_url", "dsn")),
        Kind("secret.connection_string", "secret.connection_string", _connection,
             phrases=("connect with {}", "cannot use {}"),
             keys=("connectionString", "DB_CONNECTION_STRING")),
        *_vendors(),
    ]  # fmt: skip
