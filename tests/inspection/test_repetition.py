"""Repetition over whole tables is what the formula gives reply by reply."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.inspection.conditions import Repeats
from refinery.inspection.matching import Scanner
from refinery.inspection.repetition import Repeated, shares
from refinery.inspection.talks import Talks
from refinery.text.overlap import Substrings, repeats
from tests.inspection.talks import asked, row, said, talks

few = settings(max_examples=120, deadline=None, derandomize=True, database=None)
WORDS = [
    "请您稍等",
    "我们正在核实",
    "退款",
    "已",
    "please wait",
    "we are looking",
    "into your case",
    "3",
    "5",
    " ",
    ",",
    "。",
]
replies = st.lists(st.one_of(st.none(), st.lists(st.sampled_from(WORDS), max_size=9).map("".join)), max_size=6)


def found(of_rows: list[list[str | None]], **how) -> list[list[bool]]:
    table = talks(*(row(*(turn for text in texts for turn in (said(text), asked("?")))) for texts in of_rows))
    policies = [[[] for _ in texts for _ in range(2)] for texts in of_rows]
    view = Talks(table.append_column("policies", [policies]), Scanner([]))
    held = iter(Repeated(Repeats(**how)).holds(view, np.arange(len(view.turns))).tolist())
    return [[next(held) for _ in texts] for texts in of_rows]


@few
@given(st.lists(replies, min_size=1, max_size=3))
def test_a_reply_repeats_an_earlier_one_exactly_where_the_formula_says_so(of_rows):
    wanted = [
        [bool(text) and repeats(text, [t for t in texts[:n] if t]) for n, text in enumerate(texts)] for texts in of_rows
    ]
    assert found(of_rows) == wanted


@few
@given(st.text("ab", max_size=40), st.text("ab", max_size=40), st.integers(1, 12))
def test_a_common_substring_is_found_exactly_where_there_is_one(left, right, size):
    assert shares(left, right, size) is (Substrings(left).longest(right) >= size)


LONG = "we are looking into your case and will come back"


@pytest.mark.parametrize(
    ("texts", "how", "wanted"),
    [
        ([LONG, "ok then", LONG], {"of": "last"}, [False, False, False]),
        ([LONG, None, LONG], {"of": "last"}, [False, False, True]),
        ([LONG, LONG[:30]], {}, [False, True]),
        ([LONG, LONG[:20] + " but first something else"], {"share": 0.8}, [False, False]),
        ([f"{LONG} in 3 days", f"{LONG} in 5 days"], {"same_numbers": True}, [False, False]),
        ([f"{LONG} in 3 days", f"{LONG} in three days"], {"same_numbers": True}, [False, True]),
        (["ok", "ok"], {"min_length": 3}, [False, False]),
        (["???", "???"], {}, [False, False]),
    ],
)
def test_a_rule_may_ask_for_less_than_the_formula(texts, how, wanted):
    assert found([texts], **how) == [wanted]
