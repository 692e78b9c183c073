"""The main job: freeze the input, run the passes, publish once; started again, it goes on where it was."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from refinery.engine import closing, gather, intake, rounds
from refinery.engine.answerers import answerer
from refinery.engine.booked import Booked, Executor, Task
from refinery.engine.bundle import Bundle
from refinery.engine.key import bind
from refinery.engine.manifest import Entry, drop_broken, read_entries
from refinery.engine.passes import Pass, cut, fingerprints
from refinery.engine.tasks import Join, Work
from refinery.errors import InputError, StorageError
from refinery.intake.rows import Reading, digest
from refinery.intake.source import File, shown, splittable
from refinery.intake.turns import Place
from refinery.lake import snapshot
from refinery.ledger import merge
from refinery.models.chat import Answerer
from refinery.plan import Plan
from refinery.stage import Ask
from refinery.storage.store import Store

Progress = Callable[[str, int, int], None]
"""Called with the pass's name, tasks done and tasks in all."""


class Report(NamedTuple):
    """How a run ended. `published` is False where an equal run had been published before.

    `changes` says in words how the input differs from what the run froze, where it does; `passed_over`, which files of
    the sources it did not read; `notes`, what exchanges have to tell.
    """

    run_id: str
    snapshot: int
    published: bool
    seconds: float
    changes: str = ""
    passed_over: str = ""
    notes: tuple[str, ...] = ()


class Exchanged(NamedTuple):
    """How far an exchange is: files of its mappers and of what its earlier rounds found, rows of the last of these."""

    maps: tuple[str, ...] = ()
    found: tuple[tuple[str, ...], ...] = ()
    rows: int = 0
    done: bool = False


