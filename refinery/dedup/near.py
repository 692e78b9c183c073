"""Near duplicates over all sources: conversations that say almost the same and state nothing that differs."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self

import pyarrow as pa
from pydantic import Field, model_validator

from refinery.dedup.detection import fault
from refinery.dedup.rounds import Bands, Compare, Groups, Templates
from refinery.stage import Exchange, Round


class NearDuplicates(Exchange):
    """Keeps one conversation of each group of near duplicates: the best, the most recent, then the smallest id.

    Compared is what customer and agent said (case, width, punctuation and numbers apart, known templates left out), by
    the exact Jaccard of character 5-grams. Conversations that state other orders, amounts, dates or outcomes are never
    one group; they are marked `dedup_entity_conflict`.
    """

    name: ClassVar[str] = "dedup.near"
    version: ClassVar[int] = 1
    movable: ClassVar[frozenset[str]] = frozenset({"threshold"})

    threshold: float = Field(0.8, gt=0, le=1)
    """Jaccard from which two conversations are near duplicates."""
    min_threshold: float = Field(0.75, gt=0, le=1)
    """The lowest threshold that the run can be moved to later; links from here on are kept."""
    bands: int = Field(21, ge=1)
    """Bands of the signature; two conversations are compared where they agree on all samples of one."""
    band_rows: int = Field(6, ge=1)
    """Samples in a band; `bands` of them take at most 128."""
    facts: bool = True
    """Whether conversations that state other numbers, arguments, orders or outcomes are kept apart."""
    template_contexts: int | None = Field(50, ge=2)
    """An agent turn that answers so many different customer turns is a template; null: none is."""
    score: str | None = None
    """The column by whose highest value the kept one is chosen first."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if wrong := fault(self.threshold, self.min_threshold, self.bands, self.band_rows):
            raise ValueError(wrong)
        return self

    def writes(self) -> pa.Schema:
        """For members of a group and conversations kept apart only: group (its kept id), kept id, similarity, fate.

        `dedup_similarity` is the Jaccard with the kept one (where the two were not compared, the weakest link on the
        way to it); of one without a group, with the nearest from which its facts kept it apart.
        """
        return pa.schema(
            [
                ("dedup_group", pa.string()),
                ("dedup_kept_id", pa.string()),
                ("dedup_similarity", pa.float64()),
                ("dedup_entity_conflict", pa.bool_()),
                ("set_aside_why", pa.string()),
            ]
        )

    @classmethod
    def examples(cls) -> list[tuple["NearDuplicates", list[dict[str, Any]]]]:
        """A talk, its copies with a typo and without a turn, the same about another order; in Chinese and English."""
        talks = [_talk(said, order) for said in (_ZH, _EN) for order in ("88123", "99321")]
        copies = [
            [*talk[:2], _turn("user", talk[2]["content"] + "!?" + end)]
            for talk, end in ((talks[0], "啊"), (talks[2], "s"))
        ]
        nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2)]
        shorts = [[_turn("user", "好")], [_turn("user", "好")], [_turn("user", "?")], []]
        rows = [
            {
                "turns": turns,
                "signals": [],
                "outcome": None,
                "created_at": nights[k % 2],
                "conversation_id": f"{k:032x}",
            }
            for k, turns in enumerate([*talks, *copies, copies[0][1:], *shorts])
        ]
        return [(cls(), rows), (cls(template_contexts=None, facts=False), rows)]

    def rounds(self) -> tuple[Round, ...]:
        """Known templates; who shares a band; who is near whom; groups and whom to keep."""
        templates = () if self.template_contexts is None else (Templates(self),)
        return (*templates, Bands(self), Compare(self), Groups(self))


_ZH = (
    "你好，我的订单{}到现在还没有送到，骑手电话也打不通，麻烦尽快帮我看一下",
    "您的订单{}因为商家出餐慢晚到了，已为您催促",
    "那就再等十分钟吧，谢谢你",
)
_EN = (
    "My order {} has not come yet and nobody answers the phone, please look",
    "Order {} is late, the kitchen is slow",
    "Then I will wait, thank you",
)


def _talk(said: tuple[str, ...], order: str) -> list[dict[str, Any]]:
    return [_turn("assistant" if k == 1 else "user", text.format(order)) for k, text in enumerate(said)]


def _turn(role: str, content: str) -> dict[str, Any]:
    return {"turn_idx": 0, "role": role, "content": content, "tool_calls": []}
