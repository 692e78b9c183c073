"""Runs the directly executable rules over every agent turn and writes what they found.

turns [{role: assistant, tool_calls: [refund.create {amount: 20}]}], signals []
findings [{turn_idx: 0, rule_id: SOL.irreversible_without_precondition.001, severity: critical, …}]
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.inspection.matching import scanner
from refinery.inspection.rule import Rule
from refinery.inspection.rulebook import Entry, load_rulebook
from refinery.inspection.talks import Talks
from refinery.inspection.turns import Bools, Ints, bools
from refinery.records.verdict import FINDING
from refinery.stage import Stage, Transform


class Online(Stage):
    """Writes `findings`, gravest first: severity, then priority, then id, then turn."""

    name: ClassVar[str] = "inspection.online"
    version: ClassVar[int] = 2

    rules: Path
    overrides: Path | None = None
    """A tenant's folder, laid over the rules."""

    def reads(self) -> frozenset[str]:
        """What was said and done, what was known, what the turns are for, and the day (for rules with dates)."""
        return frozenset({"turns", "signals", "policies", "scenario", "event_date"})

    def writes(self) -> pa.Schema:
        """`findings`: list<FINDING>; empty where nothing was found, never null."""
        return pa.schema([pa.field("findings", pa.list_(FINDING))])

    def open(self) -> Transform:
        """Read and compile the rules once; RuleError where a file is wrong."""
        book = load_rulebook(self.rules, self.overrides)
        return transform([entry for entry in book.entries if entry.rule.runs_online], book.version)

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """The shipped rules over a refund without verification, one with it, and a conversation of no turns."""
        call = {"id": "c1", "name": "refund.create", "arguments": '{"order_id": "7", "amount": 20}'}
        turns = [
            {"turn_idx": 0, "role": "user", "content": "我要退款", "tool_calls": []},
            {"turn_idx": 1, "role": "assistant", "content": None, "tool_calls": [call]},
        ]
        row = {"turns": turns, "policies": [[], ["issue_refund"]], "scenario": None, "event_date": "2026-05-01"}
        verified = [{"turn_idx": 0, "identity": {"verified": True}}]
        empty: dict[str, Any] = dict.fromkeys(["turns", "signals", "scenario", "event_date"]) | {"policies": []}
        return [(cls(rules=Path("rules")), [{**row, "signals": None}, {**row, "signals": verified}, empty])]


def transform(entries: Sequence[Entry], version: str) -> Transform:
    """The given rules, in the given order, as one pass over a table; their gates are compiled here."""
    said = pa.array([_finding(entry, version) for entry in entries], FINDING)
    gates = scanner(tuple(gate for entry in entries if entry.detector for gate in entry.detector.gates))

    def inspect(table: pa.Table) -> pa.Table:
        talks = Talks(table, gates)
        found = [_applying(entry, talks) for entry in entries]
        at = np.concatenate([np.zeros(0, np.int64), *found])
        rank = np.repeat(np.arange(len(found)), [len(of_rule) for of_rule in found])
        turn_idx, row = talks.turns.turn_idx[at], talks.turns.row[at]
        order = np.lexsort((turn_idx, rank, row))
        findings = _with_turn(said.take(pa.array(rank[order])), turn_idx[order])
        sizes = np.bincount(row, minlength=table.num_rows)
        offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
        column = pa.ListArray.from_arrays(offsets, findings)
        return pa.table({"findings": column}, schema=pa.schema([pa.field("findings", pa.list_(FINDING))]))

    return inspect


def _applying(entry: Entry, talks: Talks) -> Ints:
    """The agent turns on which a rule triggers and applies."""
    at = entry.detector.matches(talks) if entry.detector is not None else np.zeros(0, dtype=np.int64)
    return at[_applies(entry.rule, talks, at)] if len(at) else at


def _applies(rule: Rule, talks: Talks, at: Ints) -> Bools:
    """By day, scenario, policies and language; empty means all. A turn of no policy is decided by `on_abstain`."""
    held = np.ones(len(at), dtype=np.bool_)
    if rule.valid_from or rule.valid_to:
        held &= _valid(rule, talks.days(at))
    if rule.applies.scenarios:
        held &= talks.in_column("scenario", rule.applies.scenarios, at)
    if rule.applies.policies.any:
        of_policy = np.isin(talks.turns.place[at], talks.of_policy(rule.applies.policies.any))
        held &= of_policy if rule.on_abstain == "skip" else of_policy | ~talks.recognised(at)
    if len(set(rule.applies.languages)) == 1:
        held &= talks.chinese(at) == (rule.applies.languages == ["zh"])
    return held


def _valid(rule: Rule, days: pa.StringArray) -> Bools:
    """Whether the day lies between the rule's dates, both included; an undated conversation lies nowhere."""
    first, last = rule.valid_from, rule.valid_to
    there = pc.match_substring_regex(days, r"^[0-9]{4}-")
    after = pc.greater_equal(days, first.isoformat()) if first else there
    before = pc.less_equal(days, last.isoformat()) if last else there
    return bools(there) & bools(after) & bools(before)


def _finding(entry: Entry, version: str) -> dict[str, Any]:
    """What every finding of the rule says. One in shadow is recorded and moves no training row."""
    rule = entry.rule
    return {
        "item": rule.item,
        "rule_id": rule.id,
        "severity": rule.severity,
        "enforce": rule.enforce,
        "label": rule.emit.label,
        "message": rule.emit.message,
        "remediation": rule.remediation,
        "route": {key: moves and rule.enforce != "shadow" for key, moves in rule.route.model_dump().items()},
        "ruleset_version": version,
    }


def _with_turn(findings: pa.StructArray, turn_idx: np.ndarray) -> pa.StructArray:
    columns = [pa.array(turn_idx, pa.int32()), *findings.flatten()[1:]]
    return pa.StructArray.from_arrays(columns, fields=list(FINDING))
