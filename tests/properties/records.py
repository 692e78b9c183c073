"""One small document of each log format, invented; the golden hash of intake stands on them."""

from typing import Any

import orjson

_CALL = {"id": "c1", "type": "function", "function": {"name": "order.track", "arguments": '{"order_id": "88"}'}}
_NATIVE = {
    "conversation_id": "n1",
    "created_at": "2026-05-01T08:00:00+08:00",
    "scenario": "late_delivery",
    "messages": [
        {"role": "system", "content": "超时三十分钟以上可补偿。"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "到哪了？"},
                {"type": "image_url", "image_url": {"url": "s3://a/1.png"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"status": "shipped"}'},
        {"role": "assistant", "content": "骑手已取餐。", "created_at": 1777593700},
    ],
    "signals": [
        {
            "turn_idx": 0,
            "source": "oms",
            "channel": "app",
            "user": {"id": "u1", "name": "李女", "phone": "13900000000"},
        },
        {"turn_idx": 3, "adopted": True, "order": {"id": "88", "status": "shipped", "amount": 41.5, "currency": "CNY"}},
        {"turn_idx": 4, "compensation": {"due": True, "limit": 10, "paid": False}, "weather": {"rain": True}},
    ],
    "risk": {"level": "low", "reason": "new device"},
    "participants": [{"role": "customer", "id": "u1", "name": "李女士"}, {"role": "rider"}],
    "sub_agents": [
        {"turn_idx": 3, "name": "eta", "call_id": "c1", "mode": "tool", "signals": {"min": 9}, "adopted": True}
    ],
    "outbound_calls": [{"turn_idx": 4, "request": "ask the rider", "parameters": {"number": 1}, "report": "no answer"}],
    "attachments": [{"turn_idx": 1, "type": "image", "uri": "s3://a/2.png", "caption": "a wet bag"}],
    "outcome": {"solution": True, "satisfied": None, "quality": False},
    "queue": "night",
}


def _span(number: int, *said: str) -> dict[str, Any]:
    """A span of OTLP JSON that sends what was said before along, customer first, and answers."""
    asked = [
        {"role": "assistant" if i % 2 else "user", "parts": [{"type": "text", "content": text}]}
        for i, text in enumerate(said)
    ]
    answer = {"role": "assistant", "parts": [{"type": "reasoning", "content": "a draft"}], "finish_reason": "stop"}
    answer["parts"].append({"type": "text", "content": "On its way." if number == 1 else "You are welcome."})
    values = {
        "gen_ai.conversation.id": "o1",
        "gen_ai.request.model": "m1",
        "gen_ai.input.messages": orjson.dumps(asked).decode(),
        "gen_ai.output.messages": orjson.dumps([answer]).decode(),
    }
    return {
        "traceId": f"trace{number}",
        "spanId": f"span{number}",
        "name": "chat m1",
        "startTimeUnixNano": str(1_777_593_600_000_000_000 + number),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in values.items()],
    }


