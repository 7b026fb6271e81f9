"""errlock's own log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from errlock.pipeline.logs import Encoding, Level, configure_logging


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("errlock")
    handlers, levels, raising = (
        list(root.handlers),
        (root.level, ours.level),
        logging.raiseExceptions,
    )
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.raiseExceptions = raising
    logging.captureWarnings(False)


def logged(level: Level = "info", encoding: Encoding = "json") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, encoding, stream)
    return stream


def test_json_is_one_object_a_line() -> None:
    stream = logged()
    logging.getLogger("errlock.sentry").warning("queue of %s is full", "sentry/eu")
    entry = json.loads(stream.getvalue())
    assert entry.pop("ts").endswith("Z")
    assert entry == {
        "level": "warn",
        "logger": "errlock.sentry",
        "msg": "queue of sentry/eu is full",
    }


def test_console_is_one_line_without_control_characters() -> None:
    stream = logged(encoding="console")
    logging.getLogger("errlock").info("a\x1b[31m\nb")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"info  errlock: a\x1b[31m\nb")


def test_levels_hold_for_our_own_entries() -> None:
    stream = logged("warn")
    logging.getLogger("errlock.x").info("no")
    logging.getLogger("errlock.x").error("yes")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["yes"]


def test_of_other_libraries_only_warnings_are_taken_and_never_their_text() -> None:
    stream = logged("debug")
    logging.getLogger("aiohttp.access").info("GET /?q=hunter22")
    logging.getLogger("aiohttp.server").error("Error handling hunter22")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert "hunter22" not in line
    assert (entry["level"], entry["logger"]) == ("error", "aiohttp.server")
    assert entry["caller"].startswith("test_logs:")


@pytest.mark.parametrize("encoding", ["json", "console"])
def test_an_exception_is_told_by_its_type_and_place_only(encoding: Encoding) -> None:
    stream = logged(encoding=encoding)
    try:
        raise ValueError("hunter22")
    except ValueError:
        logging.getLogger("errlock.x").exception("failed")
    assert "hunter22" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "test_logs.py:" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_a_wrong_format_string_does_not_print_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = logged()
    logging.getLogger("errlock.x").info("%d", "hunter22")
    assert "hunter22" not in stream.getvalue() + capsys.readouterr().err
