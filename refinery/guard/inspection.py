"""Rules opened once, and one thread that inspects whatever waits, all of it as one table.

Masking and rules work on columns: a table of one conversation costs nearly what a table of sixty does, so those that
came while one was being inspected go together. Nobody waits for others to come.
"""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from refinery.inspection.breaker import Scope
from refinery.inspection.inspect import open_inspection
from refinery.inspection.policies import POLICIES
from refinery.inspection.rulebook import ruleset_version
from refinery.intake.redact import Redact
from refinery.intake.rows import ROWS

_AT_ONCE: Final = 64
_MAX_CHARS: Final = 4_000_000
_READ: Final = ("event_date",)
"""Columns that the rules read and masking does not touch."""


class Inspected(NamedTuple):
    """One conversation's findings, gravest first, by which rules, and whose turns they are (masked)."""

    findings: list[dict[str, Any]]
    scope: Scope
    version: str


class Inspection:
    """The rules of one folder, ready. RuleError where a file is wrong. Not for two threads at once."""

    def __init__(self, rules: Path) -> None:
        self.version = ruleset_version(rules)
        self._mask, self._inspect = Redact().open(), open_inspection(rules, rules / POLICIES)
        self._schema = pa.schema([ROWS.field(name) for name in [*sorted(Redact().reads()), *_READ]])

    def __call__(self, rows: Sequence[dict[str, Any]]) -> list[Inspected]:
        """Conversations as intake reads them -> what was found in each."""
        columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in self._schema]
        whole = pa.Table.from_arrays(columns, schema=self._schema)
        masked: pa.Table = self._mask(whole.drop_columns(list(_READ)))
        for name in _READ:
            masked = masked.append_column(self._schema.field(name), whole[name])
        findings = self._inspect(masked)["findings"].to_pylist()
        scopes = zip(masked["model_version"].to_pylist(), masked["scenario"].to_pylist(), strict=True)
        return [
            Inspected(found or [], Scope(*scope), self.version) for found, scope in zip(findings, scopes, strict=True)
        ]


class _Waiting(NamedTuple):
    row: dict[str, Any]
    answer: "Future[Inspected]"


class Desk:
    """The thread. A conversation that breaks the inspector costs its own answer and no other."""

    def __init__(self, inspection: Inspection) -> None:
        self.inspection = inspection
        """May be replaced at any time; what is being inspected ends by the old one."""
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="inspector", daemon=True)
        self._thread.start()

    def ask(self, row: dict[str, Any]) -> "Future[Inspected]":
        """Inspects the conversation when its turn comes; a future that is cancelled before is passed over."""
        answer: Future[Inspected] = Future()
        self._waiting.put(_Waiting(row, answer))
        return answer

    def close(self) -> None:
        """Ends the thread after what waits."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [one for one in self._batch(first) if one.answer.set_running_or_notify_cancel()]
            if batch:
                self._answer(batch, self.inspection)

    def _batch(self, first: _Waiting) -> list[_Waiting]:
        """What waits now, up to AT_ONCE conversations and MAX_CHARS characters (a first one may be longer)."""
        batch, num_chars = [first], first.row["num_chars"]
        while len(batch) < _AT_ONCE and num_chars < _MAX_CHARS and not self._waiting.empty():
            one = self._waiting.get()
            if one is None:
                self._waiting.put(None)
                break
            batch.append(one)
            num_chars += one.row["num_chars"]
        return batch

    def _answer(self, batch: Sequence[_Waiting], inspection: Inspection) -> None:
        try:
            answers = inspection([one.row for one in batch])
        except Exception as error:  # whatever breaks, the thread lives: the caller counts it and answers
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:
                for one in batch:
                    self._answer([one], inspection)
        else:
            for one, found in zip(batch, answers, strict=True):
                one.answer.set_result(found)
