"""Fetches the units of a conversation's scenario, all together, those nearest to what was said first.

    scenario "airline", "…change my basic economy flight…" -> knowledge [{unit_id: "4c1f…", score: 11.3}, …]

Report section 2.2.2, batch retrieval: each unit has scenario tags and all units of the scenario are fetched, so that
coverage does not hang on a ranking; words rank what is fetched, and cut it where a scenario has more than `max_units`.
"""

from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from refinery.knowledge.base import read_file
from refinery.knowledge.ranking import Index, index, rank
from refinery.knowledge.terms import Ints
from refinery.knowledge.unit import Unit
from refinery.records.knowledge import RETRIEVED
from refinery.records.leaves import list_parents
from refinery.stage import Stage, Transform, array

EXAMPLE: Final = Path(__file__).parent / "example.jsonl"
_UNDATED: Final = "undated"
WRITES: Final = pa.schema(
    [
        pa.field("knowledge", pa.list_(RETRIEVED)),  # best first; empty where the scenario has no unit
        pa.field("num_knowledge", pa.int32()),  # units of the scenario on that day, those beyond max_units too
    ]
)


class Retrieval(Stage):
    """Writes `knowledge` and `num_knowledge`."""

    name: ClassVar[str] = "knowledge.retrieval"
    version: ClassVar[int] = 1

    knowledge: Path
    """A version of a knowledge base: the file that `refinery knowledge build` wrote."""
    max_units: int = Field(default=50, gt=0)

    def reads(self) -> frozenset[str]:
        """What it is about, when it was, and what was said."""
        return frozenset({"scenario", "event_date", "turns"})

    def writes(self) -> pa.Schema:
        """WRITES."""
        return WRITES

    def open(self) -> Transform:
        """Read and index the units once; InputError where the file is no version of a base."""
        return _Fetch([u for u in read_file(self.knowledge) if not u.set_aside_why], self.max_units)

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """A Chinese and an English conversation, one of an unknown scenario, one without turns; all units, and one."""

        def turns(*said: str) -> list[dict[str, Any]]:
            return [{"turn_idx": i, "role": "user", "content": text} for i, text in enumerate(said)]

        rows: list[dict[str, Any]] = [
            {"scenario": "外卖", "event_date": "2026-05-01", "turns": turns("超时了能退款吗")},
            {"scenario": "Airline", "event_date": "undated", "turns": turns("Can I take two bags?", "checked bags")},
            {"scenario": "weather", "event_date": "2026-05-01", "turns": turns("Rain?")},
            {"scenario": "airline", "event_date": "2020-01-01", "turns": None},
        ]
        return [(cls(knowledge=EXAMPLE), rows), (cls(knowledge=EXAMPLE, max_units=1), rows)]


class _Fetch:
    """The transform: units by scenario and day, ranked by one index over all."""

    def __init__(self, units: list[Unit], max_units: int) -> None:
        self._units, self._max = units, max_units
        self._ids = pa.array([unit.unit_id for unit in units], pa.string())
        self._by_tag: dict[str, list[int]] = {}
        for place, unit in enumerate(units):
            for tag in unit.scenarios:
                self._by_tag.setdefault(tag.casefold(), []).append(place)
        self._index: Index = index(pa.array([text(unit) for unit in units], pa.string()))

    def __call__(self, table: pa.Table) -> pa.Table:
        said = _said(array(table, "turns"))
        scopes = pa.table({"scenario": array(table, "scenario"), "day": array(table, "event_date")})
        rows, places, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
        available = np.zeros(table.num_rows, np.int32)
        for scope, at in _groups(scopes):
            among = self._standing(scope["scenario"], scope["day"])
            available[at] = len(among)
            found, near = rank(self._index, said.take(pa.array(at)), among, self._max)
            rows.append(np.repeat(at, found.shape[1]))
            places.append(found.ravel())
            scores.append(near.ravel())
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        ids = self._ids.take(pa.array(np.concatenate(places)[order]))
        units = pa.StructArray.from_arrays([ids, pa.array(np.concatenate(scores)[order])], fields=list(RETRIEVED))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=table.num_rows))])
        column = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), units)
        return pa.table({"knowledge": column, "num_knowledge": available}, schema=WRITES)

    def _standing(self, scenario: str | None, day: str | None) -> Ints:
        """Places of the scenario's units that held on the day; those that hold now for a conversation without one."""
        tagged = self._by_tag.get((scenario or "").casefold(), ())
        return np.array([place for place in tagged if _holds(self._units[place], day)], np.int64)


def text(unit: Unit) -> str:
    """What a unit is found by."""
    return " ".join((unit.entity or "", unit.background, *unit.questions, unit.solution))


def _holds(unit: Unit, day: str | None) -> bool:
    if day is None or day == _UNDATED:
        return unit.valid_until is None
    return (unit.valid_from or "") <= day and (unit.valid_until is None or day < unit.valid_until)


def _said(turns: pa.Array) -> pa.Array:
    """All that customer and agent said in each conversation."""
    values = turns.flatten()
    spoken = pc.is_in(pc.struct_field(values, "role"), pa.array(["user", "assistant"]))
    texts = pc.fill_null(pc.if_else(spoken, pc.struct_field(values, "content"), ""), "")
    sizes = np.bincount(list_parents(turns), minlength=len(turns))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    return pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "\n")


def _groups(scopes: pa.Table) -> list[tuple[dict[str, str | None], Ints]]:
    """Each scenario and day that comes, with the rows it comes in, as first met."""
    if not scopes.num_rows:
        return []
    numbered = scopes.append_column("row", pa.array(np.arange(scopes.num_rows)))
    found = numbered.group_by(["scenario", "day"], use_threads=False).aggregate([("row", "list")])
    return [(scope, np.array(scope["row_list"], np.int64)) for scope in found.to_pylist()]
