"""What the heuristic scores count."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.quality.heuristics import SCORES, Heuristics
from refinery.records.conversation import CONVERSATION

CALL = [{"id": "c", "name": "f", "arguments": "{}"}]
TEXTS = st.none() | st.sampled_from(["", " ", "\u200b", "好的", "好的 ", "ok"])
TURNS = st.none() | st.lists(
    st.none()
    | st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool"]),
            "content": TEXTS,
            "tool_calls": st.sampled_from([None, [], CALL]),
        }
    ),
    max_size=6,
)
ENDS = st.sampled_from([None, "complete", "disconnect"])


def table(*rows):
    turns, ends = zip(*rows, strict=True) if rows else ((), ())
    return pa.table(
        {"turns": pa.array(turns, CONVERSATION.field("turns").type), "end_reason": pa.array(ends, pa.string())}
    )


def score(turns, end_reason=None):
    (row,) = Heuristics().open()(table((turns, end_reason))).to_pylist()
    return row


def said(*turns):
    return [{"role": role, "content": content} for role, content in turns]


def test_a_turn_speaks_when_something_can_be_seen():
    row = score(said(("user", "hi"), ("user", " \u200b"), ("user", None), ("assistant", "😀"), ("system", "x")))
    assert (row["num_turns"], row["num_customer_turns"], row["num_agent_turns"]) == (5, 1, 1)
    assert row["empty_text_share"] == 0.5


def test_a_tool_call_is_neither_speech_nor_empty_text():
    row = score([{"role": "assistant", "tool_calls": CALL}, {"role": "tool", "content": "{}"}, *said(("user", "hi"))])
    assert (row["num_turns"], row["num_agent_turns"], row["empty_text_share"]) == (3, 0, 0.0)


def test_only_agent_texts_said_before_in_the_same_conversation_are_repeated():
    talk = said(
        ("assistant", "您好"), ("user", "您好"), ("assistant", " 您好 "), ("assistant", "再见"), ("assistant", "")
    )
    out = Heuristics().open()(table((talk, None), (said(("assistant", "您好")), None)))
    assert out["repeated_agent_share"].to_pylist() == [pytest.approx(1 / 3), 0.0]


@pytest.mark.parametrize("reason", ["early_disconnect", "disconnect", "too_many_errors", "agent_error"])
def test_the_log_may_say_that_it_was_cut_off(reason):
    assert score(said(("user", "hi")), reason)["cut_off"] is True
    assert score(said(("user", "hi")), "complete")["cut_off"] is False


def test_a_call_without_result_at_the_end_is_a_cut():
    call = {"role": "assistant", "content": "let me look", "tool_calls": CALL}
    assert score([call])["cut_off"] is True
    assert score([call, {"role": "tool", "content": "{}"}])["cut_off"] is False


def test_reasons_are_a_parameter():
    stage = Heuristics(cut_off_reasons=("gone",))
    assert stage.open()(table((None, "gone"), (None, "disconnect")))["cut_off"].to_pylist() == [True, False]


def test_shares_of_nothing_are_null():
    row = score(None)
    assert row["num_turns"] == 0 and row["empty_text_share"] is None and row["repeated_agent_share"] is None


def test_an_empty_table_keeps_its_columns():
    assert Heuristics().open()(table()).schema == SCORES


def plain(turns, end_reason):
    """The same scores, one turn at a time."""
    turns = [turn or {"role": None, "content": None, "tool_calls": None} for turn in turns or []]
    speaks = [bool((turn["content"] or "").replace("\u200b", "").strip()) for turn in turns]
    textual = [
        s for t, s in zip(turns, speaks, strict=True) if t["role"] in ("user", "assistant") and not t["tool_calls"]
    ]
    agent = [t["content"].strip() for t, s in zip(turns, speaks, strict=True) if s and t["role"] == "assistant"]
    return {
        "num_turns": len(turns),
        "num_customer_turns": sum(s for t, s in zip(turns, speaks, strict=True) if t["role"] == "user"),
        "num_agent_turns": len(agent),
        "empty_text_share": textual.count(False) / len(textual) if textual else None,
        "repeated_agent_share": (len(agent) - len(set(agent))) / len(agent) if agent else None,
        "cut_off": end_reason == "disconnect" or bool(turns and turns[-1]["tool_calls"]),
    }


@given(st.lists(st.tuples(TURNS, ENDS), max_size=5), st.integers(0, 3))
def test_flat_scores_equal_those_of_a_plain_loop(rows, start):
    whole = table(*[(said(("assistant", "好的")), "disconnect")] * start, *rows)
    out = Heuristics().open()(whole.slice(start))
    assert out.to_pylist() == [plain(*row) for row in rows]
