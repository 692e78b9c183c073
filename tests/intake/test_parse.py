"""JSON bytes to values: what is refused and why, and keys that stand twice, found without reading all of it twice."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake.parse import parsed, repeated

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from((None, 1)))
def test_no_key_stands_twice_in_what_a_writer_wrote(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        read = parsed(text, 2**20, "line_too_long")
    except ParseError as error:
        assert error.reason in ("not_utf8", "lone_surrogate")
        return
    assert repeated(text, read) == set()


@settings(max_examples=300, deadline=None)
@given(value=st.dictionaries(st.text(max_size=5), VALUES, min_size=1), data=st.data())
def test_a_key_that_stands_twice_is_found_at_any_depth_and_in_any_writing(value, data):
    key = data.draw(st.sampled_from(sorted(value)))
    again = json.dumps(key, ensure_ascii=data.draw(st.booleans()))
    inner = json.dumps(value)[:-1] + ", " + again + data.draw(st.sampled_from((":", " : "))) + "1}"
    text = '{"a\\u0022": [' + inner + "]}"
    try:
        read = parsed(text.encode(), 2**20, "line_too_long")
    except (ParseError, UnicodeEncodeError):
        return
    assert repeated(text.encode(), read) == {id(read)}


def test_of_a_list_only_the_item_is_named():
    text = b'[{"a": 1}, {"b": {"c": 1, "c": 2}}, {"a": true}]'
    read = parsed(text, 2**20, "line_too_long")
    assert repeated(text, read) == {id(read[1])}


def test_in_a_large_document_too():
    item = b'{"text": "' + b"x" * 2_000 + b'", "say": "\\"a\\": 1"}'
    text = b"[" + b",".join([item] * 600) + b',{"text": 1, "text": 2}]'
    read = parsed(text, 2**22, "document_too_long")
    assert len(text) > 2**20
    assert repeated(text, read) == {id(read[-1])}
    assert repeated(text.replace(b', "text": 2', b""), parsed(text.replace(b', "text": 2', b""), 2**22, "x")) == set()


@pytest.mark.parametrize(
    "text, reason, said",
    [
        (b"{", "not_json", "unexpected end of data, at character 1"),
        (b'"\xd6\xd0"', "not_utf8", "byte 1 is not UTF-8"),
        ('"a"'.encode("utf-16"), "not_utf8", "UTF-16 or UTF-32"),
        (b'"\\ud83d"', "lone_surrogate", "surrogate"),
        (b"[" * 2_000 + b"]" * 2_000, "nested_too_deep", "depth"),
        (b"[NaN]", "not_json", "at character 1"),
        (b"[" + b"{}," * 200_000 + b"{}]", "line_too_long", "8388608 bytes of memory"),
    ],
)
def test_what_is_refused_says_why_and_quotes_nothing(text, reason, said):
    with pytest.raises(ParseError, match=said) as caught:
        parsed(text, 2**20, "line_too_long")
    assert caught.value.reason == reason
    assert "xyz" not in caught.value.detail


def test_a_value_too_deep_to_be_written_again_is_refused():
    text = b"[" * 300 + b"]" * 300
    with pytest.raises(ParseError) as caught:
        repeated(text, orjson.loads(text))
    assert caught.value.reason == "nested_too_deep"
