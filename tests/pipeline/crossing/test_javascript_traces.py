import pytest
from recorded_traces import recorded

from errlock.pipeline.crossing import javascript_traces
from errlock.pipeline.crossing.raised import Raised


def read(text: str) -> Raised:
    raised = javascript_traces.parse(text)
    assert raised is not None
    return raised


def calls(raised: Raised) -> list[tuple[object, ...]]:
    """Newest first, as the engine writes them; without Node's own."""
    return [
        (frame["function"], frame.get("filename"), frame.get("lineno"), frame.get("colno"))
        for frame in reversed(raised.frames)
        if not str(frame.get("filename")).startswith("node:")
    ]


APP = "/srv/shop/t.js"


def test_methods_constructors_and_unnamed_functions_of_v8() -> None:
    raised = read(recorded("node", "cart"))
    assert (raised.type, raised.value) == ("TypeError", "Cannot total\nline two")
    assert calls(raised) == [
        ("Cart.total", APP, 1, 60),
        ("new Cart", APP, 1, 34),
        ("?", APP, 1, 136),
        ("Array.map", "<anonymous>", None, None),
        ("Cart.of", APP, 1, 127),
        ("cart", APP, 3, 15),
        ("Object.?", APP, 15, 53),
    ]


def test_an_alias_stays_in_the_name() -> None:
    assert calls(read(recorded("node", "parse")))[1] == ("get price [as price]", APP, 14, 40)


@pytest.mark.parametrize("name", ["evald", "newf"])
def test_code_in_an_eval_is_where_the_eval_is(name: str) -> None:
    newest = calls(read(recorded("node", name)))[0]
    assert newest[1:] == {"evald": (APP, 6, 11), "newf": (APP, 12, 10)}[name]


def test_async_calls_are_calls() -> None:
    assert [call[0] for call in calls(read(recorded("node", "async")))] == [
        "deep", "mid", "Promise.all", "all",
    ]  # fmt: skip


def test_file_urls_become_paths() -> None:
    assert calls(read(recorded("node", "esm")))[0] == ("f", "/srv/shop/t.mjs", 1, 42)


def test_installed_packages_and_node_itself_are_not_the_app() -> None:
    frames = read(recorded("node", "lib")).frames
    package = next(frame for frame in frames if "node_modules" in str(frame.get("filename")))
    assert (package["module"], package["in_app"]) == ("lib:index", False)
    assert not any(
        frame["in_app"] for frame in frames if str(frame["filename"]).startswith("node:")
    )
    assert frames[-1]["in_app"]


def test_a_cause_hangs_on_the_error_that_has_it() -> None:
    raised = read(recorded("node", "cause inspected"))
    assert [(found.type, found.source) for found in raised.walk()] == [
        ("Error", ""),
        ("TypeError", "cause"),
    ]
    assert calls(raised.below[0])[0] == ("cause", APP, 7, 22)


def test_aggregated_errors_are_members() -> None:
    raised = read(recorded("node", "agg inspected"))
    assert [(found.type, found.value, found.source) for found in raised.walk()] == [
        ("AggregateError", "many", ""),
        ("Error", "one", "errors[0]"),
        ("TypeError", "two", "errors[1]"),
    ]


def test_properties_after_the_calls_are_not_read() -> None:
    raised = read(recorded("node", "code inspected"))
    assert raised.value == "ENOENT: no such file or directory, open '/nope/x.txt'"
    assert raised.below == []


def test_each_caused_by_line_hangs_on_the_one_before() -> None:
    raised = read(
        "Error: a\n    at f (/a.js:1:2)\ncaused by: Error: b\n    at g (/b.js:3:4)\n"
        "caused by: Error: c\n    at h (/c.js:5:6)"
    )
    assert raised.below[0].below[0].value == "c"


def test_windows_paths() -> None:
    raised = read("Error: a\n    at f (C:\\app\\a.js:1:2)\n    at file:///C:/app/b.mjs:3:4")
    assert calls(raised) == [("f", "C:\\app\\a.js", 1, 2), ("?", "C:/app/b.mjs", 3, 4)]


def test_the_form_of_firefox() -> None:
    raised = read(
        "total@https://shop.example/cart.js:10:5\n@https://shop.example/cart.js:20:1\n"
        "run@https://shop.example/a.js line 7 > eval:1:9\n"
    )
    assert calls(raised) == [
        ("total", "https://shop.example/cart.js", 10, 5),
        ("?", "https://shop.example/cart.js", 20, 1),
        ("run", "https://shop.example/a.js", 7, None),
    ]


def test_the_form_of_safari() -> None:
    raised = read(
        "total@https://shop.example/cart.js:10:5\nmap@[native code]\n"
        "https://shop.example/cart.js:3:4\nglobal code@https://shop.example/cart.js:30:2"
    )
    assert calls(raised) == [
        ("total", "https://shop.example/cart.js", 10, 5),
        ("map", None, None, None),
        ("?", "https://shop.example/cart.js", 3, 4),
        ("global code", "https://shop.example/cart.js", 30, 2),
    ]


@pytest.mark.parametrize(
    "name",
    ["cart", "parse", "alias", "agg inspected", "nomsg", "strange", "lib"],
)
def test_it_is_written_as_node_writes_it(name: str) -> None:
    text = recorded("node", name)
    assert javascript_traces.render(read(text)) == text


def test_text_without_calls_is_not_a_stack_trace() -> None:
    assert javascript_traces.parse("Error: at home\n at last\nmail me@example.org:12:3") is None