class Run:
    """One run of a plan into one lake."""

    def __init__(
        self,
        plan: Plan,
        lake: Store,
        key: bytes,
        executor: Executor,
        progress: Progress,
        answerers: Mapping[str, Answerer] | None = None,
    ) -> None:
        """`answerers` stand in for clients of the plan's models, by their word."""
        self._plan, self._lake, self._key, self._answerers = plan, lake, key, dict(answerers or {})
        self._executor, self._progress = executor, progress
        self.run_id = plan.run_id()
        self._home = f"runs/{self.run_id}"
        self._scratch = f"{self._home}/scratch-{uuid.uuid4().hex}"
        self._bundles = [Bundle.of(step) for step in plan.stages]
        self._notes = Counter[str]()

    def __call__(self) -> Report:
        """Runs what is not done yet and publishes; a published run is left as it is."""
        started = datetime.now(UTC)
        key_id = bind(self._lake, self._key)
        frozen, passed_over = self._freeze()
        passes = cut(self._plan)
        input_hash = digest(orjson.dumps([[list(file) for file in files] for files in frozen]))
        prints = fingerprints(passes, self._plan, self._bundles, input_hash, key_id)
        base = snapshot.latest(self._lake)
        claim = snapshot.Claim(prints[-1], self._plan.places(), self._plan.limit, base)
        found, _ = snapshot.settle(self._lake, self.run_id, claim)
        if found is not None:
            return Report(self.run_id, found, False, 0.0, self._changes(frozen), passed_over)
        self._open_clients()
        asked = list[closing.Asked]()
        try:
            entries = self._passes(passes, prints, frozen, asked)
        finally:
            self._lake.remove_folder(self._scratch)
        counts = merge(entry.counts for entry in entries)
        closing.check(self._plan, counts, entries)
        number = closing.publish(self._lake, self._plan, passes[-1].after, claim, started, counts, entries, asked)
        seconds = (datetime.now(UTC) - started).total_seconds()
        notes = tuple(words.format(f"{num:,}") for words, num in sorted(self._notes.items()))
        return Report(self.run_id, number, True, seconds, self._changes(frozen), passed_over, notes)

    def _freeze(self) -> tuple[list[list[File]], str]:
        """The input as the first start of this run found it, and in words what it passed over.

        A restart never lists again.
        """
        path = f"{self._home}/input.json"
        if self._lake.size(path) is None:
            listed = [
                {"source": source.name, "files": [list(file) for file in files], "passed_over": passed}
                for source in self._plan.sources
                for files, passed in [source.listing()]
            ]
            self._lake.put_new(path, orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        kept = orjson.loads(self._lake.read(path))
        words = [f"{one['source']}: {shown(one['passed_over'])}" for one in kept if one["passed_over"]]
        return [[File(*file) for file in one["files"]] for one in kept], "; ".join(words)

    def _changes(self, frozen: list[list[File]]) -> str:
        """How the sources differ now from the frozen input; a published run does not look at them again."""
        before = {file.url: file for files in frozen for file in files}
        try:
            now = {file.url: file for source in self._plan.sources for file in source.freeze()}
        except InputError:
            return "the input is no longer there"
        new, gone = len(now.keys() - before.keys()), len(before.keys() - now.keys())
        other = sum(now[url] != before[url] for url in now.keys() & before.keys())
        if not new + gone + other:
            return ""
        where = self._lake.address(f"{self._home}/input.json")
        return (
            f"since this run froze its input, {new} files are new, {other} changed and {gone} are gone; it does not "
            f"read them. To take them in, remove {where} and run again"
        )

    def _passes(
        self, passes: list[Pass], prints: list[str], frozen: list[list[File]], asked: list[closing.Asked]
    ) -> list[Entry]:
        joins: list[Join] = []
        shards: list[Task] = []
        wide: list[Entry] = []
        exchanged = Exchanged()
        rows = 0
        for number, (one, mark) in enumerate(zip(passes, prints, strict=True)):
            work = self._work(number, one, mark, tuple(joins))
            if one.kind == "intake":
                entries = self._intake(work, frozen, mark)
            elif one.kind == "ask":
                entries, totals = rounds.rounds(self._asking(work, one, shards, rows))
                asked.append(closing.Asked(work.ask(), one.first_step, totals))
                joins.append(Join(one.steps[0], one.first_step, _paths(entries), by_shard=True))
            elif one.kind in ("map", "reduce"):
                exchanged = self._round(one, work, shards, rows, exchanged)
                if exchanged.done:
                    joins.append(Join(one.steps[0], one.first_step, exchanged.found[-1]))
                    exchanged = Exchanged()
            else:
                entries = self._do(one.name, Booked(work), shards)
            if one.kind in ("intake", "stages"):
                wide += entries
                closing.refuse_faults(self._plan, merge(entry.counts for entry in wide))
                files = [o.file for e in entries for o in e.outputs if o.table == "work"]
                shards = [{"task": i, "path": file.path} for i, file in enumerate(files)]
                rows, joins = sum(file.rows for file in files), []
        return wide

    def _open_clients(self) -> None:
        """Before anything runs: a key that is not set or a package that is missing is said now, not hours later."""
        for step in self._plan.stages:
            if isinstance(step, Ask) and step.model not in self._answerers:
                self._answerers[step.model] = answerer(self._plan.asked(step))

    def _asking(self, work: Work, one: Pass, shards: list[Task], rows: int) -> rounds.Asking:
        (ask,) = (step for step in one.steps if isinstance(step, Ask))
        ranges = max(1, -(-rows // min(rounds.RANGE_ROWS, self._plan.shards.reducer_rows)))
        work = work._replace(model=self._plan.asked(ask).identity)

        def do(name: str, part: Work, tasks: list[Task]) -> list[Entry]:
            return self._do(name, Booked(part), tasks)

        return rounds.Asking(work, shards, ranges, do, self._answerers[ask.model], self._progress)

    def _round(self, one: Pass, work: Work, shards: list[Task], rows: int, before: Exchanged) -> Exchanged:
        """Half a round of an exchange: the mappers, or the reducers, as many as its rows ask for."""
        each = one.rounds[one.round]
        follows = one.round > 0 and one.rounds[one.round - 1].by_row
        weight = (before.rows if follows else rows) * each.weight
        reducers = max(1, -(-weight // self._plan.shards.reducer_rows)) if each.reads() else 1
        work = work._replace(reducers=reducers, round=one.round, found=before.found, maps=before.maps)
        if one.kind == "map":
            return before._replace(maps=_paths(self._do(one.name, Booked(work), shards)))
        entries = self._do(one.name, Booked(work), [{"task": k} for k in range(reducers)])
        for what, num in (note for entry in entries for note in entry.notes):
            self._notes[f"{one.steps[0].name}: {{}} rows {what}"] += num
        rows = sum(o.file.rows for e in entries for o in e.outputs)
        return Exchanged((), (*before.found, _paths(entries)), rows, one.round == len(one.rounds) - 1)

    def _work(self, number: int, one: Pass, mark: str, joins: tuple[Join, ...]) -> Work:
        folder = f"{self._home}/{number:02d}-{one.name}-{mark[:16]}"
        bundles = tuple(self._bundles[one.first_step - 1 :][: len(one.steps)])
        shape = (one.kind, bundles, one.first_step, one.before, one.after, one.final)
        return Work(self._lake.url, self.run_id, self._scratch, folder, *shape, joins)

    def _intake(self, work: Work, frozen: list[list[File]], mark: str) -> list[Entry]:
        plan = self._plan
        span = 2**62 if plan.limit else plan.shards.input_bytes
        reading = Reading(self._key, plan.timezone, None, plan.limits.max_turns, plan.limits.max_chars)
        sizes = (plan.shards.rows, plan.shards.bytes, plan.shards.input_bytes)
        facts = intake.Intake(plan.sources, plan.limits, reading, *sizes, plan.limit)
        logs = [[] if s.format == "turns" else files for s, files in zip(plan.sources, frozen, strict=True)]
        tasks = intake.tasks(logs, span, self._first_lines(logs, span, mark))
        if (found := gather.layout(plan.sources, frozen, span)) is None:
            return self._do("intake", Booked(work, facts), tasks)
        pieces = self._gather(found, facts, mark)
        tasks += [{"task": len(tasks) + k, "range": k} for k in range(found.ranges)]
        entries = self._do("intake", Booked(work._replace(maps=_paths(pieces)), facts), tasks)
        gather.check(sum(entry.num for entry in pieces), sum(entry.num for entry in entries))
        return [*(e._replace(outputs=tuple(o for o in e.outputs if o.table != "work")) for e in pieces), *entries]

    def _gather(self, found: gather.Layout, facts: intake.Intake, mark: str) -> list[Entry]:
        """The pieces of all turn tables, sealed."""
        folder = f"{self._home}/00-gather-{mark[:16]}"
        work = self._work(0, cut(self._plan)[0], mark, ())._replace(
            kind="gather", folder=folder, bundles=(), reducers=found.ranges
        )
        tasks = [{"task": i, "places": [_plain(place) for place in places]} for i, places in enumerate(found.tasks)]
        return self._do("gather turns", Booked(work, facts), tasks)

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
        """Runs the tasks whose entry is missing or whose files are broken; returns the entries of all, in order."""
        have = drop_broken(self._lake, function.manifest, read_entries(self._lake, function.manifest))
        todo = [task for task in tasks if task["task"] not in have]
        done = len(tasks) - len(todo)
        self._progress(name, done, len(tasks))
        for _ in self._executor.run(function, todo) if todo else ():
            done += 1
            self._progress(name, done, len(tasks))
        entries = read_entries(self._lake, function.manifest)
        if missing := [task["task"] for task in tasks if task["task"] not in entries]:
            raise StorageError(
                f"{len(missing)} tasks of {name} are done, but what they wrote is not in {self._lake.url}: every node "
                "must reach the --target under this name (a shared folder or a bucket)"
            )
        return [entries[task["task"]] for task in tasks]


def _plain(place: Place) -> list[Any]:
    return [place.source, list(place.file), place.groups]


def _paths(entries: list[Entry]) -> tuple[str, ...]:
    return tuple(o.file.path for e in entries for o in e.outputs if o.table == "work")
