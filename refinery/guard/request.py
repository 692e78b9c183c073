"""A request body to the turn that is to be judged.

    {"request_id": "r1", "messages": […], "signals": {…}, "scenario": "refund", "model_version": "bot-7"}
    {"request_id": "r1", "turn": {"role": "assistant", …}, "context": [messages before it], "signals": {…}, …}

The first is a conversation in the native log form: judged is what the agent did since the customer's last turn. The
second is one agent turn with its context: judged is that turn alone.
"""

import hashlib
import uuid
from datetime import UTC
from typing import Any, Final, NamedTuple

from refinery.errors import ParseError
from refinery.intake import native, rows
from refinery.intake.parse import parsed, repeated

_KEY: Final = b"nothing that is hashed here is kept"
_MAX_ID: Final = 200
_OURS: Final = frozenset({"request_id", "reflected", "turn", "context"})


class Asked(NamedTuple):
    """One request, read."""

    key: str
    """32 hex characters: a hash of the request's id."""
    row: dict[str, Any]
    """The conversation as intake reads it, not masked yet."""
    judged: range
    """The turns that are judged."""
    has_turn: bool
    """Whether any of them is the agent's; else only the circuits are asked."""
    reflected: bool
    """Whether the turn is a second try after a reflection."""


def asked(body: bytes, max_bytes: int, today: str) -> Asked:
    """The request that the body holds; ParseError, with no text of it, where it cannot be read."""
    value = parsed(body, max_bytes, "body_too_large")
    if repeated(body, value):
        raise ParseError("repeated_key", "a key stands twice in one object")
    if not isinstance(value, dict):
        raise ParseError("not_an_object", f"the body must be a JSON object, found {type(value).__name__}")
    given = {name: value.pop(name, None) for name in _OURS}
    record, first = _record(value, given)
    messages = native.native(record)["messages"]
    row = rows.row(record, _ORIGIN, rows.Reading(_KEY, event_date=today), UTC)
    if row.get("set_aside_why"):
        raise ParseError("conversation_too_long", "over 2,000 turns or 2,000,000 characters")
    first = _move(messages) if first is None else first
    has_turn = any(message["role"] == "assistant" for message in messages[first:])
    reflected = native.boolean(given["reflected"], "reflected") or False
    return Asked(_request_key(given["request_id"]), row, range(first, len(messages)), has_turn, reflected)


_ORIGIN: Final = rows.Origin("guard", "-", None, None)


def _record(value: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    """The conversation in the native form, and where the judged turns begin if the request says so."""
    turn, context = given["turn"], given["context"]
    if turn is None and context is None:
        return value, None
    if "messages" in value:
        raise ParseError("two_forms", "give `messages`, or `turn` with `context`, not both")
    if not isinstance(turn, dict) or turn.get("role") != "assistant":
        raise ParseError("wrong_type", "turn must be a message of the role assistant")
    context = native.objects(context, "context")
    return value | {"messages": [*context, turn]}, len(context)


def _move(messages: list[dict[str, Any]]) -> int:
    """The number of the first turn after the customer's last one."""
    return next((n for n in range(len(messages), 0, -1) if messages[n - 1]["role"] == "user"), 0)


def _request_key(request_id: object) -> str:
    text = native.text(request_id, "request_id")
    if text is None:
        return uuid.uuid4().hex
    if len(text) > _MAX_ID:
        raise ParseError("label_too_long", f"request_id is over {_MAX_ID} characters")
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
