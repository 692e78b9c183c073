"""The agent turns of a table, flat: one entry an agent turn, in order, as Arrow and numpy arrays."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class AgentTurns:
    """`turns` (list<TURN>, one list a conversation); everything is made when asked for."""

    def __init__(self, turns: pa.ListArray) -> None:
        self._flat = turns.flatten()
        self.num_rows = len(turns)
        self.flat_row: Ints = parents(turns)
        """The conversation (row of the table) of each turn, the agent's or not."""
        self.num_flat = len(self._flat)
        self._fields: dict[str, pa.Array] = {}
        self.place: Ints = self.places("assistant")
        """Place of each agent turn among all turns of the table."""

    def __len__(self) -> int:
        return len(self.place)

    def places(self, role: str) -> Ints:
        """Places of the turns of a role, ascending."""
        return np.flatnonzero(bools(pc.equal(self.flat("role"), role)))

    def flat(self, name: str) -> pa.Array:
        """A field of all turns, by place."""
        if name not in self._fields:
            self._fields[name] = pc.struct_field(self._flat, name)
        return self._fields[name]

    def field(self, name: str, places: Ints | None = None) -> pa.Array:
        """A field of the turns at these places (the agent's, if not said)."""
        return self.flat(name).take(pa.array(self.place if places is None else places))

    @cached_property
    def row(self) -> Ints:
        """The conversation (row of the table) of each agent turn."""
        return self.flat_row[self.place]

    @cached_property
    def turn_idx(self) -> npt.NDArray[np.int32]:
        """The turn's number in its conversation."""
        return np.asarray(self.field("turn_idx").to_numpy(zero_copy_only=False), dtype=np.int32)

    @cached_property
    def content(self) -> pa.Array:
        """What the agent said, or null."""
        return self.field("content")

    @cached_property
    def label(self) -> pa.Array:
        """The source's own label, or null."""
        return self.field("source_label")

    @cached_property
    def _calls(self) -> tuple[Ints, pa.Array]:
        calls = self.flat("tool_calls")
        of_agent = np.full(self.num_flat, -1, dtype=np.int64)
        of_agent[self.place] = np.arange(len(self))
        turn = of_agent[parents(calls)]
        kept = np.flatnonzero(turn >= 0)
        flat = calls.flatten()
        return turn[kept], flat if len(kept) == len(flat) else flat.take(pa.array(kept))

    @property
    def call_turn(self) -> Ints:
        """For each tool call of an agent, the agent turn it belongs to (index into this view)."""
        return self._calls[0]

    @cached_property
    def call_id(self) -> pa.Array:
        """For each tool call, its id, which the result names."""
        return pc.struct_field(self._calls[1], "id")

    @cached_property
    def call_name(self) -> pa.Array:
        """For each tool call, the tool's name."""
        return pc.struct_field(self._calls[1], "name")

    @cached_property
    def call_arguments(self) -> pa.Array:
        """For each tool call, the JSON text of its arguments."""
        return pc.struct_field(self._calls[1], "arguments")


def parents(lists: pa.ListArray) -> Ints:
    """For each value of `lists.flatten()`, its list; Arrow's list_parent_indices counts what lies behind a null too."""
    sizes = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists), dtype=np.int64), sizes)


def steps(sizes: Ints) -> Ints:
    """0, 1, …, size - 1 for each size, one after another."""
    return np.asarray(np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes), dtype=np.int64)


def bools(values: pa.Array) -> Bools:
    """A boolean Arrow array as numpy's; null is false."""
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
