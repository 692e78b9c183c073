"""Rows per run, stage, source, fate and reason; what went in must have come out, live or set aside."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from refinery.errors import LedgerError
from refinery.records.fate import LEDGER


class Line(NamedTuple):
    """Rows of one source that met one fate at one step."""

    step: int
    stage: str
    source: str
    fate: str
    reason: str | None


Counts = Counter[Line]


def count(step: int, stage: str, fate: str, table: pa.Table) -> Counts:
    """Counts of a table's rows by source and, for those set aside, by reason."""
    if not table.num_rows:
        return Counter()
    names = ["source", "set_aside_why"] if fate == "set_aside" else ["source"]
    grouped = table.select(names).group_by(names).aggregate([([], "count_all")]).to_pylist()
    return Counter({Line(step, stage, g["source"], fate, g.get("set_aside_why")): g["count_all"] for g in grouped})


def balance(counts: Counts, last_step: int) -> None:
    """Raises LedgerError unless, for each source, rows read = live after the last step + set aside anywhere.

    Each step must balance too: live before = live after + set aside here.
    """
    for source in sorted({line.source for line in counts}):
        before = _total(counts, source, "read", 0)
        for step in range(last_step + 1):
            after, aside = _total(counts, source, "live", step), _total(counts, source, "set_aside", step)
            if before != after + aside:
                raise LedgerError(
                    f"source {source!r}, step {step}: {before} rows went in, {after} came out live and {aside} were "
                    "set aside; nothing is published. This is a fault of Refinery: please report it with this line"
                )
            before = after


def _total(counts: Counts, source: str, fate: str, step: int) -> int:
    return sum(n for line, n in counts.items() if line.source == source and line.fate == fate and line.step == step)


def merge(parts: Iterable[Counts]) -> Counts:
    """One counter of many; adding is associative, so order and retries do not matter."""
    total: Counts = Counter()
    for part in parts:
        total.update(part)
    return total


def ledger_table(run_id: str, counts: Counts) -> pa.Table:
    """The counts as rows of the `ledger` table, in the order of the walk."""
    rows = [
        {"run_id": run_id, **line._asdict(), "num_rows": n}
        for line, n in sorted(counts.items(), key=lambda item: tuple(str(x).zfill(6) for x in item[0]))
    ]
    return pa.Table.from_pylist(rows, schema=LEDGER)
