"""Signals fold by turn, and what is not known is never true."""

import pytest

from refinery.errors import RuleError
from refinery.inspection.state import Expression

SIGNALS = [
    {"turn_idx": 4, "order": {"status": "delivered"}, "channel": "app"},
    {"turn_idx": 0, "order": {"status": "shipped", "amount": 90.0}, "other": '{"loyalty": {"points": 7}}'},
]


def state(turn_idx: int) -> dict:
    return fold(talks(row(said("hi"), signals=SIGNALS))["signals"][0].as_py(), turn_idx)


def true(source: str, turn_idx: int = 5) -> bool:
    return Expression(source, "a test").true(state(turn_idx))


def test_a_signal_counts_from_its_turn_on_and_overrides_key_by_key():
    assert lookup(state(3), "order.status") == "shipped"
    assert lookup(state(4), "order.status") == "delivered"
    assert lookup(state(4), "order.amount") == 90.0, "a null leaves the earlier value as it was"
    assert lookup(state(3), "channel") is None


def test_nothing_is_known_where_there_are_no_signals():
    assert all(value == {} for value in fold(None, 9).values())
    assert Expression("identity.verified == true", "a test").true(fold([], 0)) is False


@pytest.mark.parametrize(
    "source",
    ["identity.verified == true", "identity.verified != true", "!(identity.verified == true)", "refund.amount > 3.0"],
)
def test_what_depends_on_a_missing_key_is_not_true_however_it_is_put(source: str):
    assert not true(source)


@pytest.mark.parametrize(
    "source",
    [
        "!has(identity.verified)",
        "order.status in ['delivered', 'shipped'] && order.amount > 80",
        "identity.verified == true || channel == 'app'",
        "other.loyalty.points >= 7",
    ],
)
def test_what_is_known_decides(source: str):
    assert true(source)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("identity.verifed == true", "identity.verified, method"),
        ("idenity.verified == true", "user, identity, order"),
        ("order == 'x'", "order.id, status"),
        ("size(order.status) > 2", "operators and has"),
        ("order.status ==", "not CEL"),
        ("other == 'x'", "other.KEY"),
    ],
)
def test_a_misspelt_signal_is_refused_with_the_known_words(source: str, known: str):
    with pytest.raises(RuleError, match=known):
        Expression(source, "a test")


def test_broken_json_in_other_signals_is_no_knowledge_and_no_error():
    signal = talks(row(said("hi"), signals=[{"turn_idx": 0, "other": "{broken"}]))["signals"][0].as_py()
    assert fold(signal, 0)["other"] == {}
