"""Chat messages as models and their clients write them, in the native form: words for roles, content parts, tool calls.

Sources: OpenTelemetry GenAI `gen-ai-input-messages.json` (open-telemetry/semantic-conventions-genai); OpenAI chat and
Responses items; Anthropic content blocks. One message may hold calls and their results: it becomes several messages.
Reasoning is a draft and is left out; a role or a part that nobody here knows is refused, for it could be a turn.
"""

from collections.abc import Sequence
from typing import Any, Final

from refinery.errors import ParseError
from refinery.intake.native import KNOWN, json_text, text

ROLES: Final[dict[str, str]] = {
    **dict.fromkeys(("system", "developer", "instruction", "systemmessage", "系统"), "system"),
    **dict.fromkeys(("user", "human", "customer", "humanmessage", "prompter", "用户", "客户", "顾客", "买家"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "ai", "bot", "chatbot", "chatgpt", "model", "agent", "aimessage"), "assistant"
    ),
    **dict.fromkeys(("bard", "bing", "claude", "gemini", "helpdesk", "助手", "助理", "客服", "坐席"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "toolmessage", "functionmessage", "ipython", "工具"), "tool"),
    **dict.fromkeys(("tool_response", "function_response", "tool_result"), "tool"),
}
"""How logs call a role, lower case -> the native role."""

_TEXT: Final = frozenset({"text", "input_text", "output_text"})
_HIDDEN: Final = frozenset({"reasoning", "thinking", "redacted_thinking"})
_CALL: Final = frozenset({"tool_call", "tool_use", "function_call", "server_tool_call", "server_tool_use"})
_RESULT: Final = frozenset({"tool_call_response", "tool_result", "function_call_output", "server_tool_call_response"})
_MEDIA: Final = {
    **{"blob": "file", "uri": "file", "file": "file", "input_file": "file", "document": "document"},
    **{"image": "image", "image_url": "image", "input_image": "image"},
    **{"audio": "audio", "input_audio": "audio", "video": "video", "video_url": "video"},
}
_MODALITIES: Final = frozenset({"image", "audio", "video", "document"})
_PARTS: Final = _TEXT | _HIDDEN | _CALL | _RESULT | _MEDIA.keys()
_ARGUMENTS: Final = ("arguments", "args", "input", "parameters", "server_tool_call")
_CALL_IDS: Final = ("tool_call_id", "tool_use_id", "call_id", "id")
_RESULTS: Final = ("response", "result", "content", "output", "server_tool_call_response")

Message = dict[str, Any]


def role_of(value: object, where: str) -> str:
    """The native role of a log's word for one; raises ParseError `unknown_role`."""
    role = ROLES.get(value.strip().casefold()) if isinstance(value, str) else None
    if role is None:
        raise ParseError("unknown_role", f"{where} has a role that is no known word for system, user, assistant, tool")
    return role


def messages(raw: object, where: str) -> list[Message]:
    """A list of chat messages (or items of the Responses API) in the native form."""
    if not isinstance(raw, list):
        raise ParseError("wrong_type", f"{where} must be a list of messages, found {type(raw).__name__}")
    return [made for number, item in enumerate(raw) for made in message(item, f"{where}[{number}]")]


def message(raw: object, where: str) -> list[Message]:
    """One chat message in the native form: none where it holds reasoning alone, several where it holds results."""
    if not isinstance(raw, dict):
        raise ParseError("bad_turn", f"{where} is not an object")
    kind = raw.get("type")
    if "role" not in raw and isinstance(kind, str) and kind in _PARTS:
        raw = {"role": "assistant", "content": [raw]}  # an item that stands beside messages, not in one
    role = role_of(raw["role"] if "role" in raw else kind, where)
    parts = _parts(raw, where)
    made: list[Message] = []
    for part in parts:
        _take(made, part, role, where)
    if calls := _calls(raw, where):
        _open(made, role)["tool_calls"] += calls
    if not made and not parts:
        _open(made, role)
    return [_closed(one, raw) for one in made]


def call(raw: object, where: str) -> dict[str, Any]:
    """A tool call of any known spelling in the OpenAI form; raises ParseError where it names no tool."""
    function = raw.get("function") if isinstance(raw, dict) and isinstance(raw.get("function"), dict) else raw
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(raw, dict) or not isinstance(function, dict) or not isinstance(name, str) or not name:
        raise ParseError("no_tool_name", f"{where} has a tool call without a name")
    arguments = json_text(next((function[key] for key in _ARGUMENTS if function.get(key) is not None), None))
    return {"id": _id(raw, where), "type": "function", "function": {"name": name, "arguments": arguments}}


