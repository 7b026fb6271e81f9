import pytest
from recorded_traces import recorded

from errlock.pipeline.crossing import java_traces
from errlock.pipeline.crossing.raised import Raised


def read(text: str) -> Raised:
    raised = java_traces.parse(text)
    assert raised is not None
    return raised


def calls(raised: Raised) -> list[str]:
    """Newest first."""
    return [
        "{}.{}:{}".format(*(str(frame.get(name)) for name in ("module", "function", "lineno")))
        for frame in reversed(raised.frames)
    ]


def test_types_and_calls_have_their_modules() -> None:
    raised = read(recorded("java", "nul"))
    assert (raised.module, raised.type) == ("java.lang", "NullPointerException")
    assert raised.value == 'Cannot invoke "String.length()" because "<local0>" is null'
    assert raised.frames[-1] == {
        "function": "nul",
        "module": "com.acme.Shop",
        "filename": "Shop.java",
        "lineno": 14,
        "in_app": True,
    }


def test_the_calls_in_common_with_the_exception_above_are_filled_in() -> None:
    raised = read(recorded("java", "order"))
    assert calls(raised.below[0]) == [
        *["com.acme.Shop.low:6"] * 3,
        "com.acme.Shop.order:7",
        "com.acme.Shop.main:19",
    ]


def test_a_message_that_looks_like_a_call_stays_message() -> None:
    assert read(recorded("java", "order")).below[0].value == (
        "stock: -1\n\tat not.a.Frame(of the message)"
    )


def test_suppressed_exceptions_have_causes_of_their_own() -> None:
    raised = read(recorded("java", "res"))
    assert [(found.type, found.source) for found in raised.walk()] == [
        ("Shop$OrderException", ""),
        ("IOException", "suppressed[0]"),
        ("RuntimeException", "cause"),
        ("IllegalStateException", "cause"),
    ]


def test_every_cause_hangs_on_the_one_before() -> None:
    raised = read(recorded("java", "refl"))
    assert [found.type for found in raised.walk()] == [
        "Exception", "InvocationTargetException", "Shop$OrderException", "IllegalStateException",
    ]  # fmt: skip
    native = raised.below[0].frames[-1]
    assert native == {
        "function": "invoke0",
        "module": "jdk.internal.reflect.NativeMethodAccessorImpl",
        "native": True,
        "in_app": False,
    }


def test_a_circular_cause_ends() -> None:
    assert [found.value for found in read(recorded("java", "circ")).walk()] == ["b", "a"]


def test_the_name_of_the_thread_is_not_part_of_the_type() -> None:
    raised = read(recorded("java", "uncaught"))
    assert (raised.module, raised.type) == ("com.acme", "Shop$OrderException")


def test_modules_loaders_and_hidden_classes() -> None:
    raised = read(
        "x.E: m\n\tat app//com.acme.A.f(A.java:1)\n"
        "\tat java.base@17.0.1/java.lang.Thread.run(Thread.java:2)\n"
        "\tat com.acme.B$$Lambda$14/0x0000000800c03000.run(Unknown Source)\n"
        "\tat com.acme.MainKt.main(Main.kt) ~[app.jar:1.0]\n"
        "\tat com.acme.Cart$.$anonfun$total$1(Cart.scala:33)\n"
    )
    assert calls(raised) == [
        "com.acme.A.f:1",
        "java.lang.Thread.run:2",
        "com.acme.B$$Lambda$14/0x0000000800c03000.run:None",
        "com.acme.MainKt.main:None",
        "com.acme.Cart$.$anonfun$total$1:33",
    ]


@pytest.mark.parametrize("name", ["order", "res", "nul", "nomsg"])
def test_it_is_written_as_java_writes_it(name: str) -> None:
    text = recorded("java", name)
    assert java_traces.render(read(text)) == text


def test_the_names_of_modules_are_all_that_is_lost_in_writing() -> None:
    text = recorded("java", "refl")
    assert java_traces.render(read(text)) == text.replace("java.base/", "")
