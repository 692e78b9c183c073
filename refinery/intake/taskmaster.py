"""Reads Taskmaster-4: coffee orders whose API calls are written as annotations on the customer's utterance.

Source: Taskmaster/TM-4-2024, released with PERL (arXiv:2403.10704). The agent makes the annotated calls right after
the utterance, so they follow it here, each with its result. `instructions` is hidden from the agent and left out.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard

from refinery.errors import ParseError
from refinery.intake.native import items

FORMAT: Final = "taskmaster"

SPEAKERS: Final = frozenset({"user", "assistant"})
ANNOTATIONS: Final = frozenset({"api_call", "request", "api_response", "response"})


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this a Taskmaster dialogue (conversation_id, vertical, utterances; no messages)? Never raises."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("conversation_id"), str)
        and isinstance(record.get("vertical"), str)
        and isinstance(record.get("utterances"), list)
        and "messages" not in record
    )


def records(document: object) -> Iterator[object]:
    """A list yields its items, one dialogue itself; anything else raises ParseError `wrong_shape`."""
    yield from items(document, matches, "a Taskmaster document is a list of dialogues, or one with utterances")


def native(record: object) -> dict[str, Any]:
    """The native log form of one dialogue. Raises ParseError where an utterance or annotation cannot be read."""
    if not matches(record):
        raise ParseError("wrong_shape", "a Taskmaster dialogue has conversation_id, vertical and utterances")
    messages: list[dict[str, Any]] = []
    for number, utterance in enumerate(record["utterances"]):
        messages.append(_spoken(utterance, number))
        messages.extend(_calls(utterance.get("annotations"), number))
    fields = {"conversation_id": record["conversation_id"], "scenario": record["vertical"].lower()}
    if isinstance(record.get("scenario"), str):
        fields["template"] = record["scenario"]
    return {**fields, "messages": messages}


def _spoken(utterance: object, number: int) -> dict[str, Any]:
    if not isinstance(utterance, dict):
        raise ParseError("bad_turn", f"utterance {number} is not an object")
    speaker, text = utterance.get("speaker"), utterance.get("text")
    if not isinstance(speaker, str) or speaker not in SPEAKERS:
        raise ParseError("unknown_sender", f"utterance {number} is from neither user nor assistant")
    if not isinstance(text, str):
        raise ParseError("no_text", f"utterance {number} has no text")
    return {"role": speaker, "content": text}


def _calls(annotations: object, number: int) -> Iterator[dict[str, Any]]:
    """Call and result of each group, in the log's order; `api_call_3` and `api_response_3` are one group."""
    if annotations is not None and not isinstance(annotations, list):
        raise ParseError("bad_tool_call", f"utterance {number} has annotations that are no list")
    groups: dict[str, dict[str, str]] = {}
    for item in annotations or ():
        name, value, context = _annotation(item, number)
        group = groups.setdefault(context.rpartition("_")[2], {})
        group[name] = value
        if name == "api_call":
            group["id"] = context
    for group in groups.values():
        if "api_call" not in group:
            raise ParseError("orphan_tool_result", f"utterance {number} holds a response without a call")
        # Arguments stay the log's own text: 28 of 15,320 requests are not valid JSON, 75 calls have none.
        function = {"name": group["api_call"], "arguments": group.get("request", "{}")}
        call = {"id": group["id"], "type": "function", "function": function}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        if "response" in group:
            yield {"role": "tool", "tool_call_id": group["id"], "content": group["response"]}


def _annotation(item: object, number: int) -> tuple[str, str, str]:
    """Name, value and context of one annotation."""
    if isinstance(item, dict):
        name, value, context = item.get("name"), item.get("value"), item.get("context")
        if isinstance(name, str) and isinstance(value, str) and isinstance(context, str) and name in ANNOTATIONS:
            return name, value, context
    raise ParseError("bad_tool_call", f"utterance {number} has an annotation that is no API call or response")
