"""Table 2 of the report, as a table: from three verdicts on a conversation to what it is used for.

Report section 2.2.4; the rows with an undecided verdict are ours: the report says only that nothing is guessed.
"""

from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from refinery.records.fate import SET_ASIDE_WHY
from refinery.stage import Stage, Transform, array

Verdict = bool | None
Cell = Verdict | Literal["any"]

TABLE: Final[tuple[tuple[Cell, Cell, Cell, str], ...]] = (
    # solution  satisfied  quality  usage
    (True, True, True, "good"),  # SFT
    (True, True, False, "bad"),  # DPO, RL
    (True, False, "any", "bad"),  # DPO, RL
    (False, "any", "any", "unused"),
    (None, "any", "any", "pending"),
    (True, None, "any", "pending"),
    (True, True, None, "pending"),
)
"""Each of the 27 cells matches exactly one row; "any" is True, False or undecided (null)."""

SET_ASIDE: Final = {"unused": "solution_incorrect", "pending": "pending"}
"""Why a conversation of this usage goes no further; the other usages stay live."""

VERDICTS: Final[tuple[Verdict, ...]] = (False, True, None)
"""The order of codes: False 0, True 1, undecided 2."""


def usage_of(solution: Verdict, satisfied: Verdict, quality: Verdict) -> str:
    """The usage of one cell, straight from the table; ValueError where not exactly one row matches."""
    cell = (solution, satisfied, quality)
    (usage,) = [row[3] for row in TABLE if all(c == "any" or c is v for c, v in zip(row[:3], cell, strict=True))]
    return usage


USAGES: Final = tuple(usage_of(a, b, c) for a in VERDICTS for b in VERDICTS for c in VERDICTS)
"""The 27 cells at code 9 * solution + 3 * satisfied + quality."""


class SelfRefinement(Stage):
    """Self-refinement routing: `outcome` to `usage` (good, bad, unused, pending); the last two are set aside."""

    name: ClassVar[str] = "routing.srt"
    version: ClassVar[int] = 1

    def reads(self) -> frozenset[str]:
        """The three verdicts."""
        return frozenset({"outcome"})

    def writes(self) -> pa.Schema:
        """The usage, and the reason of the rows that have none."""
        return pa.schema([pa.field("usage", pa.string()), SET_ASIDE_WHY])

    def open(self) -> Transform:
        """Three verdicts a row make one code, and the code looks up the answer."""
        usages = pa.array(USAGES, pa.string())
        reasons = pa.array([SET_ASIDE.get(usage) for usage in USAGES], pa.string())

        def transform(table: pa.Table) -> pa.Table:
            outcome = array(table, "outcome")
            codes = 9 * _codes(outcome, "solution") + 3 * _codes(outcome, "satisfied") + _codes(outcome, "quality")
            cells = pa.array(codes)
            return pa.table([usages.take(cells), reasons.take(cells)], schema=self.writes())

        return transform

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """One row for each fate, and a conversation of which nothing is known."""
        cells = [(True, True, True), (True, False, None), (False, None, None), (True, None, True)]
        outcomes = [{"solution": a, "satisfied": b, "quality": c, "votes": None} for a, b, c in cells]
        return [(cls(), [{"outcome": outcome} for outcome in [*outcomes, None]])]


def _codes(outcome: "pa.Array[Any]", verdict: str) -> NDArray[np.int64]:
    """False 0, True 1, undecided 2; a null outcome is undecided in all three."""
    codes = pc.fill_null(pc.cast(pc.struct_field(outcome, verdict), pa.int64()), 2)
    return np.asarray(codes, np.int64)
