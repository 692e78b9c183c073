"""What a worker does in a round of an Ask: fold a shard, look up what a key range needs, seal what came back.

Requests travel like the rows of an exchange: a fold writes its shard's requests by key range (row groups k, k + R, …
of one file are range k of R), a key range is looked up and sealed by one task, and what it seals goes back with a row
group a shard. So no process holds the keys of all shards, and each distinct question is asked once.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from refinery.engine.batch import place_of, split
from refinery.engine.manifest import Entry, Output
from refinery.engine.tasks import Work, read_shard, reducer_of
from refinery.errors import StorageError
from refinery.models.answer import check
from refinery.models.repair import repair
from refinery.models.responses import FAILED, REQUESTS, Responses, overlaps
from refinery.records.asked import TOTALS
from refinery.records.fate import (
    BAD_ANSWER,
    RAW_ANSWERS,
    SET_ASIDE_BY,
    SET_ASIDE_ERROR,
    SET_ASIDE_WHY,
    STAGE_FAULT,
    UNANSWERED,
)
from refinery.stage import ROW, Ask, Request
from refinery.storage.shards import ShardFile, ShardWriter

RETURNED: Final = pa.schema([("key", pa.string()), ("answer", pa.string()), ("fault", pa.string())])
"""What a key range sends back to a shard: the answer, or the fault for which there is none."""
_HELD_BYTES: Final = 64 * 2**20
"""Requests that a fold holds before it writes them out."""
_PART_REQUESTS: Final = 200
"""Requests that are read together to be asked."""
_ROWS_AT_ONCE: Final = 1_024

Texts = dict[str, tuple[str | None, str]]
"""By key: the answer, or None and the fault."""


class _Lost(Exception):  # noqa: N818 (no error: how a row's fold ends early)
    """The row cannot be folded: its columns say why."""


class Reader:
    """The answers as one row's fold sees them: read by schema, a bad one asked for again once."""

    def __init__(self, identity: str, texts: Texts) -> None:
        self._identity, self._texts = identity, texts

    def __call__(self, request: Request) -> Any:  # noqa: ANN401 (any JSON)
        """As stage.Answers."""
        return self.read(request)[0]

    def read(self, request: Request) -> tuple[Any, Request | None]:
        """The answer's value, or the request that is missing: this one, or the one that asks again."""
        text = self._text(request)
        if text is None:
            return None, request
        first = check(text, request.answer_schema)
        if not first.fault:
            return first.value, None
        again = repair(request, text, first.fault)
        second_text = self._text(again)
        if second_text is None:
            return None, again
        second = check(second_text, request.answer_schema)
        if not second.fault:
            return second.value, None
        said = [(request.prompt, text, first.fault), (again.prompt, second_text, second.fault)]
        raw = [{"prompt": p, "vote": request.vote, "fault": f, "answer": t} for p, t, f in said]
        raise _Lost({SET_ASIDE_WHY.name: BAD_ANSWER, SET_ASIDE_ERROR.name: second.fault, RAW_ANSWERS.name: raw})

    def _text(self, request: Request) -> str | None:
        found = self._texts.get(request.key(self._identity))
        if found is None:
            return None
        text, fault = found
        if text is None:
            raise _Lost({SET_ASIDE_WHY.name: UNANSWERED, SET_ASIDE_ERROR.name: fault})
        return text


def folded(ask: Ask, reader: Reader, row: dict[str, Any], last: bool) -> dict[str, Any] | list[Request]:
    """A row's columns, or the requests it misses; a row on which the fold breaks is set aside, as by any stage."""
    try:
        found = ask.fold(row, reader)
        if isinstance(found, dict):
            return found
        missing = [request for _, request in map(reader.read, found) if request is not None]
        if missing and not last:
            return missing
        return {SET_ASIDE_WHY.name: UNANSWERED, SET_ASIDE_ERROR.name: "max_rounds" if missing else "asked_for_nothing"}
    except _Lost as lost:
        columns: dict[str, Any] = lost.args[0]
        return columns
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (as in engine.batch: a fault costs the row it is in)
        return {SET_ASIDE_WHY.name: STAGE_FAULT, SET_ASIDE_ERROR.name: place_of(error)}


