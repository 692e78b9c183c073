"""Signals fold by turn: the columns give what a plain fold of the list gives."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.inspection.matching import Scanner
from refinery.inspection.state import GROUPS, lookup
from refinery.inspection.talks import Talks
from tests.inspection.talks import asked, row, said, talks

PATHS = ["order.status", "order.amount", "identity.verified", "channel", "other.loyalty.points", "other.note"]
OTHER = [None, "{broken", "[1]", '{"loyalty": {"points": 7}}', '{"loyalty": null}', '{"note": "x", "loyalty": {}}']


def fold(signals: list[dict[str, Any]] | None, turn_idx: int) -> dict[str, Any]:
    """The plain way: in order of time, later ones override key by key, null overrides nothing."""
    state: dict[str, Any] = {**{group: {} for group in GROUPS}, "other": {}}
    known = [s for s in signals or [] if s and (s.get("turn_idx") or 0) <= turn_idx]
    for signal in sorted(known, key=lambda s: s.get("turn_idx") or 0):
        for group in GROUPS:
            state[group].update({k: v for k, v in (signal.get(group) or {}).items() if v is not None})
        if signal.get("channel") is not None:
            state["channel"] = signal["channel"]
        try:
            found = json.loads(signal.get("other") or "{}")
        except ValueError:
            found = {}
        state["other"].update(found if isinstance(found, dict) else {})
    return state


signal = st.fixed_dictionaries(
    {
        "turn_idx": st.sampled_from([None, 0, 1, 2, 3, 9]),
        "order": st.sampled_from(
            [None, {"status": "shipped"}, {"status": "delivered", "amount": 5.0}, {"amount": 7.5}]
        ),
        "identity": st.sampled_from([None, {"verified": True}, {"verified": False}]),
        "channel": st.sampled_from([None, "app", "web"]),
        "other": st.sampled_from(OTHER),
    }
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), signal), max_size=4)), min_size=1, max_size=4))
def test_the_columns_give_what_a_plain_fold_gives(of_rows):
    turns = [said("a"), asked("b"), said("c"), said("d")]
    table = talks(*(row(*turns, signals=signals) for signals in of_rows))
    view = Talks(table.append_column("policies", [[[[]] * 4] * len(of_rows)]), Scanner([]))
    at = np.arange(len(view.turns))
    for path in PATHS:
        wanted = []
        for signals in of_rows:
            for turn_idx in (0, 2, 3):
                value = lookup(fold(signals, turn_idx), path)
                wanted.append(value if isinstance(value, str | float | int | bool) else None)
        assert view.values(path, at).objects() == wanted, path


def test_signals_calls_and_turns_are_counted_up_to_the_turn():
    table = talks(
        row(said("a", ("x", "{}")), asked("b"), said("c"), signals=[{"turn_idx": 2}, {"turn_idx": 0}, {"turn_idx": 9}]),
        row(said("a"), said("b", ("x", "{}"), ("y", "{}"))),
    )
    view = Talks(table.append_column("policies", [[[[], [], []], [[], []]]]), Scanner([]))
    at = np.arange(4)
    assert view.values("talk.signals", at).objects() == [1.0, 2.0, 0.0, 0.0]
    assert view.values("talk.calls", at).objects() == [1.0, 1.0, 0.0, 2.0]
    assert view.values("talk.turns", at).objects() == [1.0, 2.0, 1.0, 2.0]
