"""Reads OpenTelemetry GenAI telemetry: spans and log events that hold what a model was sent and what it answered.

Sources: open-telemetry/semantic-conventions-genai, docs/gen-ai (gen-ai-input-messages.json, -output-messages.json,
-system-instructions.json, gen-ai-events.md): `gen_ai.input.messages` and the like, messages of `role` and `parts`.
Until v1.36 (open-telemetry/semantic-conventions, model/gen-ai/deprecated/events-deprecated.yaml): an event a message,
`gen_ai.user.message` to `gen_ai.choice`, with `content`.

A span sends the history along, so of the spans of one `gen_ai.conversation.id` (without one: of one trace) in a
document the last holds it whole, and what another span repeats is not read again. Where the server keeps the state no
span repeats another: they are joined in order, if nothing speaks against it (`tellings.goes_on`). Any other span that
nobody repeats stands on its own under the same id, which the lake flags as `id_collision`: it may be a router, a
sub-agent or a history cut short, and a guess would put words into the talk that the customer never saw. In JSON lines
each line is a document of its own. Spans without messages (tools, embeddings, HTTP) are no conversations and are passed
over, unless there is no other. Several answers to one call are candidates, and refused: which was given is not said.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeGuard

import orjson

from refinery.errors import ParseError
from refinery.intake import chat
from refinery.intake.native import text
from refinery.intake.otlp import Span, is_export, order, span, spans
from refinery.intake.tellings import Telling, conversations, joined

FORMAT: Final = "otel"

INPUT, OUTPUT, SYSTEM = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"
CONVERSATION: Final = "gen_ai.conversation.id"
AGENT: Final = "gen_ai.agent.name"
MODELS: Final = ("gen_ai.response.model", "gen_ai.request.model")
CHOICE: Final = "gen_ai.choice"
EVENTS: Final = {
    **{"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant"},
    **{"gen_ai.tool.message": "tool", CHOICE: "assistant"},
}
OLDEST: Final = ("gen_ai.prompt", "gen_ai.completion", "gen_ai.prompt.0.role", "gen_ai.prompt.0.content")
"""Attributes from before any of the two conventions: refused by name, not passed over."""

_MESSAGES: Final = frozenset({INPUT, OUTPUT, SYSTEM})
_READ: Final = frozenset({*_MESSAGES, CONVERSATION, AGENT, "gen_ai.event.content"})
_WRONG: Final = "an OpenTelemetry record is a span or event of GenAI, or an OTLP export of them"


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this GenAI telemetry: a span, an event, an OTLP export, or messages of parts? Never raises."""
    if is_export(record) or _has_parts(record) or _is_made(record):
        return True
    one = span(record)
    return one is not None and (_speaks(one) or any(key.startswith("gen_ai.") for key in one["attributes"]))


def records(document: object) -> Iterator[object]:
    """A record a conversation, as `{"spans": […]}`; what is no telemetry is yielded as it is, to be refused."""
    found = [_of_parts(item) if _has_parts(item) else item for item in spans(document)]
    if not isinstance(document, list) and not is_export(document) and not isinstance(found[0], Span):
        raise ParseError("wrong_shape", _WRONG)
    if isinstance(document, list) or is_export(document):
        found = _with_events_together(found)
    groups: dict[object, list[tuple[int, Span]]] = {}
    placed: list[tuple[int, object]] = []
    for number, one in enumerate(found):
        if not isinstance(one, Span):
            placed.append((number, one))
        elif _speaks(one):
            groups.setdefault(_group(one, number), []).append((number, one))
    for group in groups.values():
        placed += _whole(group)
    if not groups:  # no conversation at all: each item says so of itself
        yield from document if isinstance(document, list) else [document]
        return
    yield from (record for _, record in sorted(placed, key=lambda pair: pair[0]))


def native(record: object) -> dict[str, Any]:
    """The native log form of one conversation. Raises ParseError where a message cannot be read."""
    if not matches(record):
        raise ParseError("wrong_shape", _WRONG)
    told: Sequence[Span] = record["spans"] if _is_made(record) else [_one(record)]
    tellings = [_telling(one) for one in told]
    messages = joined(tellings) if len(tellings) > 1 else tellings[0].messages()
    if not messages:
        raise ParseError("no_messages", "no GenAI messages in it; instrumentations capture them only when told to")
    last = told[-1]["attributes"]
    fields: dict[str, Any] = {
        "conversation_id": text(last.get(CONVERSATION), CONVERSATION) or None,
        "created_at": next((one["start"] for one in told if one["start"] is not None), None),
        "agent_name": _word(last.get(AGENT)),
        "model_version": next((name for name in (_word(last.get(key)) for key in MODELS) if name), None),
        "messages": messages,
        "spans": [_about(one) for one in told],
    }
    return {key: value for key, value in fields.items() if value is not None}


def _is_made(record: object) -> bool:
    """Whether `records` made it."""
    made = record.get("spans") if isinstance(record, dict) else None
    return isinstance(made, list) and bool(made) and all(isinstance(one, Span) for one in made)


def _has_parts(record: object) -> bool:
    messages = record.get("messages") if isinstance(record, dict) else None
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, dict) and isinstance(first.get("parts"), list)


def _of_parts(record: Any) -> Span:  # noqa: ANN401
    """Messages of parts that stand outside a span, as a span."""
    named = {CONVERSATION: record.get("conversation_id", record.get("id")), INPUT: record["messages"]}
    named[SYSTEM] = record.get("system_instructions")
    rest = chat.beside(record, ("messages", "conversation_id", "id", "system_instructions", "created_at"))
    empty = {"name": "", "body": {}, "events": [], "nanos": 0, "trace_id": None, "span_id": None, "resource": {}}
    return Span(empty, attributes={**rest, **named}, start=record.get("created_at"))


