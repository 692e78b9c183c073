"""JSON that is whole and whose records are wrong: types, roles, times, numbers, sizes, and texts that mean harm."""
# ruff: noqa: E501 (cases read best a line each)

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson

from tests.intake.hostile.case import MAIL, PHONE, Case, beside, lines, said

TYPED: dict[str, Any] = {
    "conversation_id": "c",
    "created_at": 1_777_777_777,
    "scenario": "late",
    "model_version": "m",
    "self_sampled": True,
    "agent_name": "a",
    "parent_id": "p",
    "parent_call_id": "q",
    "end_reason": "closed",
    "participants": [{"role": "rider", "name": "n", "id": "i"}],
    "messages": [
        {"role": "user", "content": "x", "agent_name": "a", "tool_call_id": "t", "created_at": 1_777_777_777, "source_label": "l",
         "tool_calls": [{"id": "t", "function": {"name": "f"}}]},
    ],
    "signals": [
        {"turn_idx": 0, "source": "s", "adopted": True, "channel": "app",
         "user": {"id": "u", "name": "n", "phone": "p", "city": "c", "tier": "t"},
         "identity": {"verified": True, "method": "sms"},
         "order": {"id": "1", "status": "s", "amount": 1.5, "currency": "CNY"},
         "refund": {"status": "s", "amount": 1.5},
         "compensation": {"due": True, "reason": "r", "amount": 1.5, "limit": 1.5, "currency": "CNY", "paid": False},
         "risk": {"level": "l", "reason": "r"}},
    ],
    "risk": {"level": "l", "reason": "r"},
    "sub_agents": [{"turn_idx": 0, "name": "n", "call_id": "c", "mode": "tool", "adopted": True}],
    "outbound_calls": [{"turn_idx": 0}],
    "attachments": [{"turn_idx": 0, "type": "t", "uri": "u", "sha256": "h", "caption": "c", "transcript": "t"}],
    "outcome": {"solution": True, "satisfied": True, "quality": True},
    "votes": [{"dimension": "d", "value": 1.0, "num": 1}],
}  # fmt: skip
"""One value of the right type for every field of the native form that has one type."""
REASONS = {"role": "unknown_role", "created_at": "bad_time", "messages": "no_messages"}
WRONG: dict[type, tuple[Any, ...]] = {
    str: (1.5, True, ["x"], {"x": 1}),
    bool: (1, "true", [True], {"x": True}),
    int: ("much", True, [1], {"x": 1}, -1, 2**63),
    float: ("much", True, [1], {"x": 1}, "NaN", "-Infinity"),
    list: ("x", 1, True, ["x"], [1], [[]]),
    dict: ("x", 1, True, [{}]),
}


def wrong_types() -> Iterator[tuple[str, dict[str, Any]]]:
    """The reason and a record, for every field of the native form and every wrong type."""
    for path, value in _places(TYPED):
        for wrong in WRONG[type(value)]:
            record = deepcopy(TYPED)
            inner: Any = record
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = wrong
            yield _reason(path, wrong), record


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(key, str):
            yield (*path, key), inner
        if isinstance(inner, dict | list):
            yield from _places(inner, (*path, key))


def _reason(path: tuple[Any, ...], wrong: Any) -> str:
    if path == ("messages",) and isinstance(wrong, list):
        return "wrong_type"
    return "wrong_type" if path[0] == "participants" else REASONS.get(path[-1], "wrong_type")


def _many(num: int, **more: Any) -> bytes:
    return orjson.dumps(said(messages=[{"role": "user", "content": PHONE}] * num, **more))


def _call(name: str) -> dict[str, Any]:
    return {"id": name, "function": {"name": "f", "arguments": "{}"}}


_WRONG = list(wrong_types())
_TIMES = ("yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00", "2026-13-45", "1969-12-31T23:59:59Z", -1, 1e18,
          1_777_777_777_000, "2026-05-01T25:00:00Z", "", "２０２６-05-01", "0001-01-01T00:00:00+23:59", [2026], True)  # fmt: skip
_TEXTS = ("../../etc/passwd", "..\\..\\windows\\win.ini", "'; DROP TABLE conversations; --", "<script>alert(1)</script>",
          "=cmd|' /C calc'!A0", "@SUM(1+1)", "\u202egnp.exe", "ad\u200bmin\u2060\ufeff", "a\0b", "%s%n${jndi:ldap://x}",
          "[/bold][red]", "\x1b[2J\x07", "\\", '"', "\r\n\r\n", "🏳️‍🌈", "﷽" * 50, "Z\u0351\u036b\u0343" * 50)  # fmt: skip
_UNPAIRED = [
    {"role": "assistant", "content": None, "tool_calls": [_call("a"), _call("b")]},
    {"role": "tool", "tool_call_id": "b", "content": "found"},
    {"role": "tool", "tool_call_id": "z", "content": "who asked?"},
]

