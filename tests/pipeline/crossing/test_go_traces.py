import pytest
from recorded_traces import recorded

from errlock.pipeline.crossing import go_traces
from errlock.pipeline.crossing.raised import Raised


def read(text: str) -> Raised:
    raised = go_traces.parse(text)
    assert raised is not None
    return raised


def calls(raised: Raised) -> list[str]:
    """Newest first."""
    return [
        " ".join(str(frame.get(name)) for name in ("module", "function"))
        for frame in reversed(raised.frames)
    ]


@pytest.mark.parametrize(
    ("name", "value", "newest"),
    [
        (
            "idx",
            "runtime error: index out of range [3] with length 0",
            "example.com/shop/svc (*Store).Get",
        ),
        ("gen", "in closure", "main main.Gen[...].func3"),
        ("val", "val panics", "example.com/shop/svc Store.Val"),
        (
            "nil",
            "runtime error: invalid memory address or nil pointer dereference",
            "example.com/shop/svc (*Store).Get",
        ),
        ("go", "code 3", "main main.func1"),
        ("re", "again: first", "main main.func2"),
    ],
)
def test_a_panic_has_its_message_and_its_place(name: str, value: str, newest: str) -> None:
    raised = read(recorded("go", name))
    assert (raised.type, raised.value) == ("panic", value)
    assert calls(raised)[0] == newest


def test_a_stack_taken_in_a_deferred_function_begins_at_the_panic() -> None:
    assert calls(read(recorded("go", "rec"))) == [
        "example.com/shop/svc (*Store).Get",
        "example.com/shop/svc Trace",
        "main main",
    ]


def test_taking_the_stack_is_not_part_of_it() -> None:
    raised = read(recorded("go", "plain"))
    assert raised.frames[-1] == {
        "function": "Plain",
        "module": "example.com/shop/svc",
        "filename": "svc.go",
        "abs_path": "/srv/shop/svc/svc.go",
        "lineno": 8,
        "in_app": True,
    }
    assert calls(raised) == ["example.com/shop/svc Plain", "main main"]


def test_the_sdk_that_recorded_an_error_is_not_part_of_it() -> None:
    raised = read(
        "goroutine 1 [running]:\ngo.opentelemetry.io/otel/sdk/trace.recordStackTrace()\n"
        "\t/go/pkg/mod/go.opentelemetry.io/otel/sdk@v1.30.0/trace/span.go:1 +0x1\n"
        "main.work()\n\t/srv/shop/main.go:5 +0x1d\n"
    )
    assert calls(raised) == ["main work"]


def test_only_the_first_goroutine_counts() -> None:
    raised = read(recorded("go", "idx") + "\ngoroutine 7 [select]:\nmain.other()\n\t/srv/x.go:1\n")
    assert calls(raised)[-1] == "main main"


def test_escaped_dots_and_the_standard_library() -> None:
    raised = read(
        "goroutine 1 [running]:\ngopkg.in/yaml%2ev3.Unmarshal(...)\n"
        "\t/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/yaml.go:1\n"
        "encoding/json.(*Decoder).Decode(0xc000)\n\t/usr/local/go/src/encoding/json/stream.go:2\n"
        "main.main()\n\t/srv/shop/main.go:3\n"
    )
    assert [(frame["module"], frame["in_app"]) for frame in raised.frames] == [
        ("main", True),
        ("encoding/json", False),
        ("gopkg.in/yaml.v3", False),
    ]


def test_errors_printed_with_their_stack() -> None:
    raised = read(
        "disk is full\nmain.save\n\t/srv/shop/main.go:9\nmain.main\n\t/srv/shop/main.go:3"
    )
    assert (raised.type, raised.value) == ("error", "disk is full")
    assert calls(raised) == ["main save", "main main"]


def test_it_is_written_as_go_writes_it() -> None:
    assert go_traces.render(read(recorded("go", "val"))) == (
        "panic: val panics\n\ngoroutine 1 [running]:\n"
        "example.com/shop/svc.Store.Val(...)\n\t/srv/shop/svc/svc.go:5\n"
        "main.main(...)\n\t/srv/shop/main.go:10\n"
    )
