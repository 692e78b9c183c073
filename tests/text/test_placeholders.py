"""One value, one placeholder, inside one conversation."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.text.personal import PHONE, spans
from refinery.text.placeholders import NAME, Placeholders

VALUES = "13812345678|+86 138 1234 5678|ann@x.com|ANN@x.com|11010519491231002X|4111111111111111|4111 1111 1111 1111"
NEAR = "(555) 123-4567|010-62345678|[PHONE_1]|[CARD_7]|张伟|订单号|order |2020-05-25|电话|phone: |.|-|1| |，|\\n|\\u"
PIECES = st.sampled_from(f"{VALUES}|{NEAR}".split("|"))
TEXTS = st.lists(PIECES | st.text(alphabet="0123456789 .-@a电[]_\"'\\", max_size=6), max_size=12).map("".join)


def masked(text, known=(), **options):
    holders = Placeholders(known)
    holders.reserve(text)
    return holders.mask(text, **options)


def test_spellings_of_a_value_share_a_placeholder_and_other_values_get_the_next():
    text = "13812345678, +86 138-1234-5678, 13912345678, Ann@x.com, ann@X.com"
    assert masked(text) == "[PHONE_1], [PHONE_1], [PHONE_2], [EMAIL_1], [EMAIL_1]"


def test_numbers_start_above_placeholders_that_the_log_holds_already():
    assert masked("[PHONE_3] 是 13812345678") == "[PHONE_3] 是 [PHONE_4]"


def test_a_known_name_is_replaced_where_it_stands_and_not_inside_words():
    assert masked("张伟，我是张伟。", [(NAME, "张伟")]) == "[NAME_1]，我是[NAME_1]。"
    assert masked("Al said: Also, Al!", [(NAME, "Al")]) == "[NAME_1] said: Also, [NAME_1]!"


def test_the_longer_of_two_names_wins():
    assert masked("张伟明和张伟", [(NAME, "张伟"), (NAME, "张伟明")]) == "[NAME_1]和[NAME_2]"


def test_one_character_and_role_words_are_not_looked_for():
    assert masked("李子 customer 客户", [(NAME, "李"), (NAME, "Customer"), (NAME, "客户")]) == "李子 customer 客户"


def test_a_known_phone_is_found_even_where_no_pattern_finds_it():
    assert masked("item 5551234567", [(PHONE, "5551234567")]) == "item [PHONE_1]"
    assert masked("item 5551234567") == "item 5551234567"


def test_a_personal_field_is_masked_whole_unless_blank_or_masked():
    holders = Placeholders()
    assert holders.field("138****5678", PHONE) == "[PHONE_1]"
    assert holders.field(" ", PHONE) == " "
    assert holders.field("[PHONE_9]", PHONE) == "[PHONE_9]"
    assert holders.field("unknown", NAME) == "[NAME_1]"


def test_numbers_in_json_become_quoted_placeholders():
    assert masked('{"phone": 13812345678, "n": 1.13812345678}') == '{"phone": "[PHONE_1]", "n": 1.13812345678}'
    assert masked("13812345678", json_only=True) == '"[PHONE_1]"'
    assert masked("13812345678") == "[PHONE_1]"


def test_json_inside_json_stays_json():
    inner = json.dumps({"phone": 13812345678, "who": "张伟"})
    out = json.loads(masked(json.dumps({"body": inner}), [(NAME, "张伟")]))
    assert json.loads(out["body"]) == {"phone": "[PHONE_1]", "who": "[NAME_1]"}


def test_a_key_names_its_value():
    text = '{"order_id": 4111111111111111, "card": 4111111111111111, "phone": ["5551234"]}'
    assert json.loads(masked(text)) == {"order_id": 4111111111111111, "card": "[CARD_1]", "phone": ["[PHONE_1]"]}


def test_a_name_is_found_in_json_that_is_cut_and_escaped():
    assert masked('{"who": "\\u5f20\\u4f1f", "x', [(NAME, "张伟")]) == '{"who": "[NAME_1]", "x'


@settings(deadline=None)  # automata are built on first use
@given(TEXTS)
def test_nothing_is_left_that_spans_would_find(text):
    assert spans(masked(text)) == []


@settings(deadline=None)  # automata are built on first use
@given(TEXTS, st.sampled_from([(), ((NAME, "张伟"),)]))
def test_masking_twice_changes_nothing_more(text, known):
    once = masked(text, known)
    assert masked(once, known) == once


@settings(deadline=None)  # automata are built on first use
@given(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS | st.just(13812345678), max_size=3), max_size=4), st.booleans())
def test_json_stays_json_and_holds_nothing_personal(value, ascii_only):
    out = json.loads(masked(json.dumps(value, ensure_ascii=ascii_only), [(NAME, "张伟")]))
    strings = [*out, *(s for v in out.values() for s in ([v] if isinstance(v, str) else v))]
    assert "13812345678" not in strings and 13812345678 not in strings
    assert not any("张伟" in string or "ann@x.com" in string for string in strings)
