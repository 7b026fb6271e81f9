"""Who runs a destination: what a word of distrust about a company means in hosts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def operators_of(hosts: Iterable[str], named: str | None = None) -> frozenset[str]:
    """The operators of a destination with these hosts.

    That is the registrable domain of each host, and the one that is `named` in the configuration:
    it does not replace the others, so that a word about a domain misses nothing that is there.
    """
    found = {registrable_domain(host) for host in hosts}
    return frozenset(found | {named.lower()} if named else found)


def registrable_domain(host: str) -> str:
    """The part of a host name that somebody registered: `sentry.io` of `o1.ingest.sentry.io`.

    By the Public Suffix List (https://publicsuffix.org), read from the package, never from the
    network. IP addresses, names of one label and public suffixes stand for themselves.
    """
    name = host.rstrip(".").lower()
    if "." not in name or _is_address(name):
        return name
    try:
        name = name.encode("idna").decode()
    except UnicodeError:  # labels that no registry has
        return name
    return _suffixes().privatesuffix(name) or name


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # reads some 300 KB: only who needs it

    return PublicSuffixList()
