"""Sanitising for `logging`: records are clean before a handler writes them.

    handler.addFilter(LoggingFilter(Pipeline.default()))

A filter changes the record in place, so every handler that comes after it gets the clean one.
Put it on the first handler of the root logger: filters of a *logger* do not see the records of
the loggers below it. `LoggingHandler` changes nothing in place: it hands a clean copy to one
handler.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .judging import expect_pipeline, is_judging, judging

if TYPE_CHECKING:
    from ..api import Pipeline

# What every record has; the rest came with `extra`.
_STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
# Who logged: applications name loggers, threads and tasks after whom they work for.
_NAMES = {"logger": "name", "thread": "threadName", "process": "processName", "task": "taskName"}
_PLAIN = (str, bool, int, float, type(None))
_MAX_DEPTH = 16
_TRACEBACKS = logging.Formatter()


class LoggingFilter(logging.Filter):
    """Sanitises message, arguments, traceback, stack, names and `extra` fields of each record.

    Objects in arguments and `extra` become sanitised text: what they hold cannot be judged.
    `exc_info` is dropped after its text was sanitised, unless `keep_exc_info` says that whoever
    uses it sanitises too (sentry-sdk with errlock's transport). A record that cannot be judged
    is not written; handlers without this filter that come later get it empty.
    """

    def __init__(self, pipeline: Pipeline, *, keep_exc_info: bool = False) -> None:
        expect_pipeline(pipeline)
        super().__init__()
        self._pipeline = pipeline
        self._keep_exc_info = keep_exc_info

    def filter(self, record: logging.LogRecord) -> bool:
        """Sanitise in place; False when the record must not be written. Never raises."""
        if is_judging():
            # What errlock says of its own work has no values in it; what others say of it may.
            return f"{record.name}.".startswith("errlock.") or _empty(record)
        with judging():
            try:
                return self._sanitise(record) or _empty(record)
            except Exception:  # noqa: BLE001  fail closed: nobody judged it
                return _empty(record)

    def _sanitise(self, record: logging.LogRecord) -> bool:
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        formatted = _message(record)
        # Where the arguments do not fit, whoever writes it would show them beside their template.
        message = str(record.msg) if formatted is None else formatted
        before = {
            "message": message,
            "extra": {
                "arguments": _plain(record.args),
                "traceback": _traceback(record),
                "stack": record.stack_info,
                "fields": _plain(fields),
                "names": {key: getattr(record, name, None) for key, name in _NAMES.items()},
            },
        }
        after = self._pipeline.scrub_event(before)
        if after is None:
            return False
        extra = _mapping(after.get("extra"))
        clean = str(after.get("message") or "")
        if formatted is None or not _put_arguments(record, clean, extra.get("arguments")):
            record.msg, record.args = clean, ()
        if hasattr(record, "message"):
            record.message = clean
        record.exc_text = extra.get("traceback")
        record.stack_info = extra.get("stack")
        if not self._keep_exc_info:
            record.exc_info = None
        _set_fields(record, fields, _mapping(extra.get("fields")))
        _set_names(record, _mapping(extra.get("names")))
        return True


class LoggingHandler(logging.Handler):
    """Hands sanitised copies of records to another handler; the records stay as they are."""

    def __init__(
        self, inner: logging.Handler, pipeline: Pipeline, *, keep_exc_info: bool = False
    ) -> None:
        super().__init__(inner.level)
        self.formatter = inner.formatter  # else logging.basicConfig gives it another one
        self._inner = inner
        self._filter = LoggingFilter(pipeline, keep_exc_info=keep_exc_info)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a sanitised copy on."""
        clean = copy.copy(record)
        if self._filter.filter(clean):
            self._inner.handle(clean)

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802  logging's name
        """Set the formatter of the handler that writes."""
        self._inner.setFormatter(fmt)

    def flush(self) -> None:
        """Flush the handler that writes."""
        self._inner.flush()

    def close(self) -> None:
        """Close the handler that writes."""
        self._inner.close()
        super().close()


def _empty(record: logging.LogRecord) -> bool:
    """Take everything out of a record that nobody judged. False, as the filter's answer."""
    for name in [name for name in vars(record) if name not in _STANDARD]:
        delattr(record, name)
    _set_names(record, {})
    record.msg, record.args = "a log record that could not be judged", ()
    record.exc_info = record.exc_text = record.stack_info = None
    if hasattr(record, "message"):
        record.message = record.msg
    return False


def _message(record: logging.LogRecord) -> str | None:
    """The formatted message; None where the arguments do not fit it."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return None


def _traceback(record: logging.LogRecord) -> str | None:
    if record.exc_text:
        return record.exc_text
    exc_info = record.exc_info
    return _TRACEBACKS.formatException(exc_info) if isinstance(exc_info, tuple) else None


def _put_arguments(record: logging.LogRecord, clean: str, judged: Any) -> bool:
    """Put the judged arguments in place; whether the template makes the clean message of them.

    Others group by the template, and there are formatters that take the arguments one by one
    (uvicorn's of its access log). Objects are written into the message.
    """
    if not isinstance(record.msg, str):
        return False
    args = record.args
    each = args.values() if isinstance(args, Mapping) else args or ()
    if not all(isinstance(argument, _PLAIN) for argument in each):
        return False
    record.args = judged if isinstance(args, Mapping) else tuple(judged or ())
    return _message(record) == clean


def _set_fields(
    record: logging.LogRecord, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Put the clean fields in place; those that are gone or renamed do not stay."""
    for name in before:
        delattr(record, name)
    vars(record).update(after)


def _set_names(record: logging.LogRecord, after: Mapping[str, Any]) -> None:
    """Put what is left of them in place."""
    for key, name in _NAMES.items():
        if getattr(record, name, None) is not None:
            setattr(record, name, after.get(key) or "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any, *around: int) -> Any:
    """A value as an event can hold it: objects as their text. `around` is what it stands in, by id.

    What stands in itself ends there, as Python writes it: a tree whose nodes know their parents has
    more ways through it than anybody can go.
    """
    if isinstance(value, _PLAIN):
        return value
    if id(value) in around:
        return "..."
    if len(around) < _MAX_DEPTH:
        around = (*around, id(value))
        if isinstance(value, Mapping):
            return {str(key): _plain(each, *around) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(each, *around) for each in value]
    return str(value)
