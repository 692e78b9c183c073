"""What a worker does with one task of a pass: a task is data, and equal tasks give equal bytes wherever they run."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.engine.batch import put, split, through
from refinery.engine.bundle import Bundle
from refinery.engine.manifest import Entry, Output
from refinery.engine.passes import Kind
from refinery.lake.tables import FIXED, TableWriter, conversations_schema, explode
from refinery.ledger import Counts, count, merge
from refinery.records.fate import SET_ASIDE_BY, SET_ASIDE_WHY
from refinery.stage import ROW, Ask, Exchange, Stage, Step
from refinery.storage.shards import ShardWriter, WideFile, parquet
from refinery.storage.store import Store

_SLICE_BYTES = 16 * 2**20


class Join(NamedTuple):
    """The result of an exchange or ask, to be joined on as shards are read: its step, step number and files."""

    step: Step
    number: int
    files: tuple[str, ...]
    by_shard: bool = False  # one file a shard (of an ask), not one a reducer


class Work(NamedTuple):
    """What all tasks of a pass share; pickled once to each worker."""

    url: str  # the lake
    run_id: str
    scratch: str  # of this driver alone, for unfinished files; it clears its own when the run is published
    folder: str  # of the pass: manifest and work files
    kind: Kind
    bundles: tuple[Bundle, ...]
    first_step: int
    before: pa.Schema
    after: pa.Schema
    final: bool
    joins: tuple[Join, ...] = ()
    reducers: int = 1
    maps: tuple[str, ...] = ()  # of a reduce: the mappers' files; of an ask's rounds, see engine.ask
    model: str = ""  # of an ask: the identity of the model that is asked
    round: int = 0  # of an exchange
    found: tuple[tuple[str, ...], ...] = ()  # files of what its earlier rounds found
    seen: tuple[str, ...] = ()  # segments of the lake's index, of an exchange that remembers

    @property
    def store(self) -> Store:
        """The lake's store."""
        return Store(self.url)

    def stages(self) -> tuple[Stage, ...]:
        """The row-local stages of the pass, their files laid out on this machine."""
        return tuple(s for s in (b.unpack() for b in self.bundles) if isinstance(s, Stage))

    def exchange(self) -> Exchange:
        """The exchange of a map or reduce."""
        return next(b.step for b in self.bundles if isinstance(b.step, Exchange))

    def ask(self) -> Ask:
        """The model stage of a fold or answer."""
        return next(s for s in (b.unpack() for b in self.bundles) if isinstance(s, Ask))


class RowWriter:
    """Where a wide pass puts its rows: shards for the next pass, or the lake's tables if it is the last."""

    def __init__(self, work: Work, stem: str) -> None:
        self._work, self._stem = work, stem
        self._tables = TableWriter(work.store, work.run_id, work.scratch, stem)
        self._shard: ShardWriter | None = None
        self._shard_bytes, self._outputs, self._parts = 0, list[Output](), 0

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401
        self._tables.__exit__(*error)
        if self._shard:
            self._shard.__exit__(*error)

    def write(self, live: pa.Table, dead: list[pa.Table]) -> None:
        """Rows that are live and rows that are set aside, these with the columns they had got."""
        if self._work.final:
            schema = conversations_schema(self._work.after)
            for table in (live, *dead):
                self._tables.see(table)
            for table in (live, *dead):
                self._tables.write("conversations", table, schema)
                for name, rows in explode(table):
                    self._tables.write(name, rows, FIXED[name])
            return
        for table in (live, *dead):
            self._shard = self._shard or ShardWriter(self._work.store, self._work.after, self._work.scratch, "wide")
            self._shard.write(table)
            self._shard_bytes += table.nbytes

    def quarantine(self, rows: pa.Table) -> None:
        """Lines that could not be parsed."""
        self._tables.write("quarantine", rows, FIXED["quarantine"])

    def full(self, rows: int, size: int) -> bool:
        """Whether the open shard has reached its bounds."""
        return self._shard is not None and (self._shard.rows >= rows or self._shard_bytes >= size)

    def roll(self) -> None:
        """Closes the open shard, if any."""
        if self._shard:
            file = self._shard.finish(f"{self._work.folder}/data", f"{self._stem}-{self._parts:04d}")
            self._outputs.append(Output("work", None, file))
            self._shard, self._shard_bytes, self._parts = None, 0, self._parts + 1

    def finish(self) -> tuple[Output, ...]:
        """All files written."""
        self.roll()
        return (*self._outputs, *(Output(*done) for done in self._tables.finish()))


