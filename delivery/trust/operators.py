"""Who runs a destination: what a word of distrust about a company means in hosts."""

from __future__ import annotations

import socket
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
    name = canonical(host)
    if "." not in name or _address(name) is not None:
        return name
    return _suffixes().privatesuffix(name) or name


def domains_of(host: str) -> list[str]:
    """Every domain above a host, itself first: what a word about its operator may be about.

    An address, and a name of one label, have nobody above them.
    """
    name = canonical(host)
    if _address(name) is not None:
        return [name]
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def canonical(host: str) -> str:
    """A host as it is told, however it was written: `bücher.example`, `127.1`, `2001:DB8::0:1`."""
    name = host.rstrip(".").lower()
    if (address := _address(name)) is not None:
        return address
    try:
        return name.encode("idna").decode()
    except UnicodeError:  # labels that no registry has
        return name


def spellings(name: str) -> set[str]:
    """What a name may be that somebody types: an exporter's id, an operator's, a host."""
    return {name, name.lower(), canonical(name)}


def _address(name: str) -> str | None:
    """An IP address in its usual form, also of those forms that resolvers take (inet_aton(3))."""
    try:
        found = ip_address(name)
    except ValueError:
        try:
            return socket.inet_ntoa(socket.inet_aton(name))
        except (OSError, UnicodeError):
            return None
    return str(getattr(found, "ipv4_mapped", None) or found)


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # reads some 300 KB: only who needs it

    return PublicSuffixList()
