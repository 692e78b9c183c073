"""STAR becomes the native form: what was said and done, and nothing of drafts and hidden instructions."""

import tarfile
from collections import Counter
from copy import deepcopy

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake import star

CALM = "Did the assistant stay calm and helpful throughout the dialogue?"
BOOKED = "Did the assistant find you a boat?"
RECORD = {
    "DialogueID": 12,
    "BatchID": "batch_1",
    "CompletionLevel": "Complete",
    "AnonymizedUserWorkerID": "worker-u",
    "AnonymizedWizardWorkerID": "worker-w",
    "IntroducesConflicts": False,
    "Scenario": {
        "UserTask": "hidden: want a boat",
        "WizardTask": "hidden: play the clerk",
        "Happy": True,
        "MultiTask": False,
        "WizardCapabilities": [{"Domain": "boat", "Task": "boat_book"}, {"Domain": "boat", "Task": "boat_status"}],
    },
    "Events": [
        {"Agent": "UserGuide", "Action": "instruct", "Text": "hidden: ask for a boat", "UnixTime": 100},
        {"Agent": "User", "Action": "utter", "Text": "A boat, please", "UnixTime": 101},
        {"Agent": "Wizard", "Action": "request_suggestions", "Text": "hidden: a draft", "UnixTime": 102},
        {
            "Agent": "Wizard",
            "Action": "query",
            "APIName": "book_boat",
            "Constraints": [{"Name": '"Ada"'}, {"Seats": "4"}, {"Pin": "0314"}, {"Seats": "api.is_at_least(2)"}],
            "UnixTime": 103,
        },
        {"Agent": "KnowledgeBase", "Action": "return_item", "APIName": "book_boat", "Item": None, "TotalItems": 0},
        {
            "Agent": "Wizard",
            "Action": "pick_suggestion",
            "ActionLabel": "boat_none",
            "Text": "No boat is free.",
            "UnixTime": 104,
        },
        {"Agent": "Wizard", "Action": "utter", "Text": "Sorry!", "UnixTime": 105},
        {"Agent": "User", "Action": "complete", "UnixTime": 106},
    ],
    "UserQuestionnaire": [{"Question": CALM, "Answer": True}, {"Question": BOOKED, "Answer": False}],
    "WizardQuestionnaire": [{"Question": "Was the user annoyed?", "Answer": False}],
}


def arguments(*constraints: dict[str, str]) -> dict[str, object]:
    query = {"Agent": "Wizard", "Action": "query", "APIName": "f", "Constraints": list(constraints)}
    message = star.native({"DialogueID": 1, "Events": [query]})["messages"][0]
    return orjson.loads(message["tool_calls"][0]["function"]["arguments"])


def outcome(*answers: tuple[str, bool]) -> object:
    asked = [{"Question": question, "Answer": answer} for question, answer in answers]
    return star.native({**RECORD, "UserQuestionnaire": asked}).get("outcome")


def test_turns_are_what_was_said_and_done_in_order():
    messages = star.native(RECORD)["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("user", "A boat, please"),
        ("assistant", None),
        ("tool", '{"TotalItems":0}'),
        ("assistant", "No boat is free."),
        ("assistant", "Sorry!"),
    ]
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"] == "call_0"
    assert [m.get("source_label") for m in messages] == [None, None, None, "boat_none", None]
    assert [m.get("created_at") for m in messages] == [101, 103, None, 104, 105]


def test_drafts_instructions_and_workers_are_nowhere():
    text = orjson.dumps(star.native(RECORD)).decode()
    assert "hidden" not in text and "worker" not in text


def test_the_record_around_the_turns_is_kept():
    native = star.native(RECORD)
    assert (native["conversation_id"], native["created_at"], native["scenario"]) == ("12", 100, "boat_book")
    assert (native["end_reason"], native["tasks"]) == ("complete", ["boat_book", "boat_status"])
    assert native["user_questionnaire"] == {CALM: True, BOOKED: False}


def test_constraints_are_read_as_json_and_never_evaluated():
    expression = "__import__('os').getcwd()"
    assert arguments({"A": '"Ada"'}, {"B": "4"}, {"C": "true"}, {"D": expression}, {"E": "null"}) == {
        **{"A": "Ada", "B": 4, "C": True},
        **{"D": expression, "E": None},
    }


@pytest.mark.parametrize("text", ["0314", "12345678901234567890123", "1.50", "[1]", "True", "'Ada'", ""])
def test_a_constraint_that_would_change_when_read_stays_text(text):
    assert arguments({"A": text}) == {"A": text}


