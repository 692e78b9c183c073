"""Columns of turn tables are known by the names that they commonly have."""

import pytest

from refinery.intake.columns import SYNONYMS, propose, propose_roles
from refinery.intake.source import NEEDED, TARGETS


@pytest.mark.parametrize(
    ("columns", "proposed"),
    [
        (
            ["session_id", "sender", "text", "ts"],
            {"conversation_id": "session_id", "role": "sender", "content": "text", "created_at": "ts"},
        ),
        (
            ["会话ID", "发送方", "消息内容", "发送时间", "序号", "客服姓名", "满意度"],
            {
                **{"conversation_id": "会话ID", "role": "发送方", "content": "消息内容", "turn_idx": "序号"},
                **{"created_at": "发送时间", "agent_name": "客服姓名"},
            },
        ),
        (
            ["Thread Id", "authorRole", "message-text", "toolCalls", "TOOL_CALL_ID"],
            {
                **{"conversation_id": "Thread Id", "role": "authorRole", "content": "message-text"},
                **{"tool_calls": "toolCalls", "tool_call_id": "TOOL_CALL_ID"},
            },
        ),
        (["role", "speaker", "content", "text"], {"role": "role", "content": "content"}),
        (["instruction", "response", "category"], {}),
        ([], {}),
    ],
)
def test_known_names_are_proposed_and_others_are_left_as_metadata(columns, proposed):
    assert propose(columns) == proposed


def test_no_column_is_proposed_twice_and_every_target_is_one_that_a_plan_knows():
    names = [name for synonyms in SYNONYMS.values() for name in synonyms]
    assert len(set(names)) == len(names)
    assert set(SYNONYMS) <= set(TARGETS) and set(NEEDED) <= set(SYNONYMS)
    assert all(propose([name]) == {target: name} for target, synonyms in SYNONYMS.items() for name in synonyms)


def test_roles_are_proposed_for_known_words_only():
    values = ["Customer", "客服", "Customer", "老王", "robot-7", None, 5, "系统"]
    assert propose_roles(values) == {"Customer": "user", "客服": "assistant", "系统": "system"}