def _one(record: object) -> Span:
    one = _of_parts(record) if _has_parts(record) else span(record)
    if one is None or is_export(record):
        raise ParseError("no_messages", "an OTLP export without GenAI messages")
    return one


def _with_events_together(found: list[object]) -> list[object]:
    """The message events of one span (without one: of one conversation) as one span, where the first of them stood."""
    together: dict[object, Span] = {}
    placed: list[object] = []
    for number, one in enumerate(found):
        if not isinstance(one, Span) or one["name"] not in EVENTS:
            placed.append(one)
            continue
        place = (one["trace_id"], one["span_id"]) if one["span_id"] else one["attributes"].get(CONVERSATION)
        key = str(place) if place else number
        if key not in together:
            together[key] = Span(one, name="", events=[])
            placed.append(together[key])
        together[key]["events"].append(one)
    return placed


def _group(one: Span, number: int) -> tuple[str, str]:
    """The conversation that a span belongs to: its id, else its trace, else none but its own."""
    conversation = one["attributes"].get(CONVERSATION)
    if isinstance(conversation, str | int) and conversation:
        return "conversation", str(conversation)
    return ("trace", one["trace_id"]) if one["trace_id"] else ("alone", str(number))


def _whole(group: list[tuple[int, Span]]) -> Iterator[tuple[int, object]]:
    """A record for each conversation that the spans of one id or trace tell, in time order."""
    group = sorted(group, key=lambda pair: order(pair[1]))
    tellings = [_telling_or_none(one) for _, one in group] if len(group) > 1 else [None]
    found = conversations(tellings, of_one=CONVERSATION in group[0][1]["attributes"])
    for numbers in found:
        told = [group[number][1] for number in numbers]
        if len(found) == 1:  # it began when the first span did
            told[0] = Span(told[0], start=group[0][1]["start"])
        yield group[numbers[-1]][0], {"spans": told}


def _speaks(one: Span) -> bool:
    """Whether it holds messages, of either convention or an older one."""
    told = not _MESSAGES.isdisjoint(one["attributes"]) or any(key in one["attributes"] for key in OLDEST)
    return told or one["name"] in EVENTS or any(event["name"] in EVENTS for event in one["events"])


def _telling(one: Span) -> Telling:
    """What the model was sent and answered, from the attributes or, where there are none, from the events."""
    attributes = one["attributes"]
    frame = (_word(attributes.get(AGENT)), _word(attributes.get(MODELS[1])))
    if not _MESSAGES.isdisjoint(attributes):
        answered = _json(attributes.get(OUTPUT), OUTPUT)
        if _is_choices(answered):
            raise ParseError("several_choices", f"{OUTPUT} holds several answers, and not which one was given")
        asked = _instructions(attributes.get(SYSTEM)) + _messages(_json(attributes.get(INPUT), INPUT), INPUT)
        return Telling(asked, _messages(answered, OUTPUT), frame)
    if one["name"] in EVENTS:
        raise ParseError(
            "lone_event", "one message whose talk is in other events; export the events of a span together"
        )
    if any(key in attributes for key in OLDEST):
        raise ParseError("unknown_messages", f"messages under gen_ai.prompt are of no convention; export {INPUT}")
    return _told_by_events([event for event in one["events"] if event["name"] in EVENTS], frame)


def _telling_or_none(one: Span) -> Telling | None:
    try:
        return _telling(one)
    except ParseError:
        return None  # refused by itself


def _told_by_events(events: list[Span], frame: tuple[str | None, str | None]) -> Telling:
    asked, answered = list[chat.Message](), list[chat.Message]()
    if sum(event["name"] == CHOICE for event in events) > 1:
        raise ParseError("several_choices", f"several events {CHOICE}, and not which one was given")
    for number, event in enumerate(sorted(events, key=order)):
        said = event["body"] or _json(event["attributes"].get("gen_ai.event.content"), "gen_ai.event.content")
        said = said if isinstance(said, dict) else event["attributes"]
        if isinstance(said.get("message"), dict):
            said = {**said, **said["message"]}
        made = chat.message({**said, "role": said.get("role") or EVENTS[event["name"]]}, f"event {number}")
        (answered if event["name"] == CHOICE else asked).extend(made)
    return Telling(asked, answered, frame)


def _is_choices(answered: object) -> bool:
    """More than one answer of the model: candidates, not turns. With a tool's result among them it is one sequence."""
    roles = [one.get("role") for one in answered if isinstance(one, dict)] if isinstance(answered, list) else []
    return len(roles) > 1 and all(isinstance(r, str) and chat.ROLES.get(r.casefold()) == "assistant" for r in roles)


def _messages(value: object, where: str) -> list[chat.Message]:
    return [] if value is None else chat.messages(value, where)


def _instructions(value: object) -> list[chat.Message]:
    """System instructions as one system message: text, a list of parts, or, in older ones, {role, message}."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            value = [value]
    if isinstance(value, dict):
        inner = value.get("message", value.get("parts"))
        value = inner if isinstance(inner, list) else [value if inner is None else inner]
    if value is None or value == []:
        return []
    return chat.message({"role": "system", "content": value}, SYSTEM)


def _json(value: object, where: str) -> object:
    """A value that may be written as JSON text."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        raise ParseError("bad_json", f"{where} is text that is not JSON; was it cut short by the exporter?") from None


def _about(one: Span) -> dict[str, Any]:
    """What stands beside the messages, as metadata: ids, names, and the attributes that nobody reads."""
    rest = {key: value for key, value in one["attributes"].items() if key not in _READ}
    found = {key: one[key] for key in ("name", "trace_id", "span_id", "resource")} | {"attributes": rest}
    return {key: value for key, value in found.items() if value}


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
