"""STC-3 becomes the native form: votes become three-valued verdicts, split utterances become one message."""

from collections import Counter
from copy import deepcopy

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake import stc3


def annotation(a: int, s: int, e: int, *nugget: str) -> dict[str, object]:
    return {"quality": {"A": a, "S": s, "E": e}, "nugget": list(nugget)}


RECORD = {
    "id": "900",
    "turns": [
        {"sender": "customer", "utterances": ["My lamp", "is dark", ""]},
        {"sender": "helpdesk", "utterances": [""]},
    ],
    "annotations": [
        annotation(2, -1, 1, "CNUG0", "HNUG"),
        annotation(-1, -2, -1, "CNUG0", "HNaN"),
        annotation(-1, 1, 0, "CNUG", "HNUG*"),
    ],
}


def test_a_turn_split_in_mid_sentence_is_one_message_and_an_image_stays_empty():
    messages = stc3.native(RECORD)["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [("user", "My lamp\nis dark\n"), ("assistant", "")]


def test_the_sign_of_the_mean_decides_and_zero_is_undecided():
    assert stc3.native(RECORD)["outcome"] == {"solution": None, "satisfied": False, "quality": None}


def test_votes_count_annotators_by_value():
    votes = stc3.native(RECORD)["votes"]
    assert [v for v in votes if v["dimension"] == "solution"] == [
        {"dimension": "solution", "value": -1.0, "num": 2},
        {"dimension": "solution", "value": 2.0, "num": 1},
    ]
    assert sum(v["num"] for v in votes) == 3 * 3


def test_a_turn_is_labelled_by_more_than_half_of_the_annotators_or_not_at_all():
    assert [m["source_label"] for m in stc3.native(RECORD)["messages"]] == ["CNUG0", None]


def test_a_tie_is_no_label():
    tied = {**RECORD, "annotations": [annotation(0, 0, 0, "CNUG", "HNUG"), annotation(0, 0, 0, "CNaN", "HNUG")]}
    assert [m["source_label"] for m in stc3.native(tied)["messages"]] == [None, "HNUG"]


def test_without_annotations_there_is_no_outcome():
    native = stc3.native({**RECORD, "annotations": []})
    assert "outcome" not in native and "votes" not in native and native["conversation_id"] == "900"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"turns": [{"sender": "nobody", "utterances": []}]}, "unknown_sender"),
        ({"turns": [{"sender": "customer", "utterances": [3]}]}, "no_text"),
        ({"annotations": [annotation(0, 0, 0, "CNUG")]}, "bad_annotation"),
        ({"annotations": [annotation(9, 0, 0, "CNUG", "HNUG")]}, "bad_annotation"),
    ],
)
def test_a_turn_or_annotation_that_cannot_be_read_says_why(change, reason):
    with pytest.raises(ParseError) as caught:
        stc3.native({**RECORD, **change})
    assert caught.value.reason == reason


def test_it_knows_its_own_records_only(samples):
    assert [name for name, record in samples.items() if stc3.matches(record)] == ["stc3"]


def test_a_document_is_a_list_or_one_dialogue():
    assert list(stc3.records([RECORD, 1])) == [RECORD, 1] and list(stc3.records(RECORD)) == [RECORD]
    with pytest.raises(ParseError, match="wrong_shape"):
        list(stc3.records({"id": "1"}))


def test_a_broken_record_raises_nothing_but_parse_errors(broken):
    for record in broken(RECORD):
        try:
            orjson.dumps(stc3.native(record))
        except ParseError as error:
            assert "lamp" not in str(error)


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["sender", "utterances", *RECORD]), inner),
        max_leaves=10,
    )
)
def test_any_json_is_read_or_refused(value):
    try:
        stc3.native(value)
    except ParseError as error:
        assert error.reason


def test_the_record_is_left_as_it_was():
    before = deepcopy(RECORD)
    stc3.native(RECORD)
    assert before == RECORD


def usage(outcome: dict[str, bool | None]) -> str:
    """Table 2 (mission.md 2.2.4) over three values, written out a second time so that the real sets check it."""
    solution, satisfied, quality = outcome["solution"], outcome["satisfied"], outcome["quality"]
    if solution is False:
        return "unused"
    if solution and satisfied is False:
        return "bad"
    if solution and satisfied and quality is not None:
        return "good" if quality else "bad"
    return "pending"


@pytest.mark.parametrize(
    ("language", "usages", "useless"),
    [
        ("cn", {"good": 738, "bad": 116, "unused": 2_017, "pending": 110}, 627),
        ("en", {"good": 324, "bad": 56, "unused": 941, "pending": 44}, 283),
    ],
)
def test_the_real_set_gives_the_published_counts(data, language, usages, useless):
    document = orjson.loads((data / "stc3" / f"stc3_{language}.masked.json").read_bytes())
    natives = [stc3.native(record) for record in stc3.records(document)]
    assert len({native["conversation_id"] for native in natives}) == len(natives) == sum(usages.values())
    assert Counter(usage(native["outcome"]) for native in natives) == usages
    labels = Counter(message["source_label"] for native in natives for message in native["messages"])
    assert labels["HNaN"] == useless
