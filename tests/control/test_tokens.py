"""Tokens of people: made once, kept as digests, worthless where others may read them."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from errlock.pipeline.control.tokens import (
    CONFIGURED,
    FIRST,
    ROLES,
    Person,
    Tokens,
    TokenStore,
    TokensUnusable,
    new_token,
    token_in,
)
from errlock.pipeline.host import private_files
from errlock.pipeline.options import Secret


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "data")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_token_is_made_once_and_may_do_everything(store: TokenStore) -> None:
    store.prepare()
    token = store.first.read_text().strip()
    store.prepare()
    assert store.first.read_text().strip() == token
    assert Tokens(store, None).person(token) == Person(FIRST, "release")


def test_folder_and_files_are_their_owners_alone(store: TokenStore) -> None:
    store.prepare()
    store.add("jane", "read")
    assert mode(store.folder) == 0o700
    assert {path.name: mode(path) for path in store.folder.iterdir()} == {
        "control-token": 0o600,
        "tokens.json": 0o600,
    }


def test_only_digests_of_tokens_are_kept(store: TokenStore) -> None:
    token = store.add("jane", "operate")
    assert len(token) == len("errlock_") + 43
    kept = (store.folder / "tokens.json").read_text()
    assert token not in kept
    assert [each["name"] for each in json.loads(kept)["tokens"]] == [FIRST, "jane"]


def test_a_change_is_seen_by_who_has_read_before(store: TokenStore) -> None:
    running = Tokens(TokenStore(store.folder), None)
    jane = store.add("jane", "operate")
    assert running.person(jane) == Person("jane", "operate")
    joe = store.add("joe", "read")
    assert running.person(joe) == Person("joe", "read")
    assert store.remove("jane")
    assert running.person(jane) is None
    assert running.person(joe) == Person("joe", "read")


def test_removing_the_first_token_removes_its_file(store: TokenStore) -> None:
    store.prepare()
    token = store.first.read_text().strip()
    assert store.remove(FIRST)
    assert not store.first.exists()
    store.prepare()  # the next start makes no other one
    assert not store.first.exists()
    assert Tokens(store, None).person(token) is None


def test_nothing_is_removed_where_there_is_nothing(store: TokenStore) -> None:
    assert not store.remove("jane")
    store.prepare()
    assert not store.remove("jane")


@pytest.mark.parametrize("file", ["tokens.json", "control-token"])
@pytest.mark.parametrize("bits", [0o640, 0o604])
def test_a_file_that_others_may_read_is_not_used(store: TokenStore, file: str, bits: int) -> None:
    store.prepare()
    Tokens(store, None).person("any")
    (store.folder / file).chmod(bits)
    with pytest.raises(TokensUnusable, match=f"chmod 600 .*{file}"):
        token_in(store.folder / file)
    if file == "tokens.json":
        with pytest.raises(TokensUnusable):
            Tokens(store, None).person("any")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"tokens": 1}',
        b'{"tokens": [{"name": "a"}]}',
        b'{"tokens": [{"name": "\xff"}]}',
    ],
)
def test_a_damaged_file_lets_nobody_in_and_is_not_quoted(store: TokenStore, content: bytes) -> None:
    store.prepare()
    (store.folder / "tokens.json").write_bytes(content)
    with pytest.raises(TokensUnusable, match=r"^tokens.json is damaged: remove it"):
        Tokens(store, None).person("any")


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "\x1b[31m", "-x", "a" * 64, CONFIGURED])
def test_a_name_is_short_and_plain(store: TokenStore, name: str) -> None:
    with pytest.raises(TokensUnusable):
        store.add(name, "read")


def test_a_person_has_one_token(store: TokenStore) -> None:
    store.add("jane", "read")
    with pytest.raises(TokensUnusable, match="'jane' has a token already"):
        store.add("jane", "release")


def test_the_configured_token_needs_no_folder() -> None:
    tokens = Tokens(None, Secret("of the configuration"))
    tokens.prepare()
    assert tokens.person("of the configuration") == Person(CONFIGURED, "release")
    assert tokens.person("of the configuration ") is None
    assert tokens.person("\udcff") is None


def test_a_role_may_do_what_those_before_it_may() -> None:
    table = {role: [each for each in ROLES if Person("a", role).may(each)] for role in ROLES}
    assert table == {
        "account": ["account"],  # of applications: apart from people's
        "read": ["read"],
        "operate": ["read", "operate"],
        "release": ["read", "operate", "release"],
    }


def test_a_token_may_come_through_a_pipe_but_nobody_waits_for_it_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe, token = tmp_path / "pipe", new_token()
    os.mkfifo(pipe, 0o600)
    writer = threading.Thread(target=pipe.write_text, args=[token])
    writer.start()
    assert token_in(pipe) == token
    writer.join()
    monkeypatch.setattr(private_files, "PATIENCE", 0.01)
    with pytest.raises(OSError, match="in which nothing comes"):
        token_in(pipe)
