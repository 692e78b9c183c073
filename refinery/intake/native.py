"""The native log form: OpenAI chat messages plus signals, one JSON object a conversation; all adapters end here.

Keys besides those of a service log, which adapters may set: per message `source_label`, `created_at`, `agent_name`;
at the top `end_reason` and `votes` (`[{dimension, value, num}]`). Any other key becomes metadata, never a turn.
"""

import math
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from typing import Any, Final

import orjson

from refinery.errors import ParseError

FORMAT: Final = "native"
ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
KNOWN: Final = frozenset(
    {
        "conversation_id", "created_at", "messages", "signals", "risk", "scenario", "model_version", "self_sampled",
        "participants", "attachments", "outcome", "votes", "sub_agents", "outbound_calls", "end_reason", "agent_name",
        "parent_id", "parent_call_id",
    }
)  # fmt: skip
MAX_ITEMS: Final = 20_000
"""Of a list of objects: signals, calls, parts of a content. Each becomes some dozen columns."""
_LATEST: Final = 7_258_118_400  # 2200-01-01, epoch seconds: later than that is a unit mistaken


def matches(record: object) -> bool:
    """A native record has messages, not of ShareGPT's or OpenTelemetry's form; without an id, none of tau2's signs."""
    messages = record.get("messages") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(messages, list):
        return False
    first = messages[0] if messages else None
    if isinstance(first, dict) and (isinstance(first.get("parts"), list) or {"from", "value"} <= first.keys()):
        return False
    return "conversation_id" in record or not record.keys() & {"reward_info", "task_id", "termination_reason"}


def records(document: object) -> Iterator[object]:
    """One object is one conversation; a list holds many."""
    yield from document if isinstance(document, list) else [document]


def items(document: object, matches: Callable[[object], bool], said: str) -> Iterator[object]:
    """For adapters: a list yields its items, one record itself; raises ParseError `wrong_shape` with what is `said`."""
    if isinstance(document, list):
        yield from document
    elif matches(document):
        yield document
    else:
        raise ParseError("wrong_shape", said)


def native(record: object) -> dict[str, Any]:
    """The record itself; raises ParseError unless it is an object with a list of messages."""
    if not isinstance(record, dict):
        raise ParseError("not_an_object", f"a conversation must be a JSON object, found {type(record).__name__}")
    if not isinstance(record.get("messages"), list):
        raise ParseError("no_messages", "key `messages` must be a list")
    return record


def text(value: object, where: str) -> str | None:
    """A string or null; whole numbers, which ids often are, are written out."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ParseError("wrong_type", f"{where} must be a string, found {type(value).__name__}")


def boolean(value: object, where: str) -> bool | None:
    """True, False or null."""
    if value is None or isinstance(value, bool):
        return value
    raise ParseError("wrong_type", f"{where} must be true, false or null, found {type(value).__name__}")


def number(value: object, where: str) -> float | None:
    """A finite number or null; a numeric string is read."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ParseError("wrong_type", f"{where} must be a number, found {type(value).__name__}")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ParseError("wrong_type", f"{where} must be a finite number")
    return found


def objects(value: object, where: str) -> list[dict[str, Any]]:
    """A list of objects, MAX_ITEMS at most; null is empty."""
    if value is None:
        return []
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        raise ParseError("too_many_items", f"{where} holds over {MAX_ITEMS} items")
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise ParseError("wrong_type", f"{where} must be a list of objects")


def mapping(value: object, where: str) -> dict[str, Any] | None:
    """An object or null."""
    if value is None or isinstance(value, dict):
        return value
    raise ParseError("wrong_type", f"{where} must be an object, found {type(value).__name__}")


def json_text(value: object) -> str | None:
    """JSON text of a value; text stays as it is, null stays null."""
    if value is None or isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        raise ParseError("wrong_type", "a value nests too deep or is not JSON") from None


def microseconds(value: object, zone: tzinfo, where: str) -> int | None:
    """ISO 8601 (read in `zone` if it names none) or epoch seconds -> epoch microseconds."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            value = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
        except (ValueError, OverflowError):
            raise ParseError("bad_time", f"{where} is neither ISO 8601 nor epoch seconds") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise ParseError("bad_time", f"{where} must lie between 1970 and 2200 (epoch in seconds, not milliseconds)")
    return round(value * 1_000_000)
