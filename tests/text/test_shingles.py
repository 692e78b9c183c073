"""Shingles and their Jaccard, against the plain definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.text.shingles import distinct, hashed, jaccard
from tests.properties.test_laws import few


def plain(text: str) -> set[str]:
    """By definition, without hashes: runs that weigh 20 (Chinese 5, others 4), or 3 or 2 characters of a short text."""
    if len(text) < 5:
        return set()
    if len(text) < 20:
        size = 3 if len(text) >= 10 else 2
        return {text[i : i + size] for i in range(len(text) - size + 1)}
    found = set()
    for end in range(1, len(text) + 1):
        for start in range(end - 1, -1, -1):
            if sum(5 if char >= "\u2e80" else 4 for char in text[start:end]) >= 20:
                found.add(text[start:end])
                break
    return found


def shingled(text: str) -> np.ndarray:
    codes = np.array([ord(char) for char in text], np.uint32)
    out = np.zeros(len(codes) + 1, np.uint64)
    return distinct(out, hashed(codes, len(codes), out))


ALPHABET = st.text(st.sampled_from("abc 你好吗的"), max_size=60)


@few
@given(ALPHABET, ALPHABET)
def test_as_many_shingles_and_the_same_jaccard_as_by_definition(left, right):
    one, other = plain(left), plain(right)
    assert len(shingled(left)) == len(one)
    wanted = len(one & other) / len(one | other) if one | other else 0.0
    assert jaccard(shingled(left), shingled(right)) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "num"), [("", 0), ("abcd", 0), ("abcde", 4), ("abcdefghij", 8), ("abcdefghijklmnopqrst", 16)]
)
def test_short_texts_have_short_shingles_and_the_shortest_none(text, num):
    assert len(shingled(text)) == num


def test_sets_are_sorted_and_without_repeats():
    found = shingled("很好" * 30 + "good" * 30)
    assert (np.diff(found.astype(np.int64)) > 0).all()
