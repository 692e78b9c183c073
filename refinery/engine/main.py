"""A plan file run and reported, for the command line and for the jobs under pipelines/."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from refinery.engine.booked import Executor
from refinery.engine.key import deployment_key
from refinery.engine.passes import explain
from refinery.engine.run import Progress, Report, Run
from refinery.engine.summary import console, summarise
from refinery.errors import PlanError
from refinery.lake import snapshot
from refinery.lake.views import connect, write_catalog
from refinery.plan import Plan, load
from refinery.records.conversation import TURN
from refinery.stages import make
from refinery.storage.store import Store

_QUIET_SECONDS: Final = 30
_NEAR: Final = "dedup.near"
_BATCH_ROWS: Final = 4_096


def explained(plan: Path, source: str | None, limit: int | None) -> str:
    """What a run of the plan would do, pass by pass."""
    return explain(load(plan, source, limit))


def refine(plan: Path, *, source: str | None, target: str, limit: int | None, engine: str) -> Report:
    """Runs the plan into the lake at `target`, shows progress, and prints the summary to standard error."""
    return _refined(load(plan, source, limit), target, engine)


def rethreshold(plan: Path, threshold: float, *, source: str | None, target: str, engine: str) -> Report:
    """Runs the plan, published before, with another threshold of `dedup.near`: links and all before them are kept.

    Raises PlanError where the plan has no such stage, its links do not reach so low, or it was never published there.
    """
    loaded = load(plan, source)
    if not any(step.name == _NEAR for step in loaded.stages):
        raise PlanError(f"{plan} has no stage {_NEAR!r}, so there is no threshold to move")
    lake = Store(target)
    published = [run["run_id"] for run in snapshot.load(lake)["runs"]]
    if loaded.run_id() not in published:
        raise PlanError(f"{target} holds no run of {plan}; run it first: refinery run {plan} --target {target}")
    stages = [make(s.name, s.model_dump() | {"threshold": threshold}) if s.name == _NEAR else s for s in loaded.stages]
    return _refined(loaded.model_copy(update={"stages": tuple(stages)}), target, engine)


def freeze_templates(lake: Store, contexts: int, out: Path) -> int:
    """Writes the agent turns of a lake's conversations that answer so many customer turns; how many there are.

    The conversations are read twice, a batch at a time.
    """
    from refinery.dedup.templates import listing  # its kernels load numba

    with connect(lake) as con:

        def batches() -> Iterator[pa.Array]:
            for batch in con.sql("SELECT turns FROM conversations").to_arrow_reader(_BATCH_ROWS):
                yield batch.column(0).cast(pa.list_(TURN))

        lines = listing(batches(), batches(), contexts)
    out.write_bytes(b"".join(lines))
    return len(lines)


def _refined(loaded: Plan, target: str, engine: str) -> Report:
    lake, key, out = Store(target), deployment_key(), console()
    lake.reach()
    with _shown(out) as progress:
        report = Run(loaded, lake, key, executor(engine), progress)()
    write_catalog(lake)
    if report.published:
        with connect(lake) as con:
            out.print(summarise(con, report.run_id, report.seconds, target), soft_wrap=True, highlight=False)
    else:
        out.print(f"run {report.run_id} was published before (snapshot {report.snapshot}); nothing changed")
    if report.passed_over:
        out.print(f"passed over unread: {report.passed_over}", soft_wrap=True, highlight=False, markup=False)
    for note in report.notes:
        out.print(f"note: {note}", soft_wrap=True, highlight=False)
    if report.changes:
        out.print(f"note: {report.changes}", soft_wrap=True, highlight=False)
    return report


def executor(engine: str) -> Executor:
    """The executor by its word; raises PlanError with the known words."""
    if engine == "local":
        from refinery.engine.local import LocalExecutor

        return LocalExecutor()
    if engine == "cluster":
        from refinery.engine.cluster import ClusterExecutor

        return ClusterExecutor()
    raise PlanError(f"unknown engine {engine!r}; known: cluster, local")


@contextmanager
def _shown(out: Console) -> Iterator[Progress]:
    """Bars on a terminal; elsewhere (a job's log) a line when a pass begins, ends, and every half a minute."""
    if out.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bars(*columns, console=out) as bars:
            shown: dict[str, TaskID] = {}

            def draw(name: str, done: int, total: int) -> None:
                if name not in shown:
                    shown[name] = bars.add_task(name, total=total)
                bars.update(shown[name], completed=done)

            yield draw
        return
    said: dict[str, float] = {}

    def say(name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - said.get(name, 0.0) > _QUIET_SECONDS:
            said[name] = now
            out.print(f"{datetime.now(UTC):%H:%M:%S} {name}: {done} of {total} tasks", highlight=False)

    yield say
