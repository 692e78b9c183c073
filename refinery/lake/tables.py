"""The lake's tables as they follow from conversation rows, written by day."""

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from refinery.records.asked import MODELS
from refinery.records.conversation import STRING, TIME, TURN
from refinery.records.fate import LEDGER, QUARANTINE
from refinery.records.leaves import list_parents
from refinery.records.training import SAMPLE
from refinery.records.verdict import FINDING
from refinery.storage.shards import ShardFile, ShardWriter
from refinery.storage.store import Store

_CARRIED: Final = pa.schema(
    [
        (name, STRING)
        for name in (
            "conversation_id", "source", "source_id", "event_date", "scenario", "model_version", "usage", "set_aside_by"
        )
    ]
)  # fmt: skip
_RUN: Final = pa.field("run_id", STRING)
BESIDE: Final = (pa.field("policies", pa.list_(STRING)), pa.field("policies_by", STRING))
"""What stands in lists beside the turns: which policies a turn shows, and what said so (label, template or head)."""

TURNS: Final = pa.schema([*_CARRIED, *TURN, *BESIDE, _RUN])
FINDINGS: Final = pa.schema([*_CARRIED, *FINDING, _RUN])
SAMPLES: Final = pa.schema([*_CARRIED, *SAMPLE, _RUN])
RUNS: Final = pa.schema(
    [
        ("run_id", STRING),
        ("plan", STRING),
        ("fingerprint", STRING),
        ("started_at", TIME),
        ("finished_at", TIME),
        ("seconds", pa.float64()),
        *((name, pa.int64()) for name in ("num_read", "num_live", "num_set_aside", "num_quarantined", "num_samples")),
        ("version", STRING),
    ]
)
FIXED: Final = {
    "turns": TURNS,
    "findings": FINDINGS,
    "samples": SAMPLES,
    "quarantine": QUARANTINE.append(_RUN),
    "ledger": LEDGER,
    "runs": RUNS,
    "models": MODELS,
}
"""Schemas of all tables but `conversations`, whose columns follow from the plan."""
_NESTED: Final = {"turns": TURNS, "findings": FINDINGS, "samples": SAMPLES}
_MAX_DAYS: Final = 8
"""A task that has seen more days than this writes the rest to one file, `mixed`: a back-fill must not make a file a
day a shard. A file has about 90 column chunks, whatever few rows it holds."""
_MAX_OPEN: Final = 64


def conversations_schema(rows: pa.Schema) -> pa.Schema:
    """The columns of `conversations`: a row's, but for `samples`, which have a table of their own."""
    return pa.schema([f for f in rows if f.name != "samples"]).append(_RUN)


def explode(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The flat tables that conversations, live or set aside, hold as lists: one row a turn, finding, sample."""
    for name, schema in _NESTED.items():
        if name in rows.column_names:
            # By batch: samples come in chunks, since a column of them may pass the 2 GiB that Arrow's offsets reach.
            for batch in rows.to_batches():
                table = pa.Table.from_batches([batch])
                for part, beside in _aligned(table) if name == "turns" else [(table, ())]:
                    yield name, _flat(part, name, schema, beside)


def _aligned(rows: pa.Table) -> list[tuple[pa.Table, tuple[str, ...]]]:
    """Rows whose `policies` stand beside their turns, and those that have none (inspection broke, or never ran)."""
    if "policies" not in rows.column_names:
        return [(rows, ())]
    names = tuple(field.name for field in BESIDE)
    lengths = [pc.fill_null(pc.list_value_length(rows[name]), 0) for name in ("turns", "policies")]
    same = pc.equal(*lengths)
    if pc.all(same).as_py() is not False:
        return [(rows, names)]
    return [(rows.filter(same), names), (rows.filter(pc.invert(same)), ())]


def _flat(rows: pa.Table, name: str, schema: pa.Schema, beside: tuple[str, ...]) -> pa.Table:
    lists = rows[name].combine_chunks()
    parents, values = pa.array(list_parents(lists)), pc.list_flatten(lists)
    columns = {field.name: pc.struct_field(values, i) for i, field in enumerate(values.type)}
    columns |= {other: pc.list_flatten(rows[other].combine_chunks()) for other in beside}
    columns |= {field.name: rows[field.name].take(parents) for field in _CARRIED if field.name in rows.column_names}
    return pa.table({f.name: columns.get(f.name, pa.nulls(len(values), f.type)) for f in schema})


class TableWriter:
    """Writes rows to `tables/<table>/<event_date>/<run_id>/`, one file a table and day, as a context."""

    def __init__(self, store: Store, run_id: str, scratch: str, stem: str) -> None:
        self._store, self._run_id, self._scratch, self._stem = store, run_id, scratch, stem
        self._open: dict[str, ShardWriter] = {}
        self._days = set[str]()
        self._done: list[tuple[str, str, ShardFile]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for writer in self._open.values():
            writer.__exit__(kind, error, at)

    def see(self, rows: pa.Table) -> None:
        """Takes note of the days of rows that will come."""
        self._days.update(rows["event_date"].unique().to_pylist())

    def write(self, table: str, rows: pa.Table, schema: pa.Schema) -> None:
        """Appends rows of a schema with `event_date` and `run_id`."""
        if not rows.num_rows:
            return
        rows = rows.drop_columns(["run_id"]) if "run_id" in rows.column_names else rows
        rows = rows.append_column(_RUN, pa.repeat(pa.scalar(self._run_id), rows.num_rows))
        days = rows["event_date"].unique().to_pylist() if "event_date" in rows.column_names else ["all"]
        days = sorted(days) if len(self._days) <= _MAX_DAYS else ["mixed"]
        for day in days:
            those = rows.filter(pc.equal(rows["event_date"], day)) if len(days) > 1 else rows
            key = f"{table}/{day}"
            if key not in self._open:
                if len(self._open) >= _MAX_OPEN:
                    self._finish_all()
                self._open[key] = ShardWriter(self._store, schema, self._scratch)
            self._open[key].write(those)

    def finish(self) -> list[tuple[str, str, ShardFile]]:
        """Table, day and file of all that was written."""
        self._finish_all()
        return self._done

    def _finish_all(self) -> None:
        for place, writer in sorted(self._open.items()):
            table, _, day = place.partition("/")
            file = writer.finish(f"tables/{place}/{self._run_id}", self._stem)
            self._done.append((table, day, file))
        self._open = {}
