"""Recognises the service policies of each agent turn: by its source's label and the tools it called, then its words.

    turns       [{role: user, …}, {role: assistant, source_label: bank_ask_pin}, {…, content: "Which day?"}]
    policies    [[], [verify_identity], [ask_time]]
    policies_by [null, label, head]

The words are asked of a head (`refinery policies train`) and only where no label shows a policy. An agent turn that
nothing explains gets an empty list: recognition abstains there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from refinery.errors import RuleError
from refinery.inspection.reading import Strict, read
from refinery.inspection.recognition.head import ABSTAINED, HEAD, TEMPLATE, Head
from refinery.inspection.turns import AgentTurns, Ints
from refinery.models.embedding import Embedder, HashEmbedder, SentenceTransformer
from refinery.stage import Contents, Stage, Transform, array

POLICIES = "policies.yaml"
HEAD_FILE = "policies_head.npz"
LABEL: Final = 3
_BY: Final = {LABEL: "label", TEMPLATE: "template", HEAD: "head", ABSTAINED: None}


class Policy(Strict):
    """One service policy: what it means, and the labels and tools that show it."""

    definition: dict[Literal["zh", "en"], str] = Field(min_length=2)
    examples: dict[Literal["zh", "en"], list[str]] = Field(min_length=2)
    labels: list[str] = []
    tools: list[str] = []
    opens: bool = False
    """Whether words show it only where they are the agent's first in the conversation."""


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


class _Shown(NamedTuple):
    """What words show: `place * num_policies + policy` ascending or not, and by agent turn what said so."""

    keys: Ints
    by: Ints


class _Speech:
    """A head over the words of agent turns; each distinct text of a batch is asked once."""

    def __init__(
        self, head: Head, policies: dict[str, Policy], min_probability: float, embedder: Embedder | None
    ) -> None:
        names = sorted(policies)
        if unknown := [name for name in head.names.tolist() if name not in policies]:
            raise RuleError(f"the head knows policy {unknown[0]}, which the list does not; train it again")
        self._head, self._min_probability, self._embedder = head, min_probability, embedder
        self._ids = np.array([names.index(name) for name in head.names.tolist()], np.int64)
        self._opens = np.array([policies[name].opens for name in head.names.tolist()], np.bool_)

    def shown(self, turns: AgentTurns, asked: Ints, num_policies: int) -> _Shown:
        """Of the agent turns `asked` (indices into `turns`)."""
        texts = turns.content.take(pa.array(asked)).dictionary_encode()
        found = self._head.recognise(texts.dictionary, self._min_probability, self._embedder)
        which = texts.indices.to_numpy(zero_copy_only=False)
        shown = found.shown[which]
        shown[~_first(turns)[asked]] &= ~self._opens
        by = np.zeros(len(turns), np.int64)
        by[asked] = np.where(shown.any(axis=1) | (found.how[which] == TEMPLATE), found.how[which], ABSTAINED)
        turn, policy = np.nonzero(shown)
        return _Shown(turns.place[asked[turn]] * num_policies + self._ids[policy], by)


def _first(turns: AgentTurns) -> np.ndarray:
    """Whether each agent turn with words is the first of its conversation."""
    spoken = np.flatnonzero(_spoken(turns))
    first = np.zeros(len(turns), np.bool_)
    first[spoken[np.unique(turns.row[spoken], return_index=True)[1]]] = True
    return first


def _spoken(turns: AgentTurns) -> np.ndarray:
    sizes = pc.binary_length(turns.content).fill_null(0)
    return np.asarray(sizes.to_numpy(zero_copy_only=False)) > 0


