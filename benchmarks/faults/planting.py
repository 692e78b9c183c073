"""A clean conversation as the mutators change it: turns as JSON objects, numbered anew at the end."""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

import orjson
import yaml

Half = Literal["open", "sealed"]
Turn = dict[str, Any]
Row = dict[str, Any]
WORDS: dict[str, dict[str, dict[str, list[str]]]] = yaml.safe_load(
    (Path(__file__).parent / "words.yaml").read_text("utf-8")
)


@dataclass
class Planting:
    """One clean conversation, and what a mutator is making of it.

    `faulty`: plant the fault, or the control: the same conversation with what is right in the fault's place.
    `since`: the place from which on the conversation is made up.
    """

    row: Row
    language: str
    half: Half
    faulty: bool
    rng: Random
    turns: list[Turn] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    since: int = -1

    def __post_init__(self) -> None:
        self.turns = deepcopy(list(self.row["turns"]))

    def words(self, name: str, **slots: object) -> str:
        """A sentence of the half that is measured."""
        line = self.rng.choice(WORDS[name][self.half][self.language])
        return line.format(**slots) if slots or name == "failure" else line

    def right(self, name: str) -> str:
        """A sentence without the fault."""
        return self.rng.choice(WORDS[name]["fine"][self.language])

    def cut(self) -> list[Turn]:
        """End the conversation behind a customer turn of its middle; what followed there."""
        places = [place for place, turn in enumerate(self.turns, start=1) if turn["role"] == "user"]
        self.since = places[len(places) // 2]
        left, self.turns = self.turns[self.since :], self.turns[: self.since]
        return left

    def know(self, **groups: dict[str, object]) -> None:
        """Signals known from the start."""
        self.signals.append({"turn_idx": 0, **groups})

    def say(self, line: str) -> None:
        """The agent says it."""
        self.turns.append(turn("assistant", line))

    def ask(self, line: str) -> None:
        """The customer says it."""
        self.turns.append(turn("user", line))

    def call(self, name: str, arguments: dict[str, object], result: str, line: str | None = None) -> None:
        """The agent calls a tool, and the tool answers."""
        identity = f"planted_{len(self.turns)}"
        made = {"id": identity, "name": name, "arguments": orjson.dumps(arguments).decode()}
        self.turns.append(turn("assistant", line) | {"tool_calls": [made]})
        self.turns.append(turn("tool", result) | {"tool_call_id": identity})

    def made(self) -> Row:
        """The conversation, numbered by place."""
        numbered = [{**one, "turn_idx": number} for number, one in enumerate(self.turns)]
        return {**self.row, "turns": numbered, "signals": self.signals or None}


def turn(role: str, content: str | None) -> Turn:
    """A turn of that role."""
    return {"role": role, "content": content, "tool_calls": [], "tool_call_id": None, "source_label": None}
