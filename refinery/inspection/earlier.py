"""What stood in a conversation before a turn: said by somebody, or known from signals."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import orjson

from refinery.inspection.conditions import Speaker
from refinery.inspection.numerals import numbers_in
from refinery.inspection.talks import ROLES, Talks

Source = Literal["agent", "customer", "tool", "system", "signals"]
ANYWHERE: tuple[Source, ...] = ("customer", "tool", "system", "agent", "signals")
_SPEAKERS: dict[str, Speaker] = {role: speaker for speaker, role in ROLES.items()}
_BESIDE = re.compile(r"[\W_]+")


class Entry(NamedTuple):
    """One turn or signal: the turn number from which on it is known, whose it is, and its text."""

    since: int
    source: Source
    said: str


def folded(text: str) -> str:
    """Letters and digits only, in lower case: `#W 12-3` is `w123`, however somebody wrote it."""
    return _BESIDE.sub("", text).lower()


def stood_before(talks: Talks, index: int, text: str, sources: Iterable[Source]) -> bool:
    """Whether the text stands in anything that these sources had said before the agent turn."""
    entries, sought = list(_before(talks, index, sources)), folded(text)
    return any(text in entry.said for entry in entries) or any(sought in folded(entry.said) for entry in entries)


def number_before(talks: Talks, index: int, number: float, sources: Iterable[Source]) -> bool:
    """Whether the number does, in whatever spelling."""
    return any(number in numbers_in(entry.said) for entry in _before(talks, index, sources))


def _before(talks: Talks, index: int, sources: Iterable[Source]) -> Iterable[Entry]:
    wanted, turn_idx = set(sources), int(talks.turns.turn_idx[index])
    for entry in _entries(talks, int(talks.turns.row[index])):
        if entry.source in wanted and entry.since < turn_idx + (entry.source == "signals"):
            yield entry


def _entries(talks: Talks, row: int) -> list[Entry]:
    key = (_entries, row)
    if key not in talks.memo:
        talks.memo[key] = [*_said(talks, row), *_signalled(talks, row)]
    return talks.memo[key]  # type: ignore[return-value]


def _said(talks: Talks, row: int) -> Iterable[Entry]:
    """What was said, and the arguments of what the agent called."""
    turns = talks.turns
    start, end = np.searchsorted(turns.flat_row, [row, row + 1]).tolist()
    columns = (turns.flat(name).slice(start, end - start).to_pylist() for name in ("turn_idx", "role", "content"))
    for turn_idx, role, content in zip(*columns, strict=True):
        if content and role in _SPEAKERS:
            yield Entry(turn_idx, _SPEAKERS[role], content)
    of_calls = turns.place[turns.call_turn]
    first, last = np.searchsorted(of_calls, [start, end]).tolist()
    since = turns.turn_idx[turns.call_turn[first:last]].tolist()
    for turn_idx, given in zip(since, turns.call_arguments.slice(first, last - first).to_pylist(), strict=True):
        yield Entry(turn_idx, "agent", given or "")


def _signalled(talks: Talks, row: int) -> Iterable[Entry]:
    for signal in talks.signals_of(row):
        if signal is not None:
            yield Entry(signal["turn_idx"] or 0, "signals", orjson.dumps(signal).decode())