CASES = [
    Case("wrong_types.jsonl", f"{len(_WRONG)} records, each with one field of a wrong type", beside(*(record for _, record in _WRONG)), 2, {r: sum(reason == r for reason, _ in _WRONG) for r in sorted({reason for reason, _ in _WRONG})}),
    Case("unknown_roles.jsonl", "roles that nobody has", beside(*(said(messages=[{"role": role, "content": PHONE}]) for role in ("king", "User", "", None, 5, ["user"]))), 2, {"unknown_role": 6}),
    Case("role_missing.jsonl", "a message without a role", beside(said(messages=[{"content": PHONE}])), 2, {"unknown_role": 1}),
    Case("unpaired_calls.jsonl", "a call without an answer, an answer without a call: kept, counted", beside(said(messages=_UNPAIRED)), 3),
    Case("call_without_name.jsonl", "a tool call without a name", beside(said(messages=[{"role": "assistant", "tool_calls": [{"id": PHONE}]}])), 2, {"no_tool_name": 1}),
    Case("wild_times.jsonl", "times that are none", beside(*(said(created_at=time) for time in _TIMES)), 2, {"bad_time": len(_TIMES)}),
    Case("no_messages.jsonl", "nothing that is a conversation", beside({"phone": PHONE}, {}, {"messages": None}, {"messages": {}}), 2, {"no_messages": 4}),
    Case("empty_messages.jsonl", "conversations without a turn or a text", beside(said(messages=[]), said(messages=[{"role": "user"}])), 4),
    Case("turns_100000.jsonl", "100,000 turns", beside(_many(100_000)), 2, aside={"too_long": 1}),
    Case("calls_100000.jsonl", "one turn of 100,000 calls", beside(said(messages=[{"role": "assistant", "tool_calls": [_call("")] * 100_000}])), 2, {"too_many_items": 1}),
    Case("signals_100000.jsonl", "100,000 signals", beside(said(signals=[{"channel": PHONE}] * 100_000)), 2, {"too_many_items": 1}),
    Case("long_signals.jsonl", "signals of 13 MB", beside(said(signals=[{"channel": PHONE, "other": "x" * 13_000}] * 1_000)), 2, aside={"too_long": 1}),
    Case("long_text.jsonl", "one text of 3 million characters", beside(said("字" * 2_500_000)), 2, aside={"too_long": 1}),
    Case("long_id.jsonl", "an id, a scenario, a version of 5,000 characters", beside(*(said(**{key: PHONE + "x" * 5_000}) for key in ("conversation_id", "scenario", "model_version"))), 2, {"label_too_long": 3}),
    Case("same_id.jsonl", "one id, three contents: kept, flagged", beside(*(said(f"text {n}", conversation_id="same") for n in range(3))), 5),
    Case("same_line.jsonl", "one conversation three times: kept, told apart", beside(*[said(conversation_id="again")] * 3), 5),
    Case("harmful_ids.jsonl", "ids that are paths, SQL, HTML, formulas, marks of direction", beside(*(said(conversation_id=text) for text in _TEXTS)), 2 + len(_TEXTS)),
    Case("harmful_texts.jsonl", "texts that are", beside(*(said(text, conversation_id=f"t{n}", scenario=text, agent_name=text, batch=text) for n, text in enumerate(_TEXTS))), 2 + len(_TEXTS)),
    Case("harmful_keys.jsonl", "keys that are", beside(said(**{text: {text: MAIL} for text in _TEXTS}, __proto__={"x": 1})), 3),
    Case("many_keys.jsonl", "50,000 keys that nobody knows", beside(said(conversation_id="k", **{f"k{n}": n for n in range(50_000)})), 3),
    Case("long_key.jsonl", "a key of 100,000 characters", beside(said(**{"x" * 100_000: 1})), 3),
    Case("numbers.jsonl", "amounts that are no finite numbers", beside(*(said(signals={"order": {"amount": n}}) for n in ("NaN", "inf", "1e999", "-Infinity", "１２x"))), 2, {"wrong_type": 5}),
    Case("vote_too_big.jsonl", "a vote that no float holds", beside(said(votes=[{"dimension": "quality", "value": 1e300, "num": 1}])), 2, {"wrong_type": 1}),
    Case("turn_of_signal.jsonl", "turn numbers that are none", beside(*(said(sub_agents=[{"turn_idx": n}]) for n in (-1, 1.5, 2**31, "x"))), 2, {"wrong_type": 4}),
    Case("data_uri.jsonl", "an image in the text of a link: never loaded", beside(said(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}]}])), 3),
    Case("parts.jsonl", "parts of content that are none", beside(*(said(messages=[{"role": "user", "content": [part]}]) for part in (PHONE, 1, [PHONE], {"type": "text", "text": [PHONE]}))), 2, {"wrong_type": 4}),
    Case("other_format.jsonl", "lines of a log that nobody knows", lines(*[{"ts": 1, "level": "info", "msg": PHONE}] * 3), 0, {"unknown_format": 3}),
]  # fmt: skip
"""The limits of the run: 2,000 turns, 2 million characters, and what a row may weigh besides."""
