"""Laws of masking over texts of all kinds, and over hostile ones."""

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.text.kinds.shape import ACCOUNT, ADDRESS, BIRTH_DATE, CARD, IBAN, NAME, PASSPORT, PHONE, PIN, PLATE, SSN
from refinery.text.personal import normalised, spans
from refinery.text.placeholders import Placeholders
from tests.text.personal.labelled import structured, texts
from tests.text.personal.values import PERSONAL

SAID = [one.text for one in texts(fills=1)] + [one.text for one in structured(fills=1)]
SPELLINGS = {
    PHONE: ("13812345678", "+86 138-1234-5678", "008613812345678", "１３８１２３４５６７８"),
    CARD: ("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"),
    IBAN: ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
    PLATE: ("京A12345", "京A·12345", "京a 12345"),
    NAME: ("Ann Lee", "ann lee", "ANN  LEE"),
    SSN: ("219-09-9999", "219 09 9999", "219099999"),
    PASSPORT: ("E12345678", "e12345678"),
    ACCOUNT: ("77120394", "7712 0394", "7712-0394"),
    BIRTH_DATE: ("1990-05-20", "1990年5月20日", "1990.5.20", "1990/05/20"),
    ADDRESS: ("12 Oak St, Springfield, IL 62704", "12 oak st. Springfield IL 62704"),
    PIN: ("0314", "０３１４"),
}


def masked(text):
    holders = Placeholders()
    holders.reserve(text)
    holders.learn(text)
    return holders.mask(text)


@pytest.mark.parametrize("kind", SPELLINGS)
def test_spellings_of_one_value_have_one_placeholder(kind):
    holders = Placeholders()
    assert {holders.field(value, kind) for value in SPELLINGS[kind]} == {f"[{kind}_1]"}


@settings(deadline=None)  # automata are built on first use
@given(st.sampled_from(sorted(PERSONAL)), st.integers(0, 10_000), st.integers(0, 10_000))
def test_two_values_never_share_a_placeholder(slot, one, other):
    kind, draw = PERSONAL[slot]
    first, second = draw(Random(one)), draw(Random(other))
    holders = Placeholders()
    same = holders.field(first, kind) == holders.field(second, kind)
    assert same == (normalised(kind, first) == normalised(kind, second))


@settings(deadline=None)  # automata are built on first use
@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=4).map("\n".join), st.integers(1, 99))
def test_a_placeholder_of_the_log_is_never_given_to_a_value_of_ours(text, number):
    held = f"[PHONE_{number}] [NAME_{number}] [ACCOUNT_{number}]"
    out = masked(f"{held}\n{text}")
    assert out.startswith(held)
    assert not [p for p in held.split() if p in out.removeprefix(held)]


def test_masking_masked_text_changes_nothing():
    once = [masked(text) for text in SAID]
    assert [text for text in once if masked(text) != text] == []
    assert len(once) > 700


@settings(deadline=None)  # automata are built on first use
@given(st.lists(st.sampled_from(SAID), min_size=2, max_size=4).map(" ".join))
def test_masking_masked_text_changes_nothing_where_texts_stand_side_by_side(text):
    once = masked(text)
    assert masked(once) == once


@settings(deadline=None)  # automata are built on first use
@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=3).map(" ".join))
def test_no_span_is_left_and_none_lies_in_a_placeholder(text):
    assert spans(masked(text)) == []


HOSTILE = [
    "1", "1-", "1 ", "a@", "a.", "@a.", "138 ", "4111 ", "(86)", "+", "\u200b1", "\\u0031", "\\\\", "１",
    "phone no ", "tel:", "pin is ", "my name is ", "name: A ", "Mr. A ", "I'm A ", "for A B ", "speaking ",
    "我叫张", "我是", "张先生", "姓名：", "收件人", "路1号", "省市区县", "上海市", "1号楼", "12 Oak ", "St, ",
    "京A1", "E1", "DE89 ", "1.2.", "a:", ":", "生日", "born in Ohio on ", "账号", "account ", "[PHONE_",
    "\"name\": ", "{\"a\":", "[\"", "或1234", "twitter @", "order 12345 and ", "订单12345、", "ssn ",
    "SSN 219 09 9999 ",
    "birthday ", "1990-01-02 born ", "reg AB12 CDE ", "姓名：张伟、", "13812345678张伟收", "\"name\": \"A \"phone",
]  # fmt: skip


def seconds(text):
    best = []
    for number in range(3):
        other = text + " " * number  # what was folded before is kept
        start = time.process_time()
        spans(other)
        best.append(time.process_time() - start)
    return min(best)


@pytest.mark.parametrize("part", HOSTILE)
def test_twice_the_text_takes_about_twice_the_time(part):
    """Quadratic time would be four times; the second doubling counts where the first was disturbed."""
    ratios = []
    for size in (20_000, 40_000):
        small, large = part * (size // len(part)), part * (2 * size // len(part))
        ratios.append(seconds(large) / max(seconds(small), 1e-4))
        if ratios[-1] < 3:
            return
    assert min(ratios) < 3, ratios
