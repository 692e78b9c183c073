"""What counts as personal data, in both languages, and what does not."""

import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.text import patterns
from refinery.text.personal import CARD, CN_ID, EMAIL, PHONE, candidates, normalised, spans

NOISE = st.text(alphabet="0123456789 -.+()@axX\\n[]PHONE_电话订单号：，。\"'\u200b１３８", max_size=60)


def found(text):
    return [(text[start:end], kind) for start, end, kind in spans(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("我的电话13812345678谢谢", "13812345678"),
        ("+86 138 1234 5678", "+86 138 1234 5678"),
        ("打0086-13912345678吧", "0086-13912345678"),
        ("(86)138-1234-5678", "(86)138-1234-5678"),
        ("8613812345678", "8613812345678"),
        ("1.13812345678", "13812345678"),
        ("１３８１２３４５６７８", "１３８１２３４５６７８"),
        ("138\u200b1234\u200b5678", "138\u200b1234\u200b5678"),
        ("座机010-62345678转1", "010-62345678"),
        ("（021）62345678", "（021）62345678"),
        ("0755 8888 7777", "0755 8888 7777"),
        ("+86-10-62345678", "+86-10-62345678"),
        ("电话 88888888", "88888888"),
        ("call (555) 123-4567 now", "(555) 123-4567"),
        ("555-123-4567", "555-123-4567"),
        ("+1 555 123 4567", "+1 555 123 4567"),
        ("+15551234567", "+15551234567"),
        ("1-555-123-4567", "1-555-123-4567"),
        ("my phone is 5551234", "5551234"),
        ('"phone": 5551234567', "5551234567"),
        ("+44 20 7946 0958, 10 items", "+44 20 7946 0958"),
        (r"\u753513812345678", "13812345678"),
        ("订单号13812345678", "13812345678"),
    ],
)
def test_a_phone_is_found_however_it_is_written(text, value):
    assert found(text) == [(value, PHONE)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("邮箱是abc@qq.com谢谢", "abc@qq.com"),
        ("Ann.B+x@mail.example.com.cn.", "Ann.B+x@mail.example.com.cn"),
        ("13812345678@163.com", "13812345678@163.com"),
        (r"\nann@x.com", "ann@x.com"),
        ("ann＠x.com", "ann＠x.com"),
    ],
)
def test_an_address_is_found_and_taken_whole(text, value):
    assert found(text) == [(value, EMAIL)]


@pytest.mark.parametrize("value", ["11010519491231002X", "11010519491231002x", "110105 19491231 002X"])
def test_an_identity_number_needs_its_checksum_and_a_day_that_exists(value):
    assert found(f"身份证{value}号") == [(value, CN_ID)]
    assert found("身份证110105194912310021号") == []
    assert found("身份证110105194902310027号") == []


@pytest.mark.parametrize(
    "value",
    [
        "4111111111111111",
        "6222021234567890128",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "378282246310005",
        "5500000000000004",
        "2223003122003222",
    ],
)
def test_a_card_is_found_by_luhn(value):
    assert found(f"卡号{value}，谢谢") == [(value, CARD)]


def test_a_card_is_found_beside_its_security_code():
    assert found("4111 1111 1111 1111 123") == [("4111 1111 1111 1111", CARD)]


@pytest.mark.parametrize(
    "cue", ["order ", "Order No. ", "订单号：", "单号是", "tracking number is ", '"order_id": "', "运单编号 ", "快递"]
)
def test_a_number_that_is_called_an_order_is_no_card_and_no_landline(cue):
    assert found(f"{cue}4111111111111111") == []
    assert found(f"{cue}02162345678") == []


@pytest.mark.parametrize(
    "before", ["my order was charged on ", "订单付款用的卡号是", "order 12, card ", "order 4111 ... "]
)
def test_an_order_named_farther_off_does_not_hide_a_card(before):
    assert ("4111111111111111", CARD) in found(f"{before}4111111111111111")


@pytest.mark.parametrize(
    "text",
    [
        "2020-05-25 13:00:00",
        "13:00-15:30，2023年8月1日",
        "¥13800.00 or 1,380,000.00 USD",
        "order W4923227, item 6086499569",
        "epoch 1590000000000 and 1593000000001",
        "20230801123456789",
        "0.4111111111111111 and 3.4111111111111111",
        "4111111111111112",
        "41111111111111110000000000",
        "400-810-1234",
        "call_id 12345678, hotel 12345678, Headphones: 6992792935",
        "550e8400-e29b-41d4-a716-446655440000",
        "@中国电信 10086",
        "192.168.1.1 and 127.0.0.1",
        "602134649-19672802-0269652411",
        "user@localhost",
    ],
)
def test_orders_amounts_dates_times_and_ids_stay(text):
    assert found(text) == []


def test_what_is_more_specific_comes_first_and_nothing_overlaps():
    text = "11010519491231002X 4111111111111111 13812345678 a13812345678@b.com"
    assert [kind for _, kind in found(text)] == [CN_ID, CARD, PHONE, EMAIL]


def test_neighbours_are_found_one_by_one():
    assert found("13812345678 13912345678,13812345679") == [
        ("13812345678", PHONE),
        ("13912345678", PHONE),
        ("13812345679", PHONE),
    ]


def test_spellings_of_one_value_have_one_normal_form():
    same = ["13812345678", "+86 138-1234-5678", "008613812345678", "１３８１２３４５６７８", "013812345678"]
    assert {normalised(PHONE, value) for value in same} == {"13812345678"}
    assert normalised(PHONE, "+1 (555) 123-4567") == normalised(PHONE, "555-123-4567")
    assert normalised(EMAIL, "Ann@X.com") == "ann@x.com"
    assert normalised(CARD, "4111-1111 1111 1111") == "4111111111111111"
    assert normalised(CN_ID, "110105 19491231 002x") == "11010519491231002X"


def test_every_pattern_compiles_in_re2_and_holds_one_group():
    for pattern in (*patterns.ORDER, *patterns.DECOYS):
        assert re2.compile(pattern.regex).groups == 1
    assert sorted(patterns.ORDER) == sorted(pattern for group in patterns.GROUPS for pattern in group)


@settings(deadline=None)  # automata are built on first use
@given(st.lists(NOISE | st.sampled_from(["I am John.", "13812345678", "PIN 1234", "", "\0", "ok"]), max_size=5))
def test_the_prefilter_misses_nothing(texts):
    groups = candidates(pa.array(texts, pa.string())).tolist()
    assert [spans(text, bits) for text, bits in zip(texts, groups, strict=True)] == [spans(text) for text in texts]


@settings(deadline=None)  # automata are built on first use
@given(NOISE)
def test_spans_are_ordered_apart_and_not_empty(text):
    edges = [edge for start, end, _ in spans(text) for edge in (start, end)]
    assert edges == sorted(edges)
    assert all(start < end for start, end, _ in spans(text))


@settings(deadline=None)  # automata are built on first use
@given(st.text(alphabet=st.characters(exclude_characters="@＠", exclude_categories=["Nd", "Cs"]), max_size=80))
def test_a_text_without_digits_and_at_sign_holds_nothing(text):
    assert spans(text) == []


def test_the_prefilter_takes_nulls_and_slices():
    assert (candidates(pa.array(["a@b", None, "x", "1381234567"])[1:]) > 0).tolist() == [False, False, True]


@pytest.mark.parametrize("part", ["1", "a@", "138 ", "4111 ", "(86)", "phone no ", "1-", "+", "\u200b1", "tel:"])
def test_long_texts_take_linear_time(part):
    assert len(spans(part * 20_000)) <= 20_000
