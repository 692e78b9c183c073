"""A strong model scores each conversation against a rubric; votes that cannot decide are kept apart, never guessed.

    three votes of completeness 4, null, 5 -> judge_completeness 4.5 (two of three decided); null, null, 5 -> null

Report section 2.1.2: quality filtering by a strong model. A score is a column; a gate decides what becomes of the row.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any, ClassVar, Final, Self

import orjson
import pyarrow as pa
from pydantic import Field, field_validator

from refinery.models.prompt import HAN, LATIN, encode, language_of, load
from refinery.records.conversation import TURN
from refinery.records.fate import SET_ASIDE_WHY
from refinery.stage import Answers, Ask, Request

PROMPTS: Final = Path(__file__).parent / "prompts"
DIMENSIONS: Final = ("knowledge_density", "completeness", "correctness", "service_quality")
LOWEST, HIGHEST = 1, 5
_SLOTS: Final = {"num_left_out": "number", "record": "records"}
_SCORE: Final[dict[str, Any]] = {"type": ["integer", "null"], "minimum": LOWEST, "maximum": HIGHEST}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"explanation": {"type": "string", "maxLength": 600}, **dict.fromkeys(DIMENSIONS, _SCORE)},
    "required": ["explanation", *DIMENSIONS],
    "additionalProperties": False,
}
VOTE: Final = pa.struct([("explanation", pa.string()), *((name, pa.int8()) for name in DIMENSIONS)])
WRITES: Final = pa.schema(
    [
        *((f"judge_{name}", pa.float32()) for name in DIMENSIONS),  # 1 to 5; null: most votes could not decide
        ("judge_score", pa.float32()),  # mean of the four; null where one is
        ("judge_votes", pa.list_(VOTE)),
        SET_ASIDE_WHY,
    ]
)
_ROLES: Final = {"user": "customer", "assistant": "agent", "system": "business_knowledge", "tool": "tool"}


class Judge(Ask):
    """`quality.judge`: turns in; four scores, their mean, and each vote with its explanation out."""

    name: ClassVar[str] = "quality.judge"
    version: ClassVar[int] = 1
    max_rounds: ClassVar[int] = 1

    votes: int = Field(default=1, ge=1)
    """More than one wants a model with a temperature above 0: at 0 all votes are one."""
    prompt: Path = PROMPTS / "judge_v1"
    max_chars: int = Field(default=16_000, gt=0)
    """Of the record as it stands in the prompt; the earliest turns are left out to fit."""

    @field_validator("prompt")
    @classmethod
    def _there(cls, prompt: Path) -> Path:
        slots = dict(load(prompt)["en"].slots)
        if slots != _SLOTS:
            raise ValueError(f"a judge's prompt has the slots {_SLOTS}, and {prompt.name} has {slots}")
        return prompt

    def reads(self) -> frozenset[str]:
        """The turns."""
        return frozenset({"turns"})

    def writes(self) -> pa.Schema:
        """WRITES."""
        return WRITES

    def fold(self, row: dict[str, Any], answers: Answers) -> dict[str, Any] | list[Request]:
        """All votes at once, then their medians."""
        requests = self._requests(row["turns"] or ())
        votes = [answers(request) for request in requests]
        if missing := [request for request, vote in zip(requests, votes, strict=True) if vote is None]:
            return missing
        scores = {name: _decided([vote[name] for vote in votes]) for name in DIMENSIONS}
        known = [score for score in scores.values() if score is not None]
        whole = fmean(known) if len(known) == len(DIMENSIONS) else None
        return {**{f"judge_{k}": v for k, v in scores.items()}, "judge_score": whole, "judge_votes": votes}

    def _requests(self, turns: Iterable[Mapping[str, Any]]) -> list[Request]:
        records = [_record(turn) for turn in turns]
        spoken = "".join(str(r["text"] or "") for r in records if r["role"] in {"customer", "agent"})
        prompt = load(self.prompt)[language_of(len(HAN.findall(spoken)), len(LATIN.findall(spoken)))]
        kept = _last_that_fit(records, self.max_chars)
        messages = prompt.messages(record=kept, num_left_out=len(records) - len(kept))
        return [Request(messages, SCHEMA, prompt.name, vote) for vote in range(self.votes)]

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """A Chinese and an English conversation, one with tools, one without turns; one vote and three."""
        blank: dict[str, Any] = dict.fromkeys(TURN.names)
        call = {"id": "c1", "name": "order.track", "arguments": '{"order_id": "88"}'}
        zh: list[dict[str, Any]] = [
            {"role": "user", "content": "我的餐还没到"},
            {"role": "assistant", "content": "马上为您查询。"},
        ]
        en: list[dict[str, Any]] = [
            {"role": "user", "content": "Where is my order?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": '{"status": "shipped"}', "tool_call_id": "c1"},
            {"role": "assistant", "content": "It has been shipped."},
        ]
        rows = [{"turns": [blank | {"turn_idx": i} | turn for i, turn in enumerate(talk)]} for talk in (zh, en, [])]
        return [(cls(model="judge"), rows), (cls(model="judge", votes=3, max_chars=60), rows)]


def _decided(votes: list[int | None]) -> float | None:
    """The median of the votes that decided, where most did."""
    known = [vote for vote in votes if vote is not None]
    return float(median(known)) if 2 * len(known) > len(votes) else None


def _record(turn: Mapping[str, Any]) -> dict[str, Any]:
    calls = [{"name": call["name"], "arguments": _object(call["arguments"])} for call in turn["tool_calls"] or ()]
    record = {"turn": turn["turn_idx"], "role": _ROLES.get(turn["role"], "other"), "text": turn["content"]}
    return {**record, "tool_calls": calls} if calls else record


def _object(text: str | None) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return text


def _last_that_fit(records: list[dict[str, Any]], max_chars: int) -> list[dict[str, Any]]:
    """The latest records, the last one in any case."""
    room = max_chars
    for i in range(len(records) - 1, -1, -1):
        room -= len(encode(records[i])) + 1
        if room < 0:
            return records[min(i + 1, len(records) - 1) :]
    return records
