"""A flowchart of labelled replies as units: one a branch, its replies and calls in the order in which they come.

    {"replies": {"query_success": "Succeeded", "inform": "Your balance is {balance:d}."}, "graph": {"query_success":
    "inform"}} -> background "… when: Succeeded", solution "1. say (inform): Your balance is {balance:d}."

A branch begins where no edge leads to and ends where it meets another; a reply on no edge is a unit of its own. A step
that is no sentence (`query`, "Query Book") is a call of the flowchart's tool.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from refinery.errors import InputError
from refinery.knowledge.unit import Unit
from refinery.records.knowledge import FRAGMENT, PROCEDURE

_ENDS: Final = (".", "?", "!", "。", "？", "！")
_TYPES: Final = {"Integer": "integer", "Boolean": "boolean", "CategoricalMultiple": "array", "CategoricalList": "array"}
_CALL: Final = "query"


def units(document: str, chart: Mapping[str, Any], api: Mapping[str, Any] | None, name: str) -> Iterator[Unit]:
    """The units of one flowchart; `api`, the schema of its tool, goes with the units that call it.

    Raises InputError where it holds no replies or no graph.
    """
    replies, graph = chart.get("replies"), chart.get("graph")
    if not isinstance(replies, dict) or not isinstance(graph, dict):
        raise InputError(f"{document}: a flowchart is a JSON object with `replies` and `graph`")
    task = name.replace("_", " ")
    tools = (_tool(name, api),) if api else ()
    said = {label for label in replies if _said(str(replies[label]), label, label in graph.values())}

    def step(label: str) -> str:
        return f"say ({label}): {replies[label]}" if label in said else f"call {name} ({label})"

    for labels, joins in _branches(replies, graph):
        begin = labels[0]
        condition = None if begin in said else str(replies.get(begin, begin))
        steps = [label for label in labels if label != begin or condition is None]
        calls = any(label not in said for label in (*steps, *([joins] if joins else [])))
        script = [step(label) for label in steps] + ([f"{step(joins)} …"] if joins else [])
        yield Unit(
            key=f"{document}#{begin}",
            kind=PROCEDURE if len(script) > 1 else FRAGMENT,
            scenarios=(name,),
            background=f"Task: {task}." + (f" When: {condition}." if condition else ""),
            questions=(_question(task, condition, begin),),
            solution="\n".join(f"{i}. {step}" for i, step in enumerate(script, 1)) if script else "",
            tools=tools if calls else (),
            output_format=_output(tools[0]) if calls and tools else None,
        )


def _question(task: str, condition: str | None, begin: str) -> str:
    if condition:
        return f"{task}: what comes next when: {condition}?"
    return f"{task}: what is said for: {begin.replace('_', ' ')}?"


def _branches(replies: Mapping[str, str], graph: Mapping[str, str]) -> Iterator[tuple[list[str], str | None]]:
    """Labels of each branch in order, and the label of another branch that it runs into, if it does."""
    targets, seen = set(graph.values()), set[str]()
    inside = [label for label in graph if label in targets]
    for begin in (*(label for label in (*replies, *graph) if label not in targets), *inside):
        if begin in seen:
            continue
        labels, at = list[str](), begin
        while at not in seen:
            seen.add(at)
            labels.append(at)
            if at not in graph:
                break
            at = graph[at]
        yield labels, at if at != labels[-1] else None


def _said(text: str, label: str, target: bool) -> bool:
    """Whether the label stands for something said, and not for a state or a call."""
    return text.strip().endswith(_ENDS) or "{" in text or (target and not label.startswith(_CALL))


def _tool(name: str, api: Mapping[str, Any]) -> dict[str, str]:
    required = list(api.get("required") or ())
    return {
        "name": name,
        "description": f"{name.replace('_', ' ')}: looks up or books in the table {api.get('db')}",
        "parameters": _schema(api.get("input") or (), required),
        "returns": _schema(api.get("output") or (), ()),
    }


def _schema(slots: Any, required: Any) -> str:  # noqa: ANN401 (JSON)
    fields = {slot["Name"]: _field(slot) for slot in slots}
    schema = {"type": "object", "properties": fields, "required": [n for n in required if n in fields]}
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()


def _field(slot: Mapping[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(slot["Type"], "string")
    found: dict[str, Any] = {"type": kind, "description": slot.get("ReadableName", slot["Name"])}
    if "Min" in slot:
        found |= {"minimum": slot["Min"], "maximum": slot["Max"]}
    choices = {"enum": slot["Categories"]} if slot.get("Categories") else {}
    return found | ({"items": {"type": "string", **choices}} if kind == "array" else choices)


def _output(tool: Mapping[str, str]) -> str:
    """What is said and what is done as one object (report section 2.2.2)."""
    arguments = orjson.loads(tool["parameters"])
    call = {"type": "object", "properties": {"name": {"enum": [tool["name"]]}, "arguments": arguments}}
    schema = {
        "type": "object",
        "properties": {"reply": {"type": "string"}, "tool_call": {**call, "required": ["name", "arguments"]}},
        "required": ["reply"],
    }
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()
