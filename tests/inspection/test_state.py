"""What is not known is never true, and a misspelt signal is refused."""

import pytest

from refinery.errors import RuleError
from refinery.inspection.state import Expression

KNOWN = {
    "order.status": "delivered",
    "order.amount": 90.0,
    "channel": "app",
    "other.loyalty.points": 7.0,
    "talk.calls": 2.0,
}


def true(source: str) -> bool:
    expression = Expression(source, "a test")
    return expression.true([KNOWN.get(path) for path in expression.paths])


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
        "talk.calls > 0",
    ],
)
def test_what_is_known_decides(source: str):
    assert true(source)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("identity.verifed == true", "identity.verified, method"),
        ("idenity.verified == true", "user, identity, order"),
        ("talk.length > 3", "talk.calls, signals, turns"),
        ("order == 'x'", "order.id, status"),
        ("size(order.status) > 2", "operators and has"),
        ("order.status ==", "not CEL"),
        ("other == 'x'", "other.KEY"),
    ],
)
def test_a_misspelt_signal_is_refused_with_the_known_words(source: str, known: str):
    with pytest.raises(RuleError, match=known):
        Expression(source, "a test")
