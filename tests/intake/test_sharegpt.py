"""ShareGPT becomes the native form: turns of from and value, calls and results paired, prompts as system messages."""

from copy import deepcopy

import orjson
import pytest

from refinery.errors import ParseError
from refinery.intake import sharegpt
from refinery.intake.rows import Origin, Reading, row, zone_of

RECORD = {
    "id": 7,
    "timestamp": 1_777_593_600,
    "model": "m1",
    "system": "你是外卖客服。",
    "tools": '[{"name": "track"}]',
    "queue": "night",
    "chosen": {"from": "gpt", "value": "nobody was told this"},
    "conversations": [
        {"from": "human", "value": "餐到哪了？"},
        {"from": "function_call", "value": '{"name": "track", "arguments": {"order": "88"}}'},
        {"from": "observation", "value": '{"status": "shipped"}'},
        {"from": "gpt", "value": "骑手已取餐。"},
    ],
}


def made(record: dict, **more: object) -> dict:
    reading = Reading(b"a key for tests", "Asia/Shanghai")
    return row(sharegpt.native({**record, **more}), Origin("s", "f", None, 1), reading, zone_of(reading))


def turns(*pairs: tuple[str, object]) -> list[dict]:
    return sharegpt.native({"conversations": [{"from": who, "value": what} for who, what in pairs]})["messages"]


def test_turns_calls_and_results_come_out_in_order_and_paired():
    messages = sharegpt.native(RECORD)["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("system", "你是外卖客服。"),
        ("user", "餐到哪了？"),
        ("assistant", None),
        ("tool", '{"status": "shipped"}'),
        ("assistant", "骑手已取餐。"),
    ]
    assert messages[2]["tool_calls"] == [
        {"id": "call_0", "type": "function", "function": {"name": "track", "arguments": '{"order":"88"}'}}
    ]
    assert messages[3]["tool_call_id"] == "call_0"


def test_several_calls_at_once_are_answered_in_their_order():
    calls = [{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]
    messages = turns(("human", "hi"), ("function_call", calls), ("observation", "1"), ("observation", {"n": 2}))
    assert [m["tool_call_id"] for m in messages[2:]] == ["call_0", "call_1"]
    assert [m["content"] for m in messages[2:]] == ["1", '{"n":2}']


def test_a_result_without_a_call_is_kept_and_answers_none():
    assert turns(("human", "hi"), ("observation", "ok"))[1] == {"role": "tool", "tool_call_id": None, "content": "ok"}


def test_function_is_a_call_where_it_reads_like_one_and_a_result_otherwise():
    call, result = turns(("function", '{"name": "f", "arguments": {}}'), ("function", '{"name": "Ann"}'))
    assert (call["role"], result["role"], result["content"]) == ("assistant", "tool", '{"name": "Ann"}')


def test_calls_between_tags_are_calls_and_the_rest_is_said():
    tagged = 'One moment.\n<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    said, result = turns(("gpt", tagged), ("tool", "ok"))
    assert said["content"] == "One moment."
    assert said["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}
    assert result["tool_call_id"] == said["tool_calls"][0]["id"]


def test_a_draft_before_the_answer_and_answers_for_preference_are_no_turns():
    assert turns(("gpt", "<think>he is angry</think>Sorry!"))[0]["content"] == "Sorry!"
    native = sharegpt.native(RECORD)
    assert "nobody was told this" not in orjson.dumps(native["messages"]).decode()
    assert (native["chosen"], native["tools"], native["queue"]) == (RECORD["chosen"], RECORD["tools"], "night")


def test_a_system_message_in_the_list_overrides_the_key_which_becomes_metadata():
    record = {**RECORD, "conversations": [{"from": "system", "value": "Be brief."}, *RECORD["conversations"]]}
    native = sharegpt.native(record)
    assert [m["content"] for m in native["messages"] if m["role"] == "system"] == ["Be brief."]
    assert native["system"] == "你是外卖客服。"


@pytest.mark.parametrize(
    ("time", "day"),
    [(1_777_593_600, "2026-05-01"), ("2026-05-01T00:30:00+08:00", "2026-05-01"), ("2026-05-01T00:30:00", "2026-05-01")]
    + [("2026-04-30T23:59:00Z", "2026-05-01"), (None, "undated")],
)
def test_iso_times_and_epoch_seconds_date_a_record(time, day):
    assert made(RECORD, timestamp=time)["event_date"] == day


def test_milliseconds_and_other_text_are_refused_as_times():
    for time in (1_777_593_600_000, "yesterday"):
        with pytest.raises(ParseError, match="bad_time"):
            made(RECORD, timestamp=time)


def test_a_record_without_id_gets_one_of_its_content():
    bare = {"conversations": RECORD["conversations"]}
    assert made(bare)["source_id"] is None
    assert made(bare)["conversation_id"] == made(bare)["conversation_id"] != made(RECORD)["conversation_id"]
    assert made(RECORD)["source_id"] == "7" and made(RECORD)["model_version"] == "m1"


@pytest.mark.parametrize("key", ["conversations", "conversation", "messages", "items"])
def test_the_turns_may_stand_under_each_of_the_common_keys(key):
    record = {key: [{"from": "用户", "value": "你好"}, {"from": "助手", "value": "您好"}]}
    assert [m["role"] for m in sharegpt.native(record)["messages"]] == ["user", "assistant"]


def test_conversations_of_role_and_content_are_read_too():
    record = {"conversations": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
    assert [m["content"] for m in sharegpt.native(record)["messages"]] == ["hi", "hello"]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({"from": "oracle", "value": "x"}, "unknown_role"),
        ({"value": "x"}, "unknown_role"),
        ("x", "bad_turn"),
        ({"from": "human", "value": None}, "no_text"),
        ({"from": "gpt", "value": 5}, "no_text"),
        ({"from": "function_call", "value": "track(88)"}, "bad_tool_call"),
        ({"from": "function_call", "value": "[]"}, "bad_tool_call"),
        ({"from": "function_call", "value": '{"arguments": {}}'}, "no_tool_name"),
        ({"from": "gpt", "value": "<tool_call>track(88)</tool_call>"}, "bad_tool_call"),
    ],
)
def test_a_turn_that_cannot_be_read_is_refused_and_says_which(turn, reason):
    with pytest.raises(ParseError, match="turn 1") as caught:
        sharegpt.native({"conversations": [{"from": "human", "value": "hi"}, turn]})
    assert caught.value.reason == reason


def test_it_knows_its_own_records_only(samples):
    claimed = [name for name, record in samples.items() if sharegpt.matches(record)]
    assert claimed == ["sharegpt", "sharegpt under messages"]


def test_the_record_is_left_as_it_was():
    before = deepcopy(RECORD)
    sharegpt.native(RECORD)
    assert before == RECORD