def shard_task(work: Work, task: dict[str, Any]) -> Entry:
    """Row-local stages over one shard."""
    stages, counts = work.stages(), list[Counts]()
    with RowWriter(work, f"p{work.first_step:02d}-{task['task']:06d}") as out:
        for rows, before in read_shard(work, task):
            counts.append(before)
            for part in _slices(rows):
                live, dead = split(part)
                live, more, counted = through(live, stages, work.first_step)
                out.write(live, [dead, *more])
                counts.append(counted)
        return Entry(task["task"], out.finish(), merge(counts))


def _slices(rows: pa.Table) -> Iterator[pa.Table]:
    """At most about _SLICE_BYTES a time: samples repeat their history and grow a conversation many times over."""
    step = max(1, rows.num_rows * _SLICE_BYTES // max(1, rows.nbytes))
    for start in range(0, rows.num_rows, step):
        yield rows.slice(start, step)


def reducer_of(keys: pa.Array, reducers: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The key range of each hex digest, by its first 8 digits."""
    if not len(keys):
        return np.zeros(0, np.int64)
    head = np.array(pc.utf8_slice_codeunits(keys, 0, 8).to_pylist(), "S8")
    digits = head.view(np.uint8).reshape(-1, 8).astype(np.int64)
    values = np.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0"))
    return (values @ (16 ** np.arange(7, -1, -1))) * reducers >> 32


def read_shard(work: Work, task: dict[str, Any], columns: list[str] | None = None) -> Iterator[tuple[pa.Table, Counts]]:
    """The shard's row groups with all joins on and `_row`, and the counts of what the joins set aside."""
    store, shard = work.store, task["task"]
    joins = [
        (join, rows_of(store, (join.files[shard],) if join.by_shard else join.files, shard)) for join in work.joins
    ]
    start = 0
    for group in WideFile(store, task["path"], columns).groups():
        number = pa.array(np.arange(start, start + group.num_rows) + (shard << 32), pa.int64())
        rows = group.append_column(ROW, number)
        counts = []
        for join, found in joins:
            rows, counted = joined(rows, join, found, shard, start)
            counts.append(counted)
        start += rows.num_rows
        yield rows if columns else rows.drop_columns([ROW.name]), merge(counts)


def rows_of(store: Store, files: Sequence[str], shard: int) -> pa.Table:
    """The reducers' rows for one shard, sorted; row groups of other shards are passed over by their statistics."""
    low, high, parts = shard << 32, (shard + 1) << 32, []
    for path in files:
        file = parquet(store, path)
        for group in range(file.num_row_groups):
            facts = file.metadata.row_group(group).column(0).statistics
            if facts.min < high and facts.max >= low:
                rows = file.read_row_group(group)
                parts.append(rows.filter(pc.and_(pc.greater_equal(rows[ROW.name], low), pc.less(rows[ROW.name], high))))
        if not parts and path == files[-1]:
            return file.schema_arrow.empty_table()
    return pa.concat_tables(parts).sort_by(ROW.name).combine_chunks()


def joined(rows: pa.Table, join: Join, found: pa.Table, shard: int, start: int) -> tuple[pa.Table, Counts]:
    """Puts the written columns on by row number; null leaves a column that was there as it was."""
    at = found[ROW.name].to_numpy() - (shard << 32) - start
    here = (at >= 0) & (at < rows.num_rows)
    where = np.full(rows.num_rows, -1)
    where[at[here]] = np.flatnonzero(here)
    take = pa.array(where, mask=where < 0)
    for field in join.step.adds():
        new = found[field.name].take(take)
        if field.name == SET_ASIDE_WHY.name and SET_ASIDE_BY.name in rows.column_names:
            by = pc.if_else(pc.is_valid(new), join.step.name, pa.scalar(None, pa.string()))
            rows = put(rows, SET_ASIDE_BY.name, pc.coalesce(rows[SET_ASIDE_BY.name], by))
        old = rows[field.name] if field.name in rows.column_names else None
        rows = put(rows, field.name, pc.coalesce(new, old) if old is not None else new)
    return rows, _counts(rows, join)


def _counts(rows: pa.Table, join: Join) -> Counts:
    """How many rows are live after the join, and how many it set aside; over narrow columns: nothing is copied."""
    if "source" not in rows.column_names:
        return Counts()
    live, dead = split(rows.select(["source", SET_ASIDE_BY.name, SET_ASIDE_WHY.name]))
    name = join.step.name
    gone = dead.filter(pc.equal(dead[SET_ASIDE_BY.name], name)) if dead.num_rows else dead
    return merge([count(join.number, name, "set_aside", gone), count(join.number, name, "live", live)])
