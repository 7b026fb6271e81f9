"""`errlock key rotate`, `destroy` and `list`, on real files."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from errlock.pipeline.cli import main
from errlock.policy.keyring.epochs import Said
from errlock.policy.keyring.file import KeyringFile
from errlock.policy.keyring.keyring import FileKeyring, new_keyring
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()
_TIME = r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

Key = Callable[..., tuple[int, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A keyring whose first epoch has a key of sentry and one of tempo."""
    path = tmp_path / "keyring"
    new_keyring(path, KEY, Said("ann", "", "2026-01-01T00:00:00Z"))
    for scope in ("sentry", "tempo"):
        FileKeyring(path, KEY).open(scope)
    return path


@pytest.fixture
def key(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Key:
    """Runs `errlock key ACTION --keyring PATH …` as ann, who types `typed`."""
    monkeypatch.setenv("LOGNAME", "ann")

    def run(action: str, *options: str, typed: str = "") -> tuple[int, str, str]:
        stdin = io.TextIOWrapper(io.BytesIO(typed.encode("latin-1")), "utf-8")
        monkeypatch.setattr("sys.stdin", stdin)
        code = main(["key", action, "--keyring", str(path), *options])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def pseudonyms(path: Path, scope: str) -> list[str]:
    epochs = FileKeyring(path, KEY).all(scope)
    return [epoch.pseudonym("pii.email", "jane@example.com") for epoch in epochs]


def test_a_rotation_needs_no_key_and_says_what_begins(key: Key, path: Path) -> None:
    assert key("rotate") == (0, "e2 begins\n", "")
    assert key("rotate", "--destination", "sentry") == (0, "e3 begins for sentry\n", "")
    current = [FileKeyring(path, KEY).current(scope).name for scope in ("sentry", "tempo")]
    assert current == ["e3", "e2"]


def test_a_misspelt_destination_begins_and_destroys_nothing(key: Key, path: Path) -> None:
    before = path.read_bytes()
    for action in ("rotate", "destroy"):
        assert key(action, "--destination", "sentri") == (
            2, "",
            f"{path}: has no key of 'sentri'; did you mean 'sentry'? Known: sentry, tempo\n",
        )  # fmt: skip
    assert path.read_bytes() == before


def test_one_destinations_keys_are_destroyed_and_the_others_stay(key: Key, path: Path) -> None:
    key("rotate")
    FileKeyring(path, KEY).open("sentry")
    tempo = pseudonyms(path, "tempo")
    code, out, err = key("destroy", "--destination", "sentry", "--yes", "--why", "breach")
    assert code == 0
    assert out == "e1 destroyed for sentry\ne2 destroyed for sentry\ne3 begins for sentry\n"
    assert err == "no copy of the keyring file may be left: a backup would undo this\n"
    assert pseudonyms(path, "sentry") == []
    assert pseudonyms(path, "tempo") == tempo
    assert [event.why for event in KeyringFile(path).read().epochs.history] == [
        "", "", "breach", "breach", "breach",
    ]  # fmt: skip


def test_who_destroys_is_told_what_becomes_impossible_and_asked(key: Key, path: Path) -> None:
    before = path.read_bytes()
    code, out, err = key("destroy", "--destination", "sentry", typed="\u00e4\n")  # in Latin-1
    assert (code, out) == (1, "")
    assert "keys of e1 for sentry" in err
    assert "`errlock pseudonym` cannot find a person there any more" in err
    assert "A copy of the keyring file undoes it" in err
    assert err.endswith("Type sentry to destroy them: errlock key destroy: nothing was destroyed\n")
    assert path.read_bytes() == before
    assert key("destroy", "--destination", "sentry", typed="sentry\n")[0] == 0
    assert pseudonyms(path, "sentry") == []


@pytest.mark.parametrize(("options", "typed"), [((), "all"), (("--epoch", "e1"), "e1")])
def test_a_whole_epoch_is_confirmed_by_its_name(
    key: Key, path: Path, options: tuple[str, ...], typed: str
) -> None:
    assert key("destroy", *options, typed="sentry\n")[0] == 1
    assert key("destroy", *options, typed=f"{typed}\n")[:2] == (0, "e1 destroyed\ne2 begins\n")


def test_epochs_that_ended_before_a_time_are_destroyed(key: Key, path: Path) -> None:
    for month in ("02", "03"):
        said = Said("ann", "", f"2026-{month}-01T00:00:00Z")
        KeyringFile(path).change(lambda epochs, said=said: epochs.begun(None, said))  # type: ignore[misc]
    assert key("destroy", "--before", "2026-01-31", "--yes")[:2] == (1, "")
    assert key("destroy", "--before", "2026-02-01", "--yes")[:2] == (0, "e1 destroyed\n")
    assert key("destroy", "--before", "0", "--yes")[:2] == (0, "e2 destroyed\n")
    assert key("destroy", "--before", "0", "--yes") == (
        1, "", "errlock key destroy: no key is left of those\n",
    )  # fmt: skip


def test_what_cannot_be_destroyed_is_said(key: Key, path: Path) -> None:
    assert key("destroy", "--epoch", "e9", "--yes") == (2, "", f"{path}: there is no epoch e9\n")
    key("destroy", "--epoch", "e1", "--yes")
    assert key("destroy", "--epoch", "e1", "--yes") == (
        2, "", f"{path}: e1 was destroyed before\n",
    )  # fmt: skip
    assert key("destroy", "--epoch", "e1", "--before", "1d", "--yes")[0] == 2


def test_the_list_shows_epochs_and_never_a_key(key: Key, path: Path) -> None:
    key("rotate")
    key("destroy", "--epoch", "e1", "--destination", "sentry", "--yes", "--why", "breach")
    code, out, err = key("list")
    assert (code, err) == (0, "")
    lines = [re.sub(_TIME, "TIME", re.sub(" +", " ", line)) for line in out.splitlines()]
    assert lines[1:] == [
        "epoch began by destination key",
        "e1 TIME ann sentry destroyed TIME by ann: breach",
        "e1 TIME ann tempo is there",
        "e2 TIME ann every one none was needed yet",
    ]
    document = json.loads(key("list", "--json")[1])
    assert [each["epoch"] for each in document["epochs"]] == ["e1", "e2"]
    assert document["epochs"][0]["keys"] == ["tempo"]
    assert document["epochs"][0]["destroyed"][0]["destination"] == "sentry"
    sealed = KeyringFile(path).read().epochs.keys["e1"]["tempo"]
    assert sealed not in out + json.dumps(document)


@pytest.mark.parametrize("action", ["rotate", "destroy", "list"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", "there is no keyring file: make one with `errlock key new --keyring FILE`"),
        ("mode", "the keyring file can be read by others: chmod 600 it"),
        ("truncated", "the keyring file is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_left_as_it_is(
    key: Key, path: Path, action: str, damage: str, message: str
) -> None:
    if damage == "missing":
        path.unlink()
    elif damage == "mode":
        path.chmod(0o640)
    else:
        path.write_bytes(path.read_bytes()[:100])
    before = path.read_bytes() if path.exists() else b""
    assert key(action) == (2, "", f"{path}: {message}\n")
    assert (path.read_bytes() if path.exists() else b"") == before
