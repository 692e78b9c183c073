"""Seeded nights of a growing history: each brings as much that is new, and as many copies of earlier nights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from refinery.engine.local import LocalExecutor
from refinery.engine.run import Report, Run
from refinery.lake.views import connect
from refinery.plan import load
from refinery.storage.store import Store
from tests.dedup.talks import Talk, dropped, seeded, talk, turn, typos

KEY = b"k" * 32
PLAN = """
name: nightly
sources: [{{name: desk, path: {logs}}}]
shards: {{rows: {rows}, input_bytes: {input_bytes}, reducer_rows: {reducer_rows}}}
stages:
  - intake.redact
  - intake.identity
  - dedup.exact: {{nightly: true}}
  - dedup.near: {{template_contexts: null, nightly: true, threshold: {threshold}}}
"""
Record = dict[str, Any]


def record(name: str, turns: Talk, night: int, **more: Any) -> Record:
    """A conversation as a log has it."""
    messages = [{"role": one["role"], "content": one["content"]} for one in turns]
    when = f"2026-05-{1 + night % 28:02d}T{night // 28 + 8:02d}:00:00Z"
    return {"conversation_id": name, "created_at": when, "messages": messages} | more


def about(turns: Talk, order: int) -> Talk:
    """The conversation with an order named."""
    return [*turns, turn("user", f"订单 A{order}" if turns[0]["content"][0] > "z" else f"order A{order}")]


def simulated(num: int, fresh: int = 24, copies: int = 3) -> list[list[Record]]:
    """`num` nights, Chinese and English in turn.

    A night: `fresh` conversations; of an earlier night, each of one that had no copy yet, `copies` exact ones, `copies`
    with typos, one without a turn, one about another order; of the night before a copy of a copy, one that lies between
    two that were not near each other, and the copies and the two for the next night.
    """
    nights, free, last = list[list[Record]](), list[tuple[str, Talk]](), list[Talk]()
    for night in range(num):
        rng, found = seeded(("night", night)), list[Record]()

        def add(name: str, turns: Talk, night: int = night, found: list[Record] = found) -> None:
            found.append(record(f"{name}-{night}-{len(found)}", turns, night))

        base = [talk(1_000 * night + i, ("zh", "en")[i % 2], 300) for i in range(fresh + 2)]
        for i, one in enumerate(base[:fresh]):
            add("fresh", about(one, 10_000 + 100 * night + i))
        rng.shuffle(free)
        taken = [free.pop() for _ in range(min(len(free), 2 * copies + 2))]
        for k, (_, one) in enumerate(taken):
            text = one if k < copies else typos(one, rng, 0.01) if k < 2 * copies else dropped(one, rng, 1)
            add("copy", about(text, 70_000 + night) if k == 2 * copies + 1 else text)
        for one in last:
            add("again", typos(one, rng, 0.01))
        copied, apart = typos(base[fresh], rng, 0.01), typos(base[fresh + 1], rng, 0.1)
        for one in (base[fresh], copied, base[fresh + 1], apart):
            add("next", one)
        last = [copied, [a if i % 2 else b for i, (a, b) in enumerate(zip(base[fresh + 1], apart, strict=True))]]
        free += [(str(night), about(one, 10_000 + 100 * night + i)) for i, one in enumerate(base[:fresh])]
        rng.shuffle(found)
        nights.append(found)
    return nights


def write(folder: Path, records: Sequence[Record]) -> Path:
    """The records as two files of a folder; which one follows from a record's id, as ids of ours follow from both."""
    folder.mkdir(parents=True)
    for part in (0, 1):
        some = [one for one in records if int(one["conversation_id"].rpartition("-")[2]) % 2 == part]
        (folder / f"{part}.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in some))
    return folder


def refine(logs: Path, lake: Path, executor: Any = None, threshold: float = 0.8, **cut: int) -> Report:
    """A night's run."""
    plan = logs.with_name(f"{logs.name}.yaml")
    shape = {"rows": 40, "reducer_rows": 3000, "input_bytes": 60_000} | cut
    plan.write_text(PLAN.format(logs=logs, threshold=threshold, **shape))
    return Run(load(plan), Store(lake), KEY, executor or LocalExecutor(), lambda *_: None)()


def rows(lake: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query."""
    with connect(Store(lake)) as con:
        return con.execute(query).fetchall()


def partition(lake: Path) -> set[frozenset[str]]:
    """The groups of more than one conversation, by the ids of the log; those that later nights joined are one."""
    found = rows(lake, "SELECT source_id, conversation_id, dedup_group, dedup_joins FROM conversations")
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for _, name, group, joins in found:
        for other in filter(None, [group, *(joins or [])]):
            parent[root(other)] = root(name)
    groups: dict[str, set[str]] = {}
    for source_id, name, _, _ in found:
        groups.setdefault(root(name), set()).add(source_id)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def counted(report: Report, words: str) -> int:
    """What a run counted, over its steps."""
    return sum(num for said, num in report.counted.items() if words in said)
