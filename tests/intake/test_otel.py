"""OpenTelemetry GenAI becomes the native form: spans and events, today's convention and the one before."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from refinery.errors import ParseError
from refinery.intake import otel
from refinery.intake.otlp import spans
from refinery.intake.rows import Origin, Reading, row, zone_of

START = 1_777_593_600_000_000_000


def text(role: str, words: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": words}]}


CALL = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "c1", "name": "track", "arguments": {"order": "88"}}],
}
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"status": "shipped"}}]}
ASKED, ANSWER = text("user", "餐到哪了？"), {**text("assistant", "骑手已取餐。"), "finish_reason": "stop"}


def any_value(value: Any) -> dict[str, Any]:
    """A JSON value as OTLP writes it."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": any_value(v)} for k, v in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(v) for v in value]}}
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def span(asked: list, answered: list, start: int = 0, trace: str = "t", **more: Any) -> dict[str, Any]:
    """A span of OTLP JSON; messages as JSON text."""
    attributes = {
        "gen_ai.conversation.id": "o1",
        "gen_ai.request.model": "m1",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.input.messages": orjson.dumps(asked).decode(),
        "gen_ai.output.messages": orjson.dumps(answered).decode(),
    }
    attributes = {k: v for k, v in {**attributes, **more}.items() if v is not None}
    return {
        "traceId": trace,
        "spanId": f"s{start}",
        "name": "chat m1",
        "startTimeUnixNano": str(START + start),
        "attributes": [{"key": k, "value": any_value(v)} for k, v in attributes.items()],
    }


def export(*found: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(found)}]}]}


def natives(document: object) -> list[dict[str, Any]]:
    return [otel.native(record) for record in otel.records(document)]


def said(native: dict[str, Any]) -> list[tuple[str, object]]:
    return [(m["role"], m["content"]) for m in native["messages"]]


WHOLE = [("user", "餐到哪了？"), ("assistant", None), ("tool", '{"status":"shipped"}'), ("assistant", "骑手已取餐。")]


# ---- one span ----


@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("form", ["otlp", "console", "flat"])
def test_a_span_is_read_in_every_form_that_exporters_write(structured, form):
    asked, answered = [ASKED, CALL, RESULT], [ANSWER]
    values = {
        "gen_ai.input.messages": asked if structured else orjson.dumps(asked).decode(),
        "gen_ai.output.messages": answered if structured else orjson.dumps(answered).decode(),
        "gen_ai.conversation.id": "o1",
        "gen_ai.agent.name": "desk-bot",
        "gen_ai.response.model": "m1-0501",
        "gen_ai.request.model": "m1",
    }
    listed = [{"key": k, "value": any_value(v)} for k, v in values.items()]
    console = {
        "name": "chat",
        "context": {"trace_id": "0xt"},
        "start_time": "2026-05-01T00:00:00Z",
        "attributes": values,
    }
    forms = {"otlp": {"traceId": "t", "attributes": listed}, "console": console, "flat": values}
    (native,) = natives(forms[form])
    assert said(native) == WHOLE
    assert native["messages"][1]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "track", "arguments": '{"order":"88"}'}}
    ]
    assert native["messages"][2]["tool_call_id"] == "c1"
    assert (native["conversation_id"], native["agent_name"], native["model_version"]) == ("o1", "desk-bot", "m1-0501")


def test_messages_of_parts_may_stand_outside_a_span():
    record = {"conversation_id": "p1", "messages": [ASKED, ANSWER], "system_instructions": "请简短。", "queue": "night"}
    (native,) = natives(record)
    assert said(native) == [("system", "请简短。"), WHOLE[0], WHOLE[3]]
    assert native["conversation_id"] == "p1"
    assert native["spans"][0]["attributes"]["queue"] == "night"


@pytest.mark.parametrize(
    "instructions",
    [
        "You help.",
        [{"type": "text", "content": "You help."}],
        orjson.dumps([{"type": "text", "content": "You help."}]).decode(),
        {"role": "system", "message": {"type": "text", "content": "You help."}},
    ],
)
def test_system_instructions_are_a_system_message(instructions):
    record = {"gen_ai.input.messages": [ASKED], "gen_ai.system_instructions": instructions}
    assert said(otel.native(record)) == [("system", "You help."), WHOLE[0]]


