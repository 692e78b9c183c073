"""Folding: what reads the same has the same code points, however it is written."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.text.code_points import ROOM, fold_text, folding
from tests.properties.test_laws import few


def folded(text: str) -> str:
    data = np.frombuffer(text.encode(), np.uint8)
    out = np.zeros(ROOM * len(data) + 1, np.uint32)
    tables = folding()
    return "".join(map(chr, out[: fold_text(data, 0, len(data), tables.fold, tables.more, out, 0)]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＡＢＣ１２３", "abc123"),
        ("Straße", "strasse"),
        ("cafe\u0301", "café"),
        ("你\u200b好", "你好"),
        ("㍿", "株式会社"),
        ("①②", "12"),
        ("𠀀", "𠀀"),
        ("ﬁne", "fine"),
        ("カ\u3099", "カ\u3099"),
    ],
)
def test_two_spellings_of_one_text_are_folded_to_one(one, other):
    assert folded(one) == folded(other)


def test_distinct_letters_stay_distinct():
    letters = "abcäöüßñ你好嗎吗かガабв한글ไทย"
    assert len({folded(letter) for letter in set(letters) - set("äöüñ")}) == len(set(letters) - set("äöüñ"))


@few
@given(st.text(max_size=60))
def test_any_text_folds_within_its_room_and_the_folded_form_holds_nothing_to_fold(text):
    once = folded(text)
    assert len(once) <= ROOM * len(text.encode())
    assert not any(char.isupper() and char.isascii() for char in once)
    assert all(unicodedata.category(char) != "Cf" for char in once)
