"""Values read from text, Chinese and English, however they are written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.grounding.numbers import numeral, spelled
from refinery.grounding.values import claims, values


def read(text: str) -> list[tuple[str, str]]:
    return [(v.kind, min(v.forms, key=lambda form: (len(form), form))) for v in values(text)]


def same(one: str, other: str) -> bool:
    (left,), (right,) = values(one), values(other)
    return left.kind == right.kind and bool(left.forms & right.forms)


def test_one_sentence_of_each_language_gives_all_kinds():
    assert read("HAT271 leaves May 26 at 7pm for $1,074.50") == [
        ("id", "hat271"),
        ("date", "5-26"),
        ("time", "1140"),
        ("number", "1074.5"),
    ]
    assert read("订单A88号5月26日下午3点半前三十分钟内送达，退20元") == [
        ("id", "a88"),
        ("date", "5-26"),
        ("time", "930"),
        ("number", "30"),
        ("number", "20"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("7 pm", "19:00"),
        ("7:00 p.m.", "19:00:00"),
        ("下午7点", "19:00"),
        ("noon", "12:00"),
        ("May 26th, 2024", "2024-05-26"),
        ("26 May 2024", "2024年5月26日"),
        ("05/26/2024", "2024-05-26"),
        ("Mon", "Monday"),
        ("周五", "Friday"),
        ("twenty", "20"),
        ("1,000", "1000.00"),
        ("三十分钟", "30"),
        ("百分之二十", "20%"),
        ("５０％", "50%"),
        ("(415) 445-0120", "415-445-0120"),
    ],
)
def test_what_means_the_same_is_the_same(one, other):
    assert same(one, other)


@pytest.mark.parametrize(("one", "other"), [("7 pm", "7 am"), ("May 26", "May 27"), ("20", "200"), ("A88", "A89")])
def test_what_differs_is_not_the_same(one, other):
    assert not same(one, other)


def test_a_time_without_am_or_pm_may_be_either():
    assert same("3:30", "3:30 pm") and same("3:30", "3:30 am")
    assert not same("15:30", "3:30 am")


def test_units_do_not_make_an_id_and_ids_are_no_numbers():
    assert read("85x60cm, 50MB, 2nd floor, 30-day") == [("number", n) for n in ("85", "60", "50", "2", "30")]
    assert read("JG0FMM, 2FRNFB, #W2378156, credit_card_4196779, 43282") == [
        ("id", "jg0fmm"),
        ("id", "2frnfb"),
        ("id", "w2378156"),
        ("id", "credit_card_4196779"),
        ("id", "43282"),
    ]


def test_days_in_one_month_are_all_read():
    assert [form for _, form in read("May 20-21 and June 3 to 5")] == ["5-20", "5-21", "6-3", "6-5"]


def test_numbers_of_lists_lines_keys_and_examples_claim_nothing():
    text = '1. First\n2) Second\nAddress line 2\n{"top_10": 7}\nan id, e.g. #W0012345, or option 3'
    assert [v.surface for v in claims(text)] == ["7"]


def test_one_and_may_are_words():
    assert read("May I help you with one more? Option 1 may change. 一个") == [("number", "1")]


def test_number_words_in_a_row_are_told_apart():
    assert spelled("nineteen ninety nine".split()) == [19, 99]
    assert spelled("two hundred and five".replace("and ", "").split()) == [205]
    assert spelled("three thirty".split()) == [3, 30]
    assert spelled("one thousand two hundred".split()) == [1200]
    assert spelled([]) == []


@pytest.mark.parametrize(("text", "value"), [("三十", 30), ("一百二十", 120), ("两千零五", 2005), ("二零二六", 2026),
                                             ("十", 10), ("三万五千", 35000), ("元", None)])  # fmt: skip
def test_chinese_numerals(text, value):
    assert numeral(text) == value


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet=st.sampled_from("0123456789/-:.,#_()apmAP年月日点元三十百May \n\"'{}x%２"), max_size=60))
def test_no_text_breaks_the_reading_and_spans_lie_in_it(text):
    for value in values(text):
        assert value.forms
        assert value.start < value.end
    assert all(value in values(text) for value in claims(text))
