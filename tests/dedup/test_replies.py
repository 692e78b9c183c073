"""`dedup.replies`: what counts as the same reply, and what does not."""

import numpy as np
import pyarrow as pa
import pytest

from refinery.dedup.documents import reply_numbers, reply_places
from refinery.dedup.replies import NearReplies
from refinery.engine.exchange import decide
from refinery.errors import StageError
from refinery.stage import ROW
from tests.dedup.talks import said, table

STAGE = NearReplies()
ASKED = {"zh": "我的快递怎么还没到", "en": "Why is my parcel not here yet"}
REPLY = {
    "zh": "非常抱歉让您久等了，包裹正在派送途中，预计今天下午就会送到您的手上，请您保持电话畅通",
    "en": "I am so sorry that you had to wait, the parcel is on its way and should be with you this afternoon",
}


def rows(talks: list, policies: list | None = None) -> pa.Table:
    """Talks with a policy a turn: `a` unless given."""
    found = table([[turn | {"turn_idx": 10 * i} for i, turn in enumerate(talk)] for talk in talks])
    listed = policies or [[[] if turn["role"] == "user" else ["a"] for turn in talk] for talk in talks]
    return found.append_column("policies", pa.array(listed, pa.list_(pa.list_(pa.string()))))


def duplicates(found: pa.Table, reducers: int = 1) -> dict[int, list[tuple]]:
    decided = decide(STAGE, found, reducers).to_pylist()
    return {row[ROW.name]: [tuple(one.values())[:3] for one in row["duplicate_replies"]] for row in decided}


@pytest.mark.parametrize("language", ASKED)
def test_the_same_said_to_the_same_question_under_the_same_policies_is_a_duplicate(language):
    asked, reply = ASKED[language], REPLY[language]
    talks = [said(asked, reply), said("喂", "ok", f"{asked}！", f"{reply}."), said(asked, "no")]
    assert duplicates(rows(talks)) == {1: [(30, "c0", 10)]}
    assert duplicates(rows(talks), 7) == {1: [(30, "c0", 10)]}


@pytest.mark.parametrize("language", ASKED)
def test_another_question_policy_order_or_reply_is_not(language):
    asked, reply = ASKED[language], REPLY[language]
    assert duplicates(rows([said(asked, reply), said(asked + " or is it lost 丢了", reply)])) == {}
    assert duplicates(rows([said(asked, reply)] * 2, [[[], ["a"]], [[], ["b"]]])) == {}
    assert duplicates(rows([said(asked, reply)] * 2, [[[], ["a", "b"]], [[], ["b", "a"]]])) != {}
    assert duplicates(rows([said(f"{asked} 88123", reply), said(f"{asked} 88124", reply)])) == {}
    assert duplicates(rows([said(asked, reply), said(asked, reply[: len(reply) // 2])])) == {}


def test_a_reply_repeated_in_one_conversation_is_a_duplicate_of_its_first():
    talk = said(ASKED["zh"], REPLY["zh"], ASKED["zh"], REPLY["zh"])
    assert duplicates(rows([talk])) in ({0: [(30, "c0", 10)]}, {0: [(10, "c0", 30)]})


def test_what_answers_nobody_and_rows_without_policies_are_passed_over():
    greeting = said("", REPLY["zh"])
    assert duplicates(rows([greeting, greeting])) == {}
    talk = said(ASKED["zh"], REPLY["zh"])
    assert duplicates(rows([talk, talk], [None, None])) == {1: [(10, "c0", 10)]}


def test_numbers_of_replies_hold_shard_row_and_turn_and_sort_as_rows_do():
    row = np.array([0, 5, 1 << 32, (70_000 << 32) | 9_999_999])
    turn = np.array([65_535, 0, 3, 7])
    number = reply_numbers(row, turn)
    assert (np.diff(number) > 0).all()
    assert [part.tolist() for part in reply_places(number)] == [row.tolist(), turn.tolist()]
    with pytest.raises(StageError, match=r"set shards\.rows below that"):
        reply_numbers(np.array([1 << 24]), np.array([0]))
