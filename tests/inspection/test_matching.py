"""With Hyperscan and without it the same gates open, for any text."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.inspection import matching
from refinery.inspection.inspect import inspect_table
from refinery.inspection.matching import Gate, Scanner, as_hyperscan
from refinery.inspection.plain import plain
from refinery.inspection.rulebook import load_rulebook
from tests.inspection.talks import POLICIES, RULES, asked, row, said, talks
from tests.rules.test_paraphrases import lines

pytestmark = pytest.mark.skipif(matching.hyperscan is None, reason="hyperscan has no wheel for this machine")
few = settings(max_examples=60, deadline=None, derandomize=True, database=None)
ENTRIES = [entry for entry in load_rulebook(RULES).entries if entry.rule.runs_online]
SHIPPED = list(dict.fromkeys(gate for entry in ENTRIES for gate in entry.detector.gates))
ODD = [
    Gate(False, (r"ends$",)), Gate(False, (r"^starts", r"a[$]b", r"\$5")), Gate(False, (r"\bpin\b", r"\p{Han}{2}")),
    Gate(False, (r"(?:x|y){2,4}z", r"[^\s]q")), Gate(True, ("pin", "pin code", "[a", "码", "a码", "码b", "s s")),
]  # fmt: skip
FAST, SLOW = Scanner([*SHIPPED, *ODD]), Scanner([*SHIPPED, *ODD], fast=False)
WORDS = sorted({word for gate in SHIPPED for word in gate.parts if gate.literal})
PIECES = [*WORDS, *"aB9_ .,!?。，\n-[]{}$\\'\"é中的我ſK", "PIN", "Pin code", "ends\n", "xyz", "\u200b", "　", "ｐｉｎ"]
texts = st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=5)


def opened(scanner: Scanner, given_texts: list[str | None]) -> set[tuple[int, int]]:
    text, gate = scanner.scan(plain(pa.array(given_texts, pa.string())))
    return set(zip(text.tolist(), gate.tolist(), strict=True))


@few
@given(texts)
def test_the_same_gates_open_with_and_without_hyperscan(given_texts):
    assert opened(FAST, given_texts) == opened(SLOW, given_texts)


def test_words_stand_alone_where_they_are_latin_and_case_does_not_count():
    of_word = Scanner([Gate(True, ("pin", "码"))])
    found = opened(of_word, ["PIN", "spin", "pins", "a pin.", "您的pin码", "éPin", "pin_", None, ""])
    assert sorted(number for number, _ in found) == [0, 3, 4, 5]


def test_the_end_of_a_pattern_is_the_end_of_the_text():
    assert as_hyperscan(r"a$|[$]b\$|[^]$]c$") == r"a\z|[$]b\$|[^]$]c\z"
    assert opened(Scanner([Gate(False, ("a$",))]), ["a", "a\n", "ab"]) == {(0, 0)}


def test_a_pattern_that_hyperscan_does_not_take_is_matched_all_the_same():
    hard = Gate(False, (r"(?:a{0,200}b){3}" + "|" + "(?:[^.]{0,80}x[^.]{0,80}y)|" * 8 + "zz",))
    assert opened(Scanner([hard, Gate(True, ("zz",))]), ["zz", "nothing"]) == {(0, 0), (0, 1)}


def test_the_shipped_rules_find_the_same_without_hyperscan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    table = talks(
        *(made for *_, made in lines()), row(asked("hi"), said("What is your PIN?"), said("What is your PIN?"))
    )
    fast = inspect_table(table, RULES, POLICIES)["findings"]
    matching.scanner.cache_clear()
    monkeypatch.setattr(matching, "hyperscan", None)
    slow = inspect_table(table, RULES, POLICIES)["findings"]
    matching.scanner.cache_clear()
    assert slow.equals(fast) and sum(len(found) for found in fast.to_pylist()) > 200
