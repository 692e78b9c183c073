"""A conversation inside a rule file, in the log's own form, and the table row it stands for."""

from datetime import date
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field, field_validator

from refinery.inspection.reading import Strict
from refinery.records.conversation import SIGNAL


class Function(Strict):
    """Name and arguments (JSON text) of a tool call."""

    name: str
    arguments: str = "{}"


class ToolCall(Strict):
    """One tool call in the OpenAI form."""

    id: str | None = None
    type: Literal["function"] = "function"
    function: Function


class Message(Strict):
    """One message in the OpenAI form; its place in the list is its `turn_idx`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None

    def turn(self, turn_idx: int) -> dict[str, Any]:
        """The message as a turn of the conversation record."""
        calls = [{"id": c.id, "name": c.function.name, "arguments": c.function.arguments} for c in self.tool_calls]
        kept = {"role": self.role, "content": self.content, "tool_call_id": self.tool_call_id}
        return {"turn_idx": turn_idx, "tool_calls": calls, **kept}


class Expect(Strict):
    """The one turn on which the rule must trigger."""

    turn: int = Field(ge=0)


class Example(Strict):
    """A short conversation. `policies`: what recognition says of each agent turn, instead of asking policies.yaml.

    `day`: on which it took place, for rules with dates.
    """

    turns: list[Message] = Field(min_length=1)
    signals: dict[str, Any] | list[dict[str, Any]] = []
    scenario: str | None = None
    day: date | None = None
    policies: list[str] | None = None
    expect: Expect | None = None
    note: str | None = None

    @field_validator("signals")
    @classmethod
    def _known_signals(cls, signals: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Any] | list[dict[str, Any]]:
        for signal in signals if isinstance(signals, list) else [signals]:
            _check(signal, SIGNAL, "signals")
        return signals

    def row(self) -> dict[str, Any]:
        """`turns`, `signals` and `scenario` as in the conversation record."""
        signals = self.signals if isinstance(self.signals, list) else [self.signals]
        turns = [message.turn(turn_idx) for turn_idx, message in enumerate(self.turns)]
        return {"turns": turns, "signals": [{"turn_idx": 0, **signal} for signal in signals], "scenario": self.scenario}


def _check(value: object, kind: pa.StructType, place: str) -> None:
    known = {field.name: field.type for field in kind}
    if not isinstance(value, dict):
        raise ValueError(f"`{place}` is not a map; known keys: {', '.join(known)}")
    for key, inner in value.items():
        if key not in known:
            raise ValueError(f"unknown key `{place}.{key}`; known here: {', '.join(known)}; correct or remove it")
        if pa.types.is_struct(known[key]):
            _check(inner, known[key], f"{place}.{key}")
