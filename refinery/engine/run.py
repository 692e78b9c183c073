"""The main job: freeze the input, run the passes, publish once; started again, it goes on where it was."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import orjson
import pyarrow as pa

from refinery import __version__
from refinery.engine import ask, intake
from refinery.engine.bundle import bundle
from refinery.engine.manifest import Entry, Output, put_entry, read_entries, whole
from refinery.engine.passes import Kind, Pass, cut, fingerprints
from refinery.engine.tasks import Join, Work, map_task, reduce_task, shard_task
from refinery.errors import LedgerError, PlanError
from refinery.intake.rows import Reading, digest
from refinery.intake.source import File, splittable
from refinery.lake import snapshot
from refinery.lake.tables import RUNS, conversations_schema
from refinery.ledger import Counts, balance, ledger_table, merge
from refinery.models.chat import Answerer
from refinery.plan import Plan
from refinery.records.fate import STAGE_FAULT
from refinery.stage import Ask
from refinery.storage.store import Store

Task = dict[str, Any]
Progress = Callable[[str, int, int], None]
"""Called with the pass's name, tasks done and tasks in all."""
_MIN_FAULTS: Final = 3


class Executor(Protocol):
    """Runs tasks somewhere. A task books itself in the manifest, so nothing comes back but that it is done."""

    def run(self, function: Callable[[Task], None], tasks: Sequence[Task]) -> Iterator[None]:
        """Runs each task, yielding once for each that is done, in any order; raises what a task raised."""


@dataclass(frozen=True)
class Booked:
    """A task function that books its entry; it pickles to workers with the pass's work."""

    work: Work
    facts: intake.Intake | None = None
    answerer: Answerer | None = None

    def __call__(self, task: Task) -> None:
        """Does the task and puts its manifest entry."""
        # Parsed JSON and rows are trees: searching them for cycles took a quarter of the time of the intake.
        gc.disable()
        try:
            put_entry(self.work.store, f"{self.work.folder}/manifest", self._entry(task))
        finally:
            gc.enable()

    def _entry(self, task: Task) -> Entry:
        if self.facts is not None:
            return intake.intake_task(self.work, self.facts, task)
        if self.answerer is not None and self.work.kind == "answer":
            return ask.answer_task(self.work, self.answerer, task)
        return _FUNCTIONS[self.work.kind](self.work, task)


_FUNCTIONS: Final[dict[Kind, Callable[[Work, Task], Entry]]] = {
    "stages": shard_task,
    "map": map_task,
    "reduce": reduce_task,
    "lines": intake.line_task,
    "fold": ask.fold_task,
}


class Report(NamedTuple):
    """How a run ended. `published` is False where an equal run had been published before."""

    run_id: str
    snapshot: int
    published: bool
    counts: Counts
    seconds: float


