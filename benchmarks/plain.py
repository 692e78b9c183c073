"""The same work without an engine: one process, pyarrow, everything in memory, one file a table.

    python -m benchmarks.plain PLAN OUT --source DIR

It reads by the same readers and adapters, calls the same stages on the same batches and writes the same rows. What it
does without is what Refinery's engine is for: shards, manifests, restarts, isolation of rows that break a stage, the
ledger, quarantine, tables by day, publication, more than one core.
"""

import argparse
import gc
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from refinery.engine.batch import put, split
from refinery.engine.key import deployment_key
from refinery.errors import ParseError
from refinery.intake.reader import Bad, read
from refinery.intake.rows import Reading, row, table, zone_of
from refinery.lake.tables import FIXED, conversations_schema, explode
from refinery.plan import Plan, load
from refinery.records.fate import SET_ASIDE_BY, SET_ASIDE_WHY
from refinery.stage import Exchange, Stage
from refinery.storage.shards import MAX_GROUP_BYTES, MAX_GROUP_ROWS, conform

TABLES: Final = ("conversations", "turns", "findings", "samples")
BATCH_ROWS: Final = 2_048
BATCH_CHARS: Final = 16 * 2**20
_ROW: Final = "_row"


class Part(NamedTuple):
    """Rows that are all live or all set aside, with `_row`, their number in input order."""

    live: bool
    rows: pa.Table


def refine(plan: Plan, key: bytes, out: Path) -> dict[str, int]:
    """Runs the plan, writes `out/<table>.parquet`, and says how many rows each table has."""
    parts = _intake(plan, key)
    for step in plan.stages:
        parts = _stage(step, parts) if isinstance(step, Stage) else _exchange(cast(Exchange, step), parts)
    schemas = {name: FIXED.get(name, conversations_schema(plan.schemas()[-1])) for name in TABLES}
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {name: stack.enter_context(_File(out / f"{name}.parquet", schemas[name])) for name in TABLES}
        for part in parts:
            files["conversations"].write(part.rows)
            for name, rows in explode(part.rows):
                files[name].write(rows)
    return {name: file.rows for name, file in files.items()}


def _intake(plan: Plan, key: bytes) -> Iterator[Part]:
    start = 0
    for rows in _tables(plan, key):
        number = pa.array(np.arange(start, start + rows.num_rows))
        start += rows.num_rows
        live, dead = split(rows.append_column(_ROW, number))
        yield from _parts(live, dead)


def _tables(plan: Plan, key: bytes) -> Iterator[pa.Table]:
    rows, weight = list[dict[str, Any]](), 0
    for source in plan.sources:
        reading = Reading(key, plan.timezone, source.event_date, plan.limits.max_turns, plan.limits.max_chars)
        zone = zone_of(reading)
        for file in source.freeze():
            for found in read(source, file, plan.limits):
                if isinstance(found, Bad):
                    continue
                try:
                    rows.append(row(found[1], found[0], reading, zone))
                except ParseError:
                    continue
                weight += rows[-1]["num_chars"]
                if len(rows) >= BATCH_ROWS or weight > BATCH_CHARS:
                    yield table(rows)
                    rows, weight = [], 0
    yield table(rows)


def _parts(live: pa.Table, dead: pa.Table) -> Iterator[Part]:
    if live.num_rows:
        yield Part(True, live)
    if dead.num_rows:
        yield Part(False, dead)


def _stage(stage: Stage, parts: Iterable[Part]) -> Iterator[Part]:
    transform = stage.open()
    for part in parts:
        if not part.live:
            yield part
            continue
        rows = part.rows.combine_chunks()
        written = transform(rows.select([name for name in rows.column_names if name in stage.reads()]))
        for name in written.column_names:
            rows = put(rows, name, written[name])
        yield from _decided(stage, rows)


def _exchange(exchange: Exchange, parts: Iterable[Part]) -> Iterator[Part]:
    held = deque(parts)
    columns = [_ROW, *sorted(exchange.reads())]
    those = [part.rows.select(columns) for part in held if part.live or exchange.dead_rows]
    if not those:
        yield from held
        return
    found = exchange.reduce(pa.concat_tables(those).sort_by(_ROW).combine_chunks())
    last = max(part.rows[_ROW][-1].as_py() for part in held)
    where = np.full(last + 1, -1)
    where[found[_ROW].to_numpy()] = np.arange(found.num_rows)
    while held:  # one by one, so that what is written is let go
        part = held.popleft()
        if not part.live and not exchange.dead_rows:
            yield part
            continue
        at = where[part.rows[_ROW].to_numpy()]
        rows = _joined(part.rows, exchange, found, pa.array(at, mask=at < 0))
        yield from _decided(exchange, rows) if part.live else [Part(False, rows)]


def _joined(rows: pa.Table, exchange: Exchange, found: pa.Table, at: pa.Array) -> pa.Table:
    for field in exchange.writes():
        new = found[field.name].take(at)
        old = rows[field.name] if field.name in rows.column_names else None
        rows = put(rows, field.name, new if old is None else pc.coalesce(new, old))
    return rows


def _decided(step: Stage | Exchange, rows: pa.Table) -> Iterator[Part]:
    """Splits off the rows that the step set aside."""
    if SET_ASIDE_WHY.name not in step.writes().names:
        yield Part(True, rows)
        return
    live, dead = split(rows)
    if dead.num_rows:
        dead = put(dead, SET_ASIDE_BY.name, pa.repeat(pa.scalar(step.name), dead.num_rows))
    yield from _parts(live, dead)


class _File:
    """One Parquet file, written in row groups as large as Refinery's may be."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=3, store_schema=False)
        self._held, self._rows, self._bytes = list[pa.Table](), 0, 0
        self.rows = 0

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *error: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, rows: pa.Table) -> None:
        self._held.append(conform(rows, self._schema))
        self._rows += rows.num_rows
        self._bytes += rows.nbytes
        if self._rows >= MAX_GROUP_ROWS or self._bytes >= MAX_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.concat_tables(self._held))
        self.rows += self._rows
        self._held, self._rows, self._bytes = [], 0, 0


def main() -> None:
    """Prints one JSON object: seconds without imports, and rows by table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source")
    parser.add_argument(
        "--no-collector", action="store_true", help="without Python's cycle collector, as Refinery runs"
    )
    given = parser.parse_args()
    start = time.perf_counter()
    if given.no_collector:
        gc.disable()
    rows = refine(load(given.plan, given.source), deployment_key(), given.out)
    print(orjson.dumps({"seconds": time.perf_counter() - start, "rows": rows}).decode())


if __name__ == "__main__":
    main()
