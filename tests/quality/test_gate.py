"""Which reason a conversation is set aside for."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.quality.gate import CHECKS, REASONS, Gate
from refinery.quality.heuristics import SCORES

((_, (LIVE, *_)), _) = Gate.examples()


def table(*rows):
    return pa.table({name: pa.array([row[name] for row in rows], SCORES.field(name).type) for name in LIVE})


def why(gate=None, **scores):
    (reason,) = (gate or Gate()).open()(table(LIVE | scores))["set_aside_why"].to_pylist()
    return reason


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({}, None),
        ({"num_customer_turns": 0, "num_agent_turns": 1}, "too_few_turns"),
        ({"num_customer_turns": 0}, "no_customer_turn"),
        ({"num_agent_turns": 0}, "no_agent_turn"),
        ({"empty_text_share": 0.51}, "empty_text"),
        ({"empty_text_share": 0.5}, None),
        ({"repeated_agent_share": 0.6}, "repetition"),
        ({"repeated_agent_share": 0.6, "num_agent_turns": 3}, None),
        ({"num_words_beyond_greetings": 0}, "greeting_only"),
        ({"num_words_beyond_boilerplate": 0}, "boilerplate_only"),
        ({"num_words": 1}, None),
        ({"symbol_share": 0.51}, "symbols"),
        ({"language": "other"}, None),
        ({"mixed_share": 0.6}, None),
        ({"repeated_sequence_share": 0.71}, "repeated_sequences"),
        ({"repeated_sequence_share": 0.67}, None),
        ({"switch_share": 1 / 9}, "broken_role_order"),
        ({"switch_share": 0.12}, None),
        ({"num_orphan_results": 1}, "orphan_results"),
        ({"num_unanswered_calls": 9}, None),
        ({"topic_share": 0.0}, None),
        ({"cut_off": True}, "cut_off"),
    ],
)
def test_each_fault_has_its_reason(scores, reason):
    assert why(**scores) == reason


def test_the_first_reason_in_order_is_written():
    assert why(num_customer_turns=0, empty_text_share=1.0, cut_off=True) == "no_customer_turn"
    assert why(empty_text_share=1.0, repeated_agent_share=1.0, cut_off=True) == "empty_text"


@pytest.mark.parametrize(
    ("parameters", "scores", "reason"),
    [
        ({"cut_off": False}, {"cut_off": True}, None),
        ({"min_customer_turns": 0}, {"num_customer_turns": 0}, None),
        ({"max_repeated_agent_share": 0.2}, {"repeated_agent_share": 0.25}, "repetition"),
        ({"min_words": 81}, {}, "too_short"),
        ({"max_words": 79}, {}, "too_long"),
        ({"min_words_beyond_boilerplate": 61}, {}, "boilerplate_only"),
        ({"languages": ["en"]}, {}, "other_language"),
        ({"languages": ["zh"]}, {}, None),
        ({"languages": ["zh"]}, {"language": "mixed", "mixed_share": 0.4}, None),
        ({"max_mixed_share": 0.3}, {"language": "mixed", "mixed_share": 0.4}, "mixed_language"),
        ({"max_orphan_results": None}, {"num_orphan_results": 3}, None),
        ({"max_unanswered_calls": 2}, {"num_unanswered_calls": 3}, "unanswered_calls"),
        ({"min_topic_share": 0.2}, {"topic_share": 0.1}, "off_topic"),
    ],
)
def test_a_threshold_is_a_parameter(parameters, scores, reason):
    assert why(Gate(**parameters), **scores) == reason


def test_a_parameter_and_a_score_stand_behind_each_reason_and_none_stands_alone():
    assert {check.threshold for check in CHECKS} | {"min_agent_turns_for_repetition"} == set(Gate.model_fields)
    assert {score for check in CHECKS for score in check.scores} == Gate().reads() == set(SCORES.names) - {"num_turns"}
    assert len(REASONS) == len(set(REASONS))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.reason)
def test_turned_off_a_check_sets_nothing_aside(check):
    off = {"below": 0, "is": False, "not_in": ()}.get(check.side, 1.0 if "share" in check.threshold else None)
    gate, rows = Gate.examples()[1]
    reasons = gate.model_copy(update={check.threshold: off}).open()(table(*rows))["set_aside_why"].to_pylist()
    assert set(REASONS) - set(reasons) == {check.reason}


@pytest.mark.parametrize("name", LIVE)
def test_a_null_score_never_sets_aside(name):
    assert why(Gate.examples()[1][0], **{name: None}) is None


def test_examples_hit_every_reason_once_where_every_check_is_on():
    gate, rows = Gate.examples()[1]
    reasons = gate.open()(table(*rows))["set_aside_why"].to_pylist()
    assert [reason for reason in reasons if reason] == list(REASONS)


@given(st.lists(st.sampled_from([LIVE, LIVE | {"cut_off": True}]), max_size=5), st.integers(0, 5))
def test_rows_are_kept_in_order_also_in_a_slice(rows, start):
    out = Gate().open()(table(*rows).slice(start))
    assert out.schema == Gate().writes()
    assert out["set_aside_why"].to_pylist() == ["cut_off" if row["cut_off"] else None for row in rows[start:]]
