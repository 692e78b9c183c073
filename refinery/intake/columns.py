"""Which columns of a flat table of turns are what, by the names such columns commonly have, Chinese and English."""

import re
from collections.abc import Iterable
from typing import Final

from refinery.intake.chat import ROLES

SYNONYMS: Final[dict[str, list[str]]] = {
    "conversation_id": (
        "conversation_id conv_id conversation dialogue_id dialog_id dialogue session_id session thread_id thread "
        "chat_id chat ticket_id ticket case_id room_id "
        "会话id 会话编号 会话号 会话 对话id 对话编号 对话号 工单号 工单id 工单编号"
    ).split(),
    "role": (
        "role sender_role sender_type sender speaker_role speaker author_role author_type author from participant_role "
        "message_from 角色 发送方 发言人 说话人 发送者 发言方"
    ).split(),
    "content": (
        "content message_content message_text text message msg utterance body value transcript "
        "内容 消息内容 消息 文本 聊天内容 发言内容"
    ).split(),
    "turn_idx": (
        "turn_idx turn_index turn_id turn_no turn_number turn message_index message_no msg_seq seq sequence idx index "
        "position 序号 轮次 消息序号"
    ).split(),
    "created_at": (
        "created_at timestamp sent_at send_time message_time event_time create_time created datetime date_time ts time "
        "date at 时间 发送时间 创建时间 消息时间 时间戳 日期"
    ).split(),
    "agent_name": (
        "agent_name agent operator_name operator staff_name staff bot_name 客服姓名 客服 坐席姓名 坐席"
    ).split(),
    "tool_calls": "tool_calls function_calls tool_call function_call 工具调用".split(),
    "tool_call_id": "tool_call_id function_call_id 工具调用id".split(),
}
"""What a turn holds -> names of columns for it, the likeliest first."""

_BETWEEN: Final = re.compile(r"[\s_.\-/:]+")


def propose(columns: Iterable[str]) -> dict[str, str]:
    """What a turn holds -> the column for it, of those whose name is a known one; any other column is metadata."""
    spelled: dict[str, str] = {}
    for column in columns:
        spelled.setdefault(_spelled(column), column)
    proposed = {}
    for target, names in SYNONYMS.items():
        if found := next((spelled[_spelled(name)] for name in names if _spelled(name) in spelled), None):
            proposed[target] = found
    return proposed


def propose_roles(values: Iterable[object]) -> dict[str, str]:
    """Values of a role column -> native roles, of those that are a known word for one."""
    words = sorted({value for value in values if isinstance(value, str)})
    return {word: ROLES[word.strip().casefold()] for word in words if word.strip().casefold() in ROLES}


def _spelled(column: str) -> str:
    """`Session ID`, `sessionId` and `session-id` are one name."""
    return _BETWEEN.sub("", column).casefold()
