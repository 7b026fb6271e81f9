"""Literals in SQL whose column says what they are; templates stay. Offsets in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from ..findings import Span
from ..keys import classify_key
from ..named import classes_of_columns
from .innocence import is_innocent
from .values import BY_SHAPE, KEY, MAX_VALUE, compile_bytes, looks_random, span_of, text_of

_IDENTIFIED = compile_bytes(
    rb"""(?i)\b(?:identified\s+(?:with\s+['"]?\w+['"]?\s+)?(?:by|as)(?:\s+password)?\s*|password(?:\s+|\s*\(\s*))"""
    rb"""[NE]?'((?:[^'\\]|\\.|'')+)'"""
)
# In capitals, because in prose somebody may be identified by "jamesh".
_IDENTIFIED_IN_CAPITALS = compile_bytes(
    rb"""\bIDENTIFIED\s+(?:WITH\s+['"]?\w+['"]?\s+)?(?:BY|AS)\s+"((?:[^"\\]|\\.)+)\""""
)
_SET_PASSWORD = compile_bytes(
    rb"""(?i)\bset\s+password\s+(?:for\s+[^\s=]{1,200}\s*)?=\s*'([^']+)'"""
)
_COMPARED = compile_bytes(
    rb"""(?i)\b("""
    + KEY
    + rb""")["'`\]]?(?:\)\s*=|\)?\s*(?:!=|<>|\bi?like\b|\bin\b\s*\(|>=?|<=?))\s*"""
    + rb"""[NE]?'((?:[^'\\]|\\.|'')+)'"""
)
# `SELECT 'x' AS full_name`
_NAMED_BEHIND = compile_bytes(
    rb"""(?i)[NE]?'((?:[^'\\\r\n]|\\.|''){1,300})' AS ["`\[]?(""" + KEY + rb""")"""
)
_FURTHER = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+[NE]?'((?:[^'\\]|\\.|'')++)'")  # `IN ('a', 'b')`
_LIFETIME = re.compile(rb"[a-z_]{1,20}[>,]")  # `Login<'a>`: Rust
_COMPARISON = re.compile(
    rb"[<>]|!=|like|in\s*\(|\)\s*="
)  # in lower case, one of these stands in it
# Cannot go back, and looks no more than 1200 bytes ahead. RE2 would count up to there from every
# byte.
_INSERT = re.compile(
    rb"(?i)\b(?:insert|replace)[ \t\n\f\r][^()]{0,200}+\(([^()]{1,999}+)\)[ \t\n\f\r]*+"
    rb"(?:values?+|select)[ \t\n\f\r]*+"
)
_SQL_VALUE = compile_bytes(
    rb"""\s*(?:[NE]?'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.)*)"|([^,()]*(?:\([^()]*\))?))\s*"""
)


def find_in_sql(data: bytes) -> Iterator[Span]:
    """Find literals under telling columns and in statements that set a password."""
    lowered = data.lower()
    if b"'" in data or b'"' in data:
        yield from _literals(data, lowered)
    if b"' as " in lowered:
        yield from _named_behind(data)
    if b")=(" in data:
        yield from _quoted_rows(data)
    if b" (" in data:
        yield from _unnamed_rows(data)
    if any(word in lowered for word in _LISTS):
        yield from _parameters(data)


def _literals(data: bytes, lowered: bytes) -> Iterator[Span]:
    quoted = b"'" in data
    if (quoted and b"password" in lowered) or b"identified" in lowered:
        yield from _passwords(data)
    if quoted and _COMPARISON.search(lowered) is not None:
        yield from _compared(data)
    if b"insert" in lowered or b"replace" in lowered:
        for match in _INSERT.finditer(data):
            yield from _inserted(data, match.group(1), match.end())
        yield from _inserted_unnamed(data)


# A row as PostgreSQL quotes it: `Key (email, lower(token::text))=(a@b.example, x1) already exists`.
# Servers speak other languages, too: `Schlüssel »(email)=(a@b.example)« existiert bereits`.
_ROW = compile_bytes(rb"\(((?:[^()\r\n]|\([^()\r\n]*\))+)\)=\(")
_LINE = compile_bytes(rb"[^\r\n]*")
_ROW_END = re.compile(rb"\)(?= (?:already|is|conflicts|exists)\b|\xc2\xab|[^)]*+\Z)")
_COLUMN = compile_bytes(rb"([A-Za-z_\x80-\xff][\w\x80-\xff]*)\"?(?:::[\w ]+)?\)*\z")
_A_WORD = 5


