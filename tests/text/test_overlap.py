"""How much one text repeats another (mission.md 2.4.1, R_rep)."""

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.text.overlap import Substrings, jaccard, repeats

TEXTS = st.text(alphabet="ab您好 ", max_size=30)


def test_jaccard_counts_words_in_english_and_bigrams_in_chinese():
    assert jaccard("my order is late", "your order is late") == 3 / 5
    assert jaccard("您好吗", "您好") == 1 / 2
    assert jaccard("您 好", "您好") == 1.0


def test_texts_without_units_share_nothing():
    assert jaccard("", "") == jaccard("?", "?") == jaccard("", "您好") == 0.0


def test_the_share_is_of_the_reply():
    assert Substrings("abcd").share("xxbcdyy") == 0.75
    assert Substrings("").share("abc") == 0.0
    assert Substrings("您好，订单").longest("您好，退款") == 3


@given(TEXTS, TEXTS)
def test_the_longest_common_substring_is_the_one_a_search_finds(left, right):
    longest = SequenceMatcher(None, left, right, autojunk=False).find_longest_match().size
    assert Substrings(left).longest(right) == Substrings(right).longest(left) == longest


@given(TEXTS, TEXTS)
def test_jaccard_is_symmetric_and_between_0_and_1(left, right):
    assert 0 <= jaccard(left, right) == jaccard(right, left) <= 1


def test_a_long_text_takes_linear_time():
    assert Substrings("ab" * 50_000).longest("ba" * 50_000) == 99_999


@pytest.mark.parametrize(
    ("reply", "earlier", "repeated"),
    [
        ("非常抱歉给您带来不便,我们会尽快为您处理", "非常抱歉给您带来不便，我们会尽快为您处理。", True),
        ("请稍等", "请稍等", True),
        ("请您稍等一下", "好的，请您稍等", False),
        ("We will refund you within three days.", "Sorry! We will refund you within three days. Bye", True),
        ("We will refund you, but first tell me the order number and the reason", "We will refund you, madam", False),
        ("a b c d e f g h i", "a b c d e f g h j", False),
    ],
)
def test_a_reply_repeats_by_jaccard_or_by_a_long_substring(reply, earlier, repeated):
    assert repeats(reply, ["您好", earlier]) is repeated


def test_the_substring_must_be_longer_than_18_characters():
    assert not repeats("x" * 9 + "ab" * 4 + "y", ["x" * 9 + "ab" * 4 + "z"])
    assert repeats("abcdefghij klmnopqr stu", ["abcdefghij klmnopqr xyz"])
    assert not repeats("abcdefghi klmnopq stu", ["abcdefghi klmnopq xyz"])


def test_nothing_said_before_is_nothing_repeated():
    assert not repeats("您好", [])