class Run:
    """One run of a plan into one lake."""

    def __init__(
        self,
        plan: Plan,
        lake: Store,
        key: bytes,
        executor: Executor,
        progress: Progress,
        answerer: Answerer | None = None,
    ) -> None:
        self._plan, self._lake, self._key, self._answerer = plan, lake, key, answerer
        self._executor, self._progress = executor, progress
        if asks := [step.name for step in plan.stages if isinstance(step, Ask)]:
            if answerer is None:
                raise PlanError(f"stages {asks} ask a model, and this run has none to ask")
        self.run_id = plan.run_id()
        self._home = f"runs/{self.run_id}"

    def __call__(self) -> Report:
        """Runs what is not done yet and publishes; a published run is left as it is."""
        started = datetime.now(UTC)
        frozen = self._freeze()
        passes = cut(self._plan)
        input_hash = digest(orjson.dumps([[list(file) for file in files] for files in frozen]))
        prints = fingerprints(passes, self._plan, input_hash, digest("key", key=self._key))
        found = snapshot.published(self._lake, self.run_id, prints[-1])
        if found is not None:
            return Report(self.run_id, found, False, Counts(), 0.0)
        snapshot.refuse_trial_over_full(self._lake, self._plan.key(), self._plan.limit)
        entries = self._passes(passes, prints, frozen)
        counts = merge(entry.counts for entry in entries)
        self._check(counts, entries)
        outputs = [o for entry in entries for o in entry.outputs if o.table != "work"]
        number = self._publish(prints[-1], started, counts, outputs, passes[-1])
        self._lake.remove_folder(f"{self._home}/scratch")
        return Report(self.run_id, number, True, counts, (datetime.now(UTC) - started).total_seconds())

    def _freeze(self) -> list[list[File]]:
        """The input as the first start of this run found it; a restart never lists again."""
        path = f"{self._home}/input.json"
        if not self._lake.exists(path):
            listed = [[list(file) for file in source.freeze()] for source in self._plan.sources]
            self._lake.put_new(path, orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        return [[File(*file) for file in files] for files in orjson.loads(self._lake.read(path))]

    def _passes(self, passes: list[Pass], prints: list[str], frozen: list[list[File]]) -> list[Entry]:
        joins: list[Join] = []
        shards: list[Task] = []
        counted: list[Entry] = []
        maps: tuple[str, ...] = ()
        rows = 0
        for number, (one, mark) in enumerate(zip(passes, prints, strict=True)):
            work = self._work(number, one, mark, tuple(joins))
            if one.kind == "intake":
                entries = self._intake(work, frozen, mark)
            elif one.kind == "ask":
                entries = ask.rounds(
                    work, shards, lambda name, part, tasks: self._do(name, Booked(part, answerer=self._answerer), tasks)
                )
                joins.append(Join(one.steps[0], one.first_step, _paths(entries), by_shard=True))
            elif one.kind == "reduce":
                work = work._replace(maps=maps, reducers=_reducers(rows, self._plan))
                entries = self._do(one.name, Booked(work), [{"task": k} for k in range(work.reducers)])
                joins.append(Join(work.exchange(), one.first_step, _paths(entries)))
            else:
                work = work._replace(reducers=_reducers(rows, self._plan))
                entries = self._do(one.name, Booked(work), shards)
            if one.kind == "map":
                maps = _paths(entries)
            elif one.kind in ("intake", "stages"):
                files = [o.file for e in entries for o in e.outputs if o.table == "work"]
                shards = [{"task": i, "path": file.path} for i, file in enumerate(files)]
                rows, joins = sum(file.rows for file in files), []
                counted += entries
        return counted

    def _work(self, number: int, one: Pass, mark: str, joins: tuple[Join, ...]) -> Work:
        folder = f"{self._home}/{number:02d}-{one.name}-{mark[:16]}"
        bundles = tuple(bundle(step) for step in one.steps)
        return Work(
            self._lake.url,
            self.run_id,
            folder,
            one.kind,
            bundles,
            one.first_step,
            one.before,
            one.after,
            one.final,
            joins,
        )

    def _intake(self, work: Work, frozen: list[list[File]], mark: str) -> list[Entry]:
        plan = self._plan
        span = 2**62 if plan.limit else plan.shards.input_bytes
        reading = Reading(self._key, plan.timezone, None, plan.limits.max_turns, plan.limits.max_chars)
        facts = intake.Intake(plan.sources, plan.limits, reading, plan.shards.rows, plan.shards.bytes, plan.limit)
        tasks = intake.tasks(frozen, span, self._first_lines(frozen, span, mark))
        return self._do("intake", Booked(work, facts), tasks)

    def _first_lines(self, frozen: list[list[File]], span: int, mark: str) -> dict[tuple[str, int], int]:
        """Number of the first line that starts in each byte range; files of more than one range are counted first."""
        places = [
            (f, start, end) for files in frozen for f in files if splittable(f) for start, end in intake.spans(f, span)
        ]
        # A line belongs to the range it starts in, so newlines are counted up to the byte before the range.
        tasks = [
            {"task": i, "file": list(f), "start": max(0, start - 1), "end": end - 1}
            for i, (f, start, end) in enumerate(places)
            if end < f.size
        ]
        if not tasks:
            return {(f.url, start): 1 for f, start, _ in places}
        folder = f"{self._home}/00-lines-{mark[:16]}"
        none = self._work(0, cut(self._plan)[0], mark, ())._replace(kind="lines", folder=folder, bundles=())
        self._do("count lines", Booked(none), tasks)
        counted = read_entries(self._lake, f"{folder}/manifest")
        lines: dict[tuple[str, int], int] = {}
        total = 0
        for i, (f, start, _) in enumerate(places):
            total = 0 if start == 0 else total + counted[i - 1].num
            lines[f.url, start] = total + (2 if start else 1)
        return lines

    def _do(self, name: str, function: Booked, tasks: list[Task]) -> list[Entry]:
        """Runs the tasks whose entry is missing or whose files are gone; returns the entries of all, in order."""
        folder = f"{function.work.folder}/manifest"
        have = {n for n, entry in read_entries(self._lake, folder).items() if whole(self._lake, entry)}
        todo = [task for task in tasks if task["task"] not in have]
        done = len(tasks) - len(todo)
        self._progress(name, done, len(tasks))
        for _ in self._executor.run(function, todo) if todo else ():
            done += 1
            self._progress(name, done, len(tasks))
        entries = read_entries(self._lake, folder)
        return [entries[task["task"]] for task in tasks]

    def _check(self, counts: Counts, entries: list[Entry]) -> None:
        """Nothing lost: by source and step, and against the rows in the files; and few faults."""
        balance(counts, len(self._plan.stages))
        read = sum(n for line, n in counts.items() if line.fate == "read")
        rows = sum(o.file.rows for e in entries for o in e.outputs if o.table == "conversations")
        if rows != read:
            raise LedgerError(f"{read} rows were read but {rows} stand in the files; nothing is published")
        faults = {line: n for line, n in counts.items() if line.reason == STAGE_FAULT}
        total = sum(faults.values())
        if total >= _MIN_FAULTS and total > self._plan.max_fault_share * read:
            where = ", ".join(sorted({f"{line.stage} ({n})" for line, n in faults.items()}))
            raise LedgerError(
                f"{total} of {read} rows broke a stage: {where}; nothing is published. Run again with --limit to see "
                "`set_aside_error`, mend the stage, or raise max_fault_share in the plan"
            )

    def _publish(self, mark: str, started: datetime, counts: Counts, outputs: list[Output], last: Pass) -> int:
        finished = datetime.now(UTC)

        def total(fate: str, step: int | None = None) -> int:
            return sum(n for x, n in counts.items() if x.fate == fate and (step is None or x.step == step))

        facts = {
            "run_id": self.run_id,
            "plan": self._plan.name,
            "fingerprint": mark,
            "started_at": started,
            "finished_at": finished,
            "seconds": (finished - started).total_seconds(),
            "num_read": total("read"),
            "num_live": total("live", len(self._plan.stages)),
            "num_set_aside": total("set_aside"),
            "num_quarantined": total("quarantined"),
            "num_samples": sum(o.file.rows for o in outputs if o.table == "samples"),
            "version": __version__,
        }
        with snapshot.Publication(self._lake, self.run_id, conversations_schema(last.after)) as publication:
            publication.rows("ledger", ledger_table(self.run_id, counts))
            publication.rows("runs", pa.Table.from_pylist([facts], schema=RUNS))
            files = [(o.table, o.event_date or "all", o.file) for o in outputs]
            return publication.publish(self._plan.key(), mark, self._plan.limit, files)


def _reducers(rows: int, plan: Plan) -> int:
    return max(1, -(-rows // plan.shards.reducer_rows))


def _paths(entries: list[Entry]) -> tuple[str, ...]:
    return tuple(o.file.path for e in entries for o in e.outputs if o.table == "work")


def deployment_key() -> bytes:
    """The key of all keyed hashes: REFINERY_KEY, or the file it is kept in, made on first use.

    Lost or changed, rows of later nights no longer match earlier ones; keep it as you keep a password.
    """
    if text := os.environ.get("REFINERY_KEY"):
        return digest("deployment", text).encode()
    path = Path(os.environ.get("REFINERY_KEY_FILE") or Path.home() / ".config" / "refinery" / "key")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(32).hex().encode())
    return digest("deployment", path.read_text(encoding="ascii").strip()).encode()
