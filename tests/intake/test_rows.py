"""Native records to rows: all that a log holds is carried, wrong types are refused with their place."""
# ruff: noqa: E501 (records read best a line each)

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake.native import native
from refinery.intake.rows import ROWS, Origin, Reading, row, table, zone_of
from tests.logs import conversation

ORIGIN = Origin("s", "a.jsonl", None, 1)
FULL: dict[str, Any] = {
    "conversation_id": "c1",
    "created_at": 1_777_777_777,
    "scenario": "late_delivery",
    "model_version": "m-7",
    "self_sampled": True,
    "agent_name": "master",
    "parent_id": "p0",
    "parent_call_id": "call-9",
    "end_reason": "closed",
    "participants": [{"role": "rider", "name": "Li", "id": 7}],
    "messages": [
        {"role": "system", "content": "refund within 7 days"},
        {"role": "user", "content": [{"type": "text", "text": "看图"}, {"type": "image_url", "image_url": {"url": "s3://b/x.png"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "order.track", "arguments": '{"order_id":"1"}'}}]},
        {"role": "tool", "tool_call_id": "t1", "content": "shipped"},
        {"role": "assistant", "content": "已发货", "agent_name": "tracker", "source_label": "inform"},
    ],
    "signals": [
        {"turn_idx": 2, "source": "risk", "adopted": False, "channel": "app", "weather": "rain",
         "user": {"id": "u1", "name": "王", "phone": "1", "city": "上海", "tier": "gold"},
         "identity": {"verified": True, "method": "sms"},
         "order": {"id": 12, "status": "shipped", "amount": 35.5, "currency": "CNY"},
         "refund": {"status": "none", "amount": None},
         "compensation": {"due": True, "reason": "late", "amount": 5, "limit": "10", "currency": "CNY", "paid": False},
         "risk": {"level": "low", "reason": "none"}},
    ],
    "sub_agents": [{"turn_idx": 2, "name": "pay", "call_id": "t1", "mode": "handoff", "signals": {"due": 5}, "adopted": True}],
    "outbound_calls": [{"turn_idx": 3, "request": "call rider", "parameters": {"eta": 5}, "execution": "done", "outcome": "ok", "report": "here"}],
    "attachments": [{"turn_idx": 1, "type": "image", "uri": "s3://b/y", "sha256": "00", "caption": "box", "transcript": None}],
    "outcome": {"solution": True, "satisfied": None, "quality": False},
    "votes": [{"dimension": "solution", "value": 1, "num": 3}],
    "batch": {"night": 3},
}  # fmt: skip


def _row(record: dict[str, Any], **reading: Any) -> dict[str, Any]:
    how = Reading(b"k" * 32, **reading)
    return row(native(record), ORIGIN, how, zone_of(how))


