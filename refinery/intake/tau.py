"""Reads tau-bench and tau2 simulations: an LLM agent with tools, a simulated customer, a reward.

Source: sierra-research/tau-bench (task_id, traj, reward) and tau2-bench (id, messages, reward_info; often wrapped in
{"info", "tasks", "simulations"}). The reward becomes `outcome.solution` and nothing else. The task's instruction,
expected actions and checks, the simulated customer's guidelines, raw model output and reasoning reach nothing: every
key of the native form is picked by name here, none is copied along.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard

import orjson

from refinery.errors import ParseError

FORMAT: Final = "tau"

ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
SIMULATION_KEYS: Final = frozenset({"reward_info", "task_id", "termination_reason"})
"""A tau2 simulation has at least one; plain chat logs with `id` and `messages` have none."""

DOMAIN_TOOLS: Final = {
    "airline": frozenset({"get_reservation_details", "search_direct_flight", "book_reservation", "cancel_reservation"}),
    "retail": frozenset({"get_order_details", "get_product_details", "find_user_id_by_email"}),
}
"""Tools that only one domain has, for records without policy and wrapper."""


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this a tau-bench record or a tau2 simulation? Never raises."""
    if not isinstance(record, dict) or "conversation_id" in record:
        return False
    if isinstance(record.get("traj"), list):
        return isinstance(record.get("task_id"), int | str)
    simulation = isinstance(record.get("messages"), list) and not SIMULATION_KEYS.isdisjoint(record)
    return simulation and isinstance(record.get("id"), str)


def records(document: object) -> Iterator[object]:
    """A tau2 wrapper yields its simulations, a list its items, one record itself.

    A wrapped simulation is a shallow copy with `domain_name` and `agent_llm` of the wrapper added; the wrapper's tasks
    and guidelines stay behind. Raises ParseError `wrong_shape` on anything else.
    """
    if isinstance(document, list):
        yield from document
    elif isinstance(document, dict) and isinstance(document.get("simulations"), list):
        info = document.get("info")
        added = {
            "domain_name": _inside(info, "environment_info", "domain_name"),
            "agent_llm": _inside(info, "agent_info", "llm"),
        }
        for simulation in document["simulations"]:
            yield {**simulation, **added} if isinstance(simulation, dict) else simulation
    elif matches(document):
        yield document
    else:
        raise ParseError("wrong_shape", "a tau document is a list of records, or an object with simulations")


def native(record: object) -> dict[str, Any]:
    """The native log form of one simulation. Raises ParseError where it cannot be read.

    Times stay as the log wrote them: ISO 8601, in tau2 local time without a zone.
    """
    if not matches(record):
        raise ParseError("wrong_shape", "a tau record has task_id and traj, or id, messages and a simulation's keys")
    log = record["traj"] if "traj" in record else record["messages"]
    messages = [_message(message, number) for number, message in enumerate(log)]
    times = [record.get("start_time"), *(m.get("created_at") for m in messages), record.get("timestamp")]
    trial = _number(record.get("trial"))
    solution = _solution(record)
    fields = {
        "conversation_id": _identity(record, trial),
        "created_at": next((t for t in times if _is_time(t)), None),  # `timestamp` comes last: it is the end
        "scenario": _text(record.get("domain_name")) or _scenario(messages),
        "model_version": _text(record.get("agent_llm")),
        "messages": messages,
        "end_reason": _text(record.get("termination_reason")),
        "outcome": None if solution is None else {"solution": solution, "satisfied": None, "quality": None},
        "votes": [],
        "task_id": _number(record.get("task_id")),
        "trial": trial,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _identity(record: dict[str, Any], trial: int | str | None) -> str:
    """tau2 numbers its simulations; in tau-bench a task runs once a trial, so the two are unique within a file."""
    if "traj" not in record:
        return str(record["id"])
    return str(record["task_id"]) if trial is None else f"{record['task_id']}-{trial}"


def _message(message: object, number: int) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise ParseError("bad_turn", f"message {number} is not an object")
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
    if not isinstance(role, str) or role not in ROLES:
        raise ParseError("unknown_sender", f"message {number} has a role that the OpenAI form does not know")
    if content is not None and not isinstance(content, str):
        raise ParseError("no_text", f"message {number} has content that is neither text nor null")
    if (calls and role != "assistant") or message.get("requestor") == "user":
        raise ParseError("customer_tool_call", f"message {number} is a tool call that the agent did not make")
    turn: dict[str, Any] = {"role": role, "content": content}
    if calls:
        turn["tool_calls"] = _tool_calls(calls, number)
    if role == "tool":
        turn["tool_call_id"] = _result_id(message, number)
    if _is_time(message.get("timestamp")):
        turn["created_at"] = message["timestamp"]
    return turn


def _tool_calls(calls: object, number: int) -> list[dict[str, Any]]:
    if not isinstance(calls, list):
        raise ParseError("bad_tool_call", f"message {number} has tool_calls that are no list")
    return [_tool_call(call, number) for call in calls]


def _tool_call(call: object, number: int) -> dict[str, Any]:
    """Both spellings in the OpenAI form; tau2's arguments, an object, become its JSON text."""
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ParseError("bad_tool_call", f"message {number} has a tool call without a name")
    function = {"name": function["name"], "arguments": _arguments(function.get("arguments"), number)}
    return {"id": _text(call.get("id")), "type": "function", "function": function}


def _arguments(arguments: object, number: int) -> str:
    if isinstance(arguments, str):
        return arguments
    try:
        return orjson.dumps({} if arguments is None else arguments).decode()
    except TypeError:
        raise ParseError("bad_json", f"message {number} holds arguments that JSON cannot write") from None


def _result_id(message: dict[str, Any], number: int) -> str:
    call_id = message.get("tool_call_id", message.get("id"))
    if not isinstance(call_id, str):
        raise ParseError("orphan_tool_result", f"message {number} does not say which call it answers")
    return call_id


def _solution(record: dict[str, Any]) -> bool | None:
    """Reward 1 is a solved task, by tau2's own tolerance; any other number is not; no reward is undecided."""
    reward = record.get("reward") if "traj" in record else _inside(record, "reward_info", "reward")
    if not isinstance(reward, int | float) or isinstance(reward, bool):
        return None
    return abs(reward - 1) <= 1e-6


def _scenario(messages: list[dict[str, Any]]) -> str | None:
    """The domain, by the heading of the policy (`# Airline Agent Policy`), else by tools that only one domain has."""
    first = messages[0] if messages else {}
    if first.get("role") == "system":
        heading = (first["content"] or "").lstrip().partition("\n")[0].lower()
        return next((domain for domain in DOMAIN_TOOLS if domain in heading), None)
    names = {call["function"]["name"] for message in messages for call in message.get("tool_calls", ())}
    return next((domain for domain, tools in DOMAIN_TOOLS.items() if names & tools), None)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and value != ""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | str | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _inside(value: object, *keys: str) -> object:
    """The value below `keys`, or None where an object on the way is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
