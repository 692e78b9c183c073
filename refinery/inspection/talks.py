"""A table of conversations as clauses ask it: what was said, by whom, where, and what was known. All made on demand."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.errors import StageError
from refinery.inspection.conditions import Speaker, When
from refinery.inspection.matching import Gate, Scanner
from refinery.inspection.patterns import AnyOf, texts_of
from refinery.inspection.plain import plain
from refinery.inspection.signals import Signals
from refinery.inspection.turns import AgentTurns, Bools, Ints, bools, parents, steps
from refinery.inspection.values import Values
from refinery.inspection.windows import Interval, Windows, any_within, union
from refinery.stage import array

ROLES: Final[dict[Speaker, str]] = {"agent": "assistant", "customer": "user", "tool": "tool", "system": "system"}
_NONE: Final = np.zeros(0, dtype=np.int64)


class Talks:
    """Columns `turns`, `signals`, `policies`, `scenario`, `event_date`, and the gates that each reply passes.

    A *place* is a turn's number among all turns of the table, an *index* an agent turn's among all agent turns.
    """

    def __init__(self, table: pa.Table, scanner: Scanner) -> None:
        self._table = table
        self._scanner = scanner
        self.turns = AgentTurns(array(table, "turns"))
        self.signals = Signals(array(table, "signals"), self.turns)
        self._places: dict[Speaker, Ints] = {}
        self._policy_lists = array(table, "policies").flatten()
        if len(self._policy_lists) != self.turns.num_flat:
            said = f"{len(self._policy_lists)} policy lists for {self.turns.num_flat} turns"
            raise StageError(f"inspection.online: {said}")
        self.memo: dict[object, object] = {}
        """What clauses found and may be asked for again, by the clause."""

    @cached_property
    def windows(self) -> Windows:
        """The geometry of the conversations."""
        is_customer = np.zeros(self.turns.num_flat, dtype=np.bool_)
        is_customer[self.turns.places(ROLES["customer"])] = True
        return Windows(is_customer, self.turns.flat_row, self.turns.num_rows)

    def interval(self, when: When, at: Ints) -> Interval:
        """The places where a clause of this `when` looks, for each of the agent turns `at` (indices)."""
        return self.windows.of(when, self.turns.place[at])

    def places(self, by: Speaker) -> Ints:
        """Places of the turns of a speaker."""
        if by not in self._places:
            self._places[by] = self.turns.places(ROLES[by])
        return self._places[by]

    def text(self, places: Ints) -> list[bytes]:
        """What was said at these places, in plain characters; nothing is empty."""
        return texts_of(plain(self.turns.field("content", places)))

    @cached_property
    def replies(self) -> tuple[pa.StringArray, Ints]:
        """The agent's distinct replies in plain characters, and each agent turn's number among them (-1: none)."""
        coded = self.turns.content.dictionary_encode()
        code = np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
        return plain(coded.dictionary), code

    def replies_match(self, patterns: AnyOf, key: Gate, at: Ints) -> Bools:
        """Which of these agent turns match; a reply is asked once, however often it was given and whoever asks."""
        replies, code = self.replies
        known = self.memo.setdefault((Talks.replies_match, key), np.full(len(replies) + 1, -1, dtype=np.int8))
        assert isinstance(known, np.ndarray)
        known[-1] = 0
        new = np.unique(code[at][known[code[at]] < 0])
        known[new] = [patterns.holds(text) for text in texts_of(replies.take(pa.array(new)))]
        return np.asarray(known[code[at]] == 1, dtype=np.bool_)

    @cached_property
    def _passed(self) -> tuple[Ints, Ints]:
        """Agent turns by gate, and where each gate's begin. Equal replies are scanned once."""
        replies, code = self.replies
        by_code = np.argsort(code, kind="stable")
        bounds = np.searchsorted(code[by_code], np.arange(len(replies) + 1))
        text, gate = self._scanner.scan(replies)
        sizes = bounds[text + 1] - bounds[text]
        index, gate = by_code[np.repeat(bounds[text], sizes) + steps(sizes)], np.repeat(gate, sizes)
        keys = np.unique(gate * max(len(code), 1) + index)
        starts = np.searchsorted(keys, np.arange(len(self._scanner.gates) + 1) * max(len(code), 1))
        return keys % max(len(code), 1), starts

    def scans(self, gate: Gate) -> bool:
        """Whether the scanner looks for this gate."""
        return gate in self._scanner.gates

    def passing(self, gate: Gate) -> Ints:
        """The agent turns that pass one of the scanner's gates, ascending."""
        index, starts = self._passed
        number = self._scanner.gates[gate]
        return np.asarray(index[starts[number] : starts[number + 1]], dtype=np.int64)

    def matching(self, patterns: AnyOf, by: Speaker, interval: Interval) -> Ints:
        """The places inside of the intervals at which the speaker's text matches; only these texts are looked at."""
        mine = self.places(by)
        inside = union((np.searchsorted(mine, interval[0]), np.searchsorted(mine, interval[1])))
        said = self.turns.field("content", mine[inside]).dictionary_encode()
        held = np.append(patterns.all_hold(plain(said.dictionary)), False)
        matched = held[said.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return np.asarray(mine[inside[matched]], dtype=np.int64)

    def values(self, path: str, at: Ints) -> Values:
        """A value of the state at these agent turns."""
        if path == "talk.signals":
            return self.signals.count(at)
        if path == "talk.calls":
            return Values.numbers(self._since_start(np.sort(self.turns.place[self.turns.call_turn]), at))
        if path == "talk.turns":
            return Values.numbers(self._since_start(self.turns.place, at))
        return self.signals.values(path, at)

    def _since_start(self, places: Ints, at: Ints) -> Ints:
        start, end = self.interval("before", at)
        return np.searchsorted(places, end + 1) - np.searchsorted(places, start)

    @cached_property
    def _policies(self) -> tuple[Ints, pa.Array]:
        return parents(self._policy_lists), self._policy_lists.flatten()

    def of_policy(self, names: Sequence[str]) -> Ints:
        """Places at which any of these policies was recognised."""
        place, found = self._policies
        return np.unique(place[bools(pc.is_in(found, value_set=pa.array(list(names), pa.string())))])

    def recognised(self, at: Ints) -> Bools:
        """Whether recognition said anything of these agent turns."""
        return np.isin(self.turns.place[at], self._policies[0])

    def in_column(self, name: str, words: Sequence[str], at: Ints) -> Bools:
        """Whether the conversation's `scenario` or the like is one of the words, for these agent turns."""
        values = array(self._table, name).take(pa.array(self.turns.row[at]))
        return bools(pc.is_in(values, value_set=pa.array(list(words), pa.string())))

    def days(self, at: Ints) -> pa.Array:
        """The day of each agent turn's conversation, `YYYY-MM-DD`, or `undated`."""
        return array(self._table, "event_date").take(pa.array(self.turns.row[at]))

    def signals_of(self, row: int) -> list[dict[str, Any] | None]:
        """One conversation's signals as Python objects."""
        return array(self._table, "signals")[row].as_py() or []

    def chinese(self, at: Ints) -> Bools:
        """Whether the agent wrote any Chinese character in the conversation."""
        return np.isin(self.turns.row[at], self._chinese_rows)

    @cached_property
    def _chinese_rows(self) -> Ints:
        written = bools(pc.match_substring_regex(self.turns.content, pattern=r"\p{Han}"))
        return np.unique(self.turns.row[written])


def within(talks: Talks, hits: Ints, when: When, at: Ints) -> Bools:
    """For each of the agent turns `at`, whether one of the places lies where a clause of this `when` looks."""
    return any_within(hits, talks.interval(when, at))
