"""Hostile text costs what its length says: four times the text takes about four times as long."""

import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from refinery.inspection.inspect import open_inspection
from tests.inspection.talks import POLICIES, RULES, asked, row, said, talks

pytestmark = pytest.mark.slow
SIZE = 250_000
MAX_RATIO = 9.0
"""Four times the text; what is above four is a busy machine's noise. A quadratic pattern takes sixteen."""
HOSTILE: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "spaces": lambda n: "please give me your" + " " * n + "x",
    "words that gates know": lambda n: ("refund paid cancelled order 退款 已 " * n)[:n],
    "a claim that never ends": lambda n: "I have " + "now " * (n // 4) + "x",
    "open brackets": lambda n: "{" * n,
    "digits": lambda n: "7" * n,
    "numerals": lambda n: "within " + "十" * n + "天",
    "sentences": lambda n: ("Your order has been x. " * n)[:n],
    "chinese": lambda n: ("已经为您办理的的的" * n)[:n],
    "nearly the same twice": lambda n: ("ab" * n)[:n],
}


@pytest.fixture(scope="module")
def inspect() -> Callable[[pa.Table], pa.Table]:
    """The shipped rules, opened once."""
    return open_inspection(RULES, POLICIES)


def seconds(inspect: Callable[[pa.Table], pa.Table], text: str) -> float:
    """CPU time of one conversation of two such replies, the better of two tries."""
    known = {"role": "system", "content": text[: len(text) // 4]}
    table = talks(row(known, asked(text[: len(text) // 4]), said(text), asked("?"), said("x" + text)))
    tries = []
    for _ in range(2):
        start = time.process_time()
        inspect(table)
        tries.append(time.process_time() - start)
    return min(tries)


@pytest.mark.parametrize("kind", HOSTILE)
def test_four_times_the_text_takes_about_four_times_as_long(inspect, kind: str):
    inspect(talks(row(said("warm"))))
    small, large = (seconds(inspect, HOSTILE[kind](size)) for size in (SIZE, 4 * SIZE))
    assert large <= MAX_RATIO * max(small, 0.02), f"{kind}: {small:.3f} s, then {large:.3f} s"


def test_a_thousand_turns_in_one_talk_take_no_more_a_turn_than_a_hundred(inspect):
    def per_turn(num: int) -> float:
        turns = [t for n in range(num // 2) for t in (asked("and now?"), said(f"Your refund number {n} was issued."))]
        table, tries = talks(row(*turns, signals=[{"turn_idx": 0, "order": {"id": "1"}}])), []
        for _ in range(2):
            start = time.process_time()
            inspect(table)
            tries.append(time.process_time() - start)
        return min(tries) / num

    assert per_turn(2000) <= 4 * per_turn(200)
