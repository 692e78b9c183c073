"""Several tellings of one conversation, as traces hold them: which of them hold it whole, and which go on from another.

A client that keeps the history sends it again with each call, so a later telling repeats the earlier ones. What no
other telling repeats stands on its own: nothing is dropped and nothing is merged by guessing.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final, NamedTuple

import orjson

Message = dict[str, Any]

_COMPARED: Final = 16
"""So many of the longest tellings that stand each further one is compared with, so that the cost stays linear."""


class Telling(NamedTuple):
    """One call of a model: what it was asked (the history sent with it), what it answered, and in which frame.

    `frame` is what tellings of one conversation share if they go on from each other: the agent, the model.
    """

    asked: list[Message]
    answered: list[Message]
    frame: Hashable = None

    def messages(self) -> list[Message]:
        """What was asked, then what was answered; answers that begin with all that was asked repeat it."""
        asked, answered = _keys(self.asked), _keys(self.answered)
        return self.answered if asked and answered[: len(asked)] == asked else [*self.asked, *self.answered]


def conversations(tellings: Sequence[Telling | None], of_one: bool) -> list[list[int]]:
    """Numbers of the tellings that make a conversation each: one telling, or several that are joined in their order.

    A telling that cannot be read is None and stands on its own. `of_one`: the log says that all belong to one talk.
    """
    read = [number for number, telling in enumerate(tellings) if telling is not None]
    told = [telling for telling in tellings if telling is not None]
    kept = whole(told)
    if of_one and len(kept) > 1 and len(read) == len(tellings) and goes_on([told[number] for number in kept]):
        return [kept]
    alone = [number for number, telling in enumerate(tellings) if telling is None]
    return [[number] for number in sorted([*(read[number] for number in kept), *alone])]


def whole(tellings: Sequence[Telling]) -> list[int]:
    """Numbers of the tellings that no other repeats, in order; of equal ones the last. System messages do not count.

    One telling repeats another if it holds all its messages in the same order, others between them or not.
    """
    keys = [_keys(telling.messages()) for telling in tellings]
    kept: list[int] = []
    for number in sorted(range(len(keys)), key=lambda n: (-len(keys[n]), -n)):
        if not any(_repeats(keys[other], keys[number]) for other in kept[:_COMPARED]):
            kept.append(number)
    return sorted(kept)


def repeats(telling: Telling, other: Telling) -> bool:
    """Whether a telling holds all messages of another in the same order, others between them or not."""
    return _repeats(_keys(telling.messages()), _keys(other.messages()))


def goes_on(tellings: Sequence[Telling]) -> bool:
    """Whether each telling carries no history and goes on where the one before it ended (the server keeps the state).

    So it is if none was sent an answer of the agent, all share their frame and system messages, and no customer
    message comes twice running: a classifier or router that is asked before the agent is sent the same words.
    """
    asked = [_keys(telling.asked) for telling in tellings]
    systems = {_system(telling.asked) for telling in tellings} - {()}
    fresh = all(keys and not any(key[0] == "assistant" for key in keys) for keys in asked)
    apart = all(a != b for a, b in zip(asked, asked[1:], strict=False))
    return fresh and apart and len({telling.frame for telling in tellings}) == 1 and len(systems) <= 1


def joined(tellings: Sequence[Telling]) -> list[Message]:
    """The messages of tellings that go on from each other, the system messages once."""
    system = next((s for s in ([m for m in t.asked if m["role"] == "system"] for t in tellings) if s), [])
    return [*system, *(m for t in tellings for m in t.messages() if m["role"] != "system")]


def _repeats(telling: Sequence[Hashable], other: Sequence[Hashable]) -> bool:
    rest = iter(telling)
    return all(key in rest for key in other)


def _keys(messages: list[Message]) -> list[tuple[Hashable, ...]]:
    """What two tellings of a message have in common; ids of calls and the spelling of arguments are left out."""
    return [
        (m["role"], _text(m["content"]), tuple(_call(c["function"]) for c in m.get("tool_calls", ())))
        for m in messages
        if m["role"] != "system"
    ]


def _system(messages: list[Message]) -> tuple[str, ...]:
    return tuple(_text(m["content"]) for m in messages if m["role"] == "system")


def _text(content: object) -> str:
    return content if isinstance(content, str) else orjson.dumps(content).decode() if content else ""


def _call(function: dict[str, Any]) -> tuple[str, bytes]:
    arguments = function["arguments"]
    try:
        return function["name"], orjson.dumps(orjson.loads(arguments or "null"), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return function["name"], arguments.encode()