def _quoted_rows(data: bytes) -> Iterator[Span]:
    for match in _ROW.finditer(data):
        columns = [_COLUMN.search(column) for column in match.group(1).split(b", ")]
        classes = [found and classify_key(text_of(found[1])) for found in columns]
        if not any(classes):
            continue
        start = match.end()
        rest = _LINE.match(data, start, min(len(data), start + MAX_VALUE)).group()
        end = _ROW_END.search(rest)
        values = rest[: end.start() if end else len(rest)].split(b", ")
        if len(values) != len(classes):  # a value has a comma: nobody knows which
            values, classes = [b", ".join(values)], [next(filter(None, classes))]
        for value, class_ in zip(values, classes, strict=True):
            if class_ and class_ not in BY_SHAPE and not is_innocent(value, class_):
                text = text_of(value)
                if not class_.startswith("secret.") or looks_random(text) or len(text) > _A_WORD:
                    yield Span(start, start + len(value), class_, "words.sql")
            start += len(value) + 2


# A whole row without the names of its columns, as PostgreSQL and SQL Server quote what they refuse.
_UNNAMED_ROW = compile_bytes(
    "(?:Failing row contains|Fehlgeschlagene Zeile enthält|La ligne en échec contient"
    "|La fila que falla contiene|[Dd]uplicate key value is)"
    r" \(((?s:.*?))(?:\)\.(?:[\s\"'\\,;]|\z)|\)?\z)".encode()
)


def _unnamed_rows(data: bytes) -> Iterator[Span]:
    for match in _UNNAMED_ROW.finditer(data):
        if not is_innocent(match.group(1), "pii.record"):
            yield span_of(match.span(1), "pii.record", "words.sql")


def _passwords(data: bytes) -> Iterator[Span]:
    patterns = (_IDENTIFIED, _IDENTIFIED_IN_CAPITALS, _SET_PASSWORD)
    for match in (each for pattern in patterns for each in pattern.finditer(data)):
        if not is_innocent(match.group(1), "secret.password"):
            yield span_of(match.span(1), "secret.password", "words.sql")


def _compared(data: bytes) -> Iterator[Span]:
    for match in _COMPARED.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None:
            continue
        if data[match.start(2) - 2 : match.start(2)] == b"<'" and _LIFETIME.match(match.group(2)):
            continue
        start, end = match.span(2)
        while True:
            if not is_innocent(data[start:end].strip(b"%"), class_):  # `LIKE '%x%'`
                yield Span(start, end, class_, "words.sql")
            further = _FURTHER.match(data, end + 1)
            if further is None:
                break
            start, end = further.span(1)


def _named_behind(data: bytes) -> Iterator[Span]:
    for match in _NAMED_BEHIND.finditer(data):
        class_ = classify_key(text_of(match.group(2)))
        if class_ and class_ not in BY_SHAPE and not is_innocent(match.group(1), class_):
            yield span_of(match.span(1), class_, "words.sql")


def _column(written: bytes) -> str:
    return text_of(written.strip(b' \t\r\n`"[]'))


def _inserted(data: bytes, columns: bytes, at: int) -> Iterator[Span]:
    """The values of an INSERT under the names of their columns; several rows."""
    classes = classes_of_columns([_column(name) for name in columns.split(b",")])
    if not any(classes):
        return
    selected = data[at : at + 1] != b"("  # `SELECT 'x', 'y'`: one row, without brackets
    for row in _rows(data, at - selected, len(classes)):
        for (start, end), class_ in zip(row, classes, strict=False):
            if class_ is None or class_ in BY_SHAPE:
                continue
            if selected and data[start - 1 : start] not in (b"'", b'"'):
                continue
            if not is_innocent(data[start:end], class_):
                yield Span(start, end, class_, "words.sql")


# Without the names of columns. Values are read no more than once, whatever stands in them.
_INSERT_UNNAMED = compile_bytes(
    rb"(?i)\b(?:insert|replace)\s(?:[a-z_ ]{0,40}\s)?into\s{1,9}[^\s()]{1,200}\s{1,9}values?\s{0,9}"
)
_MOST_UNNAMED = 1000  # values of a row


