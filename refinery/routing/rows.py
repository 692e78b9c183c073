"""Training samples of a routed conversation: SFT rows of a good one, an RL prompt of a bad one.

Report section 2.2.4. A bad conversation's preference pair needs a rewritten reply, which this stage does not have.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import blake2b
from itertools import chain, dropwhile, repeat
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Self

import orjson
import pyarrow as pa
from pydantic import Field, field_validator

from refinery.records.conversation import TURN
from refinery.records.fate import SET_ASIDE_WHY
from refinery.records.training import SAMPLE
from refinery.records.verdict import FINDING
from refinery.routing.prompt import PROMPTS, Past, Prompt, Text, Turn, load_texts, reply_of, target
from refinery.stage import Stage, Transform

SAMPLES: Final = pa.field("samples", pa.list_(SAMPLE))
CHUNK_CHARS: Final = 2**27
"""Prompt characters in one Arrow chunk: an Arrow string array ends at 2 GiB, and prompts repeat their history."""

Case = Mapping[str, Any]
"""One conversation: `policies` stand beside `turns`, `findings` gravest first."""


class Draft(NamedTuple):
    """An agent turn that has a prompt, and what was said before it."""

    turn: Turn
    prompt: Prompt
    policies: list[str]
    replies: list[str]


class Rows(Stage):
    """Live conversations, `usage` good or bad, to `samples`; a conversation that gives none is set aside."""

    name: ClassVar[str] = "routing.rows"
    version: ClassVar[int] = 1

    prompt: Path = PROMPTS / "service_v1"
    """A folder with `zh.md` and `en.md`."""
    solutions: tuple[str, ...] = ()
    """The solution list, the same for all: tools seen in the conversation itself would tell of the future."""
    max_prompt_chars: int = Field(default=24_000, gt=0)
    """Oldest history entries are left out to fit; a turn whose last customer turn does not fit gives no sample."""
    validation_share: float = Field(default=0.05, ge=0, le=1)

    @field_validator("prompt")
    @classmethod
    def _there(cls, prompt: Path) -> Path:
        load_texts(prompt)
        return prompt

    def reads(self) -> frozenset[str]:
        """The conversation as the agent saw it, and what inspection and routing said of it."""
        return frozenset({"conversation_id", "turns", "signals", "policies", "findings", "usage"})

    def writes(self) -> pa.Schema:
        """Samples of the live rows; null where set aside."""
        return pa.schema([SAMPLES, SET_ASIDE_WHY])

    def open(self) -> Transform:
        """Read the prompt files; the transform goes row by row: 2,000 conversations of 20 turns a second."""
        return partial(self._transform, load_texts(self.prompt))

    def _transform(self, texts: dict[str, Text], table: pa.Table) -> pa.Table:
        chunks, samples, reasons, size = [], [], [], 0
        for case in table.to_pylist():
            rows, reason = self._samples(case, texts)
            samples.append(rows)
            reasons.append(reason)
            size += sum(len(message["content"]) for row in rows or () for message in row["prompt"])
            if size > CHUNK_CHARS:
                chunks.append(pa.array(samples, SAMPLES.type))
                samples, size = [], 0
        chunks.append(pa.array(samples, SAMPLES.type))
        return pa.table([pa.chunked_array(chunks), pa.array(reasons, pa.string())], schema=self.writes())

    def _samples(self, case: Case, texts: dict[str, Text]) -> tuple[list[dict[str, Any]] | None, str | None]:
        """Samples, or the reason why there are none."""
        usage, findings = case["usage"], case["findings"] or []
        if usage not in ("good", "bad"):
            return None, "not_routed"
        if usage == "good" and any(finding["route"] and finding["route"]["sft_exclude"] for finding in findings):
            return None, "rule_excluded"
        targets = _targets(case["turns"] or [])
        if not targets:
            return None, "no_agent_turn"
        wanted = targets if usage == "good" else _gravest_first(findings, targets)
        drafts = {draft.turn["turn_idx"]: draft for draft in self._drafts(case, set(wanted), texts)}
        chosen = [drafts[idx] for idx in wanted if idx in drafts]
        if not chosen:
            return None, "prompt_too_long"
        if usage == "good":
            return [self._sample(case, "sft", draft) for draft in chosen], None
        return [self._sample(case, "rl", chosen[0])], None

    def _drafts(self, case: Case, wanted: set[int], texts: dict[str, Text]) -> Iterator[Draft]:
        past = Past(case["signals"] or ())
        for turn, policies in zip(case["turns"], chain(case["policies"] or (), repeat(None)), strict=False):
            if turn["turn_idx"] in wanted:
                prompt = past.prompt(turn["turn_idx"], texts, self.solutions, self.max_prompt_chars)
                if prompt:
                    yield Draft(turn, prompt, policies or [], list(past.replies))
            past.hear(turn)

    def _sample(self, case: Case, kind: str, draft: Draft) -> dict[str, Any]:
        turn, answer, conversation_id = draft.turn, target(draft.turn), case["conversation_id"]
        findings = [f for f in case["findings"] or [] if f["turn_idx"] == turn["turn_idx"]]
        condemned = any(f["route"] and f["route"]["rl"] for f in findings)
        key = orjson.dumps([conversation_id, kind, turn["turn_idx"]])
        return {
            "sample_id": blake2b(key, digest_size=16).hexdigest(),
            "kind": kind,
            "turn_idx": turn["turn_idx"],
            "policies": draft.policies,
            "solution_type": next((call["name"] for call in turn["tool_calls"] or () if call["name"]), "reply_only"),
            "split": split_of(conversation_id, self.validation_share),
            "prompt": draft.prompt.messages,
            "completion": [{"role": "assistant", "content": answer}] if kind == "sft" else None,
            # Table 2 calls a case bad only where its solution is correct, but a turn that a rule condemns is no model.
            "ground_truth": None if condemned else answer,
            "history": draft.replies,
            "num_history_left_out": draft.prompt.num_history_left_out,
            "rule_hits": list(dict.fromkeys(f["rule_id"] for f in findings)),
            "ruleset_version": next((f["ruleset_version"] for f in case["findings"] or ()), None),
        }

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """A good case, the same one excluded by a rule, a bad one, and one in which the agent never spoke."""
        turns = [_turn(0, "user", "我的快递到哪了？"), _turn(1, "assistant", "您好，我帮您查一下。")]
        finding: dict[str, Any] = dict.fromkeys(FINDING.names)
        finding |= {"turn_idx": 1, "rule_id": "PROC.not_advancing.001", "ruleset_version": "1"}
        finding |= {"route": {"sft_exclude": True, "dpo": True, "rl": True}}
        row: dict[str, Any] = {"conversation_id": "a", "turns": turns, "policies": [[], ["intent_clarification"]]}
        row |= {"signals": None, "findings": None, "usage": "good"}
        excluded, mute = row | {"findings": [finding]}, row | {"turns": turns[:1], "policies": [[]]}
        return [(cls(), [row, excluded, excluded | {"usage": "bad"}, mute])]


def split_of(conversation_id: str, validation_share: float) -> str:
    """`train` or `validation`, by hash of the conversation: all its samples, of any run, on one side."""
    digest = blake2b(conversation_id.encode(), digest_size=8, person=b"refinery.split").digest()
    return "validation" if int.from_bytes(digest, "big") < validation_share * 2**64 else "train"


def _targets(turns: list[Turn]) -> list[int]:
    """Agent turns that say or do something after a customer has spoken."""
    after = dropwhile(lambda turn: turn["role"] != "user", turns)
    return [t["turn_idx"] for t in after if t["role"] == "assistant" and (t["tool_calls"] or reply_of(t))]


def _gravest_first(findings: list[dict[str, Any]], targets: list[int]) -> list[int]:
    """Turns for an RL prompt, best first: those of findings routed to RL, gravest first, then the last one."""
    flagged = [finding["turn_idx"] for finding in findings if finding["route"] and finding["route"]["rl"]]
    return list(dict.fromkeys([idx for idx in flagged if idx in targets] + targets[-1:]))


def _turn(turn_idx: int, role: str, content: str) -> dict[str, Any]:
    return dict.fromkeys(TURN.names) | {"turn_idx": turn_idx, "role": role, "content": content}
