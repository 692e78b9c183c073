"""Taskmaster-4 becomes the native form: annotated API calls become tool calls and results before the agent's reply."""

from copy import deepcopy

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake import taskmaster


def api(number: int, name: str, request: str | None, response: str | None) -> list[dict[str, str]]:
    call, answer = f"api_call_{number}", f"api_response_{number}"
    fields = [("api_call", name, call), ("request", request, call)]
    fields += [("api_response", name, answer), ("response", response, answer)]
    return [{"name": n, "value": v, "context": c} for n, v, c in fields if v is not None]


RECORD = {
    "conversation_id": "dlg-1",
    "vertical": "Tea",
    "scenario": "template 5",
    "instructions": "hidden: order tea",
    "utterances": [
        {
            "index": 0,
            "speaker": "user",
            "text": "Green tea",
            "segments": [],
            "annotations": [*api(0, "find", '{"q": ""tea""}', '{"n":1}'), *api(1, "menu", None, "broken {")],
        },
        {"index": 1, "speaker": "assistant", "text": "Here you are", "segments": [], "annotations": []},
    ],
}


def with_annotations(*annotations: object) -> dict[str, object]:
    return {**RECORD, "utterances": [{"speaker": "user", "text": "Tea", "annotations": list(annotations)}]}


def test_calls_and_results_stand_between_the_customer_and_the_reply():
    messages = taskmaster.native(RECORD)["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("user", "Green tea"),
        ("assistant", None),
        ("tool", '{"n":1}'),
        ("assistant", None),
        ("tool", "broken {"),
        ("assistant", "Here you are"),
    ]
    assert [m["tool_call_id"] for m in messages if m["role"] == "tool"] == ["api_call_0", "api_call_1"]


def test_arguments_stay_the_logs_text_and_are_empty_where_there_was_no_request():
    calls = [call for m in taskmaster.native(RECORD)["messages"] for call in m.get("tool_calls", ())]
    assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in calls] == [
        ("api_call_0", "find", '{"q": ""tea""}'),
        ("api_call_1", "menu", "{}"),
    ]


def test_a_call_without_response_is_kept_as_a_call():
    messages = taskmaster.native(with_annotations(*api(2, "send", "{}", None)))["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"]


def test_the_instruction_is_nowhere_and_the_template_is_metadata():
    native = taskmaster.native(RECORD)
    assert b"hidden" not in orjson.dumps(native)
    assert (native["scenario"], native["template"]) == ("tea", "template 5")
    assert set(native) == {"conversation_id", "scenario", "template", "messages"}


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"name": "api_response", "value": "f", "context": "api_response_0"}, "orphan_tool_result"),
        ({"name": "mood", "value": "f", "context": "api_call_0"}, "bad_tool_call"),
        ({"name": "api_call", "value": None, "context": "api_call_0"}, "bad_tool_call"),
    ],
)
def test_an_annotation_that_cannot_be_read_says_why(annotation, reason):
    with pytest.raises(ParseError, match="utterance 0") as caught:
        taskmaster.native(with_annotations(annotation))
    assert caught.value.reason == reason


def test_it_knows_its_own_records_only(samples):
    assert [name for name, record in samples.items() if taskmaster.matches(record)] == ["taskmaster"]


def test_a_document_is_a_list_or_one_dialogue():
    assert list(taskmaster.records([RECORD, 1])) == [RECORD, 1] and list(taskmaster.records(RECORD)) == [RECORD]
    with pytest.raises(ParseError, match="wrong_shape"):
        list(taskmaster.records("text"))


def test_a_broken_record_raises_nothing_but_parse_errors(broken):
    for record in broken(RECORD):
        try:
            orjson.dumps(taskmaster.native(record))
        except ParseError as error:
            assert "tea" not in str(error).lower()


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(RECORD)), inner),
        max_leaves=10,
    )
)
def test_any_json_is_read_or_refused(value):
    try:
        taskmaster.native(value)
    except ParseError as error:
        assert error.reason


def test_the_record_is_left_as_it_was():
    before = deepcopy(RECORD)
    taskmaster.native(RECORD)
    assert before == RECORD


def test_all_of_taskmaster_is_read_and_no_instruction_comes_through(data, strings):
    ids, num_calls = set(), 0
    for path in sorted((data / "taskmaster4" / "data").glob("*.json")):
        for record in taskmaster.records(orjson.loads(path.read_bytes())):
            native = taskmaster.native(record)
            ids.add(native["conversation_id"])
            num_calls += sum("tool_calls" in message for message in native["messages"])
            assert record["instructions"] not in set(strings(native))
    assert (len(ids), num_calls) == (3_710, 15_395)
