"""The filter and the handler for `logging`: what the next handler writes is clean."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from typing import Any

import pytest
from canaries import CANARIES, FRAGMENTS, found_in
from mask_canaries import MASK, failing, masking

from errlock.pipeline.api import Pipeline
from errlock.pipeline.embed import LoggingFilter, LoggingHandler


class Kept(logging.Handler):
    """Keeps what a handler gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class App:
    """A logger with a filter on its first handler, and a second handler after that."""

    def __init__(self, first: logging.Handler) -> None:
        self.kept = Kept()
        self.log = logging.Logger("shop")
        self.log.addHandler(first)
        self.log.addHandler(self.kept)

    @property
    def first(self) -> Kept:
        """The handler with the filter."""
        handler = self.log.handlers[0]
        assert isinstance(handler, Kept)
        return handler

    @property
    def last(self) -> logging.LogRecord:
        return self.kept.records[-1]


def filtered(pipeline: Pipeline, **options: bool) -> App:
    first = Kept()
    first.addFilter(LoggingFilter(pipeline, **options))
    return App(first)


@pytest.fixture
def app() -> App:
    return filtered(masking())


def everything(record: logging.LogRecord) -> list[bytes]:
    """All that any formatter can make of a record."""
    return [logging.Formatter().format(record).encode(), repr(vars(record)).encode()]


def test_message_and_arguments_are_sanitised(app: App) -> None:
    app.log.error("no account for %s (%d)", CANARIES["email"], 7)
    assert app.last.getMessage() == f"no account for {MASK} (7)"
    assert found_in(everything(app.last)) == []


def test_a_secret_that_only_the_arguments_hold_is_sanitised(app: App) -> None:
    app.log.error("login %(user)s", {"user": "jane", "password": CANARIES["password"]})
    assert app.last.getMessage() == "login jane"
    assert found_in(everything(app.last)) == []


def test_template_and_arguments_of_a_clean_record_stay(app: App) -> None:
    app.log.error("order %s has %d items", "A7", 3)
    assert (app.last.msg, app.last.args) == ("order %s has %d items", ("A7", 3))


def test_template_and_number_of_arguments_stay_where_one_of_them_is_sanitised(app: App) -> None:
    """Formatters take arguments one by one, as uvicorn's does of its access log."""
    app.log.error('%s - "%s %s" %d', "10.0.0.7", "GET", f"/of?email={CANARIES['email']}", 200)
    assert app.last.msg == '%s - "%s %s" %d'
    assert app.last.args == ("10.0.0.7", "GET", f"/of?email={MASK}", 200)
    app.log.error("%(who)s from %(where)s", {"who": CANARIES["email"], "where": "eu"})
    named = app.last
    assert (named.msg, named.args) == ("%(who)s from %(where)s", {"who": MASK, "where": "eu"})


def test_what_only_template_and_argument_tell_together_is_written_into_the_message(
    app: App,
) -> None:
    """The argument alone looks harmless, so it is not handed on."""
    password = CANARIES["password"]
    app.log.error(f"password={password} of %s%%", "jane")
    assert (app.last.msg, app.last.args) == (f"password={MASK} of jane%", ())


def test_an_object_among_the_arguments_becomes_clean_text(app: App) -> None:
    class User:
        def __init__(self) -> None:
            self.email = CANARIES["email"]

        def __str__(self) -> str:
            return "user 7"

    app.log.error("%s failed", User())
    assert (app.last.msg, app.last.args) == ("user 7 failed", ())


def test_traceback_and_stack_are_sanitised(app: App) -> None:
    try:
        raise ValueError(FRAGMENTS["aws_secret_key"])
    except ValueError:
        app.log.error("failed", exc_info=True, stack_info=True)
    text = logging.Formatter().format(app.last)
    assert f"ValueError: aws_secret_access_key={MASK}" in text
    assert "Stack (most recent call last)" in text
    assert app.last.exc_info is None
    assert found_in(everything(app.last)) == []


def test_exc_info_stays_when_asked() -> None:
    app = filtered(masking(), keep_exc_info=True)
    error = ValueError(FRAGMENTS["jwt"])
    app.log.error("failed", exc_info=error)
    assert app.last.exc_info is not None
    assert app.last.exc_info[1] is error
    assert found_in([logging.Formatter().format(app.last).encode()]) == []


def test_extra_fields_are_sanitised(app: App) -> None:
    app.log.error("paid", extra={"iban": CANARIES["iban"], "order": {"id": 7}, "when": object})
    assert vars(app.last)["iban"] == MASK
    assert vars(app.last)["order"] == {"id": 7}
    assert vars(app.last)["when"] == "<class 'object'>"


