"""The end of a run: nothing lost, few faults, then everything published at once."""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from refinery import __version__
from refinery.engine.manifest import Entry
from refinery.engine.rounds import costs
from refinery.errors import LedgerError
from refinery.lake.snapshot import Claim, Publication
from refinery.lake.tables import RUNS, conversations_schema
from refinery.ledger import Counts, balance, ledger_table
from refinery.plan import Plan
from refinery.records.asked import MODELS
from refinery.records.fate import STAGE_FAULT
from refinery.stage import Ask
from refinery.storage.store import Store

_MIN_FAULTS: Final = 3


class Asked(NamedTuple):
    """A model stage that ran, its number among the steps, and the totals of its rounds."""

    step: Ask
    number: int
    totals: dict[str, Any]


def refuse_faults(plan: Plan, counts: Counts) -> None:
    """Raises LedgerError where more rows broke a stage than the plan bears; asked after each pass."""
    read = sum(n for line, n in counts.items() if line.fate == "read")
    faults = {line: n for line, n in counts.items() if line.reason == STAGE_FAULT}
    total = sum(faults.values())
    if total >= _MIN_FAULTS and total > plan.max_fault_share * read:
        where = ", ".join(sorted({f"{line.stage} ({n})" for line, n in faults.items()}))
        raise LedgerError(
            f"{total} of {read} rows broke a stage: {where}; nothing is published. To see where, set max_fault_share: "
            "1 in the plan, run with --limit into another --target, and read `set_aside_error` in `conversations`"
        )


def check(plan: Plan, counts: Counts, entries: list[Entry]) -> None:
    """Raises LedgerError unless rows read = rows live + rows set aside, by source and step, and = rows in the files."""
    balance(counts, len(plan.stages))
    read = sum(n for line, n in counts.items() if line.fate == "read")
    rows = sum(o.file.rows for e in entries for o in e.outputs if o.table == "conversations")
    if rows != read:
        raise LedgerError(f"{read} rows were read but {rows} stand in the files; nothing is published")


def publish(
    lake: Store,
    plan: Plan,
    rows: pa.Schema,
    claim: Claim,
    started: datetime,
    counts: Counts,
    entries: list[Entry],
    asked: list[Asked],
    segment: str | None = None,
) -> int:
    """Publishes all files of the entries with the ledger and the run's own row; the snapshot's number.

    `segment`: of a nightly run what it adds to the lake's index.
    """
    run_id = plan.run_id()
    finished = datetime.now(UTC)
    files = [(o.table, o.event_date or "all", o.file) for e in entries for o in e.outputs if o.table != "work"]

    def total(fate: str, step: int | None = None) -> int:
        return sum(n for x, n in counts.items() if x.fate == fate and (step is None or x.step == step))

    facts = {
        "run_id": run_id,
        "plan": plan.name,
        "fingerprint": claim.fingerprint,
        "started_at": started,
        "finished_at": finished,
        "seconds": (finished - started).total_seconds(),
        "num_read": total("read"),
        "num_live": total("live", len(plan.stages)),
        "num_set_aside": total("set_aside"),
        "num_quarantined": total("quarantined"),
        "num_samples": sum(file.rows for table, _, file in files if table == "samples"),
        "version": __version__,
    }
    publication = Publication(lake, run_id, conversations_schema(rows))
    publication.rows("ledger", ledger_table(run_id, counts))
    publication.rows("models", _models_table(plan, asked))
    publication.rows("runs", pa.Table.from_pylist([facts], schema=RUNS))
    return publication.publish(claim, files, segment)


def _models_table(plan: Plan, asked: list[Asked]) -> pa.Table:
    """A row a model stage: what it asked, what was answered before, tokens, time and cost."""
    rows = []
    for step, number, totals in asked:
        model = plan.asked(step)
        names = {"run_id": plan.run_id(), "step": number, "stage": step.name, "model": step.model}
        rows.append(names | {"name": model.known_as()} | costs(model, totals))
    return pa.Table.from_pylist(rows, schema=MODELS)
