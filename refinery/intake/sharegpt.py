"""Reads ShareGPT: `conversations` of {from, value}, as collections of chats and fine-tuning sets write them.

Source: LLaMA-Factory, data/README.md and src/llamafactory/data (roles human, gpt, function_call, observation, system;
keys `system` and `tools`; a system message in the list overrides the key); calls between <tool_call> tags as in
NousResearch/hermes-function-calling-v1. Tools are metadata; so are `chosen` and `rejected`, which nobody was told.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard

import orjson

from refinery.errors import ParseError
from refinery.intake import chat
from refinery.intake.native import items, json_text

FORMAT: Final = "sharegpt"

TURNS: Final = ("conversations", "conversation", "messages", "items")
CALLS: Final = frozenset({"function_call", "function-call", "tool_call", "tool-call", "tool_calls"})
IDS: Final = ("conversation_id", "id", "idx")
TIMES: Final = ("created_at", "timestamp", "create_time")


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this a ShareGPT record (a list of turns with from and value)? Never raises."""
    return isinstance(record, dict) and _turns_key(record) is not None


def records(document: object) -> Iterator[object]:
    """One record yields itself, a list its items; anything else raises ParseError `wrong_shape`."""
    yield from items(document, matches, "a ShareGPT document is a record with conversations, or a list of them")


def native(record: object) -> dict[str, Any]:
    """The native log form of one record. Raises ParseError where a turn cannot be read."""
    key = _turns_key(record) if isinstance(record, dict) else None
    if not isinstance(record, dict) or key is None:
        raise ParseError("wrong_shape", "a ShareGPT record has conversations, a list of {from, value}")
    messages, read = _messages(record[key]), [key]
    system = record.get("system")
    if isinstance(system, str) and (not messages or messages[0]["role"] != "system"):
        read.append("system")
        messages[:0] = [{"role": "system", "content": system}] if system else []
    fields: dict[str, Any] = {"messages": messages}
    for name, keys in (("conversation_id", IDS), ("created_at", TIMES), ("model_version", ("model",))):
        found = next((k for k in keys if _is_plain(record.get(k))), None)
        if found is not None:
            fields[name] = record[found]
            read.append(found)
    return fields | chat.beside(record, read)


def _turns_key(record: dict[str, Any]) -> str | None:
    for key in TURNS:
        turns = record.get(key)
        if isinstance(turns, list):
            first = turns[0] if turns else None
            if isinstance(first, dict) and "from" in first and "value" in first:
                return key
            if key == TURNS[0] and (first is None or (isinstance(first, dict) and {"role", "content"} <= first.keys())):
                return key
    return None


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _messages(turns: list[Any]) -> list[chat.Message]:
    messages: list[chat.Message] = []
    open_calls: list[str] = []  # ids, made up here, of the calls that have no result yet
    num_calls = 0
    for number, turn in enumerate(turns):
        role, value = _turn(turn, number)
        if role == "call" or (role == "function" and _looks_like_calls(value)):
            words, calls = None, _calls(value, number)
        elif role == "assistant":
            words, calls = _tagged(chat.said(role, value) if isinstance(value, str) else value, number)
        else:
            words, calls = value, []
        if role in ("function", "tool") and not calls:
            result = {"role": "tool", "tool_call_id": open_calls.pop(0) if open_calls else None}
            messages.append(result | {"content": _words(value, number)})
            continue
        message: chat.Message = {"role": "assistant" if calls else role, "content": _words(words, number, bool(calls))}
        for call in calls:
            call["id"] = call["id"] or f"call_{num_calls}"
            num_calls += 1
        if calls:
            message["tool_calls"] = calls
            open_calls = [call["id"] for call in calls]
        messages.append(message)
    return messages


def _turn(turn: object, number: int) -> tuple[str, object]:
    """Who speaks (a native role, `call`, or `function`, which is one or the other) and what."""
    if not isinstance(turn, dict):
        raise ParseError("bad_turn", f"turn {number} is not an object")
    sender = turn.get("from", turn.get("role"))
    word = sender.strip().casefold() if isinstance(sender, str) else ""
    value = turn.get("value", turn.get("content"))
    if word in CALLS or word == "function":
        return "call" if word in CALLS else word, value
    return chat.role_of(sender, f"turn {number}"), value


def _words(value: object, number: int, may_be_absent: bool = False) -> str | None:
    if isinstance(value, dict | list):  # a result that was not written as text
        return json_text(value)
    if isinstance(value, str) or (value is None and may_be_absent):
        return value
    raise ParseError("no_text", f"turn {number} has no value that is text")


def _calls(value: object, number: int) -> list[dict[str, Any]]:
    """One call or a list of them, as JSON text or as objects."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise ParseError("bad_tool_call", f"turn {number} is a function call that is not JSON") from None
    found = value if isinstance(value, list) else [value]
    if not found:
        raise ParseError("bad_tool_call", f"turn {number} is a function call without a call")
    return [chat.call(one, f"turn {number}") for one in found]


def _looks_like_calls(value: object) -> bool:
    """`function` is a call in some sets and a result in others: a call if every item has a name and arguments."""
    try:
        value = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return False
    found = value if isinstance(value, list) else [value]
    return bool(found) and all(isinstance(one, dict) and {"name", "arguments"} <= one.keys() for one in found)


def _tagged(value: object, number: int) -> tuple[object, list[dict[str, Any]]]:
    """The words of an assistant apart from the calls that it writes between <tool_call> tags."""
    if not isinstance(value, str) or "<tool_call>" not in value:
        return value, []
    before, *pieces = value.split("<tool_call>")
    words, calls = [before], list[dict[str, Any]]()
    for piece in pieces:
        call, _, rest = piece.partition("</tool_call>")
        calls += _calls(call.strip(), number)
        words.append(rest)
    return "".join(words).strip() or None, calls
