"""The rounds of an Ask: fold every shard, ask what the store does not answer, seal, fold again.

    fold (a task a shard) -> need (a task a key range) -> the model, from this process -> seal (a task a key range)

Fold, need and seal are booked like any task. What the model answers is flushed to the response store as it comes, so a
run that is killed asks again only what was not flushed. Once a round is sealed its answers stay what they are.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from refinery.engine.ask import totals
from refinery.engine.manifest import Entry, read_entries
from refinery.engine.passes import Kind
from refinery.engine.tasks import Work
from refinery.errors import ModelError
from refinery.models.chat import Answerer
from refinery.models.responses import Book, MissingPart, Responses, overlaps
from refinery.models.spec import Model
from refinery.records.asked import TOTALS

Task = dict[str, Any]
Do = Callable[[str, Work, list[Task]], list[Entry]]
"""Runs the tasks of a work that are not booked yet; the entries of all."""
Progress = Callable[[str, int, int], None]
RANGE_ROWS: Final = 50_000
"""Rows a key range, about: one task holds the requests of a range in memory."""
_MAX_FAILED_IN_A_ROW: Final = 200
"""Failures with no answer between them; then nobody is there to ask."""


class Asking(NamedTuple):
    """What the rounds of one model stage need from the run."""

    work: Work
    shards: list[Task]
    ranges: int
    do: Do
    answerer: Answerer
    progress: Progress


def rounds(asking: Asking) -> tuple[list[Entry], dict[str, Any]]:
    """The entry of each shard's last fold, and the totals of all rounds; raises ModelError where nobody answers."""
    ask, work = asking.work.ask(), asking.work._replace(reducers=asking.ranges)
    last: dict[int, Entry] = {}
    waiting, sealed = asking.shards, list[Entry]()
    most = 2 * ask.max_rounds  # each round may want a repair
    for number in range(most + 1):
        returned = tuple(entry.outputs[0].file.path for entry in sealed)
        folds = [task | {"last": number == most} for task in waiting]
        for entry in asking.do(f"{ask.name} fold {number}", _part(work, "fold", number, returned), folds):
            last[entry.task] = entry
        waiting = [task for task in waiting if last[task["task"]].num]
        if not waiting:
            break
        asks = {task["task"] for task in waiting}
        maps = tuple(last[t["task"]].outputs[1].file.path if t["task"] in asks else "" for t in asking.shards)
        sealed += _round(asking, _part(work, "seal", number, maps), number)
    paths = [entry.outputs[1].file.path for entry in sealed]
    return [last[t["task"]] for t in asking.shards], totals(
        [pq.ParquetFile(work.store.open(path)).read().cast(TOTALS) for path in paths]
    )


def _part(work: Work, kind: Kind, number: int, maps: tuple[str, ...]) -> Work:
    return work._replace(kind=kind, folder=f"{work.folder}/{kind}-{number}", maps=maps)


def _round(asking: Asking, seal: Work, number: int) -> list[Entry]:
    """What the requests in `seal.maps` were answered, a sealed entry a key range."""
    ranges = [{"task": k} for k in range(asking.ranges)]
    failed, name = f"{asking.work.folder}/failed-{number}", seal.ask().name
    need = _part(asking.work._replace(reducers=asking.ranges), "need", number, seal.maps)
    if len(read_entries(seal.store, f"{seal.folder}/manifest")) < asking.ranges:
        missing = asking.do(f"{name} need {number}", need, ranges)
        _answer(asking, [entry for entry in missing if entry.num], failed, f"{name} answers {number}")
    return asking.do(f"{name} seal {number}", seal, [task | {"failed": failed} for task in ranges])


def _answer(asking: Asking, missing: list[Entry], failed: str, name: str) -> None:
    """Puts what is missing, and not flushed by an earlier start, to the model."""
    work = asking.work
    responses = Responses(work.store, work.model)
    parts, total = _parts(responses, missing), sum(entry.num for entry in missing)
    done = in_a_row = 0
    if parts:
        asking.progress(name, done, total)
    with Book(responses, f"{work.run_id} {work.ask().name}", failed, work.scratch) as book:
        for key, reply in asking.answerer.answer(parts) if parts else ():
            book.add(key, reply)
            done, in_a_row = done + 1, in_a_row + 1 if reply.text is None else 0
            if in_a_row >= _MAX_FAILED_IN_A_ROW:
                raise ModelError(
                    f"{in_a_row} requests in a row failed, the last with {reply.fault}; the run stops here, what was "
                    "answered is kept. Look at the model, then start the run again"
                )
            if done % 50 == 0:
                asking.progress(name, done, total)
    if parts:
        asking.progress(name, total, total)


def _parts(responses: Responses, missing: list[Entry]) -> list[MissingPart]:
    """Row groups of the files of missing requests, each with the files that may hold an answer by now."""
    files, parts = responses.files(), list[MissingPart]()
    for entry in missing:
        path = entry.outputs[0].file.path
        facts = pq.ParquetFile(responses.store.open(path)).metadata
        for group in range(facts.num_row_groups):
            keys = facts.row_group(group).column(0).statistics
            near = tuple(file for file in files if overlaps(file, keys.min, keys.max))
            parts.append(MissingPart(responses, path, group, near))
    return parts


def costs(model: Model, sums: dict[str, Any]) -> dict[str, Any]:
    """The totals with what they cost by the plan's price; null where the plan names none."""
    if model.price is None:
        return sums | {"cost": None, "currency": None}
    tokens = sums["prompt_tokens"] * model.price.prompt + sums["completion_tokens"] * model.price.completion
    return sums | {"cost": tokens / 1e6, "currency": model.price.currency}
