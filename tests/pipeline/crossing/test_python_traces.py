import pytest
from recorded_traces import recorded, sections

from errlock.pipeline.crossing import python_traces
from errlock.pipeline.crossing.raised import Raised

VERSIONS = ["python311", "python313"]


def read(text: str) -> Raised:
    raised = python_traces.parse(text)
    assert raised is not None
    return raised


def functions(raised: Raised) -> list[object]:
    return [frame["function"] for frame in raised.frames]


@pytest.mark.parametrize("version", VERSIONS)
def test_frames_come_oldest_first_with_file_line_function_and_source(version: str) -> None:
    raised = read(recorded(version, "plain"))
    assert functions(raised) == ["<module>", "<lambda>", "a"]
    assert raised.frames[-1] == {
        "function": "a",
        "filename": "/srv/shop/t.py",
        "abs_path": "/srv/shop/t.py",
        "lineno": 4,
        "context_line": 'raise ValueError("bad value: 7\\nsecond line")',
        "in_app": True,
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_of_several_lines_is_kept_whole(version: str) -> None:
    raised = read(recorded(version, "plain"))
    assert (raised.type, raised.value) == ("ValueError", "bad value: 7\nsecond line")


@pytest.mark.parametrize("version", VERSIONS)
def test_repeated_lines_become_frames_again(version: str) -> None:
    raised = read(recorded(version, "recursion"))
    assert [frame["lineno"] for frame in raised.frames] == [37, 36, *[3] * 10, 4]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "source", "inner", "outer"),
    [
        ("chained", "__cause__", "ValueError", "RuntimeError"),
        ("ctx", "__context__", "ZeroDivisionError", "ValueError"),
    ],
)
def test_what_an_exception_came_from_hangs_on_it(
    version: str, name: str, source: str, inner: str, outer: str
) -> None:
    raised = read(recorded(version, name))
    assert raised.type == outer
    assert [(below.type, below.source) for below in raised.below] == [(inner, source)]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_members_of_a_group_have_their_own_chains(version: str) -> None:
    raised = read(recorded(version, "grp"))
    assert (raised.type, raised.value, raised.group) == ("ExceptionGroup", "several", True)
    assert [
        (found.type, found.value.partition("\n")[0], found.source) for found in raised.walk()
    ] == [
        ("ExceptionGroup", "several", ""),
        ("RuntimeError", "while handling", "exceptions[0]"),
        ("ValueError", "bad value: 7", "__cause__"),
        ("ValueError", "invalid literal for int() with base 10: 'x y'", "exceptions[1]"),
        ("ZeroDivisionError", "division by zero", "__context__"),
        ("ExceptionGroup", "nested", "exceptions[2]"),
        ("FileNotFoundError", "[Errno 2] No such file", "exceptions[0]"),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_place_of_a_syntax_error_is_no_frame_but_part_of_its_text(version: str) -> None:
    raised = read(recorded(version, "syn"))
    assert functions(raised) == ["<module>", "syn"]
    assert raised.value == "invalid syntax (conf.py, line 1)"


@pytest.mark.parametrize("version", VERSIONS)
def test_notes_belong_to_the_message(version: str) -> None:
    assert read(recorded(version, "noted")).value == "with note\nthe note\nsecond note line"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_exception_without_a_message_has_an_empty_one(version: str) -> None:
    raised = read(recorded(version, "empty"))
    assert (raised.type, raised.value) == ("AssertionError", "")


@pytest.mark.parametrize("version", VERSIONS)
def test_marker_lines_are_not_source(version: str) -> None:
    sources = [frame["context_line"] for frame in read(recorded(version, "deep")).frames]
    assert sources[-1] == "def inner(): return [x for x in (lambda: 1 / 0)()]"
    assert not any(set(str(source)) <= set(" ^~") for source in sources)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_standard_library_has_a_module_and_is_not_the_app(version: str) -> None:
    raised = read(recorded(version, "lib"))
    assert (raised.module, raised.type) == ("json.decoder", "JSONDecodeError")
    assert [
        (frame.get("module"), frame["filename"], frame["in_app"]) for frame in raised.frames
    ] == [
        (None, "/srv/shop/t.py", True),
        (None, "/srv/shop/t.py", True),
        ("json", "__init__.py", False),
        ("json.decoder", "json/decoder.py", False),
        ("json.decoder", "json/decoder.py", False),
    ]


def test_installed_packages_are_not_the_app() -> None:
    raised = read(
        "Traceback (most recent call last):\n"
        '  File "/srv/venv/lib/python3.11/site-packages/flask/app.py", line 9, in wsgi_app\n'
        '  File "C:\\Python311\\Lib\\json\\decoder.py", line 3, in decode\n'
        '  File "<frozen importlib._bootstrap>", line 241, in _call\n'
        "KeyError: 1\n"
    )
    assert [(frame["module"], frame["filename"], frame["in_app"]) for frame in raised.frames] == [
        ("flask.app", "flask/app.py", False),
        ("json.decoder", "json/decoder.py", False),
        ("importlib._bootstrap", "<frozen importlib._bootstrap>", False),
    ]


def test_a_traceback_inside_a_message_stays_message() -> None:
    raised = read(
        'concurrent.futures.process._RemoteTraceback: \n"""\nTraceback (most recent call last):\n'
        '  File "w.py", line 1, in work\nValueError: 1\n"""\n\n'
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "m.py", line 2, in main\nValueError: 1\n'
    )
    assert functions(raised) == ["main"]
    assert raised.below[0].type == "_RemoteTraceback"
    assert "in work" in raised.below[0].value


def test_what_stands_before_the_traceback_is_not_part_of_it() -> None:
    raised = read(
        "Exception in thread Thread-1:\nTraceback (most recent call last):\n"
        '  File "w.py", line 1, in work\nValueError: 1\n'
    )
    assert (raised.type, raised.value, raised.below) == ("ValueError", "1", [])


def test_classes_inside_functions_keep_their_qualified_name() -> None:
    raised = read(
        'Traceback (most recent call last):\n  File "w.py", line 1, in f\n'
        "shop.cart.f.<locals>.Empty: no items\n"
    )
    assert (raised.module, raised.type) == ("shop.cart", "f.<locals>.Empty")


@pytest.mark.parametrize("name", list(sections("python311")))
def test_it_is_written_as_python_writes_it(name: str) -> None:
    text = recorded("python311", name)
    expected = "".join(
        line
        for line in text.splitlines(keepends=True)
        if not line.strip(" |\n") or set(line.strip(" |\n")) - set("^~")
    )
    if name == "syn":  # the place of a SyntaxError went into its message
        expected = expected.replace('  File "conf.py", line 1\n    x = = 2\n', "")
        expected = expected.replace("invalid syntax", "invalid syntax (conf.py, line 1)")
    assert python_traces.render(read(text)) == expected