DOCUMENTS: dict[str, Any] = {
    "native": [
        _NATIVE,
        {"messages": [{"role": "user", "content": "no id, no time"}]},
        {"conversation_id": "too long", "messages": [{"role": "user", "content": "很长" * 300}]},
        {"conversation_id": 7, "messages": [{"role": "robot"}]},
    ],
    "star": {
        "DialogueID": 7,
        "CompletionLevel": "Complete",
        "Scenario": {"WizardCapabilities": [{"Task": "ride_book"}], "Happy": True, "MultiTask": False},
        "Events": [
            {"Agent": "User", "Action": "utter", "Text": "A ride to the harbour, please.", "UnixTime": 1590000000},
            {"Agent": "Wizard", "Action": "request_suggestions", "Text": "a draft"},
            {"Agent": "Wizard", "Action": "query", "APIName": "ride", "Constraints": [{"To": '"harbour"'}, {"N": "2"}]},
            {"Agent": "KnowledgeBase", "Action": "return_item", "Item": {"Price": 12}, "TotalItems": 1},
            {
                "Agent": "Wizard",
                "Action": "pick_suggestion",
                "Text": "It costs 12.",
                "ActionLabel": "ride_inform_price",
            },
        ],
        "UserQuestionnaire": [
            {"Question": "Was the assistant calm and helpful?", "Answer": True},
            {"Question": "Was your ride booked?", "Answer": True},
        ],
    },
    "stc3": [
        {
            "id": "s1",
            "turns": [
                {"sender": "customer", "utterances": ["网速很慢", "怎么办"]},
                {"sender": "helpdesk", "utterances": ["请重启光猫。"]},
            ],
            "annotations": [
                {"nugget": ["CNUG0", "HNUG"], "quality": {"A": 2, "S": 1, "E": -1}},
                {"nugget": ["CNUG0", "HNUG*"], "quality": {"A": 1, "S": -1, "E": -1}},
                {"nugget": ["CNUG", "HNUG"], "quality": {"A": 1, "S": 0, "E": 0}},
            ],
        }
    ],
    "tau": {
        "info": {"environment_info": {"domain_name": "retail"}, "agent_info": {"llm": "an-agent"}},
        "tasks": [{"id": "0", "hidden": "what the customer was told to do"}],
        "simulations": [
            {
                "id": "t1",
                "task_id": "0",
                "trial": 1,
                "start_time": "2026-05-01T08:00:00",
                "termination_reason": "user_stop",
                "reward_info": {"reward": 1.0},
                "messages": [
                    {"role": "user", "content": "Where is my lamp?", "timestamp": "2026-05-01T08:00:01"},
                    {"role": "assistant", "tool_calls": [{"id": "k", "name": "find", "arguments": {"item": "lamp"}}]},
                    {"role": "tool", "id": "k", "content": "on its way"},
                    {"role": "assistant", "content": "It is on its way."},
                ],
            }
        ],
    },
    "taskmaster": {
        "conversation_id": "d1",
        "vertical": "Coffee",
        "scenario": "flat_white",
        "instructions": "hidden",
        "utterances": [
            {
                "speaker": "user",
                "text": "A flat white, please.",
                "annotations": [
                    {"name": "api_call", "value": "order_drink", "context": "api_call_1"},
                    {"name": "request", "value": '{"drink": "flat white"}', "context": "api_call_1"},
                    {"name": "response", "value": "ok", "context": "api_response_1"},
                ],
            },
            {"speaker": "assistant", "text": "It is coming."},
        ],
    },
    "sharegpt": [
        {
            "id": "g1",
            "timestamp": "2026-05-01T08:00:00+08:00",
            "system": "你是外卖客服。",
            "tools": '[{"name": "track"}]',
            "conversations": [
                {"from": "human", "value": "餐到哪了？"},
                {"from": "function_call", "value": '{"name": "track", "arguments": {"order": "88"}}'},
                {"from": "observation", "value": '{"status": "shipped"}'},
                {"from": "gpt", "value": "<think>a draft</think>骑手已取餐。"},
            ],
            "chosen": {"from": "gpt", "value": "never said"},
        },
        {"conversations": [{"from": "human", "value": "hello"}, {"from": "oracle", "value": "who?"}]},
    ],
    "otel": {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]},
                "scopeSpans": [
                    {"spans": [_span(1, "Where is it?"), _span(2, "Where is it?", "On its way.", "Thanks")]}
                ],
            }
        ]
    },
    "langfuse": [
        {
            "id": "t1",
            "timestamp": "2026-05-01T08:00:00.000Z",
            "sessionId": "s1",
            "userId": "u1",
            "input": "餐到哪了？",
            "output": "在路上。",
            "observations": [
                {
                    "type": "GENERATION",
                    "model": "m1",
                    "input": [{"role": "system", "content": "你是客服。"}, {"role": "user", "content": "餐到哪了？"}],
                    "output": {"role": "assistant", "content": "在路上。"},
                    "usage": {"total": 12},
                }
            ],
            "scores": [{"name": "nice", "value": 1}],
        },
        {"id": "t2", "timestamp": "2026-05-01T08:01:00.000Z", "sessionId": "s1", "input": {"x": 1}, "output": "?"},
    ],
}
