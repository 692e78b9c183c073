"""Reads STAR: human customers and agents, the events of a conversation in order, the customer's answers after it.

Source: Mosig et al. 2020 (arXiv:2010.11853). `request_suggestions` is a draft, `UserGuide` and `Scenario` texts are
hidden instructions, worker ids are people: none of these reaches the native form.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard

import orjson

from refinery.errors import ParseError
from refinery.intake.native import items

FORMAT: Final = "star"

SPOKEN: Final = {"User utter": "user", "Wizard utter": "assistant", "Wizard pick_suggestion": "assistant"}
SILENT: Final = frozenset(
    {"Wizard request_suggestions", "Wizard select_task", "Wizard select_primary", "Wizard select_secondary"}
    | {"UserGuide instruct", "User complete"}
)
END_REASONS: Final = {
    "Complete": "complete",
    "EarlyDisconnectDuringDialogue": "early_disconnect",
    "DisconnectDuringDialogue": "disconnect",
    "DisconnectDuringQuestionnaire": "questionnaire_disconnect",
}
CALM: Final = "calm and helpful"  # stands in all three phrasings of the question about the agent's manner


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this a STAR dialogue (an object with DialogueID and Events)? Never raises."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("DialogueID"), int | str)
        and isinstance(record.get("Events"), list)
    )


def records(document: object) -> Iterator[object]:
    """One dialogue yields itself, a list its items; anything else raises ParseError `wrong_shape`."""
    yield from items(document, matches, "a STAR document is one dialogue with DialogueID and Events, or a list of them")


def native(record: object) -> dict[str, Any]:
    """The native log form of one dialogue; times in epoch seconds. Raises ParseError where it cannot be read."""
    if not matches(record):
        raise ParseError("wrong_shape", "a STAR dialogue is an object with DialogueID and Events")
    messages = _messages(record["Events"])
    scenario = record.get("Scenario")
    scenario = scenario if isinstance(scenario, dict) else {}
    tasks = _tasks(scenario.get("WizardCapabilities"))
    level = record.get("CompletionLevel")
    answers = _answers(record.get("UserQuestionnaire"))
    fields = {
        "conversation_id": str(record["DialogueID"]),
        "created_at": next((e["UnixTime"] for e in record["Events"] if _is_time(e.get("UnixTime"))), None),
        "scenario": tasks[0] if tasks else None,
        "participants": [{"role": "customer"}, {"role": "agent"}],
        "messages": messages,
        "end_reason": END_REASONS.get(level, level) if isinstance(level, str) else None,
        "outcome": _outcome(answers),
        "votes": [{"dimension": _dimension(q), "value": float(a), "num": 1} for q, a in answers] or None,
        "batch_id": record.get("BatchID"),
        "tasks": tasks,
        "happy": scenario.get("Happy"),
        "multi_task": scenario.get("MultiTask"),
        "introduces_conflicts": record.get("IntroducesConflicts"),
        "user_questionnaire": dict(answers) or None,
        "wizard_questionnaire": dict(_answers(record.get("WizardQuestionnaire"))) or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _messages(events: list[Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    num_calls = 0
    for number, event in enumerate(events):
        kind = _kind(event, number)
        if kind in SILENT:
            continue
        if kind in SPOKEN:
            message = _spoken(event, number, SPOKEN[kind])
        elif kind == "Wizard query":
            message = _query(event, number, num_calls)
            num_calls += 1
        elif kind == "KnowledgeBase return_item":
            message = _result(event, number, num_calls)
        else:  # refused rather than skipped: an unknown event could be a turn, and could be a hidden instruction
            raise ParseError("unknown_event", f"event {number} is of a kind that STAR does not describe")
        if _is_time(event.get("UnixTime")):
            message["created_at"] = event["UnixTime"]
        messages.append(message)
    return messages


def _kind(event: object, number: int) -> str:
    if not isinstance(event, dict):
        raise ParseError("unknown_event", f"event {number} is not an object")
    agent, action = event.get("Agent"), event.get("Action")
    return f"{agent} {action}" if isinstance(agent, str) and isinstance(action, str) else ""


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spoken(event: dict[str, Any], number: int, role: str) -> dict[str, Any]:
    text, label = event.get("Text"), event.get("ActionLabel")
    if not isinstance(text, str):
        raise ParseError("no_text", f"event {number} is a turn without Text")
    message: dict[str, Any] = {"role": role, "content": text}
    if role == "assistant":
        message["source_label"] = label if isinstance(label, str) else None
    return message


def _query(event: dict[str, Any], number: int, call: int) -> dict[str, Any]:
    name = event.get("APIName")
    if not isinstance(name, str):
        raise ParseError("bad_tool_call", f"event {number} is a query without APIName")
    function = {"name": name, "arguments": _json(_arguments(event.get("Constraints"), number), number)}
    call_of_it = {"id": f"call_{call}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call_of_it]}


def _result(event: dict[str, Any], number: int, num_calls: int) -> dict[str, Any]:
    if not num_calls:
        raise ParseError("orphan_tool_result", f"event {number} answers no query")
    item = event.get("Item")
    content = _json({"TotalItems": event.get("TotalItems")} if item is None else item, number)
    return {"role": "tool", "tool_call_id": f"call_{num_calls - 1}", "content": content}


def _arguments(constraints: object, number: int) -> dict[str, Any]:
    """One-key objects, in order, as one; the values of a key that comes again (346 of 17,893 queries) make a list."""
    if not isinstance(constraints, list) or not all(isinstance(constraint, dict) for constraint in constraints):
        raise ParseError("bad_tool_call", f"event {number} has Constraints that are no list of objects")
    values: dict[str, list[Any]] = {}
    for constraint in constraints:
        for key, text in constraint.items():
            values.setdefault(key, []).append(_literal(text))
    return {key: several[0] if len(several) == 1 else several for key, several in values.items()}


def _literal(text: object) -> object:
    """A JSON string, number, true, false or null as its value; any other expression stays text, never evaluated."""
    if not isinstance(text, str):
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if isinstance(value, list | dict):
        return text
    # A number is read only if it prints back the same: an account number of 20 digits must not become a float.
    return text if isinstance(value, int | float) and orjson.dumps(value).decode() != text else value


def _json(value: object, number: int) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise ParseError("bad_json", f"event {number} holds a value that JSON cannot write") from None


def _tasks(capabilities: object) -> list[str]:
    items = capabilities if isinstance(capabilities, list) else []
    return [item["Task"] for item in items if isinstance(item, dict) and isinstance(item.get("Task"), str)]


def _answers(questionnaire: object) -> list[tuple[str, bool]]:
    """(question, yes) of the questions answered with yes or no; free text is nobody's label and is left out."""
    items = [item for item in questionnaire if isinstance(item, dict)] if isinstance(questionnaire, list) else []
    pairs = ((item.get("Question"), item.get("Answer")) for item in items)
    return [(q, a) for q, a in pairs if isinstance(q, str) and isinstance(a, bool)]


def _dimension(question: str) -> str:
    return "satisfied" if CALM in question.lower() else "solution"


def _outcome(answers: list[tuple[str, bool]]) -> dict[str, bool | None] | None:
    """The customer's verdict, or None where nothing was answered. STAR asks nothing about quality."""
    if not answers:
        return None
    calm = [yes for question, yes in answers if _dimension(question) == "satisfied"]
    done = [yes for question, yes in answers if _dimension(question) == "solution"]
    # "Was your hotel reserved? No" may be the right end (the hotel is full): a no leaves the solution undecided.
    return {"solution": True if done and all(done) else None, "satisfied": all(calm) if calm else None, "quality": None}
