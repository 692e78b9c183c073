"""Personal data leaves a conversation at intake, and nothing else does."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.intake.redact import Redact, redact_text
from refinery.text.personal import spans

SCHEMA = Redact().writes()
VALUES = "13812345678|+86 138 1234 5678|ann@x.com|11010519491231002X|4111111111111111|张伟|2020-05-25|[PHONE_2]|谢谢|ok"
TEXTS = st.none() | st.lists(st.sampled_from(VALUES.split("|")), max_size=3).map(" ".join)
TURNS = st.none() | st.lists(
    st.none()
    | st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant"]),
            "content": TEXTS,
            "tool_calls": st.none() | st.lists(st.fixed_dictionaries({"id": TEXTS, "arguments": TEXTS}), max_size=2),
        }
    ),
    max_size=4,
)
SIGNALS = st.none() | st.lists(
    st.none() | st.fixed_dictionaries({"user": st.none() | st.fixed_dictionaries({"name": TEXTS, "phone": TEXTS})}),
    max_size=2,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"turns": TURNS, "signals": SIGNALS, "metadata": TEXTS.map(json.dumps), "scenario": TEXTS, "agent_name": TEXTS}
    ),
    max_size=4,
)


def table(rows):
    return pa.Table.from_pylist([dict.fromkeys(SCHEMA.names) | row for row in rows], SCHEMA)


def redact(*rows):
    return Redact().open()(table(rows)).to_pylist()


def said(*contents):
    return [{"role": "user", "content": content} for content in contents]


def test_a_value_has_one_placeholder_in_all_columns_and_turns_are_numbered_first():
    (row,) = redact(
        {
            "turns": said("我的电话是13912345678，不是+86 138-1234-5678"),
            "signals": [{"user": {"phone": "13812345678"}}, {"other": '{"callback": 13912345678}'}],
            "metadata": '{"phone": 13712345678}',
            "scenario": "回拨13712345678",
        }
    )
    assert row["turns"][0]["content"] == "我的电话是[PHONE_1]，不是[PHONE_2]"
    assert row["signals"][0]["user"]["phone"] == "[PHONE_2]"
    assert row["signals"][1]["other"] == '{"callback": "[PHONE_1]"}'
    assert row["metadata"] == '{"phone": "[PHONE_3]"}'
    assert row["scenario"] == "回拨[PHONE_3]"


def test_numbers_follow_the_turns_and_not_the_fields():
    call = {"id": "c", "name": "f", "arguments": '{"mail": "a@x.com"}'}
    (row,) = redact({"turns": [{"role": "assistant", "tool_calls": [call]}, *said("b@x.com or a@x.com")]})
    assert row["turns"][0]["tool_calls"][0]["arguments"] == '{"mail": "[EMAIL_1]"}'
    assert row["turns"][1]["content"] == "[EMAIL_2] or [EMAIL_1]"


def test_numbering_starts_anew_in_each_conversation():
    rows = redact({"turns": said("a@x.com")}, {"turns": None}, {"turns": said("b@x.com")})
    assert [row["turns"] and row["turns"][0]["content"] for row in rows] == ["[EMAIL_1]", None, "[EMAIL_1]"]


def test_names_of_fields_leave_the_other_texts_too():
    (row,) = redact(
        {
            "turns": said("我是张伟", "Ann here, my name is Ann. Annual fee?"),
            "signals": [{"user": {"name": "张伟"}}],
            "participants": [{"role": "customer", "name": "Ann"}],
            "attachments": [{"caption": "张伟的照片"}],
            "metadata": json.dumps({"who": "张伟"}),
        }
    )
    assert [turn["content"] for turn in row["turns"]] == [
        "我是[NAME_1]",
        "[NAME_2] here, my name is [NAME_2]. Annual fee?",
    ]
    assert row["signals"][0]["user"]["name"] == "[NAME_1]"
    assert row["participants"][0]["name"] == "[NAME_2]"
    assert row["attachments"][0]["caption"] == "[NAME_1]的照片"
    assert json.loads(row["metadata"]) == {"who": "[NAME_1]"}


def test_roles_and_ids_stay_and_all_other_text_of_the_log_is_masked():
    number = "13812345678"
    turn = {
        "turn_idx": 0,
        "role": number,
        "tool_call_id": number,
        "source_label": number,
        "tool_calls": [{"id": number, "name": f"call {number}", "arguments": None}],
    }
    (row,) = redact(
        {
            "turns": [turn],
            "signals": [{"order": {"id": number}, "user": {"id_hash": number}, "risk": {"reason": f"rang {number}"}}],
            "sub_agents": [{"call_id": number, "mode": f"to {number}"}],
            "end_reason": f"hung up on {number}",
            "model_version": f"v-{number}",
        }
    )
    (said,), (signal,), (agent,) = row["turns"], row["signals"], row["sub_agents"]
    assert [said["role"], said["tool_call_id"], said["tool_calls"][0]["id"], agent["call_id"]] == [number] * 4
    assert signal["user"]["id_hash"] == number
    assert (said["source_label"], said["tool_calls"][0]["name"]) == ("[PHONE_1]", "call [PHONE_1]")
    assert (signal["order"]["id"], signal["risk"]["reason"]) == ("[PHONE_1]", "rang [PHONE_1]")
    assert (agent["mode"], row["end_reason"], row["model_version"]) == (
        "to [PHONE_1]",
        "hung up on [PHONE_1]",
        "v-[PHONE_1]",
    )


def test_an_order_number_with_the_digits_of_a_card_and_a_version_with_those_of_an_address_stay():
    (row,) = redact({"signals": [{"order": {"id": "4111111111111111"}}], "model_version": "10.2.3.4"})
    assert row["signals"][0]["order"]["id"] == "4111111111111111"
    assert row["model_version"] == "10.2.3.4"


def test_what_one_turn_names_is_found_in_the_others_where_no_cue_stands():
    contents = [
        "my name is Dana Reed, my PIN is 4821, account 77120394",
        "Thanks, Dana.",
        "Reed, 4821? 77120394!",
        "$48.21",
    ]
    (row,) = redact({"turns": said(*contents)})
    assert [turn["content"] for turn in row["turns"]] == [
        "my name is [NAME_1], my PIN is [PIN_1], account [ACCOUNT_1]",
        "Thanks, [NAME_1].",
        "[NAME_1], [PIN_1]? [ACCOUNT_1]!",
        "$48.21",
    ]


def test_what_a_tool_is_told_is_found_in_what_was_said():
    call = {"id": "c", "name": "find", "arguments": '{"FullName": "李雷", "AccountNumber": 8431892, "limit": 5}'}
    (row,) = redact({"turns": [*said("李雷，账户 8431892，转5元"), {"role": "assistant", "tool_calls": [call]}]})
    assert row["turns"][0]["content"] == "[NAME_1]，账户 [ACCOUNT_1]，转5元"
    arguments = row["turns"][1]["tool_calls"][0]["arguments"]
    assert json.loads(arguments) == {"FullName": "[NAME_1]", "AccountNumber": "[ACCOUNT_1]", "limit": 5}


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_value_is_found_however_json_writes_its_characters(ascii_only):
    note = json.dumps({"姓名": "李雷", "note": "电话13812345678"}, ensure_ascii=ascii_only)
    digits = '{"x": "' + "".join(f"\\u{ord(c):04x}" for c in "13812345678") + '"}'
    (row,) = redact({"metadata": note, "turns": said(digits, "李雷")})
    assert json.loads(row["metadata"]) == {"姓名": "[NAME_1]", "note": "电话[PHONE_1]"}
    assert [turn["content"] for turn in row["turns"]] == ['{"x": "[PHONE_1]"}', "[NAME_1]"]


def test_a_log_that_holds_placeholders_keeps_them_apart_from_ours():
    (row,) = redact({"turns": said("[PHONE_1] called"), "metadata": '{"phone": 13812345678}'})
    assert row["turns"][0]["content"] == "[PHONE_1] called"
    assert row["metadata"] == '{"phone": "[PHONE_2]"}'


def test_orders_amounts_and_dates_stay():
    text = "order 4111111111111111, 订单号6222021234567890128, ¥1,299.00, 2020-05-25 13:00"
    assert redact({"turns": said(text)})[0]["turns"][0]["content"] == text


def test_a_quarantined_line_is_masked_and_stays_json():
    line = '{"messages": [{"content": "a@x.com, \\u8bdd13812345678"}], "phone": 13812345678}'
    assert json.loads(redact_text(line)) == {"messages": [{"content": "[EMAIL_1], 话[PHONE_1]"}], "phone": "[PHONE_1]"}
    assert "138" not in redact_text(line[:-5]) and "@" not in redact_text(line[:-5])


def test_examples_lose_their_personal_data():
    for stage, rows in Redact.examples():
        out = json.dumps(stage.open()(table(rows)).to_pylist(), ensure_ascii=False)
        assert "138" not in out and "ann@" not in out and "张伟" not in out and "[CARD_1]" in out


@pytest.mark.parametrize("rows", [[], [{}], [{}, {}]])
def test_empty_tables_and_null_columns_pass(rows):
    out = Redact().open()(table(rows))
    assert out.schema == SCHEMA and out.equals(table(rows))


@settings(deadline=None)  # automata are built on first use
@given(ROWS, st.integers(0, 3))
def test_rows_types_and_order_are_kept_and_no_pattern_is_left(rows, start):
    whole = table([{"turns": said("a@x.com")}] * start + rows)
    out = Redact().open()(whole.slice(start).combine_chunks() if start % 2 else whole.slice(start))
    out.validate(full=True)
    assert out.schema == SCHEMA and out.num_rows == len(rows)
    for row in out.to_pylist():
        texts = [row["scenario"], row["agent_name"], *(turn["content"] for turn in row["turns"] or [] if turn)]
        assert not any(spans(text or "") for text in texts)
        json.loads(row["metadata"])


@settings(deadline=None)  # automata are built on first use
@given(ROWS)
def test_masking_its_own_output_changes_nothing(rows):
    once = Redact().open()(table(rows))
    assert Redact().open()(once).equals(once)


@settings(deadline=None)  # automata are built on first use
@given(st.lists(st.text(alphabet=st.characters(exclude_characters="@＠", exclude_categories=["Nd", "Cs"])), max_size=4))
def test_texts_without_personal_data_are_left_alone(contents):
    rows = [{"turns": said(*contents), "metadata": json.dumps(contents), "scenario": contents[0] if contents else None}]
    assert Redact().open()(table(rows)).equals(table(rows))
