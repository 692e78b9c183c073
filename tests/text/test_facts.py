"""Comparable forms and facts: numbers are masked in the one and kept in the other."""

import numpy as np
import pytest

from refinery.text.code_points import ROOM, fold_text, folding
from refinery.text.facts import conflict, kinds, masked, value_facts, words


def read(text: str) -> tuple[str, set[int]]:
    """Form and facts of one turn."""
    data = np.frombuffer(text.encode(), np.uint8)
    room = ROOM * len(data) + 2
    codes, form, facts = np.zeros(room, np.uint32), np.zeros(room, np.uint32), np.zeros(room, np.uint64)
    tables = folding()
    num = fold_text(data, 0, len(data), tables.fold, tables.more, codes, 0)
    end, num_facts = masked(codes, 0, num, kinds(), words(), form, 0, facts, 0)
    return "".join(map(chr, form[:end])), set(facts[:num_facts].tolist())


def values(text: str) -> set[int]:
    data = np.frombuffer(text.encode(), np.uint8)
    facts = np.zeros(len(data) + 1, np.uint64)
    return set(facts[: value_facts(data, 0, len(data), facts, 0)].tolist())


def differ(left: set[int], right: set[int]) -> bool:
    return bool(conflict(*(np.array(sorted(facts), np.uint64) for facts in (left, right))))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("您的订单 A12-34，退款２０元。", "您的订单0退款0元"),
        ("Order #W2378156: $1,000.00 at 10:30!", "order 0 0 at 0"),
        ("Hello  World,你好 world", "hello world你好world"),
        ("Call [PHONE_1] or [EMAIL_12]", "call phone 0 or email 0"),
        ("?!…", ""),
    ],
)
def test_the_form_holds_letters_and_one_0_a_number(text, form):
    assert read(text)[0] == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-05-01", "2026/5/1"),
        ("1,000.00", "1000"),
        ("２０元", "20元"),
        ("[PHONE_1]", "[PHONE_2]"),
        ("退款成功", "退款 成功"),
    ],
)
def test_one_fact_has_many_spellings(one, other):
    assert read(one)[1] == read(other)[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("订单88123", "订单88124"),
        ("refund of 20", "refund of 200"),
        ("order 99999", "order 100000"),
        ("三百元", "五百元"),
        ("周三到", "周五到"),
        ("on Monday", "on Tuesday"),
        ("退款成功", "退款失败"),
        ("it was approved", "it was denied"),
        ("W2378156", "W2378157"),
        ("two cups", "three cups"),
    ],
)
def test_other_numbers_days_and_outcomes_are_in_conflict(one, other):
    assert differ(read(one)[1], read(other)[1])
    assert differ(read(other)[1], read(one)[1])


def test_what_lost_a_fact_is_in_conflict_with_nothing():
    whole = read("order 88123, 20 euro, on Monday, approved")[1]
    for part in ("order 88123", "20 euro on Monday", "hello"):
        assert not differ(whole, read(part)[1])
        assert not differ(read(part)[1], whole)
    assert not differ(whole, whole)


def test_arguments_are_facts_and_their_names_are_not():
    first = values('{"order_id": "A1", "items": ["lamp", "ta\\"ble"], "amount": 12.5, "gift": false}')
    assert len(first) == 5
    assert first == values('{"gift":false,"amount":12.5,"items":["LAMP","ta\\"ble"],"order_id":"a1"}')
    assert differ(first, values('{"order_id": "A2", "items": ["lamp"], "amount": 12.5, "gift": false}'))
    assert values('{"thought": "' + "x" * 60 + '"}') == set()


@pytest.mark.parametrize("broken", ['{"a": "', '{"a": "b\\', '"', "{", '{"a" "b" 1 2', "\\"])
def test_arguments_that_are_not_json_cost_nothing(broken):
    assert len(values(broken)) <= 4
