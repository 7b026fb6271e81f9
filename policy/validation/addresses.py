"""Addresses of machines and mailboxes, and what only looks like them."""

from __future__ import annotations

import ipaddress

from ..linear import compile_linear
from .candidates import Candidate

_VERSION_WORDS = compile_linear(
    r"(?:[a-z]/|\bv|version(?:\W{0,3}| to )|[<>]= ?|~> ?|\bver\W{0,2}|release\W{0,3}|build\W{0,3}|@"
    r"|(?:(?:up|down)grad(?:e[ds]?|ing)|bump(?:s|ed|ing)?|deps\W{1,4}update)"
    r"(?: [\w.-]{1,30})? (?:from |(?:from [0-9.]{5,15} )?to )"
    r"|(?:mobile|ios|android|desktop) app |(?:fixes|changes|new|introduced|added) (?:since|in) "
    r"|(?:^|\n)\s*//+ |\bstep "
    r"|firmware |driver |requires |jdk-?|java |dotnet |runtime |assembly "
    r"|oid[0-9]{0,2}\W{1,2}|objectidentifier\W{1,3}|\brfc ?[0-9]{3,5},? \(?"
    r"|\bsection |\bsec\. |§|\bchapter |\bclause |:(?:amd64|arm64|armhf|i386|all) )$"
)
_VERSION_KEYS = compile_linear(
    r"(?i)(?:version|release|build|sdk|kernel|firmware|dependency|\bdep\b|package|oid$|schema)"
)


# `bob@203.0.113.7` where no package with its version can stand.
_LOGIN = compile_linear(
    r"\b(?:ssh|scp|sftp|rsync|mosh|ftp|psql|login|root|ubuntu|ec2-user|deploy)\b.{0,60}@$"
)


def _is_host_of_login(candidate: Candidate) -> bool:
    if candidate.before(1) != "@":
        return False
    return candidate.after(2) == "'s" or _LOGIN.search(candidate.before(80)) is not None


def ipv4(candidate: Candidate) -> Candidate | None:
    """An address, not a version: neither loopback, unspecified, broadcast nor a netmask."""
    if candidate.key and _VERSION_KEYS.search(candidate.key):
        return None
    version = not candidate.stands_alone("_") or _VERSION_WORDS.search(candidate.before())
    if version and not _is_host_of_login(candidate):
        return None
    left, right = candidate.before(2), candidate.after(2)
    if left[-1:] in (".", "-") or (right[:1] in (".", "-") and right[1:].isalnum()):
        return None
    if right[:1] in ("+", "~"):
        return None
    octets = candidate.value.split(".")
    if len(octets) != 4 or not all(octet.isdecimal() and octet.isascii() for octet in octets):
        return None
    if any(int(octet) > 255 or (octet[0] == "0" and octet != "0") for octet in octets):
        return None
    first = int(octets[0])  # 224 and up: a group of machines, whoever they are
    if first in (0, 127) or first >= 224 or candidate.value.endswith(".0.0.0"):
        return None
    return None if candidate.value in _NOBODYS else candidate


_NOBODYS = ("169.254.169.254", "1.3.6.1")  # where clouds keep metadata; what object ids begin with


_CUSTOMERS = compile_linear(
    r"(?:dyn|dhcp|pool|static|cpe|dsl|ec2|compute|cable|broadband|dial|client|customer|rev)"
)


_OCTETS = compile_linear(r"^[0-9]{1,3}(?:-[0-9]{1,3}){3}$")


def ipv4_dashes(candidate: Candidate) -> Candidate | None:
    """An address in a host's name, not a private one: those name machines of the sender's own."""
    if not _OCTETS.match(candidate.value):
        return None
    octets = [int(octet) for octet in candidate.value.split("-")]
    if max(octets) > 255 or octets[0] in (0, 10, 127, 255) or octets[:2] == [192, 168]:
        return None
    if octets[0] == 172 and 16 <= octets[1] <= 31:
        return None
    if candidate.before(1).isalnum():
        return None
    near = candidate.before(12) + candidate.after(60)
    return candidate if len(candidate.digits) >= 7 or _CUSTOMERS.search(near) else None


_IPV6_TAIL = compile_linear(r"[^:]:$")


def ipv6(candidate: Candidate) -> Candidate | None:
    """An address as RFC 4291 writes them; loopback, times, slices and C++ scopes are not."""
    glue = "_:"
    if _IPV6_TAIL.search(candidate.value):  # an address and the colon of a sentence
        candidate = candidate._replace(end=candidate.end - 1)
        glue = "_"
    if not candidate.stands_alone(glue):
        return None
    bare = candidate.value.partition("%")[0]
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return None
    groups = [group for group in bare.split(":") if group]
    if not any(c.isdigit() for c in bare) or (len(groups) < 3 and len(groups[0]) < 3):
        return None
    if "::" not in bare and max(len(group) for group in groups) < 3:
        return None
    return candidate if len(groups) > 1 else None


def mac(candidate: Candidate) -> Candidate | None:
    """A hardware address with one kind of separator; not all zeros or ones."""
    value = candidate.value.lower()
    separators = {c for c in value if c in ":-."}
    compact = value.replace(":", "").replace("-", "").replace(".", "")
    if len(separators) > 1 or compact in ("0" * 12, "f" * 12):
        return None
    if (not separators or "." in separators) and (compact.isdigit() or compact.isalpha()):
        return None
    return candidate if candidate.stands_alone(":-._") else None


_FILE_ENDINGS = (
    "png jpg jpeg gif svg webp ico js mjs cjs css map json html htm xml pdf mp4 woff woff2"
)
_REMOTE = compile_linear(r"^:[\w~.\-]*/|^:[\w~.\-]+\.git\b")
_AUTHORITY = compile_linear(r"[a-z][a-z0-9+.\-]*:/{1,2}(?:[^\s/?#\"'<>]*)$")


def email(candidate: Candidate) -> Candidate | None:
    """A mailbox: not a package with its version, an image's density, a git remote, a URL's user."""
    local, _, domain = candidate.value.replace("＠", "@").rpartition("@")
    labels = domain.lower().split(".")
    if local.lower() in ("git", "hg", "svn"):
        return None
    if candidate.after(1) == ":" and _REMOTE.match(candidate.after(60)):
        return None
    numeric = sum(label.isdigit() for label in labels)
    if numeric > 1 or (numeric and labels[0].isdigit() and len(labels[0]) == 1):
        return None
    if labels[-1] in _FILE_ENDINGS.split() and labels[0][:1].isdigit():
        return None
    before = candidate.before(200)
    if "/" in before and _AUTHORITY.search(before) and not candidate.before(8).endswith("mailto:"):
        return None
    return None if local.endswith("/") or candidate.before(1) == "@" else candidate
