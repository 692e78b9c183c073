"""Near duplicates among the replies of agents: the same said to the same customer turn under the same policies."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow as pa

from refinery.dedup.near import EN, ZH, Near, talk

if TYPE_CHECKING:
    from refinery.dedup.forms import Documents, Rows, Scratch, Turns
    from refinery.dedup.keeping import Chosen


class NearReplies(Near):
    """Finds replies of agents that say the same to the same customer turn under the same policies.

    No conversation is set aside: `duplicate_replies` names each reply that has a like one elsewhere that is kept, so
    that what makes training rows can leave it out. Needs `policies`, so it stands after `inspection.policies`.
    """

    name: ClassVar[str] = "dedup.replies"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["conversation", "reply"]] = "reply"

    template_contexts: None = None
    templates: None = None
    """A reply that is a template is a duplicate like any other."""

    def writes(self) -> pa.Schema:
        """For conversations with such replies only: each with the id and turn that is kept, and the similarity."""
        reply = pa.struct(
            [
                ("turn_idx", pa.int32()),
                ("kept_id", pa.string()),
                ("kept_turn_idx", pa.int32()),
                ("similarity", pa.float64()),
            ]
        )
        return pa.schema([("duplicate_replies", pa.list_(reply))])

    @classmethod
    def examples(cls) -> list[tuple["NearReplies", list[dict[str, Any]]]]:
        """Two talks that answer the same question alike, one under another policy, one about another order."""
        rows = []
        for k, (said, order, end, policy) in enumerate(
            [(ZH, "1", "", "a"), (ZH, "1", "！", "a"), (ZH, "1", "", "b"), (ZH, "2", "", "a"), (EN, "1", ".", "a")]
        ):
            turns = talk(said, order)
            turns[1] |= {"content": turns[1]["content"] + end, "turn_idx": 1}
            identity = {"created_at": datetime(2026, 5, 1, tzinfo=UTC), "conversation_id": f"{k:032x}"}
            rows.append({"turns": turns, "policies": [[], [policy], []], **identity})
        return [(cls(), [*rows, rows[0] | {"policies": None, "conversation_id": "9" * 32}])]

    def compares(self) -> frozenset[str]:
        """What is said, and under which policies."""
        return frozenset({"turns", "policies"})

    def documents(self, rows: pa.Table, turns: "Turns", scratch: "Scratch") -> "Documents":
        """Each reply to a customer turn."""
        from refinery.dedup.documents import replies

        return replies(rows, turns, scratch)

    def beside(self, rows: pa.Table) -> None:
        """Nothing: what the systems know of the talk is not what this reply says."""

    def row_of(self, documents: "Rows") -> "Rows":
        """The row that the number holds."""
        from refinery.dedup.documents import reply_places

        return reply_places(documents)[0]

    def decided(self, chosen: "Chosen") -> pa.Table:
        """The replies that are not kept."""
        from refinery.dedup.keeping import of_replies

        return of_replies(chosen)
