"""The judge: a score a dimension by the median of votes, undecided kept apart, the record as data."""

import json

import pytest

from refinery.errors import PlanError
from refinery.quality.judge import DIMENSIONS, SCHEMA, Judge
from refinery.stages import make
from tests.properties.tables import folded

ZH, EN, EMPTY = (row for _, rows in Judge.examples()[:1] for row in rows)


def _vote(**scores):
    return {"explanation": "because", **dict.fromkeys(DIMENSIONS, 3)} | scores


def _judged(votes, row=EN, **parameters):
    return folded(Judge(model="m", votes=len(votes), **parameters), row, lambda r: votes[r.vote])[0]


def test_a_score_is_the_median_of_the_votes_that_decided():
    found = _judged([_vote(completeness=4), _vote(completeness=None), _vote(completeness=5)])
    assert (found["judge_completeness"], found["judge_correctness"], found["judge_score"]) == (4.5, 3.0, 3.375)


@pytest.mark.parametrize("votes", [[None], [None, None, 5], [None, 4], [None, None, None]])
def test_where_most_votes_cannot_decide_the_score_is_undecided_and_not_guessed(votes):
    found = _judged([_vote(correctness=vote) for vote in votes])
    assert found["judge_correctness"] is found["judge_score"] is None
    assert found["judge_completeness"] == 3.0
    assert [vote["correctness"] for vote in found["judge_votes"]] == votes


def test_a_conversation_is_asked_about_in_its_own_language():
    prompts = [folded(Judge(model="m"), row, lambda _: _vote())[1][0].prompt for row in (ZH, EN)]
    assert prompts == ["judge_v1/zh", "judge_v1/en"]


def test_the_record_holds_turns_tools_and_results():
    (request,) = folded(Judge(model="m"), EN, lambda _: _vote())[1]
    lines = [json.loads(x) for x in request.messages[-1]["content"].split("\n") if x.startswith("{")]
    assert [(r["turn"], r["role"]) for r in lines] == [(0, "customer"), (1, "agent"), (2, "tool"), (3, "agent")]
    assert lines[1]["tool_calls"] == [{"name": "order.track", "arguments": {"order_id": "88"}}]


def test_the_earliest_turns_are_left_out_to_fit_and_the_prompt_says_how_many():
    (request,) = folded(Judge(model="m", max_chars=140), EN, lambda _: _vote())[1]
    assert "left out: 2\n" in request.messages[-1]["content"]
    assert "It has been shipped." in request.messages[-1]["content"]
    (request,) = folded(Judge(model="m", max_chars=1), EN, lambda _: _vote())[1]
    assert "left out: 3\n" in request.messages[-1]["content"], "the last turn stays in any case"


def test_a_conversation_of_nothing_is_asked_about_all_the_same():
    assert folded(Judge(model="m"), EMPTY, lambda _: _vote())[0]["judge_score"] == 3.0


def test_each_vote_is_a_question_of_its_own():
    requests = folded(Judge(model="m", votes=3), EN, lambda _: _vote())[1]
    assert len({r.key("m") for r in requests}) == 3 and len({r.messages for r in map(_hashable, requests)}) == 1


def _hashable(request):
    return request._replace(messages=json.dumps(request.messages))


def test_the_schema_lets_a_dimension_be_undecided_and_nothing_else():
    assert SCHEMA["properties"]["correctness"]["type"] == ["integer", "null"]


def test_a_prompt_with_other_slots_is_refused(tmp_path):
    for language in ("zh", "en"):
        (tmp_path / f"{language}.md").write_text("<!-- mine_v1 -->\n${record:record}", "utf-8")
    with pytest.raises(PlanError, match="a judge's prompt has the slots"):
        make("quality.judge", {"model": "m", "prompt": tmp_path})
