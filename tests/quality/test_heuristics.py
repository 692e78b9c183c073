"""What the heuristic scores count."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.quality.heuristics import SCORES, Heuristics
from refinery.records.conversation import CONVERSATION

CALL = [{"id": "c", "name": "f", "arguments": "{}"}]
NAMELESS = [{"id": None, "name": "f", "arguments": "{}"}]
TEXTS = st.none() | st.sampled_from(["", " ", "\u200b", "好的", "查到了", "查到了 ", "found", "ok"])
TURNS = st.none() | st.lists(
    st.none()
    | st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool"]),
            "content": TEXTS,
            "tool_calls": st.sampled_from([None, [], CALL, NAMELESS]),
            "tool_call_id": st.sampled_from([None, "c", "d"]),
        }
    ),
    max_size=14,
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
        ("assistant", "没货"), ("user", "没货"), ("assistant", " 没货 "), ("assistant", "明天到"), ("assistant", "")
    )
    out = Heuristics().open()(table((talk, None), (said(("assistant", "没货")), None)))
    assert out["repeated_agent_share"].to_pylist() == [pytest.approx(1 / 3), 0.0]


def test_greetings_and_service_phrases_may_be_said_again():
    polite = said(
        *[("user", "x"), ("assistant", "Thank you and goodbye."), ("assistant", "请问还有什么可以帮您？")] * 3
    )
    assert score(polite)["repeated_agent_share"] == 0.0
    assert score(said(*[("assistant", "Ride booked.")] * 3, ("assistant", "👍"), ("assistant", "👍")))[
        "repeated_agent_share"
    ] == pytest.approx(3 / 5)


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


def test_shares_of_nothing_are_null_and_counts_of_nothing_are_zero():
    row = score(None)
    assert {name for name, value in row.items() if value == 0} == {
        "num_turns",
        "num_customer_turns",
        "num_agent_turns",
        "num_words",
        "num_words_beyond_greetings",
        "num_words_beyond_boilerplate",
        "num_orphan_results",
        "num_unanswered_calls",
        "cut_off",
    }
    assert all(value == 0 or value is None for value in row.values())


@pytest.mark.parametrize(
    ("turns", "beyond_greetings", "beyond_boilerplate"),
    [
        ((("user", "Hi!"), ("assistant", "Hello, thank you and goodbye.")), 0, 0),
        ((("user", "你好，在吗？"), ("assistant", "您好！请问有什么可以帮您？")), 9, 0),
        ((("user", "Hello"), ("assistant", "Hello, how can I help you today?")), 6, 0),
        ((("user", "Hello, my parcel?"), ("assistant", "One moment please.")), 5, 2),
        ((("user", "您好，包裹没到"), ("assistant", "请稍等")), 7, 4),
    ],
)
def test_words_are_counted_without_greetings_and_without_boilerplate(turns, beyond_greetings, beyond_boilerplate):
    row = score(said(*turns))
    assert row["num_words_beyond_greetings"] == beyond_greetings
    assert row["num_words_beyond_boilerplate"] == beyond_boilerplate


def test_where_a_tool_was_called_few_words_say_nothing():
    acted = [*said(("user", "Hi")), {"role": "assistant", "tool_calls": CALL}, {"role": "tool", "content": "{}"}]
    row = score([*acted, *said(("assistant", "Anything else?"))])
    assert row["num_words"] == 3
    assert row["num_words_beyond_greetings"] is None and row["num_words_beyond_boilerplate"] is None


def test_a_plan_adds_service_phrases_of_its_own():
    turns = said(("user", "hi"), ("assistant", "小沃竭诚为您服务，请私信小沃"))
    own = Heuristics(boilerplate=("小沃竭诚为您服务", "请私信小沃"))
    assert own.open()(table((turns, None)))["num_words_beyond_boilerplate"].to_pylist() == [0]
    assert score(turns)["num_words_beyond_boilerplate"] == 7


def test_topic_share_counts_turns_that_hold_a_topic_word_and_is_null_without_topics():
    turns = said(("user", "Where is my PARCEL?"), ("assistant", "今天下雨"), ("user", "我的包裹呢"), ("assistant", " "))
    stage = Heuristics(topics=("parcel", "包裹"))
    assert stage.open()(table((turns, None), (None, None)))["topic_share"].to_pylist() == [pytest.approx(2 / 3), None]
    assert score(turns)["topic_share"] is None


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("I am sorry, I can not do that. " * 10, 0.85, 1.0),
        ("非常抱歉给您带来不便，我们马上处理。" * 8, 0.85, 1.0),
        (
            "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen. " * 2,
            0.3,
            0.5,
        ),
        (" ".join(f"word{i}" for i in range(60)), 0.0, 0.0),
    ],
)
def test_the_share_of_sequences_said_again_tells_a_loop_from_a_text(text, least, most):
    assert least <= score(said(("assistant", text)))["repeated_sequence_share"] <= most


def test_only_long_texts_of_the_agent_are_searched_for_sequences_and_the_worst_counts():
    loop = "我会尽快为您处理" * 10
    assert score(said(("user", loop), ("assistant", "好的" * 10)))["repeated_sequence_share"] is None
    calm = " ".join(f"word{i}" for i in range(60))
    row = score(said(("assistant", calm), ("assistant", loop), ("assistant", calm)))
    assert row["repeated_sequence_share"] == pytest.approx(67 / 75)


@pytest.mark.parametrize(
    ("roles", "share"),
    [
        ("ua" * 5, 1.0),
        ("u" * 6 + "a" * 6, 1 / 11),
        ("uuaa" * 3, 5 / 11),
        ("ua" * 4, None),
        ("a" * 12, 0.0),
    ],
)
def test_switch_share_says_how_often_the_side_changes(roles, share):
    names = {"u": "user", "a": "assistant"}
    row = score(said(*((names[role], f"text {i}") for i, role in enumerate(roles))))
    assert row["switch_share"] == (None if share is None else pytest.approx(share))


def act(*ids):
    return {"role": "assistant", "tool_calls": [{"id": i, "name": "f", "arguments": "{}"} for i in ids]}


def result(call_id):
    return {"role": "tool", "tool_call_id": call_id, "content": "{}"}


SPOKEN = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    ("turns", "orphans", "unanswered"),
    [
        ([act("a"), result("a"), SPOKEN], 0, 0),
        ([act("a", "b"), result("b"), result("a")], 0, 0),
        ([act(None, None), result(None), result(None), SPOKEN], 0, 0),
        ([act("a"), result(None), SPOKEN], 0, 1),
        ([result("a"), SPOKEN], 1, 0),
        ([result("a"), act("a"), SPOKEN], 1, 1),
        ([act("a"), result("b"), SPOKEN], 1, 1),
        ([act("a", "b"), result("a"), SPOKEN], 0, 1),
        ([act("a"), SPOKEN, result("a")], 0, 0),
        ([act("a"), SPOKEN], 0, 1),
        ([SPOKEN, act("a")], 0, 0),
        ([SPOKEN, result(None)], 1, 0),
        ([act("a"), result("a"), SPOKEN, act("a"), SPOKEN], 0, 1),
    ],
)
def test_results_belong_to_calls_by_id_and_where_there_is_none_by_place(turns, orphans, unanswered):
    row = score(turns)
    assert (row["num_orphan_results"], row["num_unanswered_calls"]) == (orphans, unanswered)


def test_equal_ids_of_two_conversations_have_nothing_to_do_with_each_other():
    out = Heuristics().open()(table(([act("a"), SPOKEN], None), ([result("a"), SPOKEN], None)))
    assert out["num_unanswered_calls"].to_pylist() == [1, 0]
    assert out["num_orphan_results"].to_pylist() == [0, 1]


def test_an_empty_table_keeps_its_columns():
    assert Heuristics().open()(table()).schema == SCORES


def plain(turns, end_reason):
    """Some of the same scores, one turn at a time."""
    turns = [{"role": None, "content": None, "tool_calls": None, "tool_call_id": None} | (t or {}) for t in turns or []]
    speaks = [bool((turn["content"] or "").replace("\u200b", "").strip()) for turn in turns]
    textual = [
        s for t, s in zip(turns, speaks, strict=True) if t["role"] in ("user", "assistant") and not t["tool_calls"]
    ]
    both = [t for t, s in zip(turns, speaks, strict=True) if s and t["role"] in ("user", "assistant")]
    agent = [t["content"].strip() for t in both if t["role"] == "assistant"]
    more = [text for text in agent if text not in ("好的", "ok")]
    changes = [one["role"] != other["role"] for one, other in zip(both, both[1:], strict=False)]
    return {
        "num_turns": len(turns),
        "num_customer_turns": sum(t["role"] == "user" for t in both),
        "num_agent_turns": len(agent),
        "empty_text_share": textual.count(False) / len(textual) if textual else None,
        "num_words": sum(len(re.findall(r"[a-z]+|[好的查到了]", t["content"])) for t in both),
        "repeated_agent_share": (len(more) - len(set(more))) / len(agent) if agent else None,
        "switch_share": sum(changes) / len(changes) if len(both) >= 10 else None,
        "num_orphan_results": sum(
            t["role"] == "tool" and not answers(turns[:i], t["tool_call_id"]) for i, t in enumerate(turns)
        ),
        "num_unanswered_calls": sum(
            not answered(turns[i + 1 :], call["id"]) for i, t in enumerate(turns[:-1]) for call in t["tool_calls"] or ()
        ),
        "cut_off": end_reason == "disconnect" or bool(turns and turns[-1]["tool_calls"]),
    }


def answers(earlier, call_id):
    """Whether a tool message with this id answers a call of the turns before it."""
    if call_id is not None:
        return any(call["id"] == call_id for t in earlier for call in t["tool_calls"] or ())
    last = next((t for t in reversed(earlier) if t["role"] != "tool"), None)
    return bool(last and last["tool_calls"])


def answered(later, call_id):
    """Whether the turns behind a call with this id answer it."""
    if call_id is None:
        return later[0]["role"] == "tool"
    return any(t["role"] == "tool" and t["tool_call_id"] == call_id for t in later)


@given(st.lists(st.tuples(TURNS, ENDS), max_size=5), st.integers(0, 3))
def test_flat_scores_equal_those_of_a_plain_loop(rows, start):
    whole = table(*[(said(("assistant", "好的")), "disconnect")] * start, *rows)
    out = Heuristics().open()(whole.slice(start)).to_pylist()
    expected = [plain(*row) for row in rows]
    assert [{name: row[name] for name in want} for row, want in zip(out, expected, strict=True)] == expected
