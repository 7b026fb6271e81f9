"""Certificates for localhost: one that is its own authority, and those that an authority signs.

They have what RFC 5280 demands: from Python 3.13 on nobody else's is trusted.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_Key = ec.EllipticCurvePrivateKey


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write one: the paths of the certificate and of its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("localhost")
    return _written(folder, _signed(name, key, name, key, is_authority=True), key)


class Authority:
    """Signs certificates; whoever trusts the file `cert` trusts them all."""

    def __init__(self, folder: Path) -> None:
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _name("authority")
        folder.mkdir()
        own = _signed(self._name, self._key, self._name, self._key, is_authority=True)
        self.cert, _ = _written(folder, own, self._key)

    def issue(self, folder: Path, days: float = 1.0, since: float = -10.0) -> tuple[Path, Path]:
        """Write a new one, over that which is there: the paths of the certificate and its key.

        It is valid from so many days on, and expires in so many: of less than none, it has.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _signed(
            _name("localhost"),
            key,
            self._name,
            self._key,
            is_authority=False,
            days=days,
            since=since,
        )
        return _written(folder, signed, key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    name: x509.Name,
    key: _Key,
    issuer: x509.Name,
    by: _Key,
    *,
    is_authority: bool,
    days: float = 1.0,
    since: float = -10.0,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=since))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(signs=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
        .sign(by, hashes.SHA256())
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _written(folder: Path, certificate: x509.Certificate, key: _Key) -> tuple[Path, Path]:
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file
