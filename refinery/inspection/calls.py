"""Clauses over tool calls and what they returned."""

from collections.abc import Mapping, Sequence

import numpy as np
import orjson
import pyarrow as pa

from refinery.inspection.bounds import Bounds, compares
from refinery.inspection.clauses import Clause
from refinery.inspection.conditions import When
from refinery.inspection.earlier import ANYWHERE, stood_before
from refinery.inspection.patterns import AnyOf
from refinery.inspection.state import lookup, parsed
from refinery.inspection.talks import Talks, within
from refinery.inspection.turns import Bools, Ints
from refinery.inspection.values import Values


class Calls:
    """All tool calls of the agents of a table, in order; a *call* is a number among them."""

    def __init__(self, talks: Talks) -> None:
        self._talks, self._turns = talks, talks.turns
        self.turn: Ints = self._turns.call_turn
        """The agent turn (index) of each call."""
        self._by_name = _by_name(self._turns.call_name)
        self._maps: dict[int, dict[str, object]] = {}
        self._result: Ints | None = None

    @classmethod
    def of(cls, talks: Talks) -> "Calls":
        """The calls of this table, read once."""
        found = talks.memo.setdefault(cls, cls(talks)) if cls not in talks.memo else talks.memo[cls]
        assert isinstance(found, cls)
        return found

    @property
    def row(self) -> Ints:
        """The conversation of each call."""
        return self._turns.row[self.turn]

    def named(self, names: Sequence[str] | None) -> Ints:
        """Calls of tools of these names; None: all calls."""
        if names is None:
            return np.arange(len(self.turn), dtype=np.int64)
        mine = [self._by_name[name] for name in set(names) if name in self._by_name]
        return np.sort(np.concatenate(mine)) if mine else np.zeros(0, dtype=np.int64)

    def arguments(self, calls: Ints) -> list[dict[str, object]]:
        """The arguments of these calls; text that is no JSON object has none."""
        new = [call for call in calls.tolist() if call not in self._maps]
        for call, text in zip(new, self._turns.call_arguments.take(pa.array(new, pa.int64())).to_pylist(), strict=True):
            self._maps[call] = parsed(text)
        return [self._maps[call] for call in calls.tolist()]

    def values(self, path: str, calls: Ints) -> Values:
        """One argument of these calls."""
        return Values.of([lookup(given, path) for given in self.arguments(calls)])

    @property
    def result(self) -> Ints:
        """The place of each call's result: the first tool turn behind it that names its id; -1 where there is none."""
        if self._result is None:
            self._result = _results(self._talks)
        return self._result

    def returned(self, calls: Ints) -> list[bytes]:
        """What these calls returned; nothing where no result is known."""
        places = self.result[calls]
        known = places >= 0
        texts = np.full(len(calls), b"", dtype=np.object_)
        texts[known] = self._talks.text(places[known])
        return list(texts)


def _by_name(names: pa.Array) -> dict[str, Ints]:
    """Name -> the calls of it, ascending; a call without a name is of none."""
    coded = names.dictionary_encode()
    code = np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    order = np.argsort(code, kind="stable")
    edges = np.searchsorted(code[order], np.arange(len(coded.dictionary) + 1))
    return {
        name: order[first:last]
        for name, first, last in zip(coded.dictionary.to_pylist(), edges[:-1], edges[1:], strict=True)
    }


