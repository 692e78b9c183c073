"""The rounds of an exchange: a mapper writes one file, a group a key range; a reducer reads its group of every file."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from refinery.engine.batch import split
from refinery.engine.manifest import Entry, Output
from refinery.engine.tasks import Work, read_shard, rows_of
from refinery.errors import StageError
from refinery.records.fate import SET_ASIDE_BY, SET_ASIDE_WHY
from refinery.stage import KEY, ROW, Exchange, Round, note_of
from refinery.storage.shards import ShardWriter, WideFile
from refinery.storage.store import Store


def map_task(work: Work, task: dict[str, Any]) -> Entry:
    """What the rows of one shard send, a group a reducer."""
    each = work.exchange().rounds()[work.round]
    records = pa.concat_tables([each.send(rows, found) for rows, found in _given(work, task)]).combine_chunks()
    with ShardWriter(work.store, records.schema, work.scratch, "wide") as out:
        for part in parts_of(records, work.reducers):
            out.write_group(part)
        file = out.finish(f"{work.folder}/data", f"map-{task['task']:06d}")
    return Entry(task["task"], (Output("work", None, file),))


def reduce_task(work: Work, task: dict[str, Any]) -> Entry:
    """One key range of all mappers' files, or all that the round before found -> what this round finds."""
    exchange, store = work.exchange(), work.store
    each = exchange.rounds()[work.round]
    if each.reads():
        records = pa.concat_tables([WideFile(store, path).group(task["task"]) for path in work.maps])
    else:
        records = _all(store, work.found[-1])
    result = _checked(exchange, each, each.find(records.combine_chunks()))
    note = note_of(result)
    result = result.replace_schema_metadata(None)
    with ShardWriter(store, result.schema, work.scratch, "narrow") as out:
        out.write(result)
        file = out.finish(f"{work.folder}/data", f"reduce-{task['task']:06d}")
    return Entry(task["task"], (Output("work", None, file),), notes=() if note is None else (note,))


def decide(exchange: Exchange, rows: pa.Table, reducers: int = 1) -> pa.Table:
    """All rounds over rows that are here, with as many reducers: `_row` and the columns written, without any file."""
    found = list[pa.Table]()
    for number, each in enumerate(exchange.rounds()):
        if each.reads():
            given = _followed(exchange, number, rows, found)
            records = each.send(given.select([ROW.name, *sorted(each.reads())]).combine_chunks(), found)
            parts = [each.find(part.combine_chunks()) for part in parts_of(records, reducers)]
        else:
            parts = [each.find(found[-1])]
        result = pa.concat_tables(_checked(exchange, each, part).replace_schema_metadata(None) for part in parts)
        found.append((result.sort_by(ROW.name) if each.by_row else result).combine_chunks())
    return found[-1]


def parts_of(records: pa.Table, reducers: int) -> list[pa.Table]:
    """The records of each key range, in their order."""
    if reducers == 1:
        return [records]
    reducer = (records[KEY.name].to_numpy() >> np.uint64(32)) * np.uint64(reducers) >> np.uint64(32)
    order = np.argsort(reducer, kind="stable")
    records = records.take(pa.array(order))
    ends = np.searchsorted(reducer[order], np.arange(reducers + 1))
    return [records.slice(start, end - start) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def _given(work: Work, task: dict[str, Any]) -> Iterator[tuple[pa.Table, list[pa.Table]]]:
    """The shard's live rows by group, with what the earlier rounds found; at least once, be it with none."""
    exchange, shard = work.exchange(), task["task"]
    rounds = exchange.rounds()
    columns = sorted(rounds[work.round].reads())
    pairs = list(zip(rounds, work.found, strict=False))
    found = [rows_of(work.store, files, shard) if each.by_row else _all(work.store, files) for each, files in pairs]
    yield pa.schema([ROW, *(work.before.field(c) for c in columns)]).empty_table(), _of(pairs, found, 0, 0)
    if pairs and pairs[-1][0].by_row and not found[-1].num_rows:
        return
    start = shard << 32
    for rows, _ in read_shard(work, task, [*columns, SET_ASIDE_BY.name, SET_ASIDE_WHY.name]):
        end = start + rows.num_rows
        here = _of(pairs, found, start, end)
        live = rows if exchange.dead_rows else split(rows)[0]
        yield _followed(exchange, work.round, live, here).select([ROW.name, *columns]).combine_chunks(), here
        start = end


def _of(pairs: list[tuple[Round, tuple[str, ...]]], found: list[pa.Table], start: int, end: int) -> list[pa.Table]:
    """What was found by row for rows `start` to `end`, and all that was found for all."""
    return [
        _between(table, start, end) if each.by_row else table for (each, _), table in zip(pairs, found, strict=True)
    ]


def _between(table: pa.Table, start: int, end: int) -> pa.Table:
    first, last = np.searchsorted(table[ROW.name].to_numpy(), [start, end])
    return table.slice(first, last - first)


def _followed(exchange: Exchange, number: int, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
    """The rows that a round is given: all, or those for which the round before found something."""
    if not found or not exchange.rounds()[number - 1].by_row:
        return rows
    return rows.filter(pc.is_in(rows[ROW.name], found[-1][ROW.name].combine_chunks()))


def _all(store: Store, files: Sequence[str]) -> pa.Table:
    return pa.concat_tables([pq.ParquetFile(store.open(path)).read() for path in files])


def _checked(exchange: Exchange, each: Round, result: pa.Table) -> pa.Table:
    """What a round found, the last one's with exactly the columns written; raises StageError where out of order."""
    if each.by_row and np.any(np.diff(result[ROW.name].to_numpy()) < 0):
        raise StageError(f"round {each.name!r} of {exchange.name!r} found rows in another order than `_row`")
    return result.select([ROW.name, *exchange.writes().names]) if each.name == exchange.rounds()[-1].name else result
