"""Only what changes changes, and JSON stays JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from refinery.text.json_text import is_json, map_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_a_number_that_changes_becomes_a_string():
    assert (
        map_json('{"a": [-12, 1.5, 12]}', lambda value, _: "X" if value == "12" else value) == '{"a": [-12, 1.5, "X"]}'
    )


def test_a_value_is_passed_with_the_key_before_it():
    seen = []
    map_json('{"k\\u00e9y" : {"x": ["a", 1]}, "b": "c"}', lambda value, key: seen.append((value, key)) or value)
    assert seen == [("kéy", ""), ("x", ""), ("a", "x"), ("1", "x"), ("b", ""), ("c", "b")]


def test_spacing_and_escapes_of_what_stays_are_kept():
    text = '{ "a" :1.50,\n"b":"\\u00e9\\/", "c": "x" }'
    assert map_json(text, lambda value, _: value.replace("x", "é")) == text.replace('"x"', '"é"')


def test_escaped_text_is_written_escaped_again():
    assert map_json('["\\u5f20x"]', lambda value, _: value.replace("x", "伟")) == '["\\u5f20\\u4f1f"]'


def test_words_and_cut_json_are_not_json():
    assert not is_json("[呵呵] 你好")
    assert not is_json('{"a": ')
    assert is_json("[" * 100_000)


@given(VALUES, st.booleans())
def test_json_stays_json_when_every_text_is_replaced(value, ascii_only):
    def shout(node):
        if isinstance(node, dict):
            return {key + "!": shout(inner) for key, inner in node.items()}
        if isinstance(node, list):
            return [shout(inner) for inner in node]
        whole = isinstance(node, int) and not isinstance(node, bool)
        return f"{node}!" if isinstance(node, str) or whole else node

    text = json.dumps(value, ensure_ascii=ascii_only)
    assert json.loads(map_json(text, lambda part, _: part + "!")) == shout(value)


@given(VALUES)
def test_nothing_changed_is_the_same_text(value):
    text = json.dumps(value, indent=1)
    assert map_json(text, lambda part, _: part) == text
