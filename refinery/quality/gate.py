"""Sets conversations aside by thresholds over the heuristic scores; cheap, so a threshold moves without scoring again.

    num_customer_turns 1, num_agent_turns 0 -> set_aside_why "too_few_turns"

The first reason in the order of CHECKS is the one that is written. A null score never sets aside.
"""

from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from refinery.records.fate import SET_ASIDE_WHY
from refinery.stage import Stage, Transform, array

Side = Literal["below", "above", "is", "not_in"]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Check(NamedTuple):
    """A reason, and the threshold that a score is held against: a conversation fails on that side of it."""

    reason: str
    threshold: str  # the gate's parameter; null, or an empty list, turns the check off
    side: Side
    scores: tuple[str, ...]  # their sum
    only: tuple[str, str] | None = None  # a score, and the parameter it must reach for the check to say anything

    @property
    def is_number(self) -> bool:
        """Whether the score is a number, and not a flag or a word."""
        return self.side in ("below", "above")

    def score(self, table: pa.Table) -> pa.Array:
        """The score of each row."""
        first, *more = (array(table, name) for name in self.scores)
        for other in more:
            first = pc.add(first, other)
        return first


CHECKS: Final = (
    Check("too_few_turns", "min_turns", "below", ("num_customer_turns", "num_agent_turns")),
    Check("no_customer_turn", "min_customer_turns", "below", ("num_customer_turns",)),
    Check("no_agent_turn", "min_agent_turns", "below", ("num_agent_turns",)),
    Check("empty_text", "max_empty_text_share", "above", ("empty_text_share",)),
    Check("symbols", "max_symbol_share", "above", ("symbol_share",)),
    Check("greeting_only", "min_words_beyond_greetings", "below", ("num_words_beyond_greetings",)),
    Check("boilerplate_only", "min_words_beyond_boilerplate", "below", ("num_words_beyond_boilerplate",)),
    Check("too_short", "min_words", "below", ("num_words",)),
    Check("too_long", "max_words", "above", ("num_words",)),
    Check("other_language", "languages", "not_in", ("language",)),
    Check("mixed_language", "max_mixed_share", "above", ("mixed_share",)),
    Check(
        "repetition",
        "max_repeated_agent_share",
        "above",
        ("repeated_agent_share",),
        only=("num_agent_turns", "min_agent_turns_for_repetition"),
    ),
    Check("repeated_sequences", "max_repeated_sequence_share", "above", ("repeated_sequence_share",)),
    Check("broken_role_order", "min_switch_share", "below", ("switch_share",)),
    Check("orphan_results", "max_orphan_results", "above", ("num_orphan_results",)),
    Check("unanswered_calls", "max_unanswered_calls", "above", ("num_unanswered_calls",)),
    Check("off_topic", "min_topic_share", "below", ("topic_share",)),
    Check("cut_off", "cut_off", "is", ("cut_off",)),
)
REASONS: Final = tuple(check.reason for check in CHECKS)
_READS: Final = frozenset(score for check in CHECKS for score in check.scores)


