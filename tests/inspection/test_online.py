"""The online rules find what they should, where they apply, gravest first."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from refinery.errors import StageError
from refinery.inspection.inspect import inspect_table
from refinery.inspection.online import Online
from refinery.inspection.rulebook import ruleset_version
from tests.inspection.talks import ASKS, POLICIES, RULES, SCHEMA, asked, changed, detecting, folder, row, said, talks


def found(rules: Path, *rows: dict[str, Any]) -> list[list[tuple[str, int]]]:
    findings = inspect_table(talks(*rows), rules, POLICIES)["findings"].to_pylist()
    return [[(finding["rule_id"], finding["turn_idx"]) for finding in one] for one in findings]


def test_findings_stand_by_severity_then_priority_then_id_then_turn(tmp_path: Path):
    rules = folder(
        tmp_path / "rules",
        changed(id="EXP.no_empathy.001", severity="minor", priority=999),
        changed(id="COMP.over_promise.002", severity="major", priority=1),
        changed(id="COMP.over_promise.001", severity="major", priority=1),
        changed(id="REP.verbatim.001", severity="major", priority=2),
    )
    wanted = ["REP.verbatim.001", "COMP.over_promise.001", "COMP.over_promise.002", "EXP.no_empathy.001"]
    talk = row(said("whatever"), asked("?"), said("随便吧"))
    assert found(rules, talk, row(asked("whatever")), talk)[0] == [(rule, turn) for rule in wanted for turn in (0, 2)]
    assert [len(one) for one in found(rules, talk, row(asked("whatever")), talk)] == [8, 0, 8]


def test_a_finding_carries_what_its_rule_says(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed())
    finding = inspect_table(talks(row(said("Whatever."))), rules, POLICIES)["findings"].to_pylist()[0][0]
    assert finding == {
        "turn_idx": 0,
        "item": "EXP.no_empathy",
        "rule_id": "EXP.no_empathy.001",
        "severity": "minor",
        "enforce": "report",
        "label": "whatever",
        "message": "says whatever",
        "remediation": "say something else",
        "route": {"sft_exclude": False, "dpo": True, "rl": False},
        "ruleset_version": ruleset_version(rules),
    }


@pytest.mark.parametrize(("on_abstain", "turns"), [("skip", [0]), ("run", [0, 2])])
def test_where_recognition_abstains_a_rule_tied_to_a_policy_runs_only_if_it_says_so(
    tmp_path: Path, on_abstain: str, turns: list[int]
):
    rules = folder(tmp_path / "rules", changed(applies={"policies": {"any": ["closing"]}}, on_abstain=on_abstain))
    talk = row(said("whatever", label="goodbye_1"), said("whatever", label="hello"), said("随便"))
    assert [turn for _, turn in found(rules, talk)[0]] == turns


def test_scenarios_and_languages_bound_a_rule(tmp_path: Path):
    bound = changed(applies={"scenarios": ["late_delivery"], "languages": ["zh"]})
    zh, en = (
        row(said("您好, whatever"), scenario="late_delivery"),
        row(said("hello, whatever"), scenario="late_delivery"),
    )
    other = row(said("您好, whatever"), scenario="refund")
    assert [len(one) for one in found(folder(tmp_path / "rules", bound), zh, en, other, {**zh, "scenario": None})] == [
        1,
        0,
        0,
        0,
    ]


def test_only_rules_that_are_on_and_online_run(tmp_path: Path):
    off, offline = changed(enforce="off"), changed(id="EXP.no_empathy.002", where="offline", llm=ASKS)
    both = changed(id="EXP.no_empathy.003", where="both", enforce="shadow", llm=ASKS)
    assert found(folder(tmp_path / "rules", off, offline, both), row(said("whatever"))) == [[("EXP.no_empathy.003", 0)]]


def test_a_rule_in_shadow_is_recorded_and_moves_no_training_row(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed(enforce="shadow"))
    finding = inspect_table(talks(row(said("whatever"))), rules, POLICIES)["findings"].to_pylist()[0][0]
    assert finding["enforce"] == "shadow"
    assert finding["route"] == {"sft_exclude": False, "dpo": False, "rl": False}


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        ({"valid_from": date(2026, 5, 2)}, ["2026-05-02", "2026-05-03"]),
        ({"valid_to": date(2026, 5, 2)}, ["2026-05-01", "2026-05-02"]),
        ({"valid_from": date(2026, 5, 2), "valid_to": date(2026, 5, 2)}, ["2026-05-02"]),
        ({}, ["2026-05-01", "2026-05-02", "2026-05-03", "undated", None]),
    ],
)
def test_a_rule_runs_on_the_days_for_which_it_is_valid_and_never_on_an_undated_one(
    tmp_path: Path, dates: dict[str, date], days: list[str | None]
):
    rules = folder(tmp_path / "rules", changed(**dates))
    given = ["2026-05-01", "2026-05-02", "2026-05-03", "undated", None]
    found_on = found(rules, *(row(said("whatever"), day=day) for day in given))
    assert [day for day, some in zip(given, found_on, strict=True) if some] == days


def test_a_clause_is_asked_of_the_turn_alone_and_words_match_whole(tmp_path: Path):
    rules = folder(tmp_path / "rules", detecting("a && !b", a={"keywords": ["pin"]}, b={"regex": "never"}))
    talk = row(said("a PIN"), said("spinning"), said("never a pin"), said("您的pin码"), said(None), said("never"))
    assert [turn for _, turn in found(rules, talk)[0]] == [0, 3]


@pytest.mark.parametrize(
    ("arguments", "hit"),
    [
        ('{"amount": 21}', True),
        ('{"amount": "21.5"}', True),
        ('{"amount": 20}', False),
        ('{"amount": true}', False),
        ('{"amount": null}', False),
        ('{"amount": [21]}', False),
        ('{"amount": NaN}', False),
        ("[21]", False),
        ("{broken", False),
        ("[" * 5000, False),
    ],
)
def test_arguments_compare_as_numbers_or_not_at_all(arguments: str, hit: bool):
    talk = row(said(None, ("compensation.pay", arguments)), signals=[{"turn_idx": 0, "compensation": {"limit": 20}}])
    assert found(RULES, talk) == [[("PAY.over_limit.001", 0)] if hit else []]


def test_nested_arguments_and_text_compare_too(tmp_path: Path):
    args = {"order.status": {"eq": {"state": "order.status"}}, "order.id": {"ne": "7"}}
    rules = folder(tmp_path / "rules", detecting("a", a={"tool": {"name": ["x"], "args": args}}))
    signals = [{"turn_idx": 0, "order": {"status": "shipped"}}]
    calls = [
        '{"order": {"status": "shipped", "id": "07"}}',
        '{"order": {"status": "shipped", "id": "7"}}',
        '{"order": {"status": 1, "id": "8"}}',
    ]
    talk = row(*[said(None, ("x", call)) for call in calls], signals=signals)
    assert [turn for _, turn in found(rules, talk)[0]] == [0]


def test_state_is_that_of_the_turn():
    pay, again = (said("已退款", ("refund.create", f'{{"amount": {amount}}}')) for amount in (5, 6))
    talk = row(pay, asked("?"), again, signals=[{"turn_idx": 2, "identity": {"verified": True}}])
    assert found(RULES, talk) == [[("SOL.irreversible_without_precondition.001", 0)]]


def test_rows_without_turns_and_tables_without_rows_keep_the_columns():
    out = inspect_table(talks(dict.fromkeys(SCHEMA.names), row(), row(asked("hi"))), RULES, POLICIES)
    assert out["findings"].to_pylist() == [[], [], []] and out["policies"].to_pylist() == [[], [], [[]]]
    empty = inspect_table(talks(), RULES, POLICIES)
    assert empty.num_rows == 0 and empty.schema.field("findings") == Online(rules=RULES).writes().field("findings")


def test_a_folder_without_rules_finds_nothing(tmp_path: Path):
    assert found(folder(tmp_path / "rules"), row(said("whatever"))) == [[]]


def test_policies_that_are_not_parallel_to_the_turns_are_refused():
    table = talks(row(said("hi"))).append_column("policies", pa.array([[]], pa.list_(pa.list_(pa.string()))))
    with pytest.raises(StageError, match="0 policy lists for 1 turns"):
        Online(rules=RULES).open()(table)


def test_the_input_may_be_a_slice_of_a_larger_table():
    pay = said(None, ("refund.create", '{"amount": 5}'))
    table = talks(
        row(pay), row(asked("x"), said("hi"), pay), row(pay, signals=[{"turn_idx": 0, "identity": {"verified": True}}])
    )
    out = inspect_table(table.slice(1), RULES, POLICIES)["findings"].to_pylist()
    assert [[finding["turn_idx"] for finding in one] for one in out] == [[2], []]