def _results(talks: Talks) -> Ints:
    tool = talks.places("tool")
    turns = talks.turns
    called = turns.place[turns.call_turn]
    ids = pa.concat_arrays([turns.call_id, turns.field("tool_call_id", tool)]).dictionary_encode()
    code = np.asarray(ids.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    rows = np.concatenate([turns.flat_row[called], turns.flat_row[tool]])
    key = np.unique(rows * (len(ids.dictionary) + 1) + code, return_inverse=True)[1] * (turns.num_flat + 1)
    ordered = np.sort((key[len(called) :] + tool)[code[len(called) :] >= 0])
    first = np.searchsorted(ordered, key[: len(called)] + called)
    there = (first < len(ordered)) & (code[: len(called)] >= 0)
    found = np.append(ordered, -1)[np.where(there, first, len(ordered))]
    there &= found // (turns.num_flat + 1) == key[: len(called)] // (turns.num_flat + 1)
    return np.where(there, found % (turns.num_flat + 1), -1)


class Called(Clause):
    """Some call has one of the names, and its arguments, its result and the calls before it are as stated."""

    cost = 1

    def __init__(
        self,
        names: Sequence[str] | None,
        args: Mapping[str, Bounds],
        when: When,
        *,
        again: Sequence[str] | None = None,
        total: Mapping[str, Bounds] | None = None,
        novel: Sequence[str] = (),
        result: AnyOf | None = None,
        unless_result: AnyOf | None = None,
    ) -> None:
        self.trigger = when == "this"
        self._names, self._args, self._when = names, args, when
        self._again, self._total, self._novel = again, total or {}, novel
        self._result, self._unless = result, unless_result

    def candidates(self, talks: Talks) -> Ints:
        """Exactly where it holds."""
        return self._turns(talks)

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Calls are asked once a table, whoever asks again."""
        if self.trigger:
            return np.isin(at, self._turns(talks), assume_unique=True)
        return within(talks, talks.turns.place[self._turns(talks)], self._when, at)

    def _turns(self, talks: Talks) -> Ints:
        if self not in talks.memo:
            calls = Calls.of(talks)
            talks.memo[self] = np.unique(calls.turn[self._calls(talks, calls)])
        return talks.memo[self]  # type: ignore[return-value]

    def _calls(self, talks: Talks, calls: Calls) -> Ints:
        found = calls.named(self._names)
        if not len(found):
            return found
        if self._unless is not None:
            found = found[~_matching(self._unless, calls.returned(found))]
        kept = np.ones(len(found), dtype=np.bool_)
        for path, bounds in self._args.items():
            kept &= compares(calls.values(path, found), bounds, talks, calls.turn[found])
        for path, bounds in self._total.items():
            kept &= compares(_running(calls.values(path, found), calls.row[found]), bounds, talks, calls.turn[found])
        if self._again is not None:
            kept &= _seen(_keys(calls.arguments(found), self._again), calls.row[found])
        found = found[kept]
        if self._result is not None:
            found = found[_matching(self._result, calls.returned(found))]
        for path in self._novel:
            found = found[_novel([lookup(given, path) for given in calls.arguments(found)], talks, calls.turn[found])]
        return found


def _matching(patterns: AnyOf, texts: list[bytes]) -> Bools:
    return np.asarray([patterns.holds(text) for text in texts], dtype=np.bool_)


def _running(values: Values, row: Ints) -> Values:
    """The sum up to each call over its conversation; calls are in order. What is no number adds nothing."""
    added = np.nan_to_num(values.number)
    total = np.cumsum(added)
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    before = (total - added)[starts]
    return Values.numbers(total - np.repeat(before, np.diff(np.append(starts, len(row)))))


def _keys(arguments: list[dict[str, object]], paths: Sequence[str]) -> list[bytes | None]:
    """What calls are compared by: these arguments, or all (no path). None where one of them is missing."""
    if not paths:
        return [orjson.dumps(given, option=orjson.OPT_SORT_KEYS) for given in arguments]
    found = [[lookup(given, path) for path in paths] for given in arguments]
    return [None if None in values else orjson.dumps([str(value) for value in values]) for values in found]


def _seen(keys: list[bytes | None], row: Ints) -> Bools:
    """Whether the same key came earlier in the conversation."""
    seen, found = set[tuple[int, bytes]](), []
    for key, of in zip(keys, row.tolist(), strict=True):
        found.append(key is not None and (of, key) in seen)
        if key is not None:
            seen.add((of, key))
    return np.asarray(found, dtype=np.bool_)


def _novel(given: list[object], talks: Talks, at: Ints) -> Bools:
    """Whether an id or name that is there was never said before the turn, by anybody, nor stands in the signals."""
    said = [str(value) if isinstance(value, str | int) and not isinstance(value, bool) else "" for value in given]
    found = [bool(t) and not stood_before(talks, int(i), t, ANYWHERE) for t, i in zip(said, at, strict=True)]
    return np.asarray(found, dtype=np.bool_)


class Returned(Clause):
    """A tool returned a JSON object whose fields compare."""

    cost = 4

    def __init__(self, names: Sequence[str], fields: Mapping[str, Bounds], when: When) -> None:
        self._names, self._fields, self._when = names, fields, when

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """`latest`: the last result of these tools before the turn."""
        places, kept = self._places(talks)
        if self._when != "latest":
            return within(talks, places[kept], self._when, at)
        start, end = talks.interval("before", at)
        last = np.searchsorted(places, end) - 1
        there = (last >= 0) & (places[np.maximum(last, 0)] >= start) if len(places) else last >= 0
        return np.asarray(there & np.append(kept, False)[np.where(there, last, -1)], dtype=np.bool_)

    def _places(self, talks: Talks) -> tuple[Ints, Bools]:
        """Where these tools returned, ascending, and whether the fields compared."""
        if self not in talks.memo:
            calls = Calls.of(talks)
            found = calls.named(self._names)
            found = found[calls.result[found] >= 0]
            found = found[np.argsort(calls.result[found], kind="stable")]
            maps = [parsed(text.decode()) for text in calls.returned(found)]
            kept = np.ones(len(found), dtype=np.bool_)
            for path, bounds in self._fields.items():
                kept &= compares(Values.of([lookup(given, path) for given in maps]), bounds, talks, calls.turn[found])
            talks.memo[self] = calls.result[found], kept
        return talks.memo[self]  # type: ignore[return-value]
