"""The rounds of an Ask: fold every shard, answer the distinct requests that are missing, fold again.

Answers are files named in manifests, so a restart asks only what none of them holds. What an earlier run was answered
is not looked up yet.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from refinery.engine.batch import place_of, split
from refinery.engine.manifest import Entry, Output
from refinery.engine.passes import Kind
from refinery.engine.tasks import Work, joined_schema, read_shard
from refinery.models.chat import Answerer
from refinery.records.fate import SET_ASIDE_BY, SET_ASIDE_ERROR, SET_ASIDE_WHY, STAGE_FAULT
from refinery.stage import ROW, UNANSWERED, Answers, Ask, Request
from refinery.storage.shards import ShardFile, ShardWriter
from refinery.storage.store import Store

REQUESTS: Final = pa.schema([("key", pa.string()), ("request", pa.binary())])
ANSWERS: Final = pa.schema([("key", pa.string()), ("answer", pa.string())])
Do = Callable[[str, Work, list[dict[str, Any]]], list[Entry]]
_REQUESTS_A_TASK: Final = 1_000
"""The most answers that a crash can lose."""


def rounds(work: Work, shards: list[dict[str, Any]], do: Do) -> list[Entry]:
    """Folds and answers in turn until no shard misses anything; the entries of the last fold.

    `do(name, work, tasks)` runs the tasks that are not booked yet and returns the entries of all.
    """
    ask, answered, waits = work.ask(), list[str](), [list[int]() for _ in shards]
    for number in range(ask.max_rounds + 1):
        tasks = [
            task | {"answers": [answered[i] for i in waits[task["task"]]], "last": number == ask.max_rounds}
            for task in shards
        ]
        folded = do(f"{ask.name} fold {number}", _part(work, "fold", number), tasks)
        asked, new = answer_tasks(work.store, folded)
        if not asked:
            break
        waits = [old + [len(answered) + i for i in more] for old, more in zip(waits, new, strict=True)]
        entries = do(f"{ask.name} answers {number}", _part(work, "answer", number), asked)
        answered += [entry.outputs[0].file.path for entry in entries]
    return folded


def _part(work: Work, kind: Kind, number: int) -> Work:
    return work._replace(kind=kind, folder=f"{work.folder}/{kind}-{number}")


def fold_task(work: Work, task: dict[str, Any]) -> Entry:
    """One shard folded over the answers so far -> columns of the rows that are done, requests of the others."""
    ask = work.ask()
    answers = _read_answers(work.store, task["answers"])
    done, asked = list[dict[str, Any]](), dict[str, Request]()
    for row in _live_rows(work, task, ask):
        found = _folded(ask, row, lambda request: answers.get(request.key(ask.model)))
        if isinstance(found, dict):
            done.append(found | {ROW.name: row[ROW.name]})
        elif task["last"]:
            done.append({ROW.name: row[ROW.name], SET_ASIDE_WHY.name: UNANSWERED})
        else:
            asked |= {request.key(ask.model): request for request in found}
    missing = [{"key": k, "request": orjson.dumps(list(r))} for k, r in asked.items() if k not in answers]
    columns = _write(work, pa.schema([ROW, *joined_schema(ask)]), done, f"fold-{task['task']:06d}")
    requests = _write(work, REQUESTS, missing, f"requests-{task['task']:06d}")
    return Entry(task["task"], (Output("work", None, columns), Output("requests", None, requests)))


def _folded(ask: Ask, row: dict[str, Any], answers: Answers) -> dict[str, Any] | list[Request]:
    """The fold; a row on which it breaks is set aside, as by any stage."""
    try:
        return ask.fold(row, answers)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (as in engine.batch: a fault costs the row it is in)
        return {SET_ASIDE_WHY.name: STAGE_FAULT, SET_ASIDE_ERROR.name: place_of(error)}


def answer_task(work: Work, answerer: Answerer, task: dict[str, Any]) -> Entry:
    """At most _REQUESTS_A_TASK requests put to the model."""
    rows = pq.ParquetFile(work.store.open(task["path"])).read().take(pa.array(task["rows"], pa.int64())).to_pylist()
    requests = [Request(*orjson.loads(row["request"])) for row in rows]
    texts = answerer.answer(work.ask().model, requests)
    found = [{"key": row["key"], "answer": text} for row, text in zip(rows, texts, strict=True)]
    return Entry(task["task"], (Output("work", None, _write(work, ANSWERS, found, f"answers-{task['task']:06d}")),))


def answer_tasks(store: Store, folded: list[Entry]) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """Tasks over the distinct requests of all shards, and for each shard the tasks whose answers it waits for."""
    owner: dict[str, int] = {}
    tasks, waits = list[dict[str, Any]](), list[list[int]]()
    for entry in folded:
        path = entry.outputs[1].file.path
        keys = pq.ParquetFile(store.open(path)).read(columns=["key"])["key"].to_pylist()
        new = [i for i, key in enumerate(keys) if key not in owner]
        for start in range(0, len(new), _REQUESTS_A_TASK):
            mine = new[start : start + _REQUESTS_A_TASK]
            owner |= {keys[i]: len(tasks) for i in mine}
            tasks.append({"task": len(tasks), "path": path, "rows": mine})
        waits.append(sorted({owner[key] for key in keys}))
    return tasks, waits


def _live_rows(work: Work, task: dict[str, Any], ask: Ask) -> Iterator[dict[str, Any]]:
    columns = [*sorted(ask.reads()), SET_ASIDE_BY.name, SET_ASIDE_WHY.name]
    for rows, _ in read_shard(work, task, columns):
        yield from split(rows)[0].select([ROW.name, *sorted(ask.reads())]).to_pylist()


def _read_answers(store: Store, paths: list[str]) -> dict[str, str]:
    tables = [pq.ParquetFile(store.open(path)).read() for path in paths]
    return {k: v for t in tables for k, v in zip(t["key"].to_pylist(), t["answer"].to_pylist(), strict=True)}


def _write(work: Work, schema: pa.Schema, rows: list[dict[str, Any]], stem: str) -> ShardFile:
    with ShardWriter(work.store, schema, work.scratch, "narrow") as out:
        out.write(pa.Table.from_pylist(rows, schema=schema))
        return out.finish(f"{work.folder}/data", stem)
