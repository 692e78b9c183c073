"""Near duplicates over all sources: conversations that say almost the same and state nothing that differs."""

from abc import abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from refinery.dedup.detection import fault
from refinery.dedup.rounds import Bands, Compare, Groups, Templates
from refinery.stage import Exchange, Round

if TYPE_CHECKING:
    from refinery.dedup.forms import Documents, Offsets, Rows, Scratch, Turns
    from refinery.dedup.keeping import Chosen
    from refinery.text.facts import Words


class Near(Exchange):
    """What conversations and replies share: the same parameters and rounds over other documents.

    Compared is the form of what is said (case, width, punctuation and numbers apart), by the exact Jaccard of its
    shingles. Documents that state other orders, amounts, dates or outcomes are never one group.
    """

    movable: ClassVar[frozenset[str]] = frozenset({"threshold"})
    level: ClassVar[Literal["conversation", "reply"]]

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
    template_contexts: int | None = None
    templates: Path | None = None
    score: str | None = None
    """The column by whose highest value the kept one is chosen first."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if wrong := fault(self.threshold, self.min_threshold, self.bands, self.band_rows):
            raise ValueError(wrong)
        return self

    @abstractmethod
    def compares(self) -> frozenset[str]:
        """Columns that hold what is compared."""

    @abstractmethod
    def documents(self, rows: pa.Table, turns: "Turns", scratch: "Scratch") -> "Documents":
        """What is compared, of these rows."""

    @abstractmethod
    def beside(self, rows: pa.Table) -> "tuple[Offsets, Words] | None":
        """Facts known beside the text: those of document d from offset d to d + 1; None where there are none."""

    @abstractmethod
    def row_of(self, documents: "Rows") -> "Rows":
        """The rows in which documents stand, by their numbers."""

    @abstractmethod
    def decided(self, chosen: "Chosen") -> pa.Table:
        """The columns written, by row."""

    def rounds(self) -> tuple[Round, ...]:
        """Known templates, if asked for; who shares a band; who is near whom; groups and whom to keep."""
        makes_list = self.templates is None and self.template_contexts is not None
        templates = (Templates(self),) if makes_list else ()
        return (*templates, Bands(self), Compare(self), Groups(self))


class NearDuplicates(Near):
    """Keeps one conversation of each group of near duplicates: the best, the most recent, then the smallest id.

    Agent turns that are known templates do not count for how alike two conversations are. Those that would be
    duplicates but for what they state are kept, and marked `dedup_entity_conflict`.
    """

    name: ClassVar[str] = "dedup.near"
    version: ClassVar[int] = 2
    level: ClassVar[Literal["conversation", "reply"]] = "conversation"

    template_contexts: int | None = Field(50, ge=2)
    """An agent turn that answers so many different customer turns is a template; null: none is."""
    templates: Path | None = None
    """A frozen list of templates, in place of one that the run makes: `refinery dedup templates` writes it."""

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
        talks = [talk(said, order) for said in (ZH, EN) for order in ("88123", "99321")]
        copies = [
            [*talk[:2], turn("user", talk[2]["content"] + "!?" + end)]
            for talk, end in ((talks[0], "啊"), (talks[2], "s"))
        ]
        nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2)]
        shorts = [[turn("user", "好")], [turn("user", "好")], [turn("user", "?")], []]
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

    def compares(self) -> frozenset[str]:
        """What is said, and what is known beside it."""
        return frozenset({"turns", "signals", "outcome"})

    def documents(self, rows: pa.Table, turns: "Turns", scratch: "Scratch") -> "Documents":
        """Each row."""
        from refinery.dedup.documents import conversations

        return conversations(rows, turns)

    def beside(self, rows: pa.Table) -> "tuple[Offsets, Words] | None":
        """Signals and outcome."""
        from refinery.dedup.fields import field_facts

        return field_facts(rows)

    def row_of(self, documents: "Rows") -> "Rows":
        """The number itself."""
        return documents

    def decided(self, chosen: "Chosen") -> pa.Table:
        """Group, kept one and fate."""
        from refinery.dedup.keeping import of_conversations

        return of_conversations(chosen)


ZH = (
    "你好，我的订单{}到现在还没有送到，骑手电话也打不通，麻烦尽快帮我看一下",
    "您的订单{}因为商家出餐慢晚到了，已为您催促",
    "那就再等十分钟吧，谢谢你",
)
EN = (
    "My order {} has not come yet and nobody answers the phone, please look",
    "Order {} is late, the kitchen is slow",
    "Then I will wait, thank you",
)


def talk(said: tuple[str, ...], order: str) -> list[dict[str, Any]]:
    """Customer, agent, customer: an example's turns about an order."""
    return [turn("assistant" if k == 1 else "user", text.format(order)) for k, text in enumerate(said)]


def turn(role: str, content: str) -> dict[str, Any]:
    """One of an example's turns."""
    return {"turn_idx": 0, "role": role, "content": content, "tool_calls": []}