def said(role: str, words: str) -> str:
    """The words without the reasoning that some models write before them, between <think> and </think>."""
    if role == "assistant" and words.lstrip().startswith("<think>"):
        return words.partition("</think>")[2].lstrip()
    return words


def beside(record: dict[str, Any], read: Sequence[str]) -> dict[str, Any]:
    """What an adapter did not read, as metadata; keys that mean something in the native form go under `unread`."""
    rest = {key: value for key, value in record.items() if key not in read}
    unread = {key: rest.pop(key) for key in list(rest) if key in KNOWN or key == "unread"}
    return rest | ({"unread": unread} if unread else {})


def _parts(raw: Message, where: str) -> list[Any]:
    parts = raw.get("parts") if isinstance(raw.get("parts"), list) else raw.get("content")
    if parts is None or parts == "":
        return []
    if isinstance(parts, str):
        return [{"type": "text", "text": parts}]
    if isinstance(parts, list):
        return parts
    raise ParseError("no_text", f"{where} has content that is neither text nor a list of parts")


def _take(made: list[Message], part: object, role: str, where: str) -> None:
    """Adds what one part holds to the messages made so far."""
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise ParseError("unknown_part", f"{where} has a part without a type")
    if kind in _TEXT or kind == "refusal":
        words = next((part[key] for key in ("content", "text", "refusal") if isinstance(part.get(key), str)), None)
        if words is None:
            raise ParseError("no_text", f"{where} has a text part without text")
        _open(made, role)["content"].append({"type": "text", "text": said(role, words)})
    elif kind in _CALL:
        _open(made, role)["tool_calls"].append(call(part, where))
    elif kind in _RESULT:
        value = next((part[key] for key in _RESULTS if part.get(key) is not None), None)
        content = [{"type": "text", "text": _result(value)}]
        made.append({"role": "tool", "tool_call_id": _id(part, where), "content": content, "tool_calls": []})
    elif kind in _MEDIA:
        _open(made, role)["content"].append(_medium(part, kind))
    elif kind not in _HIDDEN:
        raise ParseError("unknown_part", f"{where} has a part of a type that is not known; known: {_words(_PARTS)}")


def _open(made: list[Message], role: str) -> Message:
    """The message that further parts of this role belong to."""
    if not made or made[-1]["role"] != role:
        made.append({"role": role, "content": [], "tool_calls": []})
    return made[-1]


def _closed(made: Message, raw: Message) -> Message:
    """Content as text where it is text alone; calls, id and name where there are any."""
    content = made["content"]
    if all(part["type"] == "text" for part in content):
        made["content"] = "\n".join(part["text"] for part in content) if content else None
    if not made["tool_calls"]:
        del made["tool_calls"]
    if made["role"] == "tool" and made.get("tool_call_id") is None:
        made["tool_call_id"] = _id(raw, "a tool message")
    name = raw.get("name")
    if made["role"] == "assistant" and isinstance(name, str) and name:
        made["agent_name"] = name
    return made


def _calls(raw: Message, where: str) -> list[dict[str, Any]]:
    calls = raw.get("tool_calls") or []
    if not isinstance(calls, list):
        raise ParseError("bad_tool_call", f"{where} has tool_calls that are no list")
    legacy = raw.get("function_call")
    return [call(one, where) for one in [*calls, *([legacy] if isinstance(legacy, dict) else [])]]


def _id(raw: Message, where: str) -> str | None:
    return text(next((raw[key] for key in _CALL_IDS if raw.get(key) is not None), None), f"{where}: tool call id")


def _result(value: object) -> str:
    """What a tool gave, as text; a list of text parts is their text."""
    if isinstance(value, list) and value and all(_is_text(part) for part in value):
        return "\n".join(part["text"] for part in value)
    return json_text(value) or ""


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _medium(part: Message, kind: str) -> Message:
    """An image, sound or file as a native part: what it is and where it lies; bytes are never kept."""
    modality, inner = part.get("modality"), part.get(kind)
    what = modality if isinstance(modality, str) and modality in _MODALITIES else _MEDIA[kind]
    places = [part.get("uri"), part.get("file_id"), part.get("url"), inner]
    places += [inner.get("url")] if isinstance(inner, dict) else []
    uri = next((place for place in places if isinstance(place, str) and kind != "blob"), None)
    return {"type": what, what: {"url": uri}}


def _words(known: frozenset[str]) -> str:
    return ", ".join(sorted(known))
