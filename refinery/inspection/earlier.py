"""What stood in a conversation before a turn: said by somebody, or known from signals."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import orjson

from refinery.inspection.numerals import numbers_in
from refinery.inspection.talks import ROLES, Talks

Source = Literal["agent", "customer", "tool", "system", "signals"]
_BESIDE = re.compile(r"[\W_]+")


@dataclass
class Entry:
    """One turn or signal: from which turn number on it is known, whose it is, and its text."""

    turn_idx: int
    source: Source
    said: str

    @cached_property
    def text(self) -> str:
        """The text folded."""
        return folded(self.said)

    @cached_property
    def numbers(self) -> frozenset[float]:
        """The numbers in it."""
        return frozenset(numbers_in(self.said))


def folded(text: str) -> str:
    """Letters and digits only, in lower case: `#W 12-3` is `w123`, however somebody wrote it."""
    return _BESIDE.sub("", text).lower()


def stood_before(talks: Talks, index: int, text: str, sources: Iterable[Source]) -> bool:
    """Whether the text stands in anything that these sources had said before the agent turn."""
    sought = folded(text)
    return not sought or any(sought in entry.text for entry in _before(talks, index, sources))


def number_before(talks: Talks, index: int, number: float, sources: Iterable[Source]) -> bool:
    """Whether the number does, in whatever spelling."""
    return any(number in entry.numbers for entry in _before(talks, index, sources))


def _before(talks: Talks, index: int, sources: Iterable[Source]) -> Iterable[Entry]:
    row, turn_idx, wanted = int(talks.turns.row[index]), int(talks.turns.turn_idx[index]), set(sources)
    entries = _entries(talks, row)
    return (e for e in entries if e.source in wanted and e.turn_idx < turn_idx + (e.source == "signals"))


def _entries(talks: Talks, row: int) -> list[Entry]:
    key = (_entries, row)
    if key not in talks.memo:
        talks.memo[key] = [*_said(talks.row_of("turns", row)), *_signalled(talks.row_of("signals", row))]
    return talks.memo[key]  # type: ignore[return-value]


def _said(turns: list[dict[str, Any]]) -> Iterable[Entry]:
    speakers = {role: speaker for speaker, role in ROLES.items()}
    for turn in turns:
        calls = [call["arguments"] or "" for call in turn["tool_calls"] or ()]
        yield Entry(turn["turn_idx"], speakers[turn["role"]], "\n".join([turn["content"] or "", *calls]))


def _signalled(signals: list[dict[str, Any]]) -> Iterable[Entry]:
    for signal in signals:
        if signal is not None:
            yield Entry(signal["turn_idx"] or 0, "signals", orjson.dumps(signal).decode())
