from errlock.pipeline.crossing import dotnet_traces
from errlock.pipeline.crossing.raised import MAX_EXCEPTIONS, Raised

# As .NET 8 writes it.
NESTED = """\
System.InvalidOperationException: order failed
 ---> System.AggregateException: several (one) (two)
 ---> Shop.StockException: one
second line
   at Shop.Stock.Take(String name, Int32 count) in /srv/shop/Stock.cs:line 12
   --- End of inner exception stack trace ---
   at Shop.Cart.Total() in /srv/shop/Cart.cs:line 20
 ---> (Inner Exception #1) System.FormatException: two
   at System.Number.ThrowFormatException[TChar](ReadOnlySpan`1 value)
   at System.Int32.Parse(String s)<---

   --- End of inner exception stack trace ---
   at Shop.Orders.PlaceAsync(Order order) in C:\\src\\Orders.cs:line 33
--- End of stack trace from previous location ---
   at Shop.Program.<Main>$(String[] args) in /srv/shop/Program.cs:line 3
"""


NAMES = ("module", "function", "filename", "lineno")


def read(text: str) -> Raised:
    raised = dotnet_traces.parse(text)
    assert raised is not None
    return raised


def calls(raised: Raised) -> list[str]:
    """Newest first."""
    return [
        "{} {} {}:{}".format(*(str(frame.get(name)) for name in NAMES))
        for frame in reversed(raised.frames)
    ]


def test_calls_have_type_method_file_and_line() -> None:
    assert calls(read(NESTED)) == [
        "Shop.Orders PlaceAsync Orders.cs:33",
        "Shop.Program <Main>$ Program.cs:3",
    ]


def test_inner_exceptions_hang_on_the_outer_one() -> None:
    assert [(found.type, found.value) for found in read(NESTED).walk()] == [
        ("System.InvalidOperationException", "order failed"),
        ("System.AggregateException", "several (one) (two)"),
        ("Shop.StockException", "one\nsecond line"),
        ("System.FormatException", "two"),
    ]


def test_inner_exceptions_keep_their_own_calls() -> None:
    several = read(NESTED).below[0]
    assert calls(several) == ["Shop.Cart Total Cart.cs:20"]
    assert calls(several.below[0]) == ["Shop.Stock Take Stock.cs:12"]
    assert calls(several.below[1]) == [
        "System.Number ThrowFormatException[TChar] None:None",
        "System.Int32 Parse None:None",
    ]


def test_the_framework_is_not_the_app() -> None:
    assert [frame["in_app"] for frame in read(NESTED).below[0].below[1].frames] == [False, False]
    assert all(frame["in_app"] for frame in read(NESTED).frames)


def test_the_form_of_the_old_framework_has_inner_exceptions_on_one_line() -> None:
    raised = read(
        "Shop.OrderException: failed ---> System.Exception: inner\r\n"
        "   at Shop.A.F() in C:\\src\\A.cs:line 1\r\n"
        "   --- End of inner exception stack trace ---\r\n   at Shop.B.G()\r\n"
    )
    assert [(found.type, found.value) for found in raised.walk()] == [
        ("Shop.OrderException", "failed"),
        ("System.Exception", "inner"),
    ]


def test_a_line_of_nothing_but_arrows_is_read_as_far_as_events_go() -> None:
    raised = read(f"A: {'x ---> A: ' * 5000}\n   at Shop.Cart.Total()\n")
    (innermost,) = [found for found in raised.walk() if not found.below]
    assert len([*raised.walk()]) == MAX_EXCEPTIONS
    assert innermost.value.endswith(" ---> A:")


def test_constructors_and_generic_types() -> None:
    raised = read(
        "System.Exception: x\n   at Shop.Cart..ctor(Int32 a)\n   at Shop.Cart..cctor()\n"
        "   at System.Collections.Generic.Dictionary`2.get_Item(TKey key)\n"
    )
    assert [(frame["module"], frame["function"]) for frame in reversed(raised.frames)] == [
        ("Shop.Cart", ".ctor"),
        ("Shop.Cart", ".cctor"),
        ("System.Collections.Generic.Dictionary`2", "get_Item"),
    ]


def test_it_is_written_as_dotnet_writes_it_but_for_the_arguments() -> None:
    assert dotnet_traces.render(read(NESTED).below[0]) == (
        "System.AggregateException: several (one) (two)\n"
        " ---> Shop.StockException: one\nsecond line\n"
        "   at Shop.Stock.Take() in /srv/shop/Stock.cs:line 12\n"
        "   --- End of inner exception stack trace ---\n"
        "   at Shop.Cart.Total() in /srv/shop/Cart.cs:line 20\n"
        " ---> (Inner Exception #1) System.FormatException: two\n"
        "   at System.Number.ThrowFormatException[TChar]()\n"
        "   at System.Int32.Parse()<---\n"
    )
