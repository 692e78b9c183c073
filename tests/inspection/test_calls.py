"""Clauses over tool calls: what came before, what came back, what nobody has named."""

from pathlib import Path
from typing import Any

import pytest

from refinery.inspection.inspect import inspect_table
from tests.inspection.talks import POLICIES, answered, asked, detecting, folder, row, said, talks

PAY = ("pay", '{"order_id": "7", "amount": 10}')
FAILED = "(?i)error|失败"


def turns(tmp_path: Path, rule: dict[str, Any], *talk: dict[str, Any], signals: Any = None) -> list[int]:
    """The turns on which the rule triggers."""
    table = talks(row(*talk, signals=signals), row(said("hi"), said(None, PAY)))
    first, other = inspect_table(table, folder(tmp_path / "rules", rule), POLICIES)["findings"].to_pylist()
    assert not other or "tool" in str(rule["detect"]), "the second talk calls once and never fails"
    return [finding["turn_idx"] for finding in first]


def test_again_means_equal_values_of_the_arguments_earlier_in_the_same_talk(tmp_path: Path):
    rule = detecting("a", "dialogue", a={"tool": {"name": ["pay"], "again": ["order_id"]}})
    other = ("pay", '{"order_id": "8", "amount": 10}')
    assert turns(
        tmp_path, rule, said(None, PAY), said(None, other), asked("x"), said(None, ("pay", '{"order_id": 7}'))
    ) == [3]


def test_again_all_means_every_argument_whatever_its_order(tmp_path: Path):
    rule = detecting("a", "dialogue", a={"tool": {"name": "any", "again": "all"}})
    same = ("pay", '{"amount": 10, "order_id": "7"}')
    assert turns(tmp_path, rule, said(None, PAY), said(None, ("pay", '{"order_id": "7"}')), said(None, same)) == [2]


def test_calls_that_failed_are_left_out(tmp_path: Path):
    rule = detecting("a", "dialogue", a={"tool": {"name": ["pay"], "again": ["order_id"], "unless_result": FAILED}})
    assert turns(tmp_path, rule, said(None, PAY), answered("Error"), said(None, PAY), answered("ok")) == []
    again = [said(None, PAY), answered("ok"), said(None, PAY), answered("Error: no")]
    assert turns(tmp_path / "b", rule, *again) == [], "a second payment that failed is no payment"


def test_the_result_is_the_one_that_names_the_call(tmp_path: Path):
    rule = detecting("a", a={"tool": {"name": ["pay"], "result": FAILED}})
    two = said(None, PAY, ("track", "{}"))
    assert turns(tmp_path, rule, two, answered("ok", 0), answered("Error", 1)) == []
    assert turns(tmp_path / "b", rule, two, answered("ok", 1), answered("支付失败", 0)) == [0]
    assert turns(tmp_path / "c", rule, answered("Error"), said(None, PAY)) == [], "a result stands behind its call"


def test_a_total_counts_this_call_and_the_earlier_ones(tmp_path: Path):
    rule = detecting(
        "a", "dialogue", a={"tool": {"name": ["pay"], "total": {"amount": {"gt": {"state": "compensation.limit"}}}}}
    )
    limit = [{"turn_idx": 0, "compensation": {"limit": 25.0}}]
    assert turns(tmp_path, rule, said(None, PAY), said(None, PAY), said(None, PAY), signals=limit) == [2]


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ([asked("cancel it")], True),
        ([asked("cancel A-77 12 please")], False),
        ([asked("cancel a 7 7 1 2")], False),
        ([asked("the last one"), said(None, ("list", "{}")), answered('{"ids": ["A7712"]}')], False),
        ([{"role": "system", "content": "order A7712"}, asked("cancel")], False),
    ],
)
def test_an_id_is_new_if_nobody_has_named_it_in_any_spelling(tmp_path: Path, before: list[dict[str, Any]], found: bool):
    rule = detecting("a", "dialogue", a={"tool": {"name": ["cancel"], "novel": ["id"]}})
    talk = [*before, said(None, ("cancel", '{"id": "A7712"}'))]
    assert turns(tmp_path, rule, *talk) == ([len(before)] if found else [])


def test_a_result_clause_reads_the_last_result_before_the_turn(tmp_path: Path):
    clause = {"result": {"name": ["track"], "fields": {"order.status": {"eq": "shipped"}}}, "when": "latest"}
    rule = detecting("said && old", "dialogue", said={"keywords": ["here"]}, old=clause)
    track = said(None, ("track", "{}"))
    shipped, arrived = answered('{"order": {"status": "shipped"}}'), answered('{"order": {"status": "arrived"}}')
    talk = [said("here"), track, shipped, said("here"), track, arrived, said("here"), answered("{broken")]
    assert turns(tmp_path, rule, *talk) == [3]


def test_a_call_elsewhere_in_the_move_is_no_trigger_but_a_condition(tmp_path: Path):
    rule = detecting(
        "word && !called", "window", word={"keywords": ["done"]}, called={"tool": {"name": ["pay"]}, "when": "move"}
    )
    talk = [
        said("done"),
        asked("?"),
        said("done"),
        said(None, PAY),
        answered("ok"),
        said("done"),
        asked("?"),
        said("done"),
    ]
    assert turns(tmp_path, rule, *talk) == [0, 7]
