"""Inspection for people and services: a table, a rule folder, and a rule's own examples, outside any plan."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from refinery.inspection.examples import Example
from refinery.inspection.online import Online, transform
from refinery.inspection.policies import POLICIES, Policies
from refinery.inspection.rulebook import Entry, load_rulebook
from refinery.records.conversation import CONVERSATION
from refinery.stage import Transform

_READ = pa.schema([CONVERSATION.field(name) for name in ("turns", "signals", "scenario", "event_date")])


@dataclass(frozen=True)
class Listed:
    """One rule as `refinery rules check` shows it."""

    id: str
    file: str
    title: str
    severity: str
    priority: int
    status: str
    where: str
    enforce: str
    num_hits: int
    num_misses: int
    num_known_misses: int


@dataclass(frozen=True)
class Trial:
    """One example of a rule, run. `said` is empty where it passed, else one sentence."""

    rule_id: str
    kind: Literal["hits", "misses", "known_misses"]
    number: int
    said: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule did as its file says."""
        return not self.said


def open_inspection(rules: Path, policies: Path, overrides: Path | None = None) -> Transform:
    """Read rules and policies once; the transform takes the columns of `_READ` and gives policies and findings."""
    recognise, find = Policies(path=policies).open(), Online(rules=rules, overrides=overrides).open()

    def inspect(table: pa.Table) -> pa.Table:
        table = table.select(_READ.names).combine_chunks()
        table = table.append_column("policies", recognise(table.select(["turns"])).column("policies"))
        return table.select(["policies"]).append_column("findings", find(table).column("findings"))

    return inspect


def inspect_table(table: pa.Table, rules: Path, policies: Path, overrides: Path | None = None) -> pa.Table:
    """Columns of `_READ` -> `policies`, `findings`, row for row. RuleError where a rule file is wrong."""
    return open_inspection(rules, policies, overrides)(table)


def check(rules: Path, overrides: Path | None = None) -> list[Listed]:
    """Every rule in order of inspection; RuleError with a line for each thing that is wrong in the folder."""
    book = load_rulebook(rules, overrides)
    return [
        Listed(
            **{key: getattr(e.rule, key) for key in ("id", "title", "severity", "status", "where", "enforce")},
            file=e.shown,
            priority=e.rule.priority or 0,
            num_hits=len(e.rule.tests.hits),
            num_misses=len(e.rule.tests.misses),
            num_known_misses=len(e.rule.tests.known_misses),
        )
        for e in book.entries
    ]


def run_tests(rules: Path, overrides: Path | None = None) -> list[Trial]:
    """Every example of every online rule, each through the engine that inspects logs. No model is asked."""
    book = load_rulebook(rules, overrides)
    recognise = Policies(path=rules / POLICIES).open()
    return [
        Trial(entry.rule.id, kind, number, _judge(kind, example, _turns(entry, example, recognise)))
        for entry in book.entries
        if entry.detector is not None and entry.rule.where != "offline"
        for kind in ("hits", "misses", "known_misses")
        for number, example in enumerate(getattr(entry.rule.tests, kind), start=1)
    ]


def _turns(entry: Entry, example: Example, recognise: Transform) -> list[int]:
    """The turns of the example on which the rule triggers."""
    table = pa.Table.from_pylist([{"event_date": str(example.day or "undated"), **example.row()}], _READ)
    policies = recognise(table.select(["turns"])).column("policies")
    if example.policies is not None:
        named = [example.policies if message.role == "assistant" else [] for message in example.turns]
        policies = pa.chunked_array([pa.array([named], policies.type)])
    findings = transform([entry], "")(table.append_column("policies", policies)).column("findings")[0].as_py()
    return [finding["turn_idx"] for finding in findings]


def _judge(kind: str, example: Example, turns: list[int]) -> str:
    if kind == "hits":
        wanted = [example.expect.turn] if example.expect else []
        return "" if turns == wanted else f"expected a finding on turn {wanted}, got {turns}"
    if not turns:
        return ""
    if kind == "misses":
        return f"expected no finding, got one on turn {turns}"
    return f"a known miss is now found, on turn {turns}; move it to hits"
