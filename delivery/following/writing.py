"""Control documents written by people: releases, and documents of fleets without a collector.

Each goes on from the one before it, so that those who come later learn all that was said. What
a clock that was ahead has left there is said as of now: nobody believes what is of the future.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .document import Bundle, Online, Release, Signed, Tight, Word, open_part, sign
from .keys import SigningKey


def write_release(
    key: SigningKey,
    audience: str,
    lift: Iterable[str],
    before: Bundle | None,
    *,
    now: float,
    lifetime: float,
) -> Signed:
    """Lift every word on these names up to now, beside what the release in `before` lifted.

    Raises Refused when that one is not of this key and audience.
    """
    earlier = None
    if before is not None and before.release is not None:
        earlier = open_part(before.release, [key.public], audience, Release)
    lifted_before = earlier.lifted if earlier else {}
    lifted = {name: min(moment, now) for name, moment in lifted_before.items()}
    part = Release(
        audience=audience,
        version=_version(earlier, now),
        issued=now,
        expires=now + lifetime,
        lifted=lifted | dict.fromkeys(lift, now),
    )
    return sign(part, key)


def write_online(
    key: SigningKey,
    audience: str,
    words: Mapping[str, Tight],
    active: Mapping[str, str],
    before: Bundle | None,
    *,
    now: float,
    lifetime: float,
) -> Signed:
    """Say these words now, beside those in `before`. Raises Refused as `write_release` does."""
    earlier = None if before is None else open_part(before.online, [key.public], audience, Online)
    said = {
        name: Word(state=word.state, since=min(word.since, now))
        for name, word in (earlier.trust if earlier else {}).items()
    }
    said |= {name: Word(state=state, since=now) for name, state in words.items()}
    part = Online(
        audience=audience,
        version=_version(earlier, now),
        issued=now,
        expires=now + lifetime,
        trust=said,
        active={**(earlier.active if earlier else {}), **active},
    )
    return sign(part, key)


def _version(earlier: Online | Release | None, now: float) -> int:
    return max(0 if earlier is None else earlier.version + 1, int(now * 1000))
