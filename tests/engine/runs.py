"""Runs of a plan in this process, and what they published, for comparison."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from refinery.engine.local import LocalExecutor
from refinery.engine.run import Report, Run
from refinery.lake import snapshot
from refinery.lake.views import TABLES, connect
from refinery.plan import load
from refinery.storage.store import Store

KEY = b"k" * 32
ORDER = {
    "conversations": "conversation_id",
    "turns": "conversation_id, turn_idx",
    "findings": "conversation_id, turn_idx, rule_id",
    "samples": "sample_id",
    "quarantine": "source, source_file, source_member, source_line",
    "models": "step",
    "ledger": "step, source, fate, reason",
}


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


class DyingExecutor:
    """Runs `lives` tasks in all, over all passes, then dies: after a task's work, before or after its entry."""

    def __init__(self, lives: int) -> None:
        self.left = lives

    def run(self, function: Callable[[dict[str, Any]], None], tasks: Sequence[dict[str, Any]]) -> Iterator[None]:
        for task in tasks:
            if self.left == 0:
                raise Killed
            self.left -= 1
            function(task)
            yield


def run(plan: Path, lake: Path | str, executor: Any = None) -> Report:
    """Runs the plan into the lake."""
    return Run(load(plan), Store(lake), KEY, executor or LocalExecutor(), lambda *_: None)()


def rows(lake: Path | str, query: str, as_of: int | None = None) -> list[tuple[Any, ...]]:
    """Rows of a query."""
    with connect(Store(lake), as_of) as con:
        return con.execute(query).fetchall()


def table_hashes(lake: Path | str, leave_out: tuple[str, ...] = ()) -> dict[str, str]:
    """A hash of each published table sorted by its id, of all columns but some; `runs` holds times and is left out."""
    but = f"EXCLUDE ({', '.join(leave_out)})" if leave_out else ""
    with connect(Store(lake)) as con:
        found = {}
        for table in TABLES:
            if table != "runs":
                rows = con.execute(f"SELECT * {but} FROM {table} ORDER BY {ORDER[table]}").fetchall()
                found[table] = hashlib.sha256(orjson.dumps(rows, default=str)).hexdigest()
        return found


def published_bytes(lake: Path | str) -> dict[str, str]:
    """Hash of each published file by its path; `runs` holds times and is left out."""
    files = [file for run in snapshot.load(Store(lake))["runs"] for file in run["files"] if file[0] != "runs"]
    found = {file[2]: hashlib.sha256(Store(lake).read(file[2])).hexdigest() for file in files}
    assert all(found[file[2]] == file[5] for file in files)
    return found
