"""Recognises the service policies of each agent turn from the source's own labels and the tools it called.

    turns    [{role: user, …}, {role: assistant, source_label: bank_ask_pin}, {…, tool_calls: [refund.create]}]
    policies [[], [verify_identity], [issue_refund]]

An agent turn that neither a label nor a tool explains gets an empty list: recognition abstains there.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from refinery.inspection.reading import Strict, read
from refinery.inspection.turns import AgentTurns, Ints
from refinery.stage import Stage, Transform, array

POLICIES = "policies.yaml"


class Policy(Strict):
    """One service policy: what it means, and the labels and tools that show it."""

    definition: dict[Literal["zh", "en"], str] = Field(min_length=2)
    examples: dict[Literal["zh", "en"], list[str]] = Field(min_length=2)
    labels: list[str] = []
    tools: list[str] = []


class PolicyList(Strict):
    """The closed list of policies (rules/policies.yaml)."""

    policies: dict[str, Policy] = Field(min_length=1)


class _Words:
    """Words (labels or tools) and the policies that each of them shows, as ids in alphabetical order of policy."""

    def __init__(self, shown: dict[str, list[str]]) -> None:
        words = sorted({word for listed in shown.values() for word in listed})
        ids = [[i for i, policy in enumerate(sorted(shown)) if word in shown[policy]] for word in words]
        self._words = pa.array(words, pa.string())
        self._count = np.asarray([len(of_word) for of_word in ids], dtype=np.int64)
        self._start = np.cumsum(self._count) - self._count
        self._ids = np.asarray([i for of_word in ids for i in of_word], dtype=np.int64)

    def keys(self, values: pa.Array, place: Ints, num_policies: int) -> Ints:
        """`place * num_policies + policy` for every policy that the value at a place shows."""
        word = pc.index_in(values, value_set=self._words).fill_null(-1).to_numpy(zero_copy_only=False)
        known = np.flatnonzero(word >= 0)
        count = self._count[word[known]]
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        policy = self._ids[np.repeat(self._start[word[known]], count) + step]
        return np.asarray(np.repeat(place[known], count) * num_policies + policy, dtype=np.int64)


class Policies(Stage):
    """Writes `policies`: a list parallel to `turns`, each the sorted names of that turn's policies."""

    name: ClassVar[str] = "inspection.policies"
    version: ClassVar[int] = 1

    path: Path

    def reads(self) -> frozenset[str]:
        """The turns; labels and tool calls stand on them."""
        return frozenset({"turns"})

    def writes(self) -> pa.Schema:
        """`policies`: list<list<string>>; empty for turns that are not the agent's."""
        return pa.schema([pa.field("policies", pa.list_(pa.list_(pa.string())))])

    def open(self) -> Transform:
        """Read the list once; RuleError where it is wrong."""
        policies = read(self.path, self.path.name, PolicyList).policies
        names = pa.array(sorted(policies), pa.string())
        labels = _Words({name: policy.labels for name, policy in policies.items()})
        tools = _Words({name: policy.tools for name, policy in policies.items()})

        def recognise(table: pa.Table) -> pa.Table:
            lists = array(table, "turns")
            turns = AgentTurns(lists)
            shown = labels.keys(turns.label, turns.place, len(names))
            called = tools.keys(turns.call_name, turns.place[turns.call_turn], len(names))
            keys = np.unique(np.concatenate([shown, called]))
            inner = _lists(names.take(pa.array(keys % len(names))), keys // len(names), turns.num_flat)
            sizes = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
            return pa.table({"policies": pa.ListArray.from_arrays(_offsets(sizes), inner)}, schema=self.writes())

        return recognise

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """The shipped list over a labelled turn, a tool call and a turn that neither explains."""
        call = {"id": "c1", "name": "refund.create", "arguments": '{"amount": 20}'}
        turns = [
            {"turn_idx": 0, "role": "user", "content": "我要退款", "tool_calls": []},
            {"turn_idx": 1, "role": "assistant", "content": "May I have your PIN?", "source_label": "bank_ask_pin"},
            {"turn_idx": 2, "role": "assistant", "content": None, "tool_calls": [call]},
            {"turn_idx": 3, "role": "assistant", "content": "好的", "tool_calls": []},
        ]
        return [(cls(path=Path("rules/policies.yaml")), [{"turns": turns}, {"turns": []}, {"turns": None}])]


def _offsets(sizes: Ints) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())


def _lists(values: pa.Array, place: Ints, num: int) -> pa.ListArray:
    """`num` lists holding the values by ascending place."""
    return pa.ListArray.from_arrays(_offsets(np.bincount(place, minlength=num)), values)