class Policies(Stage):
    """Writes, parallel to `turns`, `policies` (the sorted names of each turn's) and `policies_by` (see above)."""

    name: ClassVar[str] = "inspection.policies"
    version: ClassVar[int] = 2

    path: Path
    head: Path | None = None
    """A file of `refinery policies train`; without one, only labels and tools show policies."""
    min_probability: float = Field(0.7, gt=0, le=1)
    """From which words show a policy. The shipped head on STAR, whose tasks it has not seen: 0.6 speaks on 83 % of the
    turns and is right on 91 % of these, 0.7 on 77 % and 96 %, 0.8 on 72 % and 98 %."""
    embedder: Literal["hash"] | Path | None = None
    """A local sentence-transformers folder, the one that the head was trained with; "hash" is for tests."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.embedder is not None and self.head is None:
            raise ValueError("an embedder serves a head; name the head, or leave the embedder out")
        return self

    def parameters(self) -> dict[str, Any]:
        """With the embedder's name, which holds a hash of its folder."""
        model = embedder(self.embedder)
        return super().parameters() | {"embedder": model.name if model else None}

    def contents(self) -> Contents:
        """The list and the head; the embedder's weights stay where they are."""
        return {key: files for key, files in super().contents().items() if key != "embedder"}

    def reads(self) -> frozenset[str]:
        """The turns; labels, words and tool calls stand on them."""
        return frozenset({"turns"})

    def writes(self) -> pa.Schema:
        """`policies`: list<list<string>>, `policies_by`: list<string>; empty and null for turns not of the agent."""
        return pa.schema(
            [
                pa.field("policies", pa.list_(pa.list_(pa.string()))),
                pa.field("policies_by", pa.list_(pa.string())),
            ]
        )

    def open(self) -> Transform:
        """Read the list and the head once; RuleError where one is wrong."""
        policies = read(self.path, self.path.name, PolicyList).policies
        names = pa.array(sorted(policies), pa.string())
        labels = _Words({name: policy.labels for name, policy in policies.items()})
        tools = _Words({name: policy.tools for name, policy in policies.items()})
        speech = self._speech(policies)

        def recognise(table: pa.Table) -> pa.Table:
            lists = array(table, "turns")
            turns = AgentTurns(lists)
            labelled = labels.keys(turns.label, turns.place, len(names))
            called = tools.keys(turns.call_name, turns.place[turns.call_turn], len(names))
            by = np.where(np.isin(turns.place, labelled // len(names)), LABEL, ABSTAINED)
            asked = np.flatnonzero((by == ABSTAINED) & _spoken(turns))
            said = speech(turns, asked, len(names))
            keys = np.unique(np.concatenate([labelled, called, said.keys]))
            inner = _lists(names.take(pa.array(keys % len(names))), keys // len(names), turns.num_flat)
            source = _sources(turns, np.maximum(by, said.by))
            sizes = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
            columns = [pa.ListArray.from_arrays(_offsets(sizes), values) for values in (inner, source)]
            return pa.table(columns, schema=self.writes())

        return recognise

    def _speech(self, policies: dict[str, Policy]) -> Callable[[AgentTurns, Ints, int], _Shown]:
        if self.head is None:
            return lambda turns, asked, num: _Shown(np.zeros(0, np.int64), np.zeros(len(turns), np.int64))
        head, model = Head.load(self.head), embedder(self.embedder)
        head.check(model.name if model else None)
        return _Speech(head, policies, self.min_probability, model).shown

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
        rows: list[dict[str, Any]] = [{"turns": turns}, {"turns": []}, {"turns": None}]
        asked = {"turn_idx": 0, "role": "assistant", "content": "您希望哪一天上门安装？", "tool_calls": []}
        path, head = Path("rules/policies.yaml"), Path("rules/policies_head.npz")
        return [(cls(path=path), rows), (cls(path=path, head=head), [*rows, {"turns": [asked]}])]


def embedder(named: Literal["hash"] | Path | None) -> Embedder | None:
    """What a parameter names; nothing is loaded yet."""
    return SentenceTransformer(named) if isinstance(named, Path) else (HashEmbedder() if named else None)


def _sources(turns: AgentTurns, by: Ints) -> pa.Array:
    """What said so, for every turn of the table."""
    of_turn = np.zeros(turns.num_flat, np.int64)
    of_turn[turns.place] = by
    known = pa.array([_BY[code] for code in range(max(_BY) + 1)], pa.string())
    return known.take(pa.array(of_turn))


def _offsets(sizes: Ints) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())


def _lists(values: pa.Array, place: Ints, num: int) -> pa.ListArray:
    """`num` lists holding the values by ascending place."""
    return pa.ListArray.from_arrays(_offsets(np.bincount(place, minlength=num)), values)
