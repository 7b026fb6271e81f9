"""A key is found in the folder that it protects, however it is written there."""

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from errlock.ledger.journal.signing import SigningKey, new_key_files
from errlock.pipeline.host.misplaced_keys import file_with_key
from errlock.policy.keyring.pseudonyms import key_bytes, new_key


def wrapped(text: str) -> str:
    return "\r\n".join(text[at : at + 20] for at in range(0, len(text), 20))


FORMS: dict[str, Callable[[str], str | bytes]] = {
    "as errlock prints it": lambda key: f"ERRLOCK_KEY={key}\n",
    "its bytes": lambda key: b"\n" + key_bytes(key) + b"\n",
    "hex": lambda key: key_bytes(key).hex(),
    "hex in upper case and pairs": lambda key: key_bytes(key).hex(":").upper(),
    "base64": lambda key: base64.b64encode(key_bytes(key)).decode(),
    "base64 of something longer": lambda key: base64.b64encode(b"key=" + key_bytes(key)).decode(),
    "several lines": lambda key: wrapped(base64.b64encode(key_bytes(key)).decode()),
    "the base64 of a Secret": lambda key: base64.b64encode(f"{key}\n".encode()).decode(),
    "the base64 of a file": lambda key: base64.encodebytes(f"A=b\nERRLOCK_KEY={key}".encode()),
    "the hex of its text": lambda key: key.encode().hex(),
    "UTF-16": lambda key: f"{key}\r\n".encode("utf-16"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_found(tmp_path: Path, form: str) -> None:
    for number in range(20):
        key = new_key()
        written = FORMS[form](key)
        path = tmp_path / "sub" / "key"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written.encode() if isinstance(written, str) else written)
        assert file_with_key(tmp_path, key_bytes(key)) == path, number
        assert file_with_key(tmp_path, secrets.token_bytes(32)) is None


PEM_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "PEM": lambda pem: pem,
    "PEM with other ends of lines": lambda pem: pem.replace(b"\n", b"\r\n"),
    "PEM in JSON": lambda pem: json.dumps({"key": pem.decode()}).encode(),
    "DER": lambda pem: base64.b64decode(b"".join(pem.splitlines()[1:-1])),
    "the base64 of a Secret": base64.encodebytes,
}


@pytest.mark.parametrize("form", PEM_FORMS)
def test_so_is_one_that_signs(tmp_path: Path, form: str) -> None:
    new_key_files(tmp_path / "key")
    pem = (tmp_path / "key").read_bytes()
    inside = tmp_path / "store" / "copy"
    inside.parent.mkdir()
    inside.write_bytes(PEM_FORMS[form](pem))
    assert file_with_key(inside.parent, SigningKey(pem.decode()).raw) == inside
    inside.write_bytes((tmp_path / "key.pub").read_bytes())
    assert file_with_key(inside.parent, SigningKey(pem.decode()).raw) is None


@pytest.mark.parametrize("key", [b"zq", b"zq7"])
def test_a_key_of_a_few_bytes_is_not_found_everywhere(key: bytes, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_bytes(b"nothing of it")
    assert file_with_key(tmp_path, key) is None
    file.write_bytes(b"here: " + key)
    assert file_with_key(tmp_path, key) == file