def _inserted_unnamed(data: bytes) -> Iterator[Span]:
    """The texts among the values of INSERTs that name no columns."""
    done = 0
    for match in _INSERT_UNNAMED.finditer(data):
        if match.start() < done:
            continue
        if data[match.end() : match.end() + 1] != b"(":
            continue
        for row in _rows(data, match.end(), _MOST_UNNAMED):
            for start, end in row:
                done = max(done, end)
                if data[start : start + 1] in (b"'", b'"'):
                    start += 1  # it was cut off before its other quote
                is_text = data[start - 1 : start] in (b"'", b'"')
                if is_text and not is_innocent(data[start:end], "pii.record"):
                    yield Span(start, end, "pii.record", "words.sql")


def _rows(data: bytes, at: int, most: int) -> Iterator[list[tuple[int, int]]]:
    """Rows of values, of each at most so many: where each stands, without its quotes."""
    while True:
        row: list[tuple[int, int]] = []
        behind = b","
        while behind == b"," and len(row) < most:
            match = _SQL_VALUE.match(data, at + 1)
            if match is None:
                break
            spans = (match.span(group) for group in (1, 2, 3))
            row.append(next(span for span in spans if span[0] >= 0))
            at = match.end()
            behind = data[at : at + 1]
        yield row
        if behind != b")":
            return
        at += 1
        while data[at : at + 1] in (b",", b" ", b"\n", b"\r", b"\t"):
            at += 1
        if data[at : at + 1] != b"(":
            return


# -- parameters that a log shows behind the statement -------------------------------------------

_LISTS = (
    b"param",
    b"@p",
    b"args",
    b"bind",
    b"); ",
    b'; "',
    b"generated in",
    b"cached since",
    b"raw sql",
    b'[["',
)
_MARK = (
    rb"(?:\?|%s|%\([A-Za-z_]\w{0,60}\)s|\$[0-9]{1,3}|:\w{1,60}|@\w{1,60})(?:::[A-Za-z][\w ]{0,30})?"
)
_MARKED = compile_bytes(
    rb"""(?i)\b(""" + KEY + rb""")["'`\]]?\s*(?:=|<>|!=|>=?|<=?|\bi?like\b)\s*(""" + _MARK + rb")"
)
_EACH_MARK = compile_bytes(_MARK)
_NUMBERED = re.compile(rb"\$([0-9]{1,3})")
# `@p1='x'`, `$1 = 'x'`: parameters with names, before or behind the statement.
_NAMED_PARAMETER = compile_bytes(rb"(@\w{1,60}|\$[0-9]{1,3})\s*=\s*N?'((?:[^']|'')*)'")
_FILLED = rb"(?:" + _MARK + rb"|default|null|[0-9]+|[a-z_]+\(\))"  # no parameter, some of them
_MARKS = compile_bytes(rb"(?i)[\s,]*\((\s*%b(?:\s*,\s*%b)*\s*)\)" % (_FILLED, _FILLED))
_GIVEN = compile_bytes(
    rb"""(?i)(?:\b(?:parameters|params|args|arguments|bindings|binds|bind parameters)\b"""
    rb"""["']?\s*[=:]?\s*|; ?)[\[("']|==>\s+Parameters: |\nparams: """
    rb"""|\[(?:generated in|cached since|raw sql|no key)[^\[\]\r\n]{0,60}\] [\[({]"""
)
# Hibernate's, each in a line: `binding parameter [1] as [VARCHAR] - [x]`, `(1:VARCHAR) <- [x]`.
_BOUND = compile_bytes(
    rb"(?i)binding parameter [\[(]([0-9]{1,3})(?:\] as \[\w{1,40}\] - |:\w{1,40}\) <- )"
    rb"\[([^\r\n\]]*)\]"
)
# Rails': `[["name", "x"], ["id", 1]]`
_BOUND_BY_NAME = compile_bytes(rb"""\["(\w{1,60})", "((?:[^"\\\r\n]|\\.)*)"\]""")
# The same before the statement, as loggers write that sort their fields (pgx): up to the bracket.
_AHEAD = compile_bytes(rb"""(?i)\bargs\\?["']?[=:] ?\\?["']?\[""")
_OPENING = compile_bytes(rb"[)\]]?,?\s*[\[(]{1,2}")
_PARAMETER = compile_bytes(
    rb"""\s*(?:[bu]?'((?:[^'\\]|\\.)*)'|[bu]?"((?:[^"\\]|\\.)*)"|([^\s,()\[\]{}'"]+)(?:\([^()]*\))?)\s*,?"""
)


