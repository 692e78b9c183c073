"""Chat messages of every spelling end in one form; what could be a turn and is not known is refused."""

import pytest

from refinery.errors import ParseError
from refinery.intake import chat


def roles_and_texts(*raw: object) -> list[tuple[str, object]]:
    return [(m["role"], m["content"]) for m in chat.messages(list(raw), "m")]


@pytest.mark.parametrize(
    ("word", "role"),
    [("Human", "user"), ("客户", "user"), ("AI", "assistant"), (" 客服 ", "assistant"), ("developer", "system")]
    + [("系统", "system"), ("function", "tool"), ("工具", "tool"), ("model", "assistant"), ("prompter", "user")],
)
def test_a_known_word_for_a_role_is_that_role(word, role):
    assert chat.role_of(word, "m") == role


@pytest.mark.parametrize("word", ["oracle", "", None, 5, [], "用户assistant"])
def test_any_other_word_is_refused(word):
    with pytest.raises(ParseError, match="unknown_role"):
        chat.role_of(word, "m")


@pytest.mark.parametrize(
    "raw",
    [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "c", "type": "tool_call", "name": "f", "arguments": {"a": 1}},
        {"id": "c", "type": "tool_use", "name": "f", "input": {"a": 1}},
        {"call_id": "c", "type": "function_call", "name": "f", "arguments": '{"a":1}'},
        {"id": "c", "name": "f", "args": {"a": 1}},
    ],
)
def test_every_spelling_of_a_call_is_the_openai_form(raw):
    assert chat.call(raw, "m") == {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def test_arguments_that_are_text_stay_as_the_log_wrote_them():
    assert chat.call({"name": "f", "arguments": '{ "a":  1 }'}, "m")["function"]["arguments"] == '{ "a":  1 }'


@pytest.mark.parametrize("raw", [None, 5, [], {}, {"name": ""}, {"name": 5}, {"function": {"arguments": "{}"}}])
def test_a_call_that_names_no_tool_is_refused(raw):
    with pytest.raises(ParseError, match="no_tool_name"):
        chat.call(raw, "m")


def test_a_message_with_calls_results_and_words_becomes_messages_in_that_order():
    parts = [
        {"type": "text", "content": "先查一下。"},
        {"type": "server_tool_call", "id": "c", "name": "search", "server_tool_call": {"q": "餐"}},
        {"type": "server_tool_call_response", "id": "c", "server_tool_call_response": {"n": 1}},
        {"type": "text", "content": "查到了。"},
    ]
    first, result, last = chat.message({"role": "assistant", "parts": parts}, "m")
    assert (first["content"], first["tool_calls"][0]["function"]) == (
        "先查一下。",
        {"name": "search", "arguments": '{"q":"餐"}'},
    )
    assert result == {"role": "tool", "tool_call_id": "c", "content": '{"n":1}'}
    assert last == {"role": "assistant", "content": "查到了。"}


def test_several_results_in_one_message_are_several_turns():
    results = [{"type": "tool_result", "tool_use_id": i, "content": [{"type": "text", "text": i * 2}]} for i in "ab"]
    made = chat.message({"role": "user", "content": results}, "m")
    assert [(m["role"], m["tool_call_id"], m["content"]) for m in made] == [("tool", "a", "aa"), ("tool", "b", "bb")]


def test_items_of_the_responses_api_stand_beside_messages():
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "done"}]},
    ]
    assert roles_and_texts(*items) == [("user", "hi"), ("assistant", None), ("tool", "ok"), ("assistant", "done")]


def test_reasoning_is_no_turn_and_no_part_of_one():
    assert chat.message({"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]}, "m") == []
    both = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "你好"}]
    assert roles_and_texts({"role": "assistant", "content": both, "reasoning_content": "hm"}) == [("assistant", "你好")]
    assert roles_and_texts({"role": "assistant", "content": "<think>hm</think>\n\nHello"}) == [("assistant", "Hello")]
    assert roles_and_texts({"role": "user", "content": "<think> is a tag"}) == [("user", "<think> is a tag")]


def test_reasoning_that_was_cut_off_leaves_nothing_said():
    assert roles_and_texts({"role": "assistant", "content": "<think>hm, and then"}) == [("assistant", "")]


def test_media_are_named_and_their_bytes_are_not_kept():
    parts = [
        {"type": "text", "content": "看图"},
        {"type": "uri", "modality": "image", "uri": "s3://a/1.png"},
        {"type": "blob", "modality": "audio", "content": "AAAA"},
        {"type": "file", "modality": "strange", "file_id": "f1"},
        {"type": "image_url", "image_url": {"url": "https://x/2.png"}},
    ]
    (made,) = chat.message({"role": "user", "parts": parts}, "m")
    assert made["content"] == [
        {"type": "text", "text": "看图"},
        {"type": "image", "image": {"url": "s3://a/1.png"}},
        {"type": "audio", "audio": {"url": None}},
        {"type": "file", "file": {"url": "f1"}},
        {"type": "image", "image": {"url": "https://x/2.png"}},
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("hi", "bad_turn"),
        ({"role": "user", "content": 5}, "no_text"),
        ({"role": "user", "content": [{"text": "hi"}]}, "unknown_part"),
        ({"role": "user", "content": [{"type": "hologram"}]}, "unknown_part"),
        ({"role": "user", "content": [{"type": "text"}]}, "no_text"),
        ({"role": "assistant", "tool_calls": {"a": 1}}, "bad_tool_call"),
        ({"role": "tool", "content": "x", "tool_call_id": {}}, "wrong_type"),
        ({"content": "hi"}, "unknown_role"),
    ],
)
def test_what_cannot_be_read_says_why(raw, reason):
    with pytest.raises(ParseError) as caught:
        chat.message(raw, "m")
    assert caught.value.reason == reason


def test_what_is_beside_the_turns_never_takes_the_place_of_what_the_native_form_means():
    record = {"id": 1, "queue": "night", "outcome": "fine", "unread": 5}
    assert chat.beside(record, ("id",)) == {"queue": "night", "unread": {"outcome": "fine", "unread": 5}}
