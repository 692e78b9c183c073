"""Normal forms for comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.text.normalise import has_han, normalise, shingles, words


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ｏrder　１２３ ", "order 123"),
        ("  您好，\n请问\u200b？ ", "您好, 请问?"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁne", "fine"),
        ("a\u00adb", "ab"),
        ("", ""),
    ],
)
def test_what_reads_the_same_has_one_form(text, normal):
    assert normalise(text) == normal


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_is_the_same_way(text):
    assert normalise(text + "\u200b") == normalise(text)


def test_units_of_text():
    assert has_han("订单 ok") and not has_han("order ！")
    assert words("don't pay 3 times, ok?") == ["don't", "pay", "3", "times", "ok"]
    assert shingles("您好吗", 2) == {"您好", "好吗"}
    assert shingles("a", 2) == {"a"} and shingles("", 2) == set()


@given(st.text(max_size=20), st.integers(1, 6))
def test_shingles_are_all_substrings_of_their_size(text, size):
    for shingle in shingles(text, size):
        assert shingle in text and len(shingle) == min(size, len(text))