def fold_task(work: Work, task: dict[str, Any]) -> Entry:
    """One shard folded over the answers so far -> columns of the rows that are done, requests of the others.

    `work.maps`: what was sealed in the rounds before. The entry counts the requests.
    """
    ask, number = work.ask(), task["task"]
    reader = Reader(work.model, _returned(work, number))
    schema = pa.schema([ROW, *ask.adds()])
    done = list[dict[str, Any]]()
    with ShardWriter(work.store, schema, work.scratch, "narrow") as out, _RequestWriter(work) as requests:
        for row in _live_rows(work, task, ask):
            found = folded(ask, reader, row, task["last"])
            if isinstance(found, dict):
                done.append(found | {ROW.name: row[ROW.name]})
            else:
                requests.add(found)
            if len(done) >= _ROWS_AT_ONCE:
                out.write(pa.Table.from_pylist(done, schema=schema))
                done = []
        out.write(pa.Table.from_pylist(done, schema=schema))
        columns = Output("work", None, out.finish(f"{work.folder}/data", f"fold-{number:06d}"))
        asked = Output("requests", None, requests.finish(f"requests-{number:06d}"))
    return Entry(number, (columns, asked), num=asked.file.rows)


class _RequestWriter:
    """A shard's distinct requests, written range by range whenever enough of them are held."""

    def __init__(self, work: Work) -> None:
        self._work, self._out = work, ShardWriter(work.store, REQUESTS, work.scratch, "narrow")
        self._held, self._bytes, self._seen = list[dict[str, Any]](), 0, set[str]()

    def __enter__(self) -> "_RequestWriter":
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401
        self._out.__exit__(*error)

    def add(self, requests: list[Request]) -> None:
        for request in requests:
            key = request.key(self._work.model)
            if key not in self._seen:
                self._seen.add(key)
                body = orjson.dumps(list(request))
                self._held.append({"key": key, "repair": "+repair_" in request.prompt, "request": body})
                self._bytes += len(body)
        if self._bytes > _HELD_BYTES:
            self._write()

    def _write(self) -> None:
        table = pa.Table.from_pylist(self._held, schema=REQUESTS).sort_by("key")
        ranges = reducer_of(table["key"].combine_chunks(), self._work.reducers)
        for k in range(self._work.reducers):
            self._out.write_group(table.filter(pa.array(ranges == k)))
        self._held, self._bytes = [], 0

    def finish(self, stem: str) -> ShardFile:
        if self._held:
            self._write()
        return self._out.finish(f"{self._work.folder}/data", stem)


def need_task(work: Work, task: dict[str, Any]) -> Entry:
    """One key range of all shards' requests -> those that the response store does not answer, sorted, and how many.

    `work.maps`: by shard, the file of its requests, or "" where it has none.
    """
    responses = Responses(work.store, work.model)
    keys = _distinct([keys for _, keys in _asked(work, task["task"], ["key"])])
    have = responses.find(keys, responses.files(), ["key"])["key"].combine_chunks()
    wanted, found = keys.filter(pc.invert(pc.is_in(keys, have))), [REQUESTS.empty_table()]
    for _, rows in _asked(work, task["task"], REQUESTS.names) if len(wanted) else ():
        mine = rows.filter(pc.is_in(rows["key"], wanted))
        wanted = wanted.filter(pc.invert(pc.is_in(wanted, mine["key"].combine_chunks())))
        found.append(mine)
    table = pa.concat_tables(found).sort_by("key")
    with ShardWriter(work.store, REQUESTS, work.scratch, "narrow") as out:
        for start in range(0, table.num_rows, _PART_REQUESTS):
            out.write_group(table.slice(start, _PART_REQUESTS))
        file = out.finish(f"{work.folder}/data", f"need-{task['task']:06d}")
    return Entry(task["task"], (Output("work", None, file),), num=table.num_rows)


