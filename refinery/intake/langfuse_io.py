"""What Langfuse keeps as `input` and `output`, as turns: text, chat messages, or an object that clients put there."""

from typing import Any, Final

import orjson

from refinery.errors import ParseError
from refinery.intake import chat

_ONE_TEXT: Final = (
    "input",
    "output",
    "question",
    "query",
    "answer",
    "response",
    "text",
    "content",
    "prompt",
    "completion",
)
_MAX_DEPTH: Final = 4


def turns(value: object, role: str, where: str, depth: int = 0) -> list[chat.Message]:
    """The messages in a trace's or observation's `input` (role user) or `output` (role assistant).

    Raises ParseError: `unknown_input` or `unknown_output` on an object of unknown shape, which could hold turns.
    """
    if isinstance(value, str):
        value = _parsed(value)
    if value in (None, "", []):
        return []
    if isinstance(value, str):
        return chat.message({"role": role, "content": value}, where)
    if isinstance(value, list) and depth < _MAX_DEPTH:
        if len(value) == 1 and isinstance(value[0], list):  # a batch of one
            return turns(value[0], role, where, depth + 1)
        return chat.messages(value, where)
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        return _object(value, role, where, depth)
    raise _unknown(where)


def _object(value: dict[str, Any], role: str, where: str, depth: int) -> list[chat.Message]:
    if isinstance(value.get("messages"), list):
        return chat.messages(value["messages"], where)
    if isinstance(value.get("choices"), list):
        return _choice(value["choices"], where)
    if "role" in value or ("type" in value and "content" in value):
        return chat.message(value, where)
    if "tool_calls" in value or "function_call" in value:
        return chat.message({**value, "role": role}, where)
    return turns(_inner(value, where), role, where, depth + 1)


def _inner(value: dict[str, Any], where: str) -> object:
    """The one text in an object, or the one argument of a function that was traced ({args, kwargs})."""
    if value.keys() == {"args", "kwargs"}:
        args, kwargs = value["args"], value["kwargs"]
        if not args and isinstance(kwargs, dict):
            return kwargs
        if isinstance(args, list) and len(args) == 1 and not kwargs:
            return args[0]
    named = [key for key in _ONE_TEXT if key in value]
    if len(named) == 1 and not any(isinstance(value[key], dict | list) for key in value if key not in named):
        return value[named[0]]
    raise _unknown(where)


def _choice(choices: list[Any], where: str) -> list[chat.Message]:
    """The one answer of an OpenAI response."""
    if len(choices) > 1:
        raise ParseError("several_choices", f"{where} holds several answers, and not which one was given")
    return [
        made for one in choices for made in chat.message(one.get("message") if isinstance(one, dict) else one, where)
    ]


def _parsed(value: str) -> object:
    """JSON text as what it says (exports write every input as text); any other text as itself."""
    if value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _unknown(where: str) -> ParseError:
    known = "text, messages, {messages}, {role, content}, choices of OpenAI, or an object with one text"
    return ParseError(f"unknown_{where}", f"`{where}` is none of: {known}")
