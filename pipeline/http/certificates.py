"""Certificates, their keys and authorities from PEM files, as OpenSSL takes them.

OpenSSL names no file, so what it does not take is looked at again: the error says which file it
is and what kind of fault it has. Nothing that is in a file is ever shown.
"""

from __future__ import annotations

import ssl

from ...policy.named_files import read_file
from ..errors import ConfigError, Problem
from ..options import PemFile

_OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")


def unreadable(**files: PemFile | None) -> list[Problem]:
    """What is wrong with options whose files cannot even be read."""
    faults = {option: _unreadable(file) for option, file in files.items() if file is not None}
    return [Problem(option, fault) for option, fault in faults.items() if fault is not None]


def show(context: ssl.SSLContext, cert_file: PemFile, key_file: PemFile, section: str) -> None:
    """Have one side of TLS show a certificate.

    Raises ConfigError about `cert_file` or `key_file` of a section of options.
    """
    for name, file in (("cert_file", cert_file), ("key_file", key_file)):
        if (fault := _unreadable(file)) is not None:  # OpenSSL would wait for a pipe for ever
            raise ConfigError([Problem(f"{section}.{name}", fault)])
    try:
        # An empty password: nobody is there to be asked for another one.
        context.load_cert_chain(cert_file.path, key_file.path, password=lambda: "")
    except OSError as error:
        raise ConfigError([_fault(cert_file, key_file, section, error)]) from None


def trusting(ca_file: PemFile, option: str) -> ssl.SSLContext:
    """A client that trusts these authorities alone. Raises ConfigError about an option."""
    if (fault := _fault_of_certificates(ca_file)) is not None:
        raise ConfigError([Problem(option, fault)])
    return ssl.create_default_context(cafile=ca_file.path)


def demand(context: ssl.SSLContext, client_ca_file: PemFile, option: str) -> None:
    """Have a server serve nobody but who shows a certificate that these authorities vouch for.

    Raises ConfigError about an option.
    """
    if (fault := _fault_of_certificates(client_ca_file)) is not None:
        raise ConfigError([Problem(option, fault)])
    context.load_verify_locations(client_ca_file.path)
    context.verify_mode = ssl.CERT_REQUIRED


def _fault(cert_file: PemFile, key_file: PemFile, section: str, error: OSError) -> Problem:
    if (fault := _fault_of_certificates(cert_file)) is not None:
        return Problem(f"{section}.cert_file", fault)
    reason = getattr(error, "reason", None)
    if (fault := _unreadable(key_file)) is None:
        fault = f"holds no private key in PEM without a password, or not a whole one ({reason})"
        if reason in _OTHER_KEY:
            fault = f"is not the key of the certificate in {cert_file}"
        fault = f"{key_file} {fault}"
    return Problem(f"{section}.key_file", fault)


def _fault_of_certificates(file: PemFile) -> str | None:
    """What is wrong with a file of certificates; None: nothing."""
    if (fault := _unreadable(file)) is not None:
        return fault
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file.path)
    except OSError:
        return f"{file} holds no certificate in PEM, or not a whole one"
    return None


def _unreadable(file: PemFile) -> str | None:
    try:
        read_file(file.path, patience=0)
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    return None
