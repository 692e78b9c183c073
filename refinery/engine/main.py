"""A plan file run and reported, for the command line and for the jobs under pipelines/."""

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from refinery.engine.passes import explain
from refinery.engine.run import Executor, Report, Run, deployment_key
from refinery.engine.summary import console, summarise
from refinery.errors import PlanError
from refinery.lake.views import connect, write_catalog
from refinery.plan import load
from refinery.storage.store import Store


def explained(plan: Path, source: str | None, limit: int | None) -> str:
    """What a run of the plan would do, pass by pass."""
    return explain(load(plan, source, limit))


def refine(plan: Path, *, source: str | None, target: str, limit: int | None, engine: str) -> Report:
    """Runs the plan into the lake at `target`, shows progress, and prints the summary to standard error."""
    loaded = load(plan, source, limit)
    lake = Store(target)
    with _bars() as bars:
        shown: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in shown:
                shown[name] = bars.add_task(name, total=total)
            bars.update(shown[name], completed=done)

        report = Run(loaded, lake, deployment_key(), executor(engine), progress)()
    write_catalog(lake)
    out = console()
    if not report.published:
        out.print(f"run {report.run_id} was published before (snapshot {report.snapshot}); nothing changed")
        return report
    with connect(lake) as con:
        out.print(summarise(con, report.run_id, report.seconds, target), soft_wrap=True, highlight=False)
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


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console())
