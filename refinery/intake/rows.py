"""Native records to Arrow rows: types checked, ids and hashes made before anything is masked."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa

from refinery.errors import ParseError
from refinery.intake.native import KNOWN, ROLES, boolean, json_text, mapping, microseconds, number, objects, text
from refinery.records.conversation import CONVERSATION
from refinery.records.fate import FATE

ROWS: Final = pa.schema([*CONVERSATION, *FATE])
_PART_TEXT: Final = {
    "user": ("name", "phone", "city", "tier"),
    "identity": ("method",),
    "order": ("id", "status", "currency"),
    "refund": ("status",),
    "risk": ("level", "reason"),
}
_SIGNAL_KNOWN: Final = frozenset(
    {"turn_idx", "source", "adopted", "channel", "user", "identity", "order", "refund", "compensation", "risk"}
)


_MAX_FLOAT32: Final = 3.4e38


class Origin(NamedTuple):
    """Where a record stood: the source's name, file below its path, member of an archive, line or record from 1.

    `weight` is the bytes it had as JSON, where they are known.
    """

    source: str
    file: str
    member: str | None
    line: int | None
    weight: int = 0


class Reading(NamedTuple):
    """How records are read: the deployment's key, the timezone of days, the date of undated logs, the limits."""

    key: bytes
    timezone: str = "UTC"
    event_date: str | None = None
    max_turns: int = 2_000
    max_chars: int = 2_000_000
    spanning: bool = False  # ids are unique in the source and not in a file only


def digest(*parts: str | bytes, key: bytes = b"") -> str:
    """32 hex characters over the parts; with a key, irreversible without it."""
    state = hashlib.blake2b(digest_size=16, key=key)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def row(record: dict[str, Any], origin: Origin, reading: Reading, zone: tzinfo) -> dict[str, Any]:
    """One native record as a row of ROWS, and its `weight` in bytes; raises ParseError, with no log text in it."""
    messages = record.get("messages")
    if (
        isinstance(messages, list) and len(messages) > reading.max_turns
    ):  # not looked at one by one: a hundred thousand may come
        content = digest(json_text(messages) or "", key=reading.key)
        said = (m.get("content") for m in messages if isinstance(m, dict))
        num_chars = sum(len(text) for text in said if isinstance(text, str))
        return _place(record, origin, reading, zone, content) | {"num_chars": num_chars} | _TOO_LONG
    turns = [_turn(i, message, zone) for i, message in enumerate(objects(messages, "messages"))]
    signals = [_signal(s, reading.key) for s in _signal_objects(record)]
    attachments = _attachments(record)
    outbound = [_outbound(c) for c in objects(record.get("outbound_calls"), "outbound_calls")]
    content = _content_hash(turns, [signals, attachments, outbound], reading.key)
    metadata = json_text({k: v for k, v in record.items() if k not in KNOWN} or None)
    num_chars = sum(_size(turn) for turn in turns)
    place = _place(record, origin, reading, zone, content) | {"num_chars": num_chars}
    found = place | {
        **{k: text(record.get(k), k) for k in _TEXT_KEYS},
        **{k: _label(record, k) for k in ("scenario", "model_version")},
        "self_sampled": boolean(record.get("self_sampled"), "self_sampled"),
        "customer_hash": next((s["user"]["id_hash"] for s in signals if s["user"] and s["user"]["id_hash"]), None),
        "num_unpaired_calls": _num_unpaired(turns),
        "participants": [_participant(p, reading.key) for p in objects(record.get("participants"), "participants")],
        "turns": turns,
        "signals": signals,
        "outbound_calls": outbound,
        "sub_agents": [_sub_agent(s) for s in objects(record.get("sub_agents"), "sub_agents")],
        "attachments": attachments,
        "outcome": _outcome(record),
        "metadata": metadata,
    }
    # All of it counts, not the turns alone: a batch is bounded by its rows' weight.
    found["weight"] = origin.weight or len(orjson.dumps(found))
    num_chars += len(metadata or "")
    if num_chars > reading.max_chars or found["weight"] > 4 * reading.max_chars + _MAX_FRAME:
        return place | _TOO_LONG
    return found


def _place(record: dict[str, Any], origin: Origin, reading: Reading, zone: tzinfo, content: str) -> dict[str, Any]:
    """Where and when the record stands, and its id: by source id, else by content (settled in house.md)."""
    source_id = _label(record, "conversation_id") or None
    created = microseconds(record.get("created_at"), zone, "created_at")
    place = f"{origin.source}/{origin.file}" if origin.member is None or source_id else "/".join(map(str, origin[:3]))
    place = origin.source if reading.spanning else place
    return {
        "conversation_id": digest(place, source_id) if source_id else digest(place, "content", content),
        "source": origin.source,
        "source_id": source_id,
        "source_file": origin.file,
        "source_member": origin.member,
        "source_line": origin.line,
        "created_at": created,
        "event_date": _day(created, zone) or reading.event_date or "undated",
        "content_hash": content,
    }


