"""Files of certificates that OpenSSL does not take: which, and what is wrong with it."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from self_signed import Authority, self_signed

from errlock.pipeline.errors import ConfigError
from errlock.pipeline.http.certificates import show, trusting
from errlock.pipeline.options import PemFile


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def other(path: Path) -> None:
    kept = path.read_bytes()
    self_signed(path.parent)
    path.write_bytes(kept)


def with_password(path: Path) -> None:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    password = serialization.BestAvailableEncryption(b"hunter2")
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, password))


def half_a_chain(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])


CERTIFICATE = "{} holds no certificate in PEM, or not a whole one"
KEY = "{} holds no private key in PEM without a password, or not a whole one"
FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "half a certificate": ("cert", half, CERTIFICATE),
    "half a chain": ("cert", half_a_chain, CERTIFICATE),
    "no certificate": ("cert", empty, CERTIFICATE),
    "no text": ("cert", binary, CERTIFICATE),
    "no file": ("cert", Path.unlink, "{} cannot be read: No such file or directory"),
    "half a key": ("key", half, KEY),
    "no key": ("key", empty, KEY),
    "a key with a password": ("key", with_password, KEY),
    "no file of the key": ("key", Path.unlink, "{} cannot be read: No such file or directory"),
    "the key of another": ("key", other, "{} is not the key of the certificate in "),
    "a certificate of another": ("cert", other, "key.pem is not the key of the certificate in {}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_the_path_and_without_the_content(fault: str, tmp_path: Path) -> None:
    which, spoil, text = FAULTS[fault]
    cert, key = self_signed(tmp_path)
    path = {"cert": cert, "key": key}[which]
    spoil(path)
    with pytest.raises(ConfigError) as error:
        show(
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), PemFile(cert), PemFile(key), "tls"
        )
    [problem] = error.value.problems
    named = "key" if "key of" in text else which
    assert problem.path == f"tls.{named}_file"
    assert text.format(path) in problem.message
    for line in [*key.read_text(errors="replace").splitlines()] if key.exists() else []:
        assert len(line) < 20 or line not in str(error.value)


@pytest.mark.parametrize("fault", [name for name in FAULTS if FAULTS[name][2] == CERTIFICATE])
def test_so_are_authorities(fault: str, tmp_path: Path) -> None:
    ca, _ = self_signed(tmp_path)
    FAULTS[fault][1](ca)
    with pytest.raises(ConfigError) as error:
        trusting(PemFile(ca), "tls.ca_file")
    assert str(error.value) == f"tls.ca_file: {CERTIFICATE.format(ca)}"


def test_what_is_whole_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    cert, key = authority.issue(tmp_path)
    cert.write_bytes(cert.read_bytes() + b"# the chain\n" + authority.cert.read_bytes())
    show(context, PemFile(cert), PemFile(key), "tls")
    [trusted] = trusting(PemFile(authority.cert), "ca_file").get_ca_certs()
    assert trusted["subject"] == (((("commonName", "authority")),),)
