"""Ruby and PHP."""

from errlock.pipeline.crossing import php_traces, ruby_traces, stacktraces
from errlock.pipeline.crossing.raised import Raised

RUBY = """\
/srv/shop/cart.rb:7:in `total': bad total (Shop::CartError)
second line
\tfrom /srv/shop/cart.rb:12:in `block in <main>'
\tfrom /usr/lib/ruby/gems/3.2.0/gems/rack-3.0/lib/rack/builder.rb:3:in `call'
/srv/shop/cart.rb:5:in `Integer': invalid value for Integer(): "x" (ArgumentError)
\tfrom /srv/shop/cart.rb:5:in `total'
"""

PHP = """\
TypeError: bad type in /srv/shop/stock.php:4
Stack trace:
#0 /srv/shop/cart.php(9): Shop\\Stock->take('x')
#1 {main}

Next Shop\\CartException: no total in /srv/shop/cart.php:12
Stack trace:
#0 /srv/shop/vendor/acme/run.php(30): Shop\\Cart->total(1)
#1 [internal function]: Acme\\Runner->call()
#2 /srv/shop/index.php(3): array_map(Object(Closure), Array)
#3 {main}
"""


def calls(raised: Raised | None) -> list[str]:
    """Newest first."""
    assert raised is not None
    return [
        "{} {}:{}".format(*(str(frame.get(name)) for name in ("function", "filename", "lineno")))
        for frame in reversed(raised.frames)
    ]


def test_ruby() -> None:
    raised = ruby_traces.parse(RUBY)
    assert raised is not None
    assert [(found.module, found.type, found.value) for found in raised.walk()] == [
        ("Shop", "CartError", "bad total\nsecond line"),
        (None, "ArgumentError", 'invalid value for Integer(): "x"'),
    ]
    assert calls(raised) == [
        "total /srv/shop/cart.rb:7",
        "block in <main> /srv/shop/cart.rb:12",
        "call rack-3.0/lib/rack/builder.rb:3",
    ]
    assert [frame["in_app"] for frame in raised.frames] == [False, True, True]
    assert ruby_traces.render(raised) == RUBY


def test_the_quotes_of_ruby_3_4() -> None:
    raised = ruby_traces.parse(
        "a.rb:1:in 'Cart#total': x (RuntimeError)\n\tfrom a.rb:2:in '<main>'"
    )
    assert calls(raised) == ["Cart#total a.rb:1", "<main> a.rb:2"]


def test_php() -> None:
    raised = php_traces.parse(PHP)
    assert raised is not None
    assert [(found.module, found.type, found.value, found.source) for found in raised.walk()] == [
        ("Shop", "CartException", "no total", ""),
        (None, "TypeError", "bad type", "previous"),
    ]
    assert calls(raised.below[0]) == [
        "Shop\\Stock->take /srv/shop/stock.php:4",
        "{main} /srv/shop/cart.php:9",
    ]
    assert calls(raised) == [
        "Shop\\Cart->total /srv/shop/cart.php:12",
        "Acme\\Runner->call /srv/shop/vendor/acme/run.php:30",
        "array_map None:None",
        "{main} /srv/shop/index.php:3",
    ]
    assert [frame["in_app"] for frame in reversed(raised.frames)] == [True, False, False, True]


def test_the_form_of_opentelemetrys_php_sdk() -> None:
    found = stacktraces.parse(
        "Shop.CartException: no total\n\tat Shop.Cart.total(Cart.php:12)\n"
        "\tat {main}(index.php:3)\n"
        "Caused by: TypeError: bad\n\tat Shop.Stock.take(Stock.php:4)\n\t... 2 more\n",
        "php",
    )
    assert found is not None
    platform, raised = found
    assert platform == "php"
    assert [(one.module, one.type) for one in raised.walk()] == [
        ("Shop", "CartException"),
        (None, "TypeError"),
    ]
    assert calls(raised) == ["total Cart.php:12", "{main} index.php:3"]
    assert "module" not in raised.frames[0]


def test_php_is_written_as_php_writes_it_but_for_the_arguments() -> None:
    raised = php_traces.parse(PHP)
    assert raised is not None
    assert php_traces.render(raised.below[0]) == (
        "TypeError: bad type in /srv/shop/stock.php:4\nStack trace:\n"
        "#0 /srv/shop/cart.php(9): Shop\\Stock->take()\n#1 {main}\n"
    )
