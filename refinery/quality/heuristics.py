"""Scores that need no model, of what customer and agent said: how much, in which language, how much of it is nothing.

    six turns, the customer speaks twice, the agent three times, once in words used before
    -> num_turns 6, num_customer_turns 2, num_agent_turns 3, empty_text_share 0.0, repeated_agent_share 0.33, …

A turn speaks if its content holds a visible character (spaces and zero-width characters are none). Customer: role user.
Agent: role assistant; a tool call alone is an act, not speech. A word is a Chinese character or a word of letters and
digits (`refinery.quality.units`). Scores only: `quality.gate` decides.
"""

from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.quality.language import Scripts, languages
from refinery.quality.order import switch_share, unmatched
from refinery.quality.phrases import SHIPPED, Phrases, load
from refinery.quality.texts import Texts, measure
from refinery.quality.units import Ints, Mask
from refinery.records.leaves import list_parents
from refinery.stage import Stage, Transform, array

SCORES = pa.schema(
    [
        pa.field("num_turns", pa.int32()),  # messages of every role
        pa.field("num_customer_turns", pa.int32()),  # user messages that speak
        pa.field("num_agent_turns", pa.int32()),  # assistant messages that speak
        pa.field("empty_text_share", pa.float64()),  # of user and assistant messages without tool call; null: none
        pa.field("num_words", pa.int64()),  # of user and assistant messages, as all below
        pa.field(
            "num_words_beyond_greetings", pa.int64()
        ),  # without greetings, thanks, goodbyes; null: a tool was called
        pa.field(
            "num_words_beyond_boilerplate", pa.int64()
        ),  # without these and service phrases; null: a tool was called
        pa.field(
            "symbol_share", pa.float64()
        ),  # of letters and symbols, symbols (a run of one counts once); null: none
        pa.field("language", pa.string()),  # zh, en, mixed, other; null: no letter
        pa.field("mixed_share", pa.float64()),  # of the words with letters, those not of the chief script; null: none
        pa.field(
            "repeated_agent_share", pa.float64()
        ),  # of speaking agent turns, those that say again more than boilerplate
        pa.field("repeated_sequence_share", pa.float64()),  # most in an agent text; null: all are short
        pa.field("switch_share", pa.float64()),  # of places between speaking turns, changes of side; null: few turns
        pa.field("num_orphan_results", pa.int32()),  # tool messages that answer no call before them
        pa.field("num_unanswered_calls", pa.int32()),  # calls without result, but for a last message
        pa.field("topic_share", pa.float64()),  # of speaking turns, those with a topic word; null: no topic is given
        pa.field("cut_off", pa.bool_()),  # by the log's end reason, or the last message is a call without result
    ]
)


class Heuristics(Stage):
    """`quality.heuristics`: turns and end reason in, the columns of SCORES out."""

    name: ClassVar[str] = "quality.heuristics"
    version: ClassVar[int] = 2

    cut_off_reasons: tuple[str, ...] = ("early_disconnect", "disconnect", "too_many_errors", "agent_error")
    """End reasons of a conversation that stopped before its end."""
    phrases: Path = SHIPPED
    """File of greetings, service phrases and common English words; the one that comes with Refinery by default."""
    boilerplate: tuple[str, ...] = ()
    """Service phrases of the plan's own agents, beside those of the file."""
    topics: tuple[str, ...] = ()
    """Words and phrases of which every conversation worth keeping has some, English ones in each form (order, orders);
    none: nothing is off topic."""

    def reads(self) -> frozenset[str]:
        """Turns and how the log says that they ended."""
        return frozenset({"turns", "end_reason"})

    def writes(self) -> pa.Schema:
        """SCORES."""
        return SCORES

    def open(self) -> Transform:
        """Reads the phrases."""
        lists = load(self.phrases)
        known = Phrases(
            {
                "greetings": chain.from_iterable(lists.greetings.values()),
                "boilerplate": chain(*lists.boilerplate.values(), self.boilerplate),
                "english": lists.common_english,
                "topics": self.topics,
            }
        )
        return lambda table: self._score(table, known)

    def _score(self, table: pa.Table, known: Phrases) -> pa.Table:
        turns = _Turns.of(array(table, "turns"))
        texts = measure(turns.said, turns.by_agent, known)
        columns = _spoken(turns, texts) | _worded(turns, texts, on_topic=bool(self.topics)) | _ordered(turns, texts)
        ended = _mask(pc.is_in(array(table, "end_reason"), pa.array(self.cut_off_reasons, pa.string())))
        columns["cut_off"] = ended | _ends_on_call(turns)
        return pa.table([pa.array(columns[field.name], field.type) for field in SCORES], schema=SCORES)

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """Rows that hit each score: a repeater, a cut, an orphan result, greetings alone, a loop, symbols, topics."""
        return [(cls(), _EXAMPLES), (cls(boilerplate=("一样的话",), topics=("parcel", "包裹")), _EXAMPLES)]


