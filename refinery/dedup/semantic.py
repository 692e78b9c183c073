"""Duplicates in meaning over all sources: conversations that say the same in other words, or in another language."""

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from refinery.dedup.near import EN, ZH, talk
from refinery.dedup.semantic_rounds import Cells, Centre, Compare, Embed, Groups, Templates
from refinery.models.embedding import Embedder, HashEmbedder, SentenceTransformer
from refinery.stage import Contents, Exchange, Round


class SemanticDuplicates(Exchange):
    """Keeps one conversation of each group that means the same: the best, the most recent, then the smallest id.

    Compared are conversations under the same set of policies (their cell), what customers say and what agents say
    apart (turns of agents that are known templates left out): two are as alike as the less alike of their sides. Every
    one that is set aside lies within the threshold of the one that is kept, so no chain of likenesses joins what is
    unlike. Conversations that state other orders, amounts or outcomes are never one group. Of little text (under 40
    bytes without templates) nothing is decided here.
    """

    name: ClassVar[str] = "dedup.semantic"
    version: ClassVar[int] = 1
    movable: ClassVar[frozenset[str]] = frozenset({"threshold"})

    embedder: Path | None
    """A folder as sentence-transformers saves one, the same on every node; null: by wording alone, to rehearse."""
    threshold: float = Field(gt=0, le=1)
    """Cosine from which two conversations mean the same. It belongs to the embedder, so there is no default."""
    min_threshold: float = Field(gt=0, le=1)
    """The lowest threshold that the run can be moved to later; links from here on are kept."""
    centre: bool = True
    """Whether embeddings are taken about the mean of their language over the run; without it nearly all lie near."""
    translations: Literal["keep", "merge"] = "keep"
    """Whether a conversation in Chinese and its like in English are one group, or both stay."""
    facts: bool = True
    """Whether conversations that state other numbers, arguments, orders or outcomes are kept apart."""
    template_contexts: int | None = Field(50, ge=2)
    """An agent turn that answers so many different customer turns is a template; null: none is."""
    score: str | None = None
    """The column by whose highest value the kept one is chosen first."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.threshold < self.min_threshold:
            raise ValueError(
                f"threshold {self.threshold} lies below min_threshold {self.min_threshold}, from which links are kept"
            )
        if find_spec("faiss") is None:
            raise ValueError("dedup.semantic needs faiss: install refinery[embed]")
        if self.embedder is not None:
            if not self.embedder.is_dir():
                raise ValueError(f"no embedder folder {self.embedder}; it is local, nothing is fetched by name")
            if find_spec("sentence_transformers") is None:
                raise ValueError("an embedder folder needs sentence-transformers: install refinery[embed]")
        return self

    def parameters(self) -> dict[str, Any]:
        """With the embedder's name, which holds a hash of its folder."""
        return super().parameters() | {"embedder": self.model().name}

    def contents(self) -> Contents:
        """Nothing: weights stay where they are, and the embedder's name tells which they were."""
        return {}

    def model(self) -> Embedder:
        """The embedder; nothing is loaded yet."""
        return SentenceTransformer(self.embedder) if self.embedder is not None else HashEmbedder()

    def writes(self) -> pa.Schema:
        """For members of a group and conversations kept apart only: group (its kept id), kept id, similarity, fate.

        `dedup_similarity` is that with the kept one (of both sides the lesser cosine); of one without a group, that
        with the nearest one from which its facts kept it apart.
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
    def examples(cls) -> list[tuple["SemanticDuplicates", list[dict[str, Any]]]]:
        """Talks about two orders under two policies, each with a like one, in Chinese and English."""
        told = [(ZH, "1", "a"), (ZH[::-1], "1", "a"), (EN, "1", "a"), (EN[::-1], "1", "a"), (EN, "2", "a")]
        told += [(EN, "1", "b"), (EN, "1", "b"), (("好", "", "?"), "1", "a")]
        nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2)]
        rows = [
            {
                "turns": talk(said, order),
                "policies": [[], [policy], []],
                "language": "en" if said[0].isascii() else "zh",
                "signals": [],
                "outcome": None,
                "created_at": nights[k % 2],
                "conversation_id": f"{k:032x}",
            }
            for k, (said, order, policy) in enumerate(told)
        ]
        hashed: dict[str, Any] = {"embedder": None, "threshold": 0.8, "min_threshold": 0.5}
        loose = cls(**hashed, template_contexts=None, centre=False, facts=False, translations="merge")
        return [(cls(**hashed), [*rows, rows[0] | {"policies": None, "conversation_id": "9" * 32}]), (loose, rows)]

    def rounds(self) -> tuple[Round, ...]:
        """Known templates; embeddings; their means; how cells too large are split; who is near whom; groups."""
        templates = () if self.template_contexts is None else (Templates(self),)
        centre = (Centre(self),) if self.centre else ()
        return (*templates, Embed(self), *centre, Cells(self), Compare(self), Groups(self))
