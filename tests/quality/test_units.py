"""What counts as a word, in Chinese and in English."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.quality import units as module
from refinery.quality.units import HAN, KANA, LATIN, OTHER, blocks, cut

TEXTS = st.lists(st.none() | st.text(alphabet="aB1 '我Ｂé\u0301!😀ア\u200b\n\U00020000", max_size=12), max_size=8)


def num_words(text):
    return cut(pa.array([text])).per_text().tolist()[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \u200b\n", 0),
        ("…！?👍", 0),
        ("order 66", 2),
        ("我的包裹呢？", 5),
        ("iPhone12收到了", 4),
        ("don't worry", 2),
        ("'quoted'", 1),
        ("don’t", 1),
        ("4.5", 2),
        ("e-mail_me", 3),
        ("cafe\u0301s", 1),
        ("こんにちは", 5),
        ("안녕하세요 여러분", 2),
        ("\U00020000吉", 2),
        ("नमस्ते", 1),
    ],
)
def test_a_word_is_a_chinese_character_or_a_run_of_letters_and_digits(text, words):
    assert num_words(text) == words


def test_a_null_has_no_words():
    assert cut(pa.array([None, "a"])).per_text().tolist() == [0, 1]


@pytest.mark.parametrize("pair", [("HELLO", "hello"), ("Ｈｅｌｌｏ", "hello"), ("É", "é"), ("１２", "12")])
def test_case_and_width_make_no_other_word(pair):
    left, right = (cut(pa.array([text])).hashes.tolist() for text in pair)
    assert left == right


@pytest.mark.parametrize("pair", [("ab", "ba"), ("a", "aa"), ("11", "1"), ("他", "她"), ("a1", "1a"), ("繁", "简")])
def test_other_words_have_other_hashes(pair):
    left, right = (cut(pa.array([text])).hashes.tolist() for text in pair)
    assert left != right


def test_a_word_is_the_same_word_wherever_it_stands():
    found = cut(pa.array(["hello", "我说 hello", "x" * 5000 + " hello é", "hello"]))
    hello = cut(pa.array(["hello"])).hashes[0]
    assert np.bincount(found.texts[found.hashes == hello]).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("text", "kind"), [("我", HAN), ("word", LATIN), ("4G", LATIN), ("ア", KANA), ("привет", OTHER)]
)
def test_words_know_their_script(text, kind):
    assert cut(pa.array([text])).classes.tolist() == [kind]


@pytest.mark.parametrize(
    ("text", "symbols"),
    [("好！！！！", 1), ("好！？！", 3), ("a. b. c.", 3), ("'", 1), ("don't", 0), ("a\x80\x99b", 2)],
)
def test_a_symbol_written_again_and_again_counts_once(text, symbols):
    assert cut(pa.array([text])).symbols.tolist() == [symbols]


@given(TEXTS)
def test_a_text_has_the_words_that_it_would_have_alone(texts):
    whole = cut(pa.array(texts, pa.string()))
    for number, text in enumerate(texts):
        alone = cut(pa.array([text], pa.string()))
        mine = whole.texts == number
        assert whole.hashes[mine].tolist() == alone.hashes.tolist()
        assert whole.classes[mine].tolist() == alone.classes.tolist()
        assert (whole.letters[number], whole.symbols[number]) == (alone.letters[0], alone.symbols[0])


@given(st.lists(st.text(alphabet="ab1 我.", max_size=9), max_size=6), st.integers(0, 6))
def test_words_are_those_of_a_plain_pattern_also_in_a_slice(texts, start):
    plain = [len(re.findall(r"[ab1]+|我", text)) for text in texts[start:]]
    assert cut(pa.array(texts, pa.string()).slice(start)).per_text().tolist() == plain


def test_blocks_hold_every_text_once_and_a_giant_one_alone(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_BYTES", 10)
    texts = ["abc", None, "defg", "x" * 50, "", "h"]
    cuts = [block.to_pylist() for block in blocks(pa.array(texts))]
    assert [text for block in cuts for text in block] == texts
    assert ["x" * 50] in cuts
    assert list(blocks(pa.array([], pa.string()))) == []