def _said(*turns: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [{"turn_idx": i, "role": role, "content": text} for i, (role, text) in enumerate(turns)]


_CALL = {"turn_idx": 0, "role": "assistant", "tool_calls": [{"id": "c1", "name": "f", "arguments": "{}"}]}
_RESULT = {"turn_idx": 1, "role": "tool", "tool_call_id": "c2", "content": "{}"}
_ASKED = {"turn_idx": 2, "role": "user", "content": "OK"}
_EXAMPLES: list[dict[str, Any]] = [
    {
        "turns": _said(("user", "hi"), ("assistant", "一样的话"), ("user", " "), ("assistant", "一样的话 ")),
        "end_reason": "complete",
    },
    {"turns": [_CALL], "end_reason": None},
    {"turns": [_CALL, _RESULT, _ASKED], "end_reason": None},
    {"turns": None, "end_reason": "disconnect"},
    {"turns": _said(("user", "你好，在吗？"), ("assistant", "Hello! Thanks, bye.")), "end_reason": None},
    {
        "turns": _said(("user", "我的包裹呢"), ("assistant", "I am sorry. " * 12), ("user", "￥#…？！")),
        "end_reason": None,
    },
]


class _Turns(NamedTuple):
    """The turns of a table, flat: a value a turn; what user and assistant said: a value a text."""

    num_rows: int
    flat: pa.Array
    rows: Ints
    tool: Mask
    calls: Mask  # turns that hold a tool call
    said: pa.Array  # contents of user and assistant messages
    said_rows: Ints
    by_agent: Mask
    acted: Mask  # beside the text stands a tool call

    @classmethod
    def of(cls, turns: pa.Array) -> "_Turns":
        rows, flat = list_parents(turns), turns.flatten()
        role = pc.struct_field(flat, "role")
        agent = _mask(pc.equal(role, "assistant"))
        calls = _mask(pc.greater(pc.list_value_length(pc.struct_field(flat, "tool_calls")), 0))
        both = agent | _mask(pc.equal(role, "user"))
        said = pc.struct_field(flat, "content").filter(pa.array(both))
        tool = _mask(pc.equal(role, "tool"))
        return cls(len(turns), flat, rows, tool, calls, said, rows[both], agent[both], calls[both])

    def total(self, values: Ints, mask: Mask | None = None) -> Ints:
        """Sums over the texts of each row, or those that the mask picks."""
        rows, values = (self.said_rows, values) if mask is None else (self.said_rows[mask], values[mask])
        return np.bincount(rows, values, self.num_rows).astype(np.int64)

    def per_row(self, mask: Mask) -> Ints:
        """Texts of each row that the mask picks."""
        return np.bincount(self.said_rows[mask], minlength=self.num_rows)


_Columns = dict[str, Any]


def _spoken(turns: _Turns, texts: Texts) -> _Columns:
    """How many turns speak, and how many of the agent's say again what is more than greeting or boilerplate."""
    speaks, agent = texts.letters + texts.symbols > 0, turns.by_agent
    polite = (texts.words > 0) & (texts.beyond_boilerplate == 0)
    repeated = _repeated(turns.said, agent & speaks, turns.said_rows) & ~polite
    return {
        "num_turns": np.bincount(turns.rows, minlength=turns.num_rows),
        "num_customer_turns": turns.per_row(speaks & ~agent),
        "num_agent_turns": turns.per_row(speaks & agent),
        "empty_text_share": _share(turns.per_row(~speaks & ~turns.acted), turns.per_row(~turns.acted)),
        "repeated_agent_share": _share(turns.per_row(repeated), turns.per_row(agent & speaks)),
    }


def _worded(turns: _Turns, texts: Texts, *, on_topic: bool) -> _Columns:
    """What the words are: how many, in which language, greetings and boilerplate, symbols among them."""
    scripts = (texts.han, texts.latin, texts.kana, texts.other, texts.english)
    language, mixed = languages(Scripts(*map(turns.total, scripts)))
    speaks = texts.letters + texts.symbols > 0
    acted = np.bincount(turns.rows[turns.calls], minlength=turns.num_rows) > 0
    topical = _share(turns.per_row(texts.on_topic > 0), turns.per_row(speaks))
    return {
        "num_words": turns.total(texts.words),
        "num_words_beyond_greetings": pa.array(turns.total(texts.beyond_greetings), mask=acted),
        "num_words_beyond_boilerplate": pa.array(turns.total(texts.beyond_boilerplate), mask=acted),
        "symbol_share": _share(turns.total(texts.symbols), turns.total(texts.symbols + texts.letters)),
        "language": language,
        "mixed_share": mixed,
        "topic_share": topical if on_topic else pa.nulls(turns.num_rows, pa.float64()),
    }


def _ordered(turns: _Turns, texts: Texts) -> _Columns:
    """Changes of side, calls and results, sequences that come again."""
    speaks, most = texts.letters + texts.symbols > 0, np.full(turns.num_rows, -1.0)
    np.maximum.at(most, turns.said_rows, texts.repeated)
    orphans, unanswered = unmatched(turns.flat, turns.rows, turns.calls, turns.tool, turns.num_rows)
    return {
        "switch_share": switch_share(turns.said_rows[speaks], turns.by_agent[speaks], turns.num_rows),
        "num_orphan_results": orphans,
        "num_unanswered_calls": unanswered,
        "repeated_sequence_share": pa.array(most, mask=most < 0),
    }


def _repeated(texts: pa.Array, spoken: Mask, rows: Ints) -> Mask:
    """Which texts say, but for space around it, what an earlier spoken one of their conversation said."""
    coded = pc.dictionary_encode(pc.utf8_trim_whitespace(texts.filter(pa.array(spoken))))
    codes = coded.indices.to_numpy().astype(np.int64)
    _, first = np.unique(rows[spoken] * len(coded.dictionary) + codes, return_index=True)
    later = np.ones(len(codes), bool)
    later[first] = False
    repeated = np.zeros(len(spoken), bool)
    repeated[spoken] = later
    return repeated


def _ends_on_call(turns: _Turns) -> Mask:
    """Which conversations have a tool call as their last message."""
    last = np.flatnonzero(np.diff(turns.rows, append=turns.num_rows) != 0)
    ends = np.zeros(turns.num_rows, bool)
    ends[turns.rows[last]] = turns.calls[last]
    return ends


def _share(part: Ints, whole: Ints) -> pa.Array:
    return pa.array(part / np.maximum(whole, 1), mask=whole == 0)


def _mask(flags: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    mask: Mask = np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), dtype=bool)
    return mask
