"""Langfuse becomes the native form: traces of a session as one talk, and nothing of the machine behind it."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from refinery.errors import ParseError
from refinery.intake import langfuse
from refinery.intake.langfuse_io import turns
from refinery.intake.rows import Origin, Reading, row, zone_of

READING = Reading(b"a key for tests", "Asia/Shanghai")
SYSTEM = {"role": "system", "content": "你是客服。"}
U1, A1 = {"role": "user", "content": "餐到哪了？"}, {"role": "assistant", "content": "在路上。"}
U2, A2 = {"role": "user", "content": "谢谢"}, {"role": "assistant", "content": "不客气。"}
_CALLS = [{"id": "c", "type": "function", "function": {"name": "track", "arguments": "{}"}}]
CALL = {"role": "assistant", "content": None, "tool_calls": _CALLS}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "shipped"}


def trace(number: int, asked: Any, answered: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": f"t{number}",
        "timestamp": f"2026-05-01T00:0{number}:00.000Z",
        "name": "desk",
        "sessionId": "s1",
        "userId": "u1",
        "input": asked,
        "output": answered,
        "metadata": {"shop": 3},
        "tags": ["night"],
        **more,
    }


def generation(asked: Any, answered: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "g",
        "type": "GENERATION",
        "parentObservationId": "root",
        "model": "m1",
        "input": asked,
        "output": answered,
        "usage": {"total": 12},
        **more,
    }


def natives(document: object) -> list[dict[str, Any]]:
    return [langfuse.native(record) for record in langfuse.records(document)]


def said(native: dict[str, Any]) -> list[tuple[str, object]]:
    return [(m["role"], m["content"]) for m in native["messages"]]


def made(native: dict[str, Any]) -> dict[str, Any]:
    return row(native, Origin("s", "f", None, 1), READING, zone_of(READING))


TALK = [("user", "餐到哪了？"), ("assistant", "在路上。")]
LATER = [("user", "谢谢"), ("assistant", "不客气。")]


# ---- what stands in input and output ----


@pytest.mark.parametrize(
    "value",
    [
        "餐到哪了？",
        [U1],
        [[U1]],
        {"messages": [U1]},
        U1,
        {"type": "human", "content": "餐到哪了？"},
        {"question": "餐到哪了？", "top_k": 5},
        {"args": ["餐到哪了？"], "kwargs": {}},
        {"args": [], "kwargs": {"query": "餐到哪了？"}},
        {"input": {"messages": [U1]}},
        orjson.dumps([U1]).decode(),
        orjson.dumps({"messages": [U1]}).decode(),
    ],
)
def test_input_is_read_in_every_form_that_clients_write(value):
    assert [(m["role"], m["content"]) for m in turns(value, "user", "input")] == TALK[:1]


@pytest.mark.parametrize(
    "value", ["在路上。", A1, {"choices": [{"message": A1}]}, {"answer": "在路上。"}, {"messages": [A1]}]
)
def test_output_is_read_in_every_form_that_clients_write(value):
    assert [(m["role"], m["content"]) for m in turns(value, "assistant", "output")] == TALK[1:]


def test_an_output_of_calls_alone_is_the_agents():
    (message,) = turns({"tool_calls": CALL["tool_calls"]}, "assistant", "output")
    assert message["tool_calls"][0]["function"]["name"] == "track"


@pytest.mark.parametrize("value", [None, "", []])
def test_nothing_is_no_turn(value):
    assert turns(value, "user", "input") == []


def test_text_that_only_looks_like_json_is_text():
    assert turns("[sigh] where is it", "user", "input")[0]["content"] == "[sigh] where is it"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"x": "hi"}, "unknown_input"),
        ({"question": "hi", "chat_history": [["a", "b"]]}, "unknown_input"),
        ({"args": ["hi", "u1"], "kwargs": {}}, "unknown_input"),
        (5, "unknown_input"),
        ({"input": {"input": {"input": {"input": {"input": "x"}}}}}, "unknown_input"),
        ([{"role": "oracle", "content": "x"}], "unknown_role"),
        ([{"role": "user", "content": [{"type": "hologram"}]}], "unknown_part"),
        ({"choices": [{"message": A1}, {"message": A2}]}, "several_choices"),
    ],
)
def test_an_input_of_unknown_shape_could_hold_turns_and_is_refused(value, reason):
    with pytest.raises(ParseError) as caught:
        turns(value, "user", "input")
    assert caught.value.reason == reason


# ---- one trace ----


def test_a_trace_is_what_went_in_and_out_with_what_stands_beside_as_metadata():
    (native,) = natives(trace(1, "餐到哪了？", "在路上。", scores=[{"name": "nice", "value": 1, "comment": "kind"}]))
    assert said(native) == TALK
    assert (native["conversation_id"], native["created_at"]) == ("s1", "2026-05-01T00:01:00.000Z")
    (about,) = native["traces"]
    assert (about["id"], about["tags"], about["metadata"]) == ("t1", ["night"], {"shop": 3})
    assert about["scores"][0]["value"] == 1
    assert made(native)["participants"][0]["id_hash"] and "u1" not in orjson.dumps(native["traces"]).decode()


def test_the_generation_that_repeats_the_trace_and_holds_more_is_read_in_its_place():
    whole = generation([SYSTEM, U1, CALL, RESULT], A1)
    router = generation([{"role": "system", "content": "classify"}, U1], "delivery")
    (native,) = natives(trace(1, "餐到哪了？", "在路上。", observations=[router, whole]))
    assert said(native) == [("system", "你是客服。"), TALK[0], ("assistant", None), ("tool", "shipped"), TALK[1]]
    assert (native["model_version"], native["traces"][0]["usage"]) == ("m1", {"total": 12})


def test_what_the_machine_did_behind_the_talk_is_nowhere():
    hidden = [
        generation([{"role": "system", "content": "secret prompt"}, U1], "secret topic"),
        {"id": "x", "type": "SPAN", "parentObservationId": "r", "input": "secret", "output": "secret"},
        {"id": "y", "type": "EVALUATOR", "parentObservationId": "r", "input": "secret", "output": "secret"},
    ]
    (native,) = natives(trace(1, "餐到哪了？", "在路上。", observations=hidden))
    assert said(native) == TALK
    assert b"secret" not in orjson.dumps(native)


def test_a_trace_without_input_and_output_is_told_by_its_root_or_its_only_generation():
    root = {"id": "r", "type": "SPAN", "parentObservationId": None, "input": "餐到哪了？", "output": "在路上。"}
    for observations in ([root, generation([U1], "topic")], [generation([U1], A1)], [generation([U1], A1)] * 2):
        (native,) = natives(trace(1, None, "", observations=observations))
        assert said(native) == TALK


def test_an_input_of_unknown_shape_is_no_loss_where_one_generation_says_it_in_messages():
    args = {"args": ["u1", "餐到哪了？"], "kwargs": {}}
    (native,) = natives(trace(1, args, None, observations=[generation([U1], A1)]))
    assert said(native) == TALK


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"input": {"x": 1}}, "unknown_input"),
        ({"input": None, "output": None}, "no_messages"),
        (
            {"input": None, "output": None, "observations": [generation([U1], A1), generation([U2], A2)]},
            "several_generations",
        ),
        ({"input": None, "output": None, "observations": [generation([U1], {"x": 1})]}, "unknown_output"),
        ({"input": [{"role": "ghost", "content": "x"}]}, "unknown_role"),
    ],
)
def test_a_trace_that_cannot_be_read_says_why(more, reason):
    with pytest.raises(ParseError) as caught:
        natives({**trace(1, "餐到哪了？", "在路上。"), **more})
    assert caught.value.reason == reason


def test_a_trace_without_a_session_is_named_by_its_own_id():
    (native,) = natives(trace(4, "餐到哪了？", "在路上。", sessionId=None, bookmarked=False))
    assert native["conversation_id"] == "t4"


# ---- a session ----


def test_traces_of_a_session_that_go_on_from_each_other_are_one_talk_in_time_order():
    first, second = trace(1, "餐到哪了？", "在路上。"), trace(2, "谢谢", "不客气。")
    other = trace(3, "hello", "Hi!", sessionId="s2")
    found = {native["conversation_id"]: native for native in natives([second, other, first])}
    assert said(found["s1"]) == [*TALK, *LATER]
    assert [about["id"] for about in found["s1"]["traces"]] == ["t1", "t2"]
    assert said(found["s2"]) == [("user", "hello"), ("assistant", "Hi!")]


def test_a_trace_that_repeats_the_session_holds_it_whole():
    (native,) = natives([trace(1, [U1], A1), trace(2, [U1, A1, U2], A2)])
    assert said(native) == [*TALK, *LATER]
    assert native["created_at"] == "2026-05-01T00:01:00.000Z"  # when the session began


def test_a_broken_trace_costs_itself_and_nothing_is_joined_around_it():
    records = list(langfuse.records([trace(1, "a", "b"), trace(2, {"x": 1}, "?"), trace(3, "c", "d")]))
    assert len(records) == 3
    with pytest.raises(ParseError, match="unknown_input"):
        langfuse.native(records[1])
    assert [said(langfuse.native(records[n])) for n in (0, 2)] == [
        [("user", "a"), ("assistant", "b")],
        [("user", "c"), ("assistant", "d")],
    ]


@pytest.mark.parametrize("wrap", ["page", "session", "download", "list"])
def test_pages_sessions_downloads_and_lists_are_opened(wrap):
    one = trace(1, "餐到哪了？", "在路上。")
    bare = {key: value for key, value in one.items() if key != "sessionId"}
    document = {
        "page": {"data": [one], "meta": {"page": 1}},
        "session": {"id": "s1", "createdAt": "2026-05-01T00:00:00Z", "traces": [bare]},
        "download": {"trace": one, "observations": [generation([SYSTEM, U1], A1)]},
        "list": [one],
    }[wrap]
    (native,) = natives(document)
    assert said(native)[-2:] == TALK
    assert native["conversation_id"] == "s1"
    assert len(said(native)) == (3 if wrap == "download" else 2)


# ---- rows of the tables ----


def test_a_row_of_the_exported_table_is_read_and_its_time_is_utc():
    exported = {
        "id": "t1",
        "timestamp": "2026-04-30 18:00:00.000000",
        "project_id": "p",
        "session_id": "s1",
        "user_id": None,
        "input": orjson.dumps([U1]).decode(),
        "output": '{"role": "assistant", "content": "在路上。"}',
    }
    (native,) = natives(exported)
    assert said(native) == TALK
    assert made(native)["event_date"] == "2026-05-01"  # 02:00 the next day in Shanghai


def test_observation_rows_of_a_document_are_brought_together_by_trace():
    beside_it = {"trace_id": "t1", "session_id": "s1"}
    root = {"id": "r", "type": "SPAN", "parent_observation_id": "", "input": "餐到哪了？", "output": "在路上。"}
    tool = {"id": "e", "type": "TOOL", "parent_observation_id": "r", "input": "secret", "output": "x"}
    rows = [{**one, **beside_it} for one in (generation([SYSTEM, U1], A1), root, tool)]
    (native,) = natives(rows)
    assert said(native) == [("system", "你是客服。"), *TALK]
    assert native["conversation_id"] == "s1"
    (beside,) = natives([*rows, {**trace(1, "餐到哪了？", "在路上。"), "sessionId": "s9"}])
    assert beside["conversation_id"] == "s9" and said(beside) == said(native)


def test_a_generation_on_a_line_of_its_own_is_read_and_other_rows_are_no_conversation():
    alone = generation([U1], A1, traceId="t1", sessionId="s1")
    assert said(natives(alone)[0]) == TALK
    score = {"id": "x", "trace_id": "t1", "name": "nice", "value": 1, "data_type": "NUMERIC"}
    for other in ({**alone, "type": "SPAN"}, score):
        with pytest.raises(ParseError, match="not_a_conversation"):
            natives(other)


def test_two_traces_of_one_id_are_both_kept():
    found = natives([trace(1, "a", "b", sessionId=None, public=True, projectId="p"), trace(1, "c", "d", projectId="p")])
    assert len(found) == 2


def test_it_knows_its_own_records_only(samples):
    assert [name for name, record in samples.items() if langfuse.matches(record)] == [
        "langfuse",
        "langfuse observation",
    ]
    assert not langfuse.matches({"id": "1", "instruction": "translate", "input": "x", "output": "y"})


def test_the_document_is_left_as_it_was():
    document = [trace(1, [U1], A1, observations=[generation([SYSTEM, U1], A1)]), trace(2, "谢谢", "不客气。")]
    before = deepcopy(document)
    natives(document)
    assert document == before
