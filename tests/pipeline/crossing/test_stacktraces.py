import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_traces import recorded, sections

from errlock.pipeline.crossing import stacktraces
from errlock.pipeline.crossing.raised import (
    MAX_EXCEPTIONS,
    MAX_FRAMES,
    Frame,
    Raised,
    from_values,
    to_values,
)

PROGRAMS = {
    "python311": "python",
    "python313": "python",
    "node": "javascript",
    "java": "java",
    "go": "go",
}
TRACES = [(program, name) for program in PROGRAMS for name in sections(program)]


@pytest.mark.parametrize(("program", "name"), TRACES)
def test_the_language_is_seen_from_the_text(program: str, name: str) -> None:
    found = stacktraces.parse(recorded(program, name))
    assert found is not None
    assert found[0] == PROGRAMS[program]


def test_the_known_platform_wins_where_the_text_allows_it() -> None:
    found = stacktraces.parse(recorded("node", "cart"), "node")
    assert found is not None
    assert found[0] == "node"


def test_a_wrong_platform_does_no_harm() -> None:
    found = stacktraces.parse(recorded("java", "order"), "python")
    assert found is not None
    assert found[0] == "java"


@pytest.mark.parametrize(("program", "name"), TRACES)
def test_writing_loses_nothing_that_reading_finds(program: str, name: str) -> None:
    found = stacktraces.parse(recorded(program, name))
    assert found is not None
    values = to_values(found[1])
    text = stacktraces.render(values, found[0])
    assert text is not None
    again = stacktraces.parse(text, found[0])
    assert again is not None
    assert to_values(again[1]) == values


@pytest.mark.parametrize(("program", "name"), TRACES)
def test_truncated_text_is_read_as_far_as_it_goes(program: str, name: str) -> None:
    text = recorded(program, name)
    for end in range(0, len(text), 7):
        stacktraces.parse(text[:end])
        stacktraces.parse(text[end:])


def test_text_without_calls_is_not_read() -> None:
    assert stacktraces.parse("it broke\nsomewhere at noon (maybe)\n", "python") is None


def test_values_without_frames_have_no_text() -> None:
    assert stacktraces.render([{"type": "E", "value": "v"}], "python") is None


# Values as SDKs send them, to text and back

_name = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
_module = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), min_size=1, max_size=3)
_line = st.integers(1, 99999)
_message = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"]),
    min_size=1,
    max_size=40,
).map(lambda text: f"m{text.strip()}m")


def _python_frame(name: str, module: list[str], line: int, source: str) -> Frame:
    path = f"/srv/{'/'.join(module)}.py"
    return {"function": name, "filename": path, "abs_path": path, "lineno": line,
            "context_line": source, "in_app": True}  # fmt: skip


def _js_frame(name: str, module: list[str], line: int, source: str) -> Frame:
    path = f"/srv/{'/'.join(module)}.js"
    return {"function": name, "filename": path, "abs_path": path, "lineno": line, "colno": line,
            "in_app": True}  # fmt: skip


def _java_frame(name: str, module: list[str], line: int, source: str) -> Frame:
    module = ["shop", *module]
    return {"function": name, "module": ".".join(module), "filename": f"{module[-1]}.java",
            "lineno": line, "in_app": True}  # fmt: skip


def _dotnet_frame(name: str, module: list[str], line: int, source: str) -> Frame:
    return {"function": name, "module": "Shop." + ".".join(module), "filename": "a.cs",
            "abs_path": "/srv/a.cs", "lineno": line, "in_app": True}  # fmt: skip


_LANGUAGES = {
    "python": (_python_frame, "__cause__", None),
    "node": (_js_frame, "cause", None),
    "java": (_java_frame, "cause", "com.acme"),
    "csharp": (_dotnet_frame, "InnerException", None),
}


@pytest.mark.parametrize("platform", list(_LANGUAGES))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_values_to_text_and_back_are_the_same(platform: str, data: st.DataObject) -> None:
    make, source, module = _LANGUAGES[platform]
    frame = st.builds(make, _name, _module, _line, _name)
    raised: Raised | None = None
    for _ in range(data.draw(st.integers(1, 4))):
        above = Raised(
            type=data.draw(_name.map(lambda name: f"X{name}")),
            value=data.draw(_message),
            module=module,
            frames=data.draw(st.lists(frame, min_size=1, max_size=12)),
        )
        if raised is not None:
            raised.source = source
            above.below.append(raised)
        raised = above
    assert raised is not None
    values = to_values(raised)
    text = stacktraces.render(values, platform)
    assert text is not None
    found = stacktraces.parse(text, platform)
    assert found is not None
    assert found[0] == platform
    assert to_values(found[1]) == values


# Hostile text

_PIECES = [
    "Traceback (most recent call last):\n",
    '  File "a.py", line 1, in f\n',
    "    x\n",
    "ValueError: m\n",
    "\nDuring handling of the above exception, another exception occurred:\n\n",
    "  [Previous line repeated 999999999 more times]\n",
    "  + Exception Group Traceback (most recent call last):\n",
    "  +-+---------------- 1 ----------------\n",
    "    +---------------- 2 ----------------\n",
    "    | ",
    "  | ",
    "    +------------------------------------\n",
    "Error: m\n",
    "    at f (/a.js:1:2)\n",
    "    at eval (eval at x (",
    "  [cause]: ",
    "  [errors]: [\n",
    "f@https://x/a.js:1:2\n",
    "a.B: m\n",
    "\tat a.B.c(D.java:1)\n",
    "\t",
    "Caused by: ",
    "Suppressed: ",
    "\t... 250 more\n",
    "goroutine 1 [running]:\n",
    "main.f()\n",
    "\t/a.go:1 +0x1\n",
    "panic: ",
    " ---> ",
    "   at A.B.C() in a.cs:line 1\n",
    "   --- End of inner exception stack trace ---\n",
    "<---\n",
    "#0 /a.php(1): f()\n",
    "#1 {main}\n",
    "Next ",
    " in /a.php:3\n",
    "a.rb:1:in `f': m (E)\n",
    "\tfrom ",
    "(",
    ")",
    "@",
    ":",
    " ",
    "\n",
    "\r\n",
    "9" * 5000,
    "\x00",
    "\ud800",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=60).map("".join))
