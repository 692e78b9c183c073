"""Clauses over what stands inside of a reply: numbers and values that nobody has said."""

from pathlib import Path
from typing import Any

import pytest

from refinery.inspection.inspect import inspect_table
from refinery.inspection.numerals import numbers_in
from tests.inspection.talks import POLICIES, answered, asked, detecting, folder, row, said, talks


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2,000 or 2000.5", [2000.0, 2000.5]),
        ("$45.00", [45.0]),
        ("3-5 days", [3.0, 5.0]),
        ("A17 and CVC2 and v1.2", []),
        ("二十五元", [25.0]),
        ("两万三千", [23000.0]),
        ("十分钟", [10.0]),
        ("一八零零", [1800.0]),
        ("1.2万", [12000.0]),
        ("我一直一定要三天", [3.0]),
        ("twenty-five, Ten", [25.0, 10.0]),
        ("often someone", []),
        ("9" * 40, []),
    ],
)
def test_numbers_are_read_in_both_languages(text: str, numbers: list[float]):
    assert list(numbers_in(text)) == numbers


def turns(tmp_path: Path, rule: dict[str, Any], *talk: dict[str, Any], signals: Any = None) -> list[int]:
    table = talks(row(*talk, signals=signals))
    return [
        f["turn_idx"]
        for f in inspect_table(table, folder(tmp_path / "rules", rule), POLICIES)["findings"].to_pylist()[0]
    ]


OFFER = r"offer (?:you )?\$?([0-9,.]+|\w+)|补(\S+?)元"


def test_a_number_compares_with_the_state_of_the_turn(tmp_path: Path):
    rule = detecting("a", a={"number": {"regex": OFFER, "gt": {"state": "compensation.limit"}}})
    signals = [{"turn_idx": 0, "compensation": {"limit": 20.0}}, {"turn_idx": 3, "compensation": {"limit": 50.0}}]
    talk = [said("I offer $30"), said("offer you twenty"), said("补二十五元"), said("offer $30"), said("30 is fine")]
    assert turns(tmp_path, rule, *talk, signals=signals) == [0, 2]
    assert turns(tmp_path / "b", rule, *talk) == [], "without a limit nothing is above it"


def test_a_number_compares_with_the_arguments_of_calls(tmp_path: Path):
    same = {"number": {"regex": OFFER, "eq": {"arg": "amount", "of": ["pay"], "when": "move"}}}
    rule = detecting("offer && !same", "window", offer={"regex": OFFER}, same=same)
    paid = said(None, ("pay", '{"amount": "15"}'))
    assert turns(tmp_path, rule, said("offer $15"), paid, asked("?"), said("offer $15"), said("I offer fifteen")) == [
        3,
        4,
    ]


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ([], True),
        ([{"role": "system", "content": "Refunds take three days."}], False),
        ([asked("I need it in 3 days")], False),
        ([said(None, ("eta", "{}")), answered('{"days": 3}')], False),
        ([said("3 days, as I said")], True),
        ([{"role": "system", "content": "Call 4433."}], True),
    ],
)
def test_a_number_is_new_if_nothing_states_it_in_any_spelling(tmp_path: Path, known: list[dict[str, Any]], found: bool):
    rule = detecting(
        "a", "dialogue", a={"novel": {"regex": r"within (\w+) days", "within": ["customer", "tool", "system"]}}
    )
    assert turns(tmp_path, rule, *known, said("within 3 days")) == ([len(known)] if found else [])


def test_a_range_of_which_one_end_is_known_is_not_new(tmp_path: Path):
    rule = detecting("a", "dialogue", a={"novel": {"regex": r"(\d+) to (\d+) days"}})
    talk = [{"role": "system", "content": "up to 5 days"}, asked("?"), said("3 to 5 days"), said("7 to 9 days")]
    assert turns(tmp_path, rule, *talk, signals=[{"turn_idx": 0, "channel": "app"}]) == [3]
    assert turns(tmp_path / "b", rule, *talk, signals=[{"turn_idx": 0, "other": '{"days": 9}'}]) == []