class Gate(Stage):
    """`quality.gate`: scores in, `set_aside_why` out (null: live).

    A share of 1 (`max_`) or 0 (`min_`), a count of 0 (`min_`) or null (`max_`) turns a check off.
    """

    name: ClassVar[str] = "quality.gate"
    version: ClassVar[int] = 2

    min_turns: Count = 2
    """Customer and agent turns that speak, together."""
    min_customer_turns: Count = 1
    min_agent_turns: Count = 1
    max_empty_text_share: Share = 0.5
    min_words_beyond_greetings: Count = 1
    """Words that are left when greetings, thanks and goodbyes are taken out; 1: something must be left."""
    min_words_beyond_boilerplate: Count = 1
    """Words that are left when service phrases are taken out too."""
    min_words: Count = 0
    """Off: "A latte." "Anything else?" is short and good."""
    max_words: Count | None = None
    """Off: what a model's context holds is the trainer's matter."""
    max_symbol_share: Share = 0.5
    """Over half: text lost in decoding, drawings. Real logs have up to 0.42 (faces, calls with @)."""
    languages: tuple[Literal["zh", "en", "other"], ...] = ()
    """Languages to keep, all if none is named. It does not judge mixed conversations, nor those without a letter."""
    max_mixed_share: Share = 1.0
    """Off: two languages in one conversation are no fault of their own."""
    max_repeated_agent_share: Share = 0.5
    min_agent_turns_for_repetition: int = Field(default=4, ge=1)
    """Below this many agent turns a repeated line says little."""
    max_repeated_sequence_share: Share = 0.7
    """A text said twice has 0.5, thrice 0.67; lists of flights have up to 0.51, a model caught in a loop nearly 1."""
    min_switch_share: Share = 0.12
    """Messages that come eight in a row on either side have 0.12; a log sorted by sender has less."""
    max_orphan_results: Count | None = 0
    """A tool result without its call cannot be written in the form that models are trained on."""
    max_unanswered_calls: Count | None = None
    """Off: many systems log what was called and not what came back."""
    min_topic_share: Share = 0.0
    """Off; it needs `topics` of `quality.heuristics`."""
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

    def fails(self, check: Check, table: pa.Table) -> pa.BooleanArray:
        """Which rows fail a check, whatever the others say of them; never null."""
        score, threshold = check.score(table), getattr(self, check.threshold)
        if threshold is None or threshold == () or threshold is False:
            return pa.repeat(pa.scalar(False), len(table))
        if check.side == "not_in":
            failed = pc.invert(pc.is_in(score, pa.array([*threshold, "mixed"])))
            failed = pc.and_(failed, pc.is_valid(score))
        else:
            failed = score if check.side == "is" else _COMPARE[check.side](score, threshold)
        if check.only:
            failed = pc.and_(failed, pc.greater_equal(array(table, check.only[0]), getattr(self, check.only[1])))
        return pc.fill_null(failed, False)

    def _decide(self, table: pa.Table) -> pa.Table:
        why = pa.nulls(len(table), pa.string())
        for check in reversed(CHECKS):
            why = pc.if_else(self.fails(check, table), check.reason, why)
        return pa.table([why], schema=self.writes())

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """One row for each reason, one live row, one without scores; under the defaults, and with every check on."""
        live: dict[str, Any] = {
            "num_customer_turns": 3,
            "num_agent_turns": 5,
            "empty_text_share": 0.0,
            "num_words": 80,
            "num_words_beyond_greetings": 70,
            "num_words_beyond_boilerplate": 60,
            "symbol_share": 0.1,
            "language": "zh",
            "mixed_share": 0.1,
            "repeated_agent_share": 0.2,
            "repeated_sequence_share": 0.0,
            "switch_share": 1.0,
            "num_orphan_results": 0,
            "num_unanswered_calls": 0,
            "topic_share": 0.5,
            "cut_off": False,
        }
        faults: list[dict[str, Any]] = [
            {"num_customer_turns": 0, "num_agent_turns": 1},
            {"num_customer_turns": 0},
            {"num_agent_turns": 0},
            {"empty_text_share": 0.6},
            {"symbol_share": 0.6},
            {"num_words_beyond_greetings": 0},
            {"num_words_beyond_boilerplate": 0},
            {"num_words": 3},
            {"num_words": 9_000},
            {"language": "other"},
            {"mixed_share": 0.5},
            {"repeated_agent_share": 0.75},
            {"repeated_sequence_share": 0.8},
            {"switch_share": 0.11},
            {"num_orphan_results": 1},
            {"num_unanswered_calls": 1},
            {"topic_share": 0.0},
            {"cut_off": True},
            dict.fromkeys(_READS),
        ]
        strict = cls(
            min_words=5,
            max_words=5_000,
            languages=("zh", "en"),
            max_mixed_share=0.3,
            max_unanswered_calls=0,
            min_topic_share=0.1,
        )
        rows = [live, *(live | fault for fault in faults)]
        return [(cls(), rows), (strict, rows)]


_COMPARE: Final = {"below": pc.less, "above": pc.greater}