def test_no_text_makes_it_raise(text: str) -> None:
    for platform in (None, "python", "node", "java", "go", "csharp", "php", "ruby"):
        found = stacktraces.parse(text, platform)
        if found is not None:
            values = to_values(found[1])
            assert len(values) <= MAX_EXCEPTIONS
            stacktraces.render(values, found[0])


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "value",
                        "mechanism",
                        "stacktrace",
                        "frames",
                        "parent_id",
                        "exception_id",
                        "source",
                        "function",
                        "lineno",
                        "abs_path",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=30,
    )
)
def test_no_values_make_it_raise(value: object) -> None:
    values = value if isinstance(value, list) else [value]
    for platform in ("python", "node", "java", "go", "csharp", "php", "ruby", None):
        stacktraces.render(values, platform)  # type: ignore[arg-type]  # anything may arrive


def test_parents_that_would_be_a_loop_are_a_chain() -> None:
    raised = from_values(
        [
            {"type": "A", "mechanism": {"exception_id": 1, "parent_id": 2}},
            {"type": "B", "mechanism": {"exception_id": 2, "parent_id": 1}},
            {"type": "C", "mechanism": {"exception_id": 0}},
        ]
    )
    assert raised is not None
    assert [found.type for found in raised.walk()] == ["C", "B", "A"]


def test_the_middle_of_too_many_frames_is_left_out() -> None:
    calls = "".join(f'  File "a.py", line {line}, in f\n' for line in range(1, 1001))
    found = stacktraces.parse(f"Traceback (most recent call last):\n{calls}ValueError: 1\n")
    assert found is not None
    half = MAX_FRAMES // 2
    lines = [frame["lineno"] for frame in found[1].frames]
    assert lines == [*range(1, half + 1), *range(1001 - half, 1001)]


def test_too_many_exceptions_keep_the_outermost() -> None:
    link = "\nDuring handling of the above exception, another exception occurred:\n\n"
    text = link.join(
        f'Traceback (most recent call last):\n  File "a.py", line 1, in f\nE{number}: x\n'
        for number in range(200)
    )
    found = stacktraces.parse(text)
    assert found is not None
    types = [value["type"] for value in to_values(found[1]) if isinstance(value, dict)]
    assert types == [f"E{number}" for number in range(150, 200)]


_HOSTILE: dict[str, Callable[[int], str]] = {
    "one long line": lambda size: "x" * size,
    "one long call": lambda size: "Error: m\n    at " + "(" * size,
    "closing brackets": lambda size: "Error: m\n    at " + ")" * size,
    "spaces": lambda size: "Error: m\n" + " " * size + "at",
    "colons": lambda size: "Error\n    at f (" + ":1" * (size // 2) + ")",
    "quotes": lambda size: (
        'Traceback (most recent call last):\n  File "' + '", line 1' * (size // 9)
    ),
    "dots": lambda size: "a.b: m\n\tat " + "a." * (size // 2) + "(A.java:1)",
    "eval": lambda size: "E: m\n    at " + "f (eval at " * (size // 11) + ")",
    "frames": lambda size: "E: m\n" + "    at f (/a.js:1:2)\n" * (size // 21),
    "repeats": lambda size: 'Traceback (most recent call last):\n  File "a", line 1, in f\n'
    + "  [Previous line repeated 999999999 more times]\n" * (size // 48),
    "causes": lambda size: (
        "a.B: m\n\tat a.B.c(D.java:1)\n" + "Caused by: a.B: m\n\t... 250 more\n" * (size // 34)
    ),
    "groups": lambda size: "".join(
        "  " * depth + "  +-+---------------- 1 ----------------\n"
        for depth in range(int(size**0.5) // 2)
    ),
    "chain": lambda size: (
        "Traceback (most recent call last):\n  File \"a\", line 1, in f\nE: x\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
    ) * (size // 140),
    "inner": lambda size: "A.B: m\n" + " ---> A.B: m\n" * (size // 13) + "   at A.B.C()\n",
    "numbers": lambda size: "a.rb:" + "1" * size + ":in `f'",
    "php": lambda size: "#0 " + "a(1)" * (size // 4),
    "places": lambda size: "E" + " in f" * (size // 5) + "\n#0 {main}\n",
    "arrows": lambda size: "A.B: m" + " ---> A.B: m" * (size // 12) + "\n   at A.B.C()\n",
    "at signs": lambda size: "@" * size + ":1:2",
}  # fmt: skip


@pytest.mark.parametrize("shape", list(_HOSTILE))
def test_hostile_text_is_read_in_proportion_to_its_size(shape: str) -> None:
    # A bound that quadratic work on these sizes would miss by far, and linear work by far keeps.
    text = _HOSTILE[shape](stacktraces.MAX_TEXT - 100)
    began = time.process_time()
    stacktraces.parse(text)
    assert time.process_time() - began < 5


def test_longer_text_is_read_without_its_middle() -> None:
    calls = '  File "a.py", line 1, in f\n' * 20_000
    found = stacktraces.parse(f"Traceback (most recent call last):\n{calls}ValueError: end\n")
    assert found is not None
    assert found[1].value == "end"