def test_a_tree_whose_nodes_know_their_parents_is_gone_through_once(app: App) -> None:
    def node(depth: int, parent: dict[str, Any] | None) -> dict[str, Any]:
        made: dict[str, Any] = {"key": CANARIES["iban"], "parent": parent}
        made["below"] = [node(depth - 1, made) for _ in range(4)] if depth else []
        return made

    app.log.error("moved", extra={"node": node(3, None)})
    found = vars(app.last)["node"]
    assert found["key"] == MASK
    assert found["below"][3]["below"][3]["below"][3] == {"key": MASK, "parent": "...", "below": []}


def test_arguments_that_do_not_fit_do_not_make_logging_print_them(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    app.log.addHandler(logging.StreamHandler())
    app.log.error("no place for it", CANARIES["card"])  # noqa: PLE1205  the mistake in question
    assert app.last.getMessage() == "no place for it"
    # Nothing tells by itself what this is.
    app.log.error("password=%d", "autumn leaves")
    assert app.last.getMessage() == "password=%d"
    told = capsys.readouterr().err
    assert found_in([told.encode()]) == []
    assert "autumn" not in told


def test_names_of_loggers_threads_and_tasks_are_sanitised(app: App) -> None:
    async def logging_task() -> None:
        app.log.error("in a task")

    async def work() -> None:
        await asyncio.create_task(logging_task(), name=CANARIES["iban"])

    app.log.name = f"session.{CANARIES['email']}"
    thread = threading.Thread(target=lambda: asyncio.run(work()), name=CANARIES["phone"])
    thread.start()
    thread.join()
    assert app.last.name == f"session.{MASK}"
    assert app.last.threadName == MASK
    assert app.last.processName == "MainProcess"
    assert found_in(everything(app.last)) == []


def test_a_record_that_cannot_be_judged_is_not_written_and_later_handlers_get_it_empty() -> None:
    app = filtered(failing())
    app.log.error(FRAGMENTS["jwt"], exc_info=ValueError(FRAGMENTS["card"]), extra=dict(CANARIES))
    assert app.first.records == []
    assert app.last.getMessage() == "a log record that could not be judged"
    assert found_in(everything(app.last)) == []


def test_what_others_log_while_errlock_judges_is_not_written(app: App) -> None:
    class Argument:
        def __str__(self) -> str:
            app.log.error("inside: %s", CANARIES["phone"])
            return "outside"

    app.log.error("%s", Argument())
    assert [record.getMessage() for record in app.first.records] == ["outside"]
    assert found_in([view for record in app.kept.records for view in everything(record)]) == []


def test_the_handler_writes_a_clean_copy_and_leaves_the_record() -> None:
    stream = io.StringIO()
    handler = LoggingHandler(logging.StreamHandler(stream), masking())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    app = App(handler)
    app.log.error("no account for %s", CANARIES["email"])
    handler.flush()
    assert stream.getvalue() == f"ERROR no account for {MASK}\n"
    assert app.last.args == (CANARIES["email"],)


def test_the_handler_keeps_the_formatter_of_the_one_that_writes() -> None:
    stream = io.StringIO()
    inner = logging.StreamHandler(stream)
    inner.setFormatter(logging.Formatter('{"message": "%(message)s"}'))
    root, handlers = logging.getLogger(), logging.getLogger().handlers
    root.handlers = []
    try:
        logging.basicConfig(handlers=[LoggingHandler(inner, masking())])
        root.error("no account for %s", CANARIES["email"])
    finally:
        root.handlers = handlers
    assert stream.getvalue() == f'{{"message": "no account for {MASK}"}}\n'


def test_the_handler_keeps_the_level_of_the_one_that_writes() -> None:
    inner = Kept()
    inner.setLevel(logging.ERROR)
    app = App(LoggingHandler(inner, masking()))
    app.log.warning("not this")
    app.log.error("this")
    assert [record.getMessage() for record in inner.records] == ["this"]


def test_with_the_default_policy_no_canary_is_written() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(details)s"))
    handler.addFilter(LoggingFilter(Pipeline.default()))
    log = logging.Logger("shop")
    log.addHandler(handler)
    for number, fragment in enumerate(FRAGMENTS.values()):
        try:
            raise ValueError(fragment)
        except ValueError:
            log.exception("%d: %s", number, fragment, extra={"details": {"note": fragment}})
    written = stream.getvalue()
    assert written.count("ValueError: ") == len(FRAGMENTS)
    assert found_in([written.encode()]) == []
