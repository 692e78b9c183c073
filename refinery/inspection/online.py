"""Runs the directly executable rules over every agent turn and writes what they found.

turns [{role: assistant, tool_calls: [refund.create {amount: 20}]}], signals []
findings [{turn_idx: 0, rule_id: SOL.irreversible_without_precondition.001, severity: critical, …}]
"""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.errors import StageError
from refinery.inspection.rule import Applies
from refinery.inspection.rulebook import Entry, load_rulebook
from refinery.inspection.turns import AgentTurns, Bools, Ints
from refinery.records.verdict import FINDING
from refinery.stage import Stage, Transform, array

_HAN = r"\p{Han}"


class Online(Stage):
    """Writes `findings`, gravest first: severity, then priority, then id, then turn."""

    name: ClassVar[str] = "inspection.online"
    version: ClassVar[int] = 1

    rules: Path

    def reads(self) -> frozenset[str]:
        """What was said and done, what was known, and what the turns are for."""
        return frozenset({"turns", "signals", "policies", "scenario"})

    def writes(self) -> pa.Schema:
        """`findings`: list<FINDING>; empty where nothing was found, never null."""
        return pa.schema([pa.field("findings", pa.list_(FINDING))])

    def open(self) -> Transform:
        """Read and compile the rules once; RuleError where a file is wrong."""
        book = load_rulebook(self.rules)
        return transform([entry for entry in book.entries if entry.rule.runs_online], book.version)

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """The shipped rules over a refund without verification, one with it, and a conversation of no turns."""
        call = {"id": "c1", "name": "refund.create", "arguments": '{"order_id": "7", "amount": 20}'}
        turns = [
            {"turn_idx": 0, "role": "user", "content": "我要退款", "tool_calls": []},
            {"turn_idx": 1, "role": "assistant", "content": None, "tool_calls": [call]},
        ]
        row = {"turns": turns, "policies": [[], ["issue_refund"]], "scenario": None}
        verified = [{"turn_idx": 0, "identity": {"verified": True}}]
        empty: dict[str, Any] = {"turns": None, "policies": [], "signals": None, "scenario": None}
        return [(cls(rules=Path("rules")), [{**row, "signals": None}, {**row, "signals": verified}, empty])]


def transform(entries: list[Entry], version: str) -> Transform:
    """The given rules, in the given order, as one pass over a table."""
    said = pa.array([_finding(entry, version) for entry in entries], FINDING)

    def inspect(table: pa.Table) -> pa.Table:
        turns = AgentTurns(array(table, "turns"), array(table, "signals"))
        place = _Applies(turns, table)
        found = [
            at[place.holds(entry.rule.applies, entry.rule.on_abstain == "run", at)]
            for entry in entries
            if entry.detector is not None
            for at in [entry.detector.matches(turns)]
        ]
        at = np.concatenate([np.zeros(0, np.int64), *found])
        rank = np.repeat(np.arange(len(found)), [len(of_rule) for of_rule in found])
        order = np.lexsort((turns.turn_idx[at], rank, turns.row[at]))
        findings = _with_turn(said.take(pa.array(rank[order])), turns.turn_idx[at[order]])
        sizes = np.bincount(turns.row[at], minlength=table.num_rows)
        offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
        column = pa.ListArray.from_arrays(offsets, findings)
        return pa.table({"findings": column}, schema=pa.schema([pa.field("findings", pa.list_(FINDING))]))

    return inspect


class _Applies:
    """Says on which of some agent turns a rule applies, by scenario, policies and language."""

    def __init__(self, turns: AgentTurns, table: pa.Table) -> None:
        self._turns = turns
        self._scenario = array(table, "scenario")
        self._policies = array(table, "policies").flatten()
        if len(self._policies) != turns.num_flat:
            raise StageError(f"inspection.online: {len(self._policies)} policy lists for {turns.num_flat} turns")

    def holds(self, applies: Applies, on_abstain: bool, at: Ints) -> Bools:
        """Empty scenarios, policies or languages mean all; a turn of no policy is decided by `on_abstain`."""
        held = np.ones(len(at), dtype=np.bool_)
        if applies.scenarios and len(at):
            scenarios = self._scenario.take(pa.array(self._turns.row[at]))
            held &= _bools(pc.is_in(scenarios, value_set=pa.array(applies.scenarios)))
        if applies.policies.any and len(at):
            wanted = set(applies.policies.any)
            given = self._policies.take(pa.array(self._turns.place[at])).to_pylist()
            held &= np.asarray([bool(wanted & set(names)) if names else on_abstain for names in given])
        if len(set(applies.languages)) == 1 and len(at):
            held &= self._chinese(at) == (applies.languages == ["zh"])
        return held

    def _chinese(self, at: Ints) -> Bools:
        """Whether the agent wrote any Chinese character in the conversation; every other language counts as English."""
        written = _bools(pc.match_substring_regex(self._turns.content, pattern=_HAN))
        return np.isin(self._turns.row[at], self._turns.row[written])


def _bools(values: pa.Array) -> Bools:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _finding(entry: Entry, version: str) -> dict[str, Any]:
    rule = entry.rule
    return {
        "item": rule.item,
        "rule_id": rule.id,
        "severity": rule.severity,
        "enforce": rule.enforce,
        "label": rule.emit.label,
        "message": rule.emit.message,
        "remediation": rule.remediation,
        "route": rule.route.model_dump(),
        "ruleset_version": version,
    }


def _with_turn(findings: pa.StructArray, turn_idx: np.ndarray) -> pa.StructArray:
    columns = [pa.array(turn_idx, pa.int32()), *findings.flatten()[1:]]
    return pa.StructArray.from_arrays(columns, fields=list(FINDING))