def test_all_that_a_service_log_holds_is_carried():
    found = table([_row(FULL)]).to_pylist()[0]
    assert [t["role"] for t in found["turns"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert found["turns"][2]["tool_calls"] == [{"id": "t1", "name": "order.track", "arguments": '{"order_id":"1"}'}]
    assert (found["turns"][4]["agent_name"], found["turns"][4]["source_label"]) == ("tracker", "inform")
    signal = found["signals"][0]
    assert (signal["turn_idx"], signal["adopted"], signal["order"]["id"]) == (2, False, "12")
    assert (signal["compensation"]["limit"], signal["identity"]["verified"]) == (10.0, True)
    assert signal["other"] == '{"weather":"rain"}'
    assert found["sub_agents"][0]["mode"] == "handoff"
    assert found["sub_agents"][0]["signals"] == '{"due":5}'
    assert found["outbound_calls"][0]["parameters"] == '{"eta":5}'
    assert [a["uri"] for a in found["attachments"]] == ["s3://b/y", "s3://b/x.png"]
    assert found["outcome"]["votes"] == [{"dimension": "solution", "value": 1.0, "num": 3}]
    assert (found["outcome"]["solution"], found["outcome"]["satisfied"], found["outcome"]["quality"]) == (
        True,
        None,
        False,
    )
    assert (found["parent_id"], found["parent_call_id"], found["self_sampled"]) == ("p0", "call-9", True)
    assert found["metadata"] == '{"batch":{"night":3}}'
    assert found["participants"][0]["role"] == "rider"
    assert found["created_at"] == datetime.fromtimestamp(1_777_777_777, UTC)


def test_ids_of_people_are_kept_as_keyed_hashes_only():
    first, other = _row(FULL), row(native(FULL), ORIGIN, Reading(b"another key"), UTC)
    assert first["customer_hash"] == first["signals"][0]["user"]["id_hash"]
    assert first["customer_hash"] != other["customer_hash"]
    assert "u1" not in str(first)


@pytest.mark.parametrize("zone, day", [("UTC", "2026-04-30"), ("Asia/Shanghai", "2026-05-01")])
def test_the_day_is_read_in_the_plans_timezone(zone, day):
    record = conversation(1, created_at="2026-04-30T20:00:00Z")
    assert _row(record, timezone=zone)["event_date"] == day


def test_an_undated_log_takes_the_stated_day_else_the_partition_undated():
    record = conversation(1, created_at=None)
    assert _row(record)["event_date"] == "undated"
    assert _row(record, event_date="2020-02-02")["event_date"] == "2020-02-02"


def test_content_decides_the_hash_and_ids_times_and_labels_do_not():
    base = _row(FULL)["content_hash"]
    same = FULL | {"conversation_id": "other", "created_at": 5, "scenario": "else"}
    assert _row(same)["content_hash"] == base
    for change in ({"messages": FULL["messages"][:4]}, {"signals": []}):
        assert _row(FULL | change)["content_hash"] != base


def test_without_a_source_id_the_content_names_the_conversation():
    record = {k: v for k, v in FULL.items() if k != "conversation_id"}
    assert _row(record)["conversation_id"] == _row(record | {"created_at": 9})["conversation_id"]
    assert _row(record)["source_id"] is None
    assert _row(record)["conversation_id"] != _row(record | {"signals": []})["conversation_id"]


def test_a_conversation_over_the_limits_is_a_row_without_text():
    found = _row(FULL, max_turns=3)
    assert (found["set_aside_by"], found["set_aside_why"]) == ("intake", "too_long")
    kept = table([found]).to_pylist()[0]
    assert kept["turns"] is None and kept["metadata"] is None and kept["source_id"] == "c1"


@pytest.mark.parametrize(
    "change, reason, place",
    [
        ({"messages": [{"role": "king", "content": "x"}]}, "unknown_role", r"messages\[0\]"),
        ({"messages": ["x"]}, "wrong_type", "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "wrong_type", r"messages\[0\].content"),
        ({"conversation_id": ["x"]}, "wrong_type", "conversation_id"),
        ({"created_at": "yesterday"}, "bad_time", "created_at"),
        ({"created_at": 1_777_777_777_000}, "bad_time", "milliseconds"),
        ({"self_sampled": "yes"}, "wrong_type", "self_sampled"),
        ({"outcome": {"solution": 1}}, "wrong_type", "outcome.solution"),
        ({"signals": [{"order": {"amount": "much"}}]}, "wrong_type", "signals.order.amount"),
        ({"signals": [{"turn_idx": -1}]}, "wrong_type", "turn_idx"),
        ({"attachments": {"uri": 1}}, "wrong_type", "attachments"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "no_tool_name", r"messages\[0\]"),
        ({"votes": [{"dimension": "quality", "value": 1}]}, "wrong_type", "votes"),
        ({"votes": [{"dimension": "quality", "value": 1, "num": "many"}]}, "wrong_type", "votes"),
        ({"messages": [{"role": "user", "content": [{"type": ["text"]}]}]}, None, ""),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(change, reason, place):
    if reason is None:
        assert table([_row(FULL | change)]).num_rows == 1
        return
    with pytest.raises(ParseError, match=place) as caught:
        _row(FULL | change)
    assert caught.value.reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(key=st.sampled_from(sorted(FULL)), value=JSON, inside=st.booleans(), data=st.data())
def test_any_value_in_any_place_gives_a_row_or_a_parse_error(key, value, inside, data):
    record = dict(FULL)
    target = record[key]
    if inside and isinstance(target, list):
        at = data.draw(st.integers(0, len(target) - 1))
        part = dict(target[at])
        part[data.draw(st.sampled_from(sorted(part)))] = value
        record[key] = [*target[:at], part, *target[at + 1 :]]
    else:
        record[key] = value
    try:
        found = _row(record)
    except ParseError:
        return
    assert table([found]).schema == ROWS