def _parameters(data: bytes) -> Iterator[Span]:
    """Values whose column the statement beside them names at the same position."""
    inserts = [each for each in _INSERT.finditer(data) if _MARKS.match(data, each.end())]
    if not inserts:
        marked = list(_MARKED.finditer(data))
        names = [match.group(1) for match in marked]
        marks = [match.group(2) for match in marked]
        if marked:
            span = (marked[0].start(), marked[-1].end())
            yield from _given(data, (0, len(data)), span, names, marks)
    start = 0
    for number, insert in enumerate(inserts, 1):
        end = inserts[number].start() if number < len(inserts) else len(data)
        columns = insert.group(1).split(b",")
        names, marks, behind = _rows_of_marks(data, insert.end(), columns)
        yield from _given(data, (start, end), (insert.start(), behind), names, marks)
        start = behind


def _given(
    data: bytes,
    part: tuple[int, int],
    statement: tuple[int, int],
    names: list[bytes],
    marks: list[bytes],
) -> Iterator[Span]:
    """What is given, in this part of a text, for the marks of a statement in it."""
    columns = [_column(name.rpartition(b".")[2]) for name in names]
    classes = classes_of_columns(columns)
    if not any(classes):
        return
    by_mark = dict(zip(marks, classes, strict=False))
    for match in _NAMED_PARAMETER.finditer(data, *part):
        yield from _parameter(match, 2, by_mark.get(match.group(1)))
    by_name = {name.casefold(): class_ for name, class_ in zip(columns, classes, strict=True)}
    for match in _BOUND_BY_NAME.finditer(data, statement[1], part[1]):
        yield from _parameter(match, 2, by_name.get(text_of(match.group(1)).casefold()))
    classes = _by_number(marks, classes)
    for match in _BOUND.finditer(data, statement[1], part[1]):
        number = int(match.group(1))
        yield from _parameter(match, 2, classes[number - 1] if number <= len(classes) else None)
    behind = _GIVEN.search(data, statement[1], part[1])
    if behind is not None:
        bracket = behind.group(0)[-1:] != b" "
        yield from _in_order(data, behind.end() - bracket, classes)
    line = data.rfind(b"\n", part[0], statement[0])  # or in the line before it
    ahead = _AHEAD.search(data, max(part[0], data.rfind(b"\n", part[0], line) + 1), statement[0])
    if ahead is not None:
        yield from _in_order(data, ahead.end() - 1, classes)


def _by_number(marks: list[bytes], classes: list[str | None]) -> list[str | None]:
    """The classes as the parameters stand: `$2` is the second, wherever the statement has it."""
    numbers = [int(match[1]) for mark in marks if (match := _NUMBERED.match(mark)) is not None]
    if len(numbers) < len(classes) or not numbers:
        return classes
    by_number = dict(zip(numbers, classes, strict=False))
    return [by_number.get(number) for number in range(1, max(numbers) + 1)]


def _rows_of_marks(
    data: bytes, end: int, columns: list[bytes]
) -> tuple[list[bytes], list[bytes], int]:
    """The marks of the rows at `end`, each with its column, and where the rows end."""
    names, marks = [], []
    while (row := _MARKS.match(data, end)) is not None:
        for name, filled in zip(columns, row.group(1).split(b","), strict=False):
            if (mark := _EACH_MARK.search(filled)) is not None:
                names.append(name)
                marks.append(mark.group(0))
        end = row.end()
    return names, marks, end


def _parameter(match: re2._Match[bytes], group: int, class_: str | None) -> Iterator[Span]:
    if class_ and class_ not in BY_SHAPE and not is_innocent(match.group(group), class_):
        yield span_of(match.span(group), class_, "words.sql")


def _in_order(data: bytes, at: int, classes: list[str | None]) -> Iterator[Span]:
    """The values of a list or of a list of lists, each of the class at its position."""
    position = 0
    while True:
        opening = _OPENING.match(data, at)
        if opening is not None:
            at, position = opening.end(), 0
        match = _PARAMETER.match(data, at)
        if match is None or position >= len(classes):
            return
        class_, at, position = classes[position], match.end(), position + 1
        group = next(g for g in (1, 2, 3) if match.start(g) >= 0)
        yield from _parameter(match, group, class_)