def test_a_constraint_that_comes_twice_becomes_a_list():
    assert arguments({"A": "1"}, {"B": "2"}, {"A": "api.is_at_most(3)"}) == {"A": [1, "api.is_at_most(3)"], "B": 2}


def test_a_no_to_the_task_question_leaves_the_solution_undecided_but_is_kept_as_a_vote():
    native = star.native(RECORD)
    assert native["outcome"] == {"solution": None, "satisfied": True, "quality": None}
    assert native["votes"] == [
        {"dimension": "satisfied", "value": 1.0, "num": 1},
        {"dimension": "solution", "value": 0.0, "num": 1},
    ]


def test_the_solution_is_right_only_if_every_task_was_done():
    assert outcome((BOOKED, True), ("...say when?", True)) == {"solution": True, "satisfied": None, "quality": None}
    assert outcome((BOOKED, True), ("...say when?", False)) == {"solution": None, "satisfied": None, "quality": None}


@pytest.mark.parametrize("question", [CALM, "...stay calm and helpful throughout?", CALM.upper()])
def test_a_rude_agent_leaves_the_customer_unsatisfied_in_every_phrasing(question):
    assert outcome((question, False)) == {"solution": None, "satisfied": False, "quality": None}


def test_without_answers_there_is_no_outcome():
    assert outcome() is None and "votes" not in star.native({**RECORD, "UserQuestionnaire": []})


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"Agent": "Wizard", "Action": "whisper", "Text": "x"}, "unknown_event"),
        ({"Agent": "User", "Action": "utter"}, "no_text"),
        ({"Agent": "Wizard", "Action": "query", "Constraints": []}, "bad_tool_call"),
        ({"Agent": "KnowledgeBase", "Action": "return_item"}, "orphan_tool_result"),
    ],
)
def test_an_event_that_cannot_be_read_says_which_and_why(event, reason):
    with pytest.raises(ParseError, match="event 0") as caught:
        star.native({"DialogueID": 1, "Events": [event]})
    assert caught.value.reason == reason


def test_it_knows_its_own_records_only(samples):
    assert [name for name, record in samples.items() if star.matches(record)] == ["star"]


def test_a_document_is_one_dialogue_or_a_list():
    assert list(star.records(RECORD)) == [RECORD] and list(star.records([RECORD, 1])) == [RECORD, 1]
    with pytest.raises(ParseError, match="wrong_shape"):
        list(star.records({"Events": []}))


def test_a_broken_record_raises_nothing_but_parse_errors(broken):
    for record in broken(RECORD):
        try:
            star.native(record)
        except ParseError as error:
            assert "hidden" not in str(error)


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
        star.native(value)
    except ParseError as error:
        assert error.reason


def test_the_record_is_left_as_it_was():
    before = deepcopy(RECORD)
    star.native(RECORD)
    assert before == RECORD


@pytest.fixture(scope="module")
def dialogues(data):
    with tarfile.open(data / "star" / "dialogues.tar.gz") as archive:
        members = (archive.extractfile(member) for member in archive if member.isfile())
        return [orjson.loads(member.read()) for member in members if member]


def test_all_of_star_is_read(dialogues):
    natives = [star.native(record) for document in dialogues for record in star.records(document)]
    assert len(natives) == len({native["conversation_id"] for native in natives}) == 5_234
    assert sum(not native["messages"] for native in natives) == 393  # cut off before anybody spoke
    assert sum("created_at" not in native for native in natives) == 119  # no event at all
    labels = sum(bool(m.get("source_label")) for native in natives for m in native["messages"])
    assert labels == 37_435 + 36  # every pick_suggestion, and the few utterances with a label
    assert Counter(str((native.get("outcome") or {}).get("solution")) for native in natives)["True"] == 1_203


def test_no_hidden_text_of_star_comes_through(dialogues, strings):
    for record in dialogues:
        native = star.native(record)
        guide = {event["Text"] for event in record["Events"] if event["Agent"] == "UserGuide"}
        assert guide.isdisjoint(strings(native))
        # One customer pasted the task into the talk, so what customers said is left out of the check.
        native["messages"] = [message for message in native["messages"] if message["role"] != "user"]
        kept = set(strings(native))
        assert kept.isdisjoint({record["Scenario"]["UserTask"], record["Scenario"]["WizardTask"]})
        assert kept.isdisjoint({record["AnonymizedUserWorkerID"], record["AnonymizedWizardWorkerID"]})