def test_instructions_and_a_system_message_in_the_history_are_both_kept():
    record = {"gen_ai.input.messages": [text("system", "Be kind."), ASKED], "gen_ai.system_instructions": "No jokes."}
    assert [content for _, content in said(otel.native(record))][:2] == ["No jokes.", "Be kind."]


def test_the_earlier_key_of_a_result_is_read():
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "rainy"}]}
    assert said(otel.native({"gen_ai.input.messages": [ASKED, CALL, result]}))[2] == ("tool", "rainy")


def test_reasoning_is_no_turn():
    answer = {"role": "assistant", "parts": [{"type": "reasoning", "content": "a secret draft"}, *ANSWER["parts"]]}
    native = otel.native({"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [answer]})
    assert said(native) == [WHOLE[0], WHOLE[3]]
    assert b"secret" not in orjson.dumps(native)


def test_what_stands_beside_the_messages_is_metadata():
    (native,) = natives(export(span([ASKED], [ANSWER])))
    (about,) = native["spans"]
    assert about["attributes"] == {"gen_ai.request.model": "m1", "gen_ai.usage.input_tokens": 12}
    assert (about["trace_id"], about["name"], about["resource"]) == ("t", "chat m1", {"service.name": "desk"})


def test_media_become_attachments_without_their_bytes():
    parts = [
        {"type": "text", "content": "看图"},
        {"type": "uri", "modality": "image", "uri": "s3://a/1.png"},
        {"type": "blob", "modality": "image", "content": "c2VjcmV0"},
    ]
    native = otel.native({"gen_ai.input.messages": [{"role": "user", "parts": parts}]})
    made = row(native, Origin("s", "f", None, 1), Reading(b"k"), zone_of(Reading(b"k")))
    assert [(a["type"], a["uri"]) for a in made["attachments"]] == [("image", "s3://a/1.png"), ("image", None)]
    assert made["turns"][0]["content"] == "看图"
    assert "c2VjcmV0" not in orjson.dumps(made).decode()


@pytest.mark.parametrize(
    ("start", "day"),
    [({"startTimeUnixNano": str(START)}, "2026-05-01"), ({"startTimeUnixNano": START}, "2026-05-01")]
    + [
        ({"start_time": "2026-05-01T03:00:00.000000Z"}, "2026-05-01"),
        ({"startTimeUnixNano": "0"}, "undated"),
        ({}, "undated"),
    ],
)
def test_nanoseconds_and_iso_times_date_a_span(start, day):
    native = otel.native({"traceId": "t", "attributes": {"gen_ai.input.messages": [ASKED]}, **start})
    assert row(native, Origin("s", "f", None, 1), Reading(b"k"), zone_of(Reading(b"k")))["event_date"] == day


def test_a_wild_time_is_refused():
    native = otel.native(
        {"startTimeUnixNano": "soon", "traceId": "t", "attributes": {"gen_ai.input.messages": [ASKED]}}
    )
    with pytest.raises(ParseError, match="bad_time"):
        row(native, Origin("s", "f", None, 1), Reading(b"k"), zone_of(Reading(b"k")))


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"gen_ai.input.messages": [text("oracle", "x")]}, "unknown_role"),
        ({"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "hologram"}]}]}, "unknown_part"),
        ({"gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "te'}, "bad_json"),
        ({"gen_ai.input.messages": 5}, "wrong_type"),
        ({"gen_ai.output.messages": [ANSWER, ANSWER]}, "several_choices"),
        ({"gen_ai.prompt.0.content": "hi"}, "unknown_messages"),
        ({"gen_ai.operation.name": "embeddings"}, "no_messages"),
        ({"gen_ai.input.messages": []}, "no_messages"),
    ],
)
def test_a_span_that_cannot_be_read_says_why(attributes, reason):
    with pytest.raises(ParseError) as caught:
        natives({"traceId": "t", "attributes": attributes})
    assert caught.value.reason == reason


def test_an_answer_that_went_through_a_tool_is_a_sequence_and_no_choice():
    native = otel.native({"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [CALL, RESULT, ANSWER]})
    assert said(native) == WHOLE


# ---- several spans ----


def test_the_last_span_of_a_conversation_holds_it_whole():
    document = export(
        span([ASKED], [CALL], 1, "t1"),
        span([ASKED, CALL, RESULT], [ANSWER], 2, "t1"),
        span([text("user", "hello")], [text("assistant", "Hi!")], 3, "t2", **{"gen_ai.conversation.id": "o2"}),
    )
    first, second = natives(document)
    assert said(first) == WHOLE
    assert (first["conversation_id"], first["created_at"]) == ("o1", (START + 1) / 1e9)  # when its first span began
    assert (second["conversation_id"], said(second)) == ("o2", [("user", "hello"), ("assistant", "Hi!")])


def test_the_order_in_the_file_does_not_matter_and_the_agents_own_span_is_covered():
    agent = span([ASKED], [ANSWER], 0)
    later, earlier = span([ASKED, CALL, RESULT], [ANSWER], 2), span([ASKED], [CALL], 1)
    (native,) = natives(export(later, earlier, agent))
    assert said(native) == WHOLE


def test_a_span_that_nobody_repeats_stands_on_its_own_under_the_same_id():
    router = span([text("system", "classify"), ASKED], [text("assistant", "topic: delivery")], 1)
    found = natives(export(router, span([ASKED], [CALL], 2), span([ASKED, CALL, RESULT], [ANSWER], 3)))
    assert [native["conversation_id"] for native in found] == ["o1", "o1"]
    assert said(found[0])[-1] == ("assistant", "topic: delivery")
    assert said(found[1]) == WHOLE


def test_spans_of_a_server_that_keeps_the_state_are_joined_in_time_order():
    second = span([text("user", "谢谢")], [text("assistant", "不客气。")], 5)
    (native,) = natives(export(second, span([ASKED], [ANSWER], 1)))
    assert said(native) == [WHOLE[0], WHOLE[3], ("user", "谢谢"), ("assistant", "不客气。")]
    assert len(native["spans"]) == 2 and native["created_at"] == (START + 1) / 1e9


def test_without_a_conversation_id_spans_of_one_trace_are_held_together_and_others_are_not():
    none = {"gen_ai.conversation.id": None}
    one = [span([ASKED], [CALL], 1, "t1", **none), span([ASKED, CALL, RESULT], [ANSWER], 2, "t1", **none)]
    found = natives(export(*one, span([ASKED], [ANSWER], 3, "t2", **none)))
    assert [said(native) for native in found] == [WHOLE, [WHOLE[0], WHOLE[3]]]
    assert all("conversation_id" not in native for native in found)


def test_a_span_that_cannot_be_read_costs_itself_and_no_other():
    broken = span([text("oracle", "x")], [], 1)
    records = list(otel.records(export(broken, span([ASKED], [CALL], 2), span([ASKED, CALL, RESULT], [ANSWER], 3))))
    assert len(records) == 2
    with pytest.raises(ParseError, match="unknown_role"):
        otel.native(records[0])
    assert said(otel.native(records[1])) == WHOLE


def test_spans_without_messages_are_passed_over_where_there_is_a_conversation_and_say_so_where_there_is_none():
    tool = {
        "traceId": "t",
        "name": "execute_tool",
        "attributes": [{"key": "gen_ai.tool.name", "value": any_value("f")}],
    }
    http = {"traceId": "t", "name": "GET /", "attributes": [{"key": "http.method", "value": any_value("GET")}]}
    assert len(natives(export(http, tool, span([ASKED], [ANSWER])))) == 1
    with pytest.raises(ParseError, match="no_messages"):
        natives(export(http, tool))


# ---- events ----


def event(name: str, body: dict[str, Any], time: int, span_id: str = "s1") -> dict[str, Any]:
    return {
        "traceId": "t",
        "spanId": span_id,
        "timeUnixNano": str(START + time),
        "eventName": name,
        "body": any_value(body),
        "attributes": [{"key": "gen_ai.conversation.id", "value": {"stringValue": "o1"}}],
    }


OLD_CALL = [{"id": "c1", "type": "function", "function": {"name": "track", "arguments": '{"order": "88"}'}}]
OLD = [
    event("gen_ai.system.message", {"content": "你是客服。"}, 1),
    event("gen_ai.user.message", {"content": "餐到哪了？"}, 2),
    event("gen_ai.assistant.message", {"tool_calls": OLD_CALL}, 3),
    event("gen_ai.tool.message", {"content": '{"status":"shipped"}', "id": "c1"}, 4),
    event("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "骑手已取餐。"}}, 5),
]


def logs(*found: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(found)}]}]}


def test_message_events_of_a_span_are_one_conversation():
    (native,) = natives(logs(*reversed(OLD)))
    assert said(native) == [("system", "你是客服。"), *WHOLE]
    assert native["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"order": "88"}'
    assert native["messages"][3]["tool_call_id"] == "c1"
    assert native["conversation_id"] == "o1"


def test_calls_beside_the_message_of_a_choice_are_read():
    choice = event(
        "gen_ai.choice", {"index": 0, "finish_reason": "tool_calls", "message": {}, "tool_calls": OLD_CALL}, 3
    )
    (native,) = natives(logs(OLD[1], choice))
    assert native["messages"][1]["tool_calls"][0]["function"]["name"] == "track"


def test_events_of_several_spans_are_told_like_spans():
    again = [{**one, "spanId": "s2", "timeUnixNano": str(START + 10 + i)} for i, one in enumerate(OLD)]
    (native,) = natives(logs(*OLD[:2], event("gen_ai.choice", {"message": {"tool_calls": OLD_CALL}}, 3), *again))
    assert said(native) == [("system", "你是客服。"), *WHOLE]


def test_the_events_of_a_span_itself_are_read_where_it_has_no_messages():
    inside = [
        {"name": name, "attributes": {"gen_ai.event.content": orjson.dumps({"content": words}).decode()}}
        for name, words in (("gen_ai.user.message", "餐到哪了？"), ("gen_ai.choice", "在路上。"))
    ]
    (native,) = natives({"traceId": "t", "attributes": {"gen_ai.request.model": "m1"}, "events": inside})
    assert said(native) == [WHOLE[0], ("assistant", "在路上。")]


def test_the_event_of_an_operation_holds_all_its_messages_in_attributes_or_body():
    values = {"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [ANSWER]}
    name = "gen_ai.client.inference.operation.details"
    for record in (event(name, values, 1), {**event(name, {}, 1), "attributes": values}):
        assert [said(native) for native in natives(logs(record))] == [[WHOLE[0], WHOLE[3]]]


def test_a_span_and_its_event_that_hold_the_same_are_one_conversation():
    values = {"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [ANSWER]}
    both = [span([ASKED], [ANSWER], 1), event("gen_ai.client.inference.operation.details", values, 2)]
    assert len(natives(both)) == 1


def test_one_message_event_alone_is_refused_for_its_talk_is_elsewhere():
    with pytest.raises(ParseError, match="lone_event"):
        natives(OLD[1])


def test_several_choices_are_refused():
    with pytest.raises(ParseError, match="several_choices"):
        natives(logs(*OLD, event("gen_ai.choice", {"index": 1, "message": {"content": "?"}}, 6)))


def test_the_actual_role_of_an_event_counts_and_an_unknown_one_is_refused():
    customer = event("gen_ai.user.message", {"content": "hi", "role": "customer"}, 1)
    assert said(natives(logs(customer))[0]) == [("user", "hi")]
    with pytest.raises(ParseError, match="unknown_role"):
        natives(logs(event("gen_ai.user.message", {"content": "hi", "role": "ghost"}, 1)))


# ---- the rest ----


def test_otlp_values_become_json():
    value = {"a": [1, "二", True, {"b": []}], "n": 7}
    raw = {"traceId": "t", "attributes": [{"key": "x", "value": any_value(value)}]}
    (found,) = spans(raw)
    assert found["attributes"] == {"x": value}


def test_it_knows_its_own_records_only(samples):
    assert [name for name, record in samples.items() if otel.matches(record)] == ["otel", "otel messages of parts"]


def test_a_document_of_other_things_is_none():
    with pytest.raises(ParseError, match="wrong_shape"):
        list(otel.records({"a": 1}))
    assert list(otel.records([{"a": 1}, 5])) == [{"a": 1}, 5]


def test_the_document_is_left_as_it_was():
    document = export(span([ASKED], [ANSWER]))
    before = deepcopy(document)
    natives(document)
    assert document == before
