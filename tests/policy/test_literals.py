import time

from errlock.policy.literals import Branch, Leaf, Node, literals
from errlock.policy.views import View


def read(text: str) -> list[object]:
    def plain(node: Node) -> object:
        if isinstance(node, Leaf):
            return node.view.text
        return [(key.view.text if key else None, plain(value)) for key, _, value in node.items]

    return [plain(branch) for branch, _, _ in literals(View(text))]


def test_json_in_a_sentence_is_read() -> None:
    assert read('sent {"a": "b\\"c", "n": 12} off') == [[("a", 'b"c'), ("n", "12")]]


def test_python_literals_are_read() -> None:
    assert read("{'a': b'x', 'l': ['y', ('z',)]}") == [
        [("a", "x"), ("l", [(None, "y"), (None, [(None, "z")])])]
    ]


def test_keyword_arguments_of_a_repr_are_read() -> None:
    assert read("User(id=4, name='x')") == [[("id", "4"), ("name", "x")]]


def test_a_ruby_hash_is_read() -> None:
    assert read('{"a" => "x"}') == [[("a", "x")]]


def test_what_was_cut_off_is_read_to_its_end() -> None:
    assert read('{"a": {"b": "secr') == [[("a", [("b", "secr")])]]
    assert read('{"a": "x\\') == [[("a", "x")]]


def test_an_escaped_string_maps_back() -> None:
    [(branch, _, _)] = literals(View('{"k": "a\\u0040b"}'))
    assert isinstance(branch, Branch)
    leaf = branch.items[0][2]
    assert isinstance(leaf, Leaf)
    assert leaf.view.text == "a@b"
    assert leaf.view.root_span(1, 2) == (8, 14)


def test_time_is_linear_in_hostile_text() -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        for text in ("{" * size, '{"' * size, "['\\" * size, '"' * size + "{"):
            read(text)
        return time.process_time() - began

    small = min(seconds(4_000) for _ in range(3))
    assert seconds(16_000) < 16 * small + 0.1