def seal_task(work: Work, task: dict[str, Any]) -> Entry:
    """One key range's answers, looked up once and for all -> a row group a shard, and the totals.

    `work.maps` as in `need_task`; failures of the round lie under task["failed"]. Raises StorageError where a request
    has neither answer nor failure: the store lost it.
    """
    responses, number = Responses(work.store, work.model), task["task"]
    asked = list(_asked(work, number, ["key", "repair"]))
    keys = _distinct([table for _, table in asked])
    stored = responses.find(keys, responses.files())
    failed = _failures(work, task["failed"], keys.filter(pc.invert(pc.is_in(keys, stored["key"].combine_chunks()))))
    answers = (
        pa.concat_tables(
            [
                pa.table([stored["key"], stored["answer"], pa.nulls(len(stored), pa.string())], schema=RETURNED),
                pa.table([failed["key"], pa.nulls(len(failed), pa.string()), failed["fault"]], schema=RETURNED),
            ]
        )
        .sort_by("key")
        .combine_chunks()
    )
    if len(answers) != len(keys):
        raise StorageError(f"{len(keys) - len(answers)} answers are gone from {responses.folder}; run again")
    with ShardWriter(work.store, RETURNED, work.scratch, "narrow") as out:
        by_shard = dict(asked)
        for shard in range(len(work.maps)):
            mine = by_shard[shard]["key"].combine_chunks() if shard in by_shard else pa.array([], pa.string())
            out.write_group(answers.take(pc.search_sorted(answers["key"].combine_chunks(), mine)))
        returned = Output("work", None, out.finish(f"{work.folder}/data", f"seal-{number:06d}"))
    repairs = _distinct([t.filter(t["repair"]) for _, t in asked])
    totals = _totals(f"{work.run_id} {work.ask().name}", stored, failed) | {"num_repairs": len(repairs)}
    with ShardWriter(work.store, TOTALS, work.scratch, "narrow") as out:
        out.write(pa.Table.from_pylist([totals], schema=TOTALS))
        return Entry(
            number, (returned, Output("totals", None, out.finish(f"{work.folder}/data", f"totals-{number:06d}")))
        )


def _totals(asked_by: str, stored: pa.Table, failed: pa.Table) -> dict[str, Any]:
    mine = stored.filter(pc.equal(stored["asked_by"], asked_by))
    sums = {n: pc.sum(mine[n]).as_py() or 0 for n in ("prompt_tokens", "completion_tokens", "seconds", "retries")}
    return {
        **sums,
        "num_requests": len(stored) + len(failed),
        "num_asked": len(mine) + len(failed),
        "num_replayed": len(stored) - len(mine),
        "num_failed": len(failed),
        "num_retries": sums["retries"] + (pc.sum(failed["retries"]).as_py() or 0),
    }


def _asked(work: Work, number: int, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
    """Shard and rows of one key range, for each shard that asked."""
    for shard, path in enumerate(work.maps):
        if path:
            file = pq.ParquetFile(work.store.open(path))
            groups = range(number, file.num_row_groups, work.reducers)
            yield shard, pa.concat_tables(file.read_row_group(g, columns) for g in groups)


def _distinct(tables: list[pa.Table]) -> pa.Array:
    """The keys of all tables, sorted, each once."""
    keys = pa.chunked_array([c for t in tables for c in t["key"].chunks], pa.string()).unique()
    return keys.take(pc.sort_indices(keys))


def _failures(work: Work, folder: str, keys: pa.Array) -> pa.Table:
    """The last word on each of the keys (sorted) that no answer came for."""
    if not len(keys):
        return FAILED.empty_table()
    low, high = keys[0].as_py(), keys[-1].as_py()
    files = [path for path in work.store.list(folder) if overlaps(path, low, high)]
    tables = [FAILED.empty_table(), *(pq.ParquetFile(work.store.open(p)).read().cast(FAILED) for p in files)]
    table = pa.concat_tables(tables)
    found = {r["key"]: r for r in table.filter(pc.is_in(table["key"], keys)).sort_by("fault").to_pylist()}
    return pa.Table.from_pylist([found[key] for key in sorted(found)], schema=FAILED)


def _live_rows(work: Work, task: dict[str, Any], ask: Ask) -> Iterator[dict[str, Any]]:
    columns = [*sorted(ask.reads()), SET_ASIDE_BY.name, SET_ASIDE_WHY.name]
    for rows, _ in read_shard(work, task, columns):
        yield from split(rows)[0].select([ROW.name, *sorted(ask.reads())]).to_pylist()


def _returned(work: Work, shard: int) -> Texts:
    """All that the rounds before sent back to a shard."""
    found: Texts = {}
    for path in work.maps:
        table = pq.ParquetFile(work.store.open(path)).read_row_group(shard)
        for key, answer, fault in zip(*(table[name].to_pylist() for name in RETURNED.names), strict=True):
            found[key] = (answer, fault or "")
    return found


def totals(store_tables: list[pa.Table]) -> dict[str, Any]:
    """The sums over key ranges and rounds."""
    table = pa.concat_tables([TOTALS.empty_table(), *store_tables])
    return {name: pc.sum(table[name]).as_py() or 0 for name in TOTALS.names}
