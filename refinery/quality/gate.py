"""Sets conversations aside by thresholds over the heuristic scores; cheap, so a threshold moves without scoring again.

    num_customer_turns 1, num_agent_turns 0 -> set_aside_why "too_few_turns"

The first reason in the order of REASONS is the one that is written. A null score never sets aside.
"""

from typing import Any, ClassVar, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from refinery.records.fate import SET_ASIDE_WHY
from refinery.stage import Stage, Transform, array

REASONS = ("too_few_turns", "no_customer_turn", "no_agent_turn", "empty_text", "repetition", "cut_off")
_READS = frozenset({"num_customer_turns", "num_agent_turns", "empty_text_share", "repeated_agent_share", "cut_off"})


class Gate(Stage):
    """`quality.gate`: scores in, `set_aside_why` out (null: live)."""

    name: ClassVar[str] = "quality.gate"
    version: ClassVar[int] = 1

    min_turns: int = Field(default=2, ge=0)
    """Customer and agent turns that speak, together."""
    min_customer_turns: int = Field(default=1, ge=0)
    min_agent_turns: int = Field(default=1, ge=0)
    max_empty_text_share: float = Field(default=0.5, ge=0, le=1)
    max_repeated_agent_share: float = Field(default=0.5, ge=0, le=1)
    min_agent_turns_for_repetition: int = Field(default=4, ge=1)
    """Below this many agent turns a repeated line says little."""
    cut_off: bool = True
    """Whether conversations that were cut off are set aside."""

    def reads(self) -> frozenset[str]:
        """The scores of `quality.heuristics` that have a threshold."""
        return _READS

    def writes(self) -> pa.Schema:
        """`set_aside_why`."""
        return pa.schema([SET_ASIDE_WHY])

    def open(self) -> Transform:
        """Nothing to load."""
        return self._decide

    def _decide(self, table: pa.Table) -> pa.Table:
        score = {name: array(table, name) for name in _READS}
        customer, agent = score["num_customer_turns"], score["num_agent_turns"]
        repeating = pc.greater(score["repeated_agent_share"], self.max_repeated_agent_share)
        fails = {
            "too_few_turns": pc.less(pc.add(customer, agent), self.min_turns),
            "no_customer_turn": pc.less(customer, self.min_customer_turns),
            "no_agent_turn": pc.less(agent, self.min_agent_turns),
            "empty_text": pc.greater(score["empty_text_share"], self.max_empty_text_share),
            "repetition": pc.and_(repeating, pc.greater_equal(agent, self.min_agent_turns_for_repetition)),
            "cut_off": pc.and_(score["cut_off"], self.cut_off),
        }
        why = pa.nulls(len(table), pa.string())
        for reason in reversed(REASONS):
            why = pc.if_else(pc.fill_null(fails[reason], False), reason, why)
        return pa.table([why], schema=self.writes())

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """One row for each reason, one live row, one without scores."""
        live: dict[str, Any] = {
            "num_customer_turns": 3,
            "num_agent_turns": 5,
            "empty_text_share": 0.0,
            "repeated_agent_share": 0.2,
            "cut_off": False,
        }
        faults: list[dict[str, Any]] = [
            {"num_customer_turns": 0, "num_agent_turns": 1},
            {"num_customer_turns": 0},
            {"num_agent_turns": 0},
            {"empty_text_share": 0.6},
            {"repeated_agent_share": 0.75},
            {"cut_off": True},
            dict.fromkeys(_READS),
        ]
        return [(cls(), [live, *(live | fault for fault in faults)])]
