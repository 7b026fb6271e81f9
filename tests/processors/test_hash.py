import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scrubbing import scrubbed

from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ConfigError
from errlock.pipeline.options import decode_option
from errlock.policy.keyring.epochs import Said
from errlock.policy.keyring.keyring import new_keyring
from errlock.policy.keyring.pseudonyms import new_key
from errlock.processors.hash import Hash

SETTINGS = Settings("hash", Counters(), logging.getLogger("test"))
TREE = {"user": {"id": 4711, "email": "Jane@Example.com"}, "message": "jane@example.com"}


def hashing(**options: Any) -> Hash:
    return msgspec.convert(options, Hash, dec_hook=decode_option)


def test_users_are_hashed_by_default_and_two_processes_agree() -> None:
    key = new_key()
    one, two = (scrubbed(TREE, parts=[hashing(key=key).build(SETTINGS)]) for _ in range(2))
    assert one == two
    assert one["user"]["email"] == one["message"]
    assert one["user"]["id"].startswith("[user_id:e0:")


def test_with_a_keyring_the_epoch_is_in_the_pseudonym(tmp_path: Path) -> None:
    key = new_key()
    new_keyring(tmp_path / "ring", key, Said())
    part = hashing(key=key, keyring=str(tmp_path / "ring")).build(SETTINGS)
    assert scrubbed(TREE, parts=[part])["message"].startswith("[email:e1:")


def test_there_is_no_start_without_a_key() -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field `key`"):
        hashing()
    assert [str(problem) for problem in hashing(key="hunter2").problems()] == [
        "key: not a key: make one with `errlock key new`"
    ]


def test_a_keyring_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    config = hashing(key=new_key(), keyring=str(tmp_path / "none"))
    with pytest.raises(ConfigError) as caught:
        config.build(SETTINGS)
    assert str(caught.value) == (
        "keyring: there is no keyring file: make one with `errlock key new --keyring FILE`"
    )


def test_unknown_classes_are_told() -> None:
    assert [
        str(problem) for problem in hashing(key=new_key(), classes=["pii.mail"]).problems()
    ] == ["classes.pii.mail: unknown class 'pii.mail'; did you mean 'pii.email'?"]