def _label(record: dict[str, Any], key: str) -> str | None:
    """A text that stands beside each turn in the flat tables: a long one would be written thousands of times."""
    value = text(record.get(key), key)
    if value is not None and len(value) > MAX_LABEL:
        raise ParseError("label_too_long", f"{key} is over {MAX_LABEL} characters")
    return value


def _num_unpaired(turns: list[dict[str, Any]]) -> int:
    """Tool calls that no message answers, and tool messages that answer no call; both are kept as they stand."""
    made = [call["id"] for turn in turns if turn["tool_calls"] for call in turn["tool_calls"]]
    answered = [turn["tool_call_id"] for turn in turns if turn["role"] == "tool"]
    if made == answered:
        return 0
    calls, results = Counter(made), Counter(answered)
    return (calls - results).total() + (results - calls).total()


_TEXT_KEYS: Final = ("agent_name", "parent_id", "parent_call_id", "end_reason")
_TOO_LONG: Final = {"set_aside_by": "intake", "set_aside_why": "too_long", "weight": 0}  # its text stays in the log
MAX_LABEL: Final = 1_000
"""Characters of an id, a scenario or a model's version."""
_MAX_FRAME: Final = 4 * 2**20
"""Bytes of keys, brackets and nulls that a row may have besides its text, a character of which takes four at most."""


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as one table of schema ROWS."""
    columns = [pa.array([r.get(field.name) for r in rows], field.type) for field in ROWS]
    return pa.Table.from_arrays(columns, schema=ROWS)


def zone_of(reading: Reading) -> tzinfo:
    """The timezone of the plan."""
    return UTC if reading.timezone == "UTC" else ZoneInfo(reading.timezone)


def _turn(index: int, message: dict[str, Any], zone: tzinfo) -> dict[str, Any]:
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise ParseError("unknown_role", f"messages[{index}].role must be one of {', '.join(sorted(ROLES))}")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        content = _parts(content, index)
    calls = message.get("tool_calls")
    created = message.get("created_at")
    return {
        "turn_idx": index,
        "role": role,
        "agent_name": text(message.get("agent_name"), "agent_name"),
        "content": content,
        "tool_calls": [_tool_call(c, index) for c in objects(calls, f"messages[{index}].tool_calls")] if calls else [],
        "tool_call_id": text(message.get("tool_call_id"), "tool_call_id"),
        "created_at": microseconds(created, zone, f"messages[{index}].created_at") if created is not None else None,
        "source_label": text(message.get("source_label"), "source_label"),
    }


def _parts(content: object, index: int) -> str:
    parts = objects(content, f"messages[{index}].content")
    return "\n".join(text(p.get("text"), "content part") or "" for p in parts if p.get("type") == "text")


def _tool_call(call: dict[str, Any], index: int) -> dict[str, Any]:
    function = mapping(call.get("function"), f"messages[{index}].tool_calls.function") or call
    name = text(function.get("name"), "tool name")
    if not name:
        raise ParseError("no_tool_name", f"messages[{index}].tool_calls: a call without a name")
    return {"id": text(call.get("id"), "tool call id"), "name": name, "arguments": json_text(function.get("arguments"))}


def _signal_objects(record: dict[str, Any]) -> list[dict[str, Any]]:
    raw = record.get("signals")
    found = objects(raw if isinstance(raw, list) or raw is None else [raw], "signals")
    return [*found, {"risk": record["risk"]}] if record.get("risk") else found


def _signal(raw: dict[str, Any], key: bytes) -> dict[str, Any]:
    parts = {k: mapping(raw.get(k), f"signals.{k}") for k in ("user", "identity", "order", "refund", "risk")}
    pay = mapping(raw.get("compensation"), "signals.compensation")
    signal: dict[str, Any] = {k: None if v is None else _texts(v, k) for k, v in parts.items()}
    if parts["user"] is not None:
        customer = text(parts["user"].get("id"), "signals.user.id")
        signal["user"]["id_hash"] = digest("customer", customer, key=key) if customer else None
    if parts["identity"] is not None:
        signal["identity"]["verified"] = boolean(parts["identity"].get("verified"), "signals.identity.verified")
    for name in ("order", "refund"):
        if (part := parts[name]) is not None:
            signal[name]["amount"] = number(part.get("amount"), f"signals.{name}.amount")
    turn = raw.get("turn_idx", 0)
    if not isinstance(turn, int) or isinstance(turn, bool) or not 0 <= turn < 2**31:
        raise ParseError("wrong_type", "signals.turn_idx must be a turn number")
    return signal | {
        "turn_idx": turn,
        "source": text(raw.get("source"), "signals.source"),
        "adopted": boolean(raw.get("adopted"), "signals.adopted"),
        "channel": text(raw.get("channel"), "signals.channel"),
        "compensation": None if pay is None else _compensation(pay),
        "other": json_text({k: v for k, v in raw.items() if k not in _SIGNAL_KNOWN} or None),
    }


def _texts(part: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: text(part.get(k), f"signals.{name}.{k}") for k in _PART_TEXT[name]}


def _compensation(pay: dict[str, Any]) -> dict[str, Any]:
    where = "signals.compensation"
    return (
        {k: boolean(pay.get(k), f"{where}.{k}") for k in ("due", "paid")}
        | {k: text(pay.get(k), f"{where}.{k}") for k in ("reason", "currency")}
        | {k: number(pay.get(k), f"{where}.{k}") for k in ("amount", "limit")}
    )


def _turn_idx(raw: dict[str, Any], where: str) -> int | None:
    value = number(raw.get("turn_idx"), where)
    if value is not None and not (0 <= value < 2**31 and value.is_integer()):
        raise ParseError("wrong_type", f"{where}.turn_idx must be a turn number")
    return None if value is None else int(value)


def _participant(raw: dict[str, Any], key: bytes) -> dict[str, Any]:
    who = text(raw.get("id"), "participants.id")
    return {
        "role": text(raw.get("role"), "participants.role"),
        "name": text(raw.get("name"), "participants.name"),
        "id_hash": digest("customer", who, key=key) if who else None,
    }


def _outbound(raw: dict[str, Any]) -> dict[str, Any]:
    keys = ("request", "parameters", "execution", "outcome", "report")
    return {"turn_idx": _turn_idx(raw, "outbound_calls"), **{k: json_text(raw.get(k)) for k in keys}}


def _sub_agent(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        "turn_idx": _turn_idx(raw, "sub_agents"),
        **{k: text(raw.get(k), f"sub_agents.{k}") for k in ("name", "call_id", "mode")},
        "signals": json_text(raw.get("signals")),
        "adopted": boolean(raw.get("adopted"), "sub_agents.adopted"),
    }


def _attachments(record: dict[str, Any]) -> list[dict[str, Any]]:
    keys = ("type", "uri", "sha256", "caption", "transcript")
    found = [
        {"turn_idx": _turn_idx(raw, "attachments"), **{k: text(raw.get(k), f"attachments.{k}") for k in keys}}
        for raw in objects(record.get("attachments"), "attachments")
    ]
    return found + list(_inline_attachments(record["messages"]))


def _inline_attachments(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, message in enumerate(messages):
        if isinstance(message.get("content"), list):
            for part in message["content"]:
                kind = part.get("type")
                if kind != "text":
                    place = part.get(kind) if isinstance(kind, str) else None
                    uri = place.get("url") if isinstance(place, dict) else None
                    # A data: URI is the bytes themselves, which are never loaded.
                    known = uri if isinstance(uri, str) and not uri.startswith("data:") else None
                    yield {"turn_idx": index, "type": kind if isinstance(kind, str) else None, "uri": known}


def _outcome(record: dict[str, Any]) -> dict[str, Any] | None:
    raw, votes = mapping(record.get("outcome"), "outcome"), objects(record.get("votes"), "votes")
    if raw is None and not votes:
        return None
    verdicts = {k: boolean((raw or {}).get(k), f"outcome.{k}") for k in ("solution", "satisfied", "quality")}
    return verdicts | {"votes": [_vote(vote) for vote in votes]}


def _vote(raw: dict[str, Any]) -> dict[str, Any]:
    num = raw.get("num")
    if not isinstance(num, int) or isinstance(num, bool) or not 0 <= num < 2**31:
        raise ParseError("wrong_type", "votes.num must be a count")
    dimension, value = text(raw.get("dimension"), "votes.dimension"), number(raw.get("value"), "votes.value")
    if value is not None and abs(value) > _MAX_FLOAT32:
        raise ParseError("wrong_type", "votes.value must be a vote")
    return {"dimension": dimension, "value": value, "num": num}


def _size(turn: dict[str, Any]) -> int:
    return len(turn["content"] or "") + sum(len(c["arguments"] or "") for c in turn["tool_calls"])


def _content_hash(turns: list[dict[str, Any]], beside: list[list[dict[str, Any]]], key: bytes) -> str:
    """Over what was said, done, known and shown; ids of calls, times and labels left out."""
    said = [[t["role"], t["content"] or "", [[c["name"], c["arguments"]] for c in t["tool_calls"]]] for t in turns]
    return digest(orjson.dumps([said, beside], option=orjson.OPT_SORT_KEYS), key=key)


def _day(created: int | None, zone: tzinfo) -> str | None:
    return None if created is None else datetime.fromtimestamp(created / 1_000_000, zone).date().isoformat()
