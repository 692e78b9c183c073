"""Which reason a conversation is set aside for."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.quality.gate import REASONS, Gate
from refinery.quality.heuristics import SCORES

LIVE = {
    "num_customer_turns": 3,
    "num_agent_turns": 5,
    "empty_text_share": 0.0,
    "repeated_agent_share": 0.0,
    "cut_off": False,
}


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
        ({"cut_off": True}, "cut_off"),
    ],
)
def test_each_fault_has_its_reason(scores, reason):
    assert why(**scores) == reason


def test_the_first_reason_in_order_is_written():
    assert why(num_customer_turns=0, empty_text_share=1.0, cut_off=True) == "no_customer_turn"
    assert why(empty_text_share=1.0, repeated_agent_share=1.0, cut_off=True) == "empty_text"


def test_a_threshold_is_a_parameter():
    assert why(Gate(cut_off=False), cut_off=True) is None
    assert why(Gate(min_customer_turns=0), num_customer_turns=0) is None
    assert why(Gate(max_repeated_agent_share=0.2), repeated_agent_share=0.25) == "repetition"


@pytest.mark.parametrize("name", LIVE)
def test_a_null_score_never_sets_aside(name):
    assert why(**{name: None}) is None


def test_examples_hit_every_reason_once():
    for gate, rows in Gate.examples():
        reasons = gate.open()(table(*rows))["set_aside_why"].to_pylist()
        assert [reason for reason in reasons if reason] == list(REASONS)


@given(st.lists(st.sampled_from([LIVE, LIVE | {"cut_off": True}]), max_size=5), st.integers(0, 5))
def test_rows_are_kept_in_order_also_in_a_slice(rows, start):
    out = Gate().open()(table(*rows).slice(start))
    assert out.schema == Gate().writes()
    assert out["set_aside_why"].to_pylist() == ["cut_off" if row["cut_off"] else None for row in rows[start:]]
