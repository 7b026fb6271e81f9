"""Checks of tokens and keys: the checksums that vendors and chains write into them.

A vendor's checksum only ever adds: it finds a token where the shape alone would say too little
(glued to a word). A token of the right shape with a wrong checksum is masked all the same by the
detector of its shape: to lose a made-up token costs nothing, to let a real one out does.
"""

from __future__ import annotations

import hashlib
import re
import string
import zlib
from functools import reduce
from itertools import pairwise
from operator import xor

from ..linear import compile_linear
from .candidates import Candidate

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BASE32 = string.ascii_uppercase + "234567"


def mixed_case(candidate: Candidate) -> Candidate | None:
    """Capitals, small letters and digits, many different ones: no digest, no UUID, no name.

    A name may end with a number (`BeanFactory2`). A short token may lack digits by chance; capitals
    all over it say the same, or many of them, several behind a small letter.
    """
    value = candidate.value
    if not any(map(str.isupper, value)) or not any(map(str.islower, value)):
        return None
    capitals = sum(a.islower() and b.isupper() for a, b in pairwise(value))
    within = any(map(str.isdigit, value[:-2])) or (value[-2:-1].isdigit() and value[-1].isalpha())
    many = capitals >= 3 and sum(map(str.isupper, value)) * 10 >= len(value) * 3
    made_up = within or many or capitals * 5 >= len(value)
    return candidate if made_up and len(set(value)) >= 10 else None


def spelled_by_nobody(candidate: Candidate) -> Candidate | None:
    """As `mixed_case`, and at most half of it words, not as `InvalidParameterValue2024Error`."""
    spelled = sum(map(len, re.findall(r"[a-z]{4,}", candidate.value)))
    return mixed_case(candidate) if spelled * 2 <= len(candidate.value) else None


_WORD = r"(?:[a-z]{1,20}[0-9]{0,2}|[0-9]{1,4}[a-z]{0,3})"
_NAME = compile_linear(rf"{_WORD}(?:[_-]{_WORD})*")


def no_name(candidate: Candidate) -> Candidate | None:
    """No words that a sign joins, with numbers or without: `server_timeout_30s`."""
    return None if _NAME.fullmatch(candidate.value) else candidate


_DIGEST = compile_linear(r"[0-9a-z]{1,20}_[0-9a-f]{64}")


def no_digest(candidate: Candidate) -> Candidate | None:
    """Letters and digits, and no SHA-256 as caches have in their keys, unless Cursor is named."""
    value = candidate.value
    near = candidate.before() + (candidate.key or "").lower()
    if _DIGEST.fullmatch(value) and "cursor" not in near:
        return None
    return candidate if any(map(str.isdigit, value)) else None


_HEX = compile_linear(r"(?i)(?:0x)?[0-9a-f]+")


def service_key(candidate: Candidate) -> Candidate | None:
    """Made by a machine, no digest or address: 32 hex digits, or both cases and digits."""
    value = candidate.value
    if _HEX.fullmatch(value):
        made = len(value) == 32 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    else:
        kinds = (str.islower, str.isupper, str.isdigit)
        made = all(any(map(kind, value)) for kind in kinds) and sum(map(str.isdigit, value)) > 2
    return candidate if made else None


# What other keys name: rows, files, what is cached, what is public.
_KEY_OF_ELSE = re.compile(
    r"(?i)(?:cache|public|pub|publishable|site|idempotency|object|file|partition|sort|primary|foreign|message"
    r"|group|row|dedup(?:lication)?|react|translation|i18n|locale|node|map|lock|queue|topic|doc"
    r"|document|item|record|unique|index|s3|blob|event|entity|hash|range|shard|storage|lookup|parent"
    r"|child|track|composite|natural|surrogate|registry|join|issue|project|page|cursor)[ _-]?\Z"
)


def unnamed_key(candidate: Candidate) -> Candidate | None:
    """Made by a machine of both cases and digits, and no key to something that is kept."""
    value = candidate.value
    changes = sum(a.islower() != b.islower() for a, b in pairwise(value))
    if not any(map(str.isdigit, value)) or changes * 4 < len(value):
        return None
    if not any(map(str.isupper, value)) or not any(map(str.islower, value)):
        return None
    name = re.split(r"(?i)key", candidate.before(48))
    return None if len(name) > 1 and _KEY_OF_ELSE.search(name[-2]) else candidate


# What else is written so: digests, and ids of what was asked of a model.
_NO_TOKENS = re.compile(r"(?:sha-?[0-9]{1,3}|md5|blake[0-9]?[a-z]?|h1|(?:chat)?cmpl|modr)[_-]")
_WORDS = re.compile(r"[a-z]{4,}")


def prefixed_token(candidate: Candidate) -> Candidate | None:
    """A prefix in small letters, and behind its sign what a machine made of both cases and digits.

    Names of tests and classes are of words.
    """
    made = re.split("[_-]", candidate.value)[-1]
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in made]
    numbers = sum(b == "d" and a != "d" for a, b in pairwise(kinds))
    spelled = sum(map(len, _WORDS.findall(made)))
    # By chance a token has some, too; names seldom have that many numbers.
    most = len(made) // 2 if numbers == 2 else len(made) * 2 // 3
    if len(set(kinds)) < 3 or numbers < 2 or spelled > most:
        return None
    return None if _NO_TOKENS.match(candidate.value) else candidate


def crc32_base62(candidate: Candidate) -> Candidate | None:
    """The last six characters are the CRC32 of what stands between them and the prefix.

    GitHub's scheme, npm's too: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    """
    _, _, body = candidate.value.partition("_")
    return candidate if len(body) > 6 and crc32_digits(body[:-6]) == body[-6:] else None


