"""What the systems know at each agent turn: the signals folded by time, column by column.

signals [{turn_idx: 0, order: {status: shipped, amount: 90}}, {turn_idx: 4, order: {status: delivered}}]
at turn 5: order.status "delivered", order.amount 90
"""

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.inspection.state import lookup, parsed
from refinery.inspection.turns import AgentTurns, Ints, bools, parents
from refinery.inspection.values import Values

_TIME = 2**32
"""Turn numbers are int32, so row * _TIME + turn orders by row, then by turn."""


class Signals:
    """`signals` (list<SIGNAL>, one list a conversation) as the agent turns see them."""

    def __init__(self, signals: pa.ListArray, turns: AgentTurns) -> None:
        self._flat = signals.flatten()
        self._row = parents(signals)
        self._asked = turns.row * _TIME + turns.turn_idx
        self._values: dict[str, Values] = {}
        self._keys: dict[str, tuple[Ints, Ints]] = {}

    @cached_property
    def _time(self) -> Ints:
        since = pc.struct_field(self._flat, "turn_idx").fill_null(0).to_numpy(zero_copy_only=False)
        return np.asarray(self._row * _TIME + since, dtype=np.int64)

    def count(self, at: Ints) -> Values:
        """How many signals were known at these agent turns."""
        times, asked = np.sort(self._time), self._asked[at]
        start = np.searchsorted(times, asked // _TIME * _TIME - _TIME // 2)
        return Values.numbers(np.searchsorted(times, asked, side="right") - start)

    def values(self, path: str, at: Ints) -> Values:
        """The value at the path at these agent turns: the last one stated by then; null states nothing."""
        if path not in self._values:
            self._values[path], stated = self._column(path)
            order = stated[np.argsort(self._time[stated], kind="stable")]
            self._keys[path] = order, self._time[order]
        order, times = self._keys[path]
        if not len(order):
            return self._values[path].take(np.full(len(at), -1, dtype=np.int64))
        asked = self._asked[at]
        last = np.searchsorted(times, asked, side="right") - 1
        signal = order[np.maximum(last, 0)]
        mine = (last >= 0) & (self._row[signal] == asked // _TIME)
        return self._values[path].take(np.where(mine, signal, -1))

    def _column(self, path: str) -> tuple[Values, Ints]:
        """The path's value in each signal, and which signals state one."""
        group, _, rest = path.partition(".")
        column = pc.struct_field(self._flat, group)
        if group == "other":
            maps = [parsed(text) for text in column.to_pylist()]
            stated = [number for number, found in enumerate(maps) if rest.split(".")[0] in found]
            return Values.of([lookup(found, rest) for found in maps]), np.asarray(stated, dtype=np.int64)
        column = pc.struct_field(column, rest) if rest else column
        return Values.of_column(column), np.flatnonzero(bools(column.is_valid()))
