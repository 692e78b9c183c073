"""What is planted in the log besides clean conversations, and the list that says where it is."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pipelines.demo.personal import TYPES, Numbers
from pipelines.demo.phrases import TRAP_SLOTS, Voice
from pipelines.demo.talk import Record


@dataclass
class Planted:
    """Where each plant is; conversations by the log's own id, lines by file and number from 1."""

    personal: list[tuple[str, str, str]] = field(default_factory=list)
    """(conversation id, type, value as written): cn_mobile, us_phone, email, cn_id, bank_card."""
    decoys: list[tuple[str, str, str]] = field(default_factory=list)
    """(conversation id, type, value): order_id, amount, date, time. They must survive masking."""
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    """(id of the copy, id of the conversation copied)."""
    quality: list[tuple[str, str]] = field(default_factory=list)
    """(conversation id, reason): one of QUALITY."""
    faults: list[tuple[str, str, int]] = field(default_factory=list)
    """(conversation id, inspection item, turn_idx of the agent's turn at fault)."""
    hard_negatives: list[tuple[str, int]] = field(default_factory=list)
    """(conversation id, turn_idx) where the agent warns the customer to tell nobody a password or code."""
    broken: list[tuple[str, int, str]] = field(default_factory=list)
    """(file, line, reason): one of BROKEN."""
    collisions: list[tuple[str, int, str]] = field(default_factory=list)
    """(file, line, conversation id): an id that an earlier line of the file has, with other content."""
    without_id: list[tuple[str, int]] = field(default_factory=list)
    """(file, line) of a record without a conversation_id."""


QUALITY = ["one_turn", "no_agent_turn", "no_customer_turn", "mostly_empty", "agent_repeats"]
BROKEN = ["truncated", "not_json", "not_an_object", "messages_missing", "wrong_role"]
FAULTS = {
    "refund": "SOL.irreversible_without_precondition",
    "ask_secret": "COMP.privacy_disclosure",
    "pay": "PAY.over_limit",
}
"""Act at fault -> inspection item of rules.md."""


def spoil(record: Record, reason: str, voice: Voice) -> None:
    """Makes a conversation without tool calls fail quality for the reason."""
    messages = record["messages"]
    for key in ("attachments", "sub_agents"):  # they point at turns that may not be left
        record.pop(key, None)
    said = [m for m in messages if m["role"] in ("user", "assistant")]
    match reason:
        case "one_turn":
            messages[:] = said[:1]
        case "no_agent_turn":
            messages[:] = [m for m in messages if m["role"] != "assistant"]
        case "no_customer_turn":
            messages[:] = [m for m in messages if m["role"] != "user"]
        case "mostly_empty":
            for message in said[1:]:
                message["content"] = voice.rng.choice(["", "", " ", "。", "..."])
        case "agent_repeats":
            line = voice.say("stuck")
            said.pop()  # nobody says goodbye to that
            for act in ("push", "push", "push"):
                said += [{"role": "user", "content": voice.say(act)}, {"role": "assistant", "content": line}]
            messages[1:] = [m | {"content": line} if m["role"] == "assistant" else m for m in said]


def break_line(record: Record, reason: str, rng: Random) -> str:
    """The record as a line that cannot be read."""
    messages = record["messages"]
    match reason:
        case "not_json":
            return " | ".join(str(m["content"]) for m in messages[1:])
        case "not_an_object":
            return dump(messages)
        case "messages_missing":
            return dump({key: value for key, value in record.items() if key != "messages"})
        case "wrong_role":
            return dump(record | {"messages": [*messages[:-1], messages[-1] | {"role": "robot"}]})
    line = dump(record)
    return line[: int(len(line) * rng.uniform(0.3, 0.9))]


def dump(record: Record | list[Any]) -> str:
    """One line of the log."""
    return json.dumps(record, ensure_ascii=False)


def plant_personal(record: Record, numbers: Numbers, voice: Voice) -> list[tuple[str, str]]:
    """Writes one to three personal values into places of the record; returns (type, value)."""
    rng, planted = voice.rng, []
    for _ in range(rng.choice([1, 1, 2, 3])):
        kind = rng.choice(TYPES[voice.phrases.language])
        value = numbers.draw(kind)
        places = ["customer", "customer", "tool", "signals", "attachment", "metadata"]
        if kind not in ("cn_id", "bank_card"):  # an agent does not read out cards and identity numbers
            places.append("agent")
        _write(record, rng.choice(places), kind, value, voice)
        planted.append((kind, value))
    return planted


def _write(record: Record, place: str, kind: str, value: str, voice: Voice) -> None:
    """Puts the value into the place; where the record has no such place, or it is taken, into the customer's words."""
    rng, signals, argument = voice.rng, record.get("signals"), f"contact_{kind}"
    calls = [call["function"] for m in record["messages"] for call in m.get("tool_calls", [])]
    calls = [function for function in calls if argument not in function["arguments"]]
    user = (signals[0] if isinstance(signals, list) else signals)["user"] if signals else {}
    known_as = "phone" if kind in ("cn_mobile", "us_phone") else kind
    if place == "tool" and calls:
        function = rng.choice(calls)
        function["arguments"] = dump(json.loads(function["arguments"]) | {argument: value})
    elif place == "signals" and user and known_as not in user:
        user[known_as] = value
    elif place == "attachment":
        image = {"turn_idx": 1, "type": "image", "uri": "s3://demo-logs/note.jpg"}
        voiced = {"turn_idx": 1, "type": "voice", "uri": "s3://demo-logs/note.amr"}
        key, base = rng.choice([("caption", image), ("transcript", voiced)])
        record.setdefault("attachments", []).append(base | {key: _filled(voice, key, value)})
    elif place == "metadata":
        record.setdefault("remarks", []).append(_filled(voice, "remark", value))
    else:
        _say(record, _filled(voice, kind, value), _filled(voice, "echo", value) if place == "agent" else None, voice)


def _filled(voice: Voice, kind: str, value: str) -> str:
    return voice.rng.choice(voice.phrases.personal[kind]).replace("{value}", value)


def _say(record: Record, text: str, echo: str | None, voice: Voice) -> None:
    """The customer's sentence at the end of one of their turns, and the agent's echo in the next spoken one."""
    messages, glue = record["messages"], voice.phrases.glue
    asked = [i for i, m in enumerate(messages) if m["role"] == "user"]
    turn = voice.rng.choice(asked[:-1] or asked)
    messages[turn]["content"] += glue + text
    spoken = [m for m in messages[turn:] if m["role"] == "assistant" and m["content"]]
    if echo and spoken:
        spoken[0]["content"] += glue + echo


def plant_trap(record: Record, voice: Voice) -> None:
    """Adds a sentence full of look-alikes to the customer's first turn."""
    first = next(m for m in record["messages"] if m["role"] == "user")
    first["content"] += voice.phrases.glue + voice.pick(voice.phrases.acts["trap"])


def decoys(record: Record, facts: dict[str, str]) -> list[tuple[str, str]]:
    """(type, value) of the look-alikes that stand in the record's turns and signals."""
    text = dump([record["messages"], record.get("signals", {})])
    return [(kind, facts[slot]) for slot, kind in TRAP_SLOTS.items() if facts[slot] in text]