def crc32_digits(text: str) -> str:
    """The CRC32 of a text, as six digits of base 62."""
    number = zlib.crc32(text.encode())
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0")


def base58check_any(candidate: Candidate) -> Candidate | None:
    """Base58Check of any length: Bitcoin's kin, Tezos, Tron, extended keys, WIF."""
    return candidate if _checked58(candidate.value, _BASE58) else None


def base58check_ripple(candidate: Candidate) -> Candidate | None:
    """Base58Check in the alphabet of the XRP ledger."""
    return candidate if _checked58(candidate.value, _RIPPLE) else None


def _checked58(text: str, alphabet: str) -> bool:
    raw = _base58(text, alphabet)
    digest = hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()
    return len(raw) > 20 and digest[:4] == raw[-4:]


def _base58(text: str, alphabet: str = _BASE58) -> bytes:
    """Decode, or give nothing where a character is not of the alphabet."""
    number = 0
    for char in text:
        place = alphabet.find(char)
        if place < 0:
            return b""
        number = number * 58 + place
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def ss58(candidate: Candidate) -> Candidate | None:
    """An address of Polkadot, Kusama or another Substrate chain (32-byte account)."""
    raw = _base58(candidate.value)
    digest = hashlib.blake2b(b"SS58PRE" + raw[:-2]).digest()
    return candidate if len(raw) in (35, 36) and digest[:2] == raw[-2:] else None


def monero(candidate: Candidate) -> Candidate | None:
    """A Monero address: base58 in blocks of eleven characters, four bytes of Keccak at the end."""
    value = candidate.value
    raw = b""
    for start in range(0, len(value), 11):
        block = value[start : start + 11]
        size = {11: 8, 9: 6, 7: 5}.get(len(block), 0)
        number = int.from_bytes(_base58(block), "big")
        if size == 0 or number >> (8 * size):
            return None
        raw += number.to_bytes(size, "big")
    return candidate if keccak256(raw[:-4])[:4] == raw[-4:] else None


def strkey(candidate: Candidate) -> Candidate | None:
    """A Stellar key or address: base32 with a CRC16 at the end (SEP-23)."""
    value = candidate.value
    if len(value) % 8 or any(c not in _BASE32 for c in value) or len(set(value)) < 8:
        return None  # the CRC of nothing but zeros is zero
    bits = 0
    for char in value:
        bits = bits << 5 | _BASE32.index(char)
    raw = bits.to_bytes(len(value) * 5 // 8, "big")
    return candidate if _crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little") else None


def _crc16(data: bytes) -> int:
    """CRC16/XMODEM."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def algorand(candidate: Candidate) -> Candidate | None:
    """An Algorand address: base32, four bytes of SHA-512/256 at the end."""
    value = candidate.value
    if len(value) != 58 or any(c not in _BASE32 for c in value):
        return None
    bits = 0
    for char in value:
        bits = bits << 5 | _BASE32.index(char)
    raw = (bits >> 2).to_bytes(36, "big")
    return candidate if hashlib.new("sha512_256", raw[:32]).digest()[-4:] == raw[32:] else None


_CASHADDR = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def cashaddr(candidate: Candidate) -> Candidate | None:
    """A Bitcoin Cash address with its prefix: a BCH code over 40 bits."""
    prefix, _, rest = candidate.value.lower().partition(":")
    if not rest or any(c not in _CASHADDR for c in rest):
        return None
    check = 1
    for value in [ord(c) & 31 for c in prefix] + [0] + [_CASHADDR.index(c) for c in rest]:
        top = check >> 35
        check = (check & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
        ):
            check ^= generator if (top >> bit) & 1 else 0
    return candidate if check == 1 else None


def eip55(candidate: Candidate) -> Candidate | None:
    """An Ethereum address whose capitals are its checksum."""
    digits = candidate.value[2:]
    if digits == digits.lower() or digits == digits.upper():
        return None
    digest = keccak256(digits.lower().encode()).hex()
    right = all(
        char.isdigit() or char.isupper() == (int(place, 16) >= 8)
        for char, place in zip(digits, digest, strict=False)
    )
    return candidate if right else None


_ROTATIONS = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)
_MASK = (1 << 64) - 1
_RATE = 136  # bytes a block, for 256 bits


def keccak256(data: bytes) -> bytes:
    """Keccak as it was before it became SHA-3 (other padding): what Ethereum and Monero hash with.

    Plain Python: some hundreds of blocks a second, so only ever asked about one candidate.
    """
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for index in range(_RATE // 8):
            word = padded[start + index * 8 : start + index * 8 + 8]
            lanes[index % 5][index // 5] ^= int.from_bytes(word, "little")
        _permute(lanes)
    return b"".join(lanes[x][0].to_bytes(8, "little") for x in range(4))


def _turn(word: int, places: int) -> int:
    return (word << places | word >> (64 - places)) & _MASK


def _permute(lanes: list[list[int]]) -> None:
    register = 1
    for _ in range(24):
        columns = [reduce(xor, lane) for lane in lanes]
        for x in range(5):
            mixed = columns[(x + 4) % 5] ^ _turn(columns[(x + 1) % 5], 1)
            for y in range(5):
                lanes[x][y] ^= mixed
        moved = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                moved[y][(2 * x + 3 * y) % 5] = _turn(lanes[x][y], _ROTATIONS[x][y])
        for x in range(5):
            for y in range(5):
                lanes[x][y] = moved[x][y] ^ (~moved[(x + 1) % 5][y] & _MASK & moved[(x + 2) % 5][y])
        for place in range(7):  # the round constant, from its shift register
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
            if register & 2:
                lanes[0][0] ^= 1 << ((1 << place) - 1)
