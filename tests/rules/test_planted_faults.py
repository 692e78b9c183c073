"""The planted faults know nothing of the rules, plant what they say, and are found as the last measurement says."""

import ast
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from benchmarks.faults.measure import Planted, found, lines
from benchmarks.faults.mutators import MUTATORS
from benchmarks.faults.originals import Hit, readings, report
from benchmarks.faults.planting import WORDS, Planting
from refinery.inspection.rulebook import load_rulebook
from tests.inspection.talks import RULES

FAULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "faults"
MIN_LENGTH = {True: 16, False: 8}
"""Of a sentence in ASCII, and in Chinese: a shorter passage is everybody's ("one moment")."""


def talk(language: str) -> dict:
    """A clean conversation of three customer turns."""
    said = {
        "en": ["hello there", "How can I help?", "my screen is dark", "Which model is it?", "the small one", "I see."],
        "zh": ["你好", "请问有什么可以帮您？", "屏幕不亮", "是哪个型号呢？", "小的那个", "明白了。"],
    }[language]
    turns = [
        {
            "turn_idx": n,
            "role": "assistant" if n % 2 else "user",
            "content": line,
            "tool_calls": [],
            "tool_call_id": None,
            "source_label": None,
        }
        for n, line in enumerate(said)
    ]
    return {"turns": turns, "signals": None, "scenario": None, "event_date": None}


def planted(item: str, language: str, half: str, faulty: bool, seed: int = 1) -> Planting:
    """One made conversation."""
    made = Planting(talk(language), language, half, faulty, Random(seed))
    MUTATORS[item](made)
    return made


@pytest.mark.parametrize("module", ["mutators.py", "planting.py"])
def test_what_plants_imports_nothing_from_inspection_and_opens_no_rule(module: str):
    source = (FAULTS / module).read_text("utf-8")
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    }
    assert not any(name.startswith("refinery") for name in imported) and "rules/" not in source


def test_no_sentence_of_the_faults_stands_in_the_rules_or_their_paraphrases():
    recognition = ("policies.yaml", "policy_examples.yaml")  # of policies, not of faults
    files = [path for path in RULES.rglob("*.yaml") if path.name not in recognition]
    ruled = "\n".join(path.read_text("utf-8") for path in [*files, *Path(__file__).parent.glob("*.yaml")]).lower()
    sentences = [s for halves in WORDS.values() for of in halves.values() for some in of.values() for s in some]
    longest = [max(re.split(r"[{}]|\[[A-Z]+_7\]", s.lower()), key=len).strip() for s in sentences]
    kept = [part for part in longest if len(part) >= MIN_LENGTH[part.isascii()]]
    assert len(kept) > 300 and [part for part in kept if part in ruled] == []


def test_open_and_sealed_sentences_differ():
    for name, halves in WORDS.items():
        if name != "no_fault":
            assert set(halves["open"]) == set(halves["sealed"]) == {"en", "zh"}
            for language in ("en", "zh"):
                assert not set(halves["open"][language]) & set(halves["sealed"][language]), name


def test_at_least_25_items_are_planted_and_all_online_ones():
    book = load_rulebook(RULES)
    online = {entry.rule.item for entry in book.entries if entry.rule.runs_online}
    assert len(MUTATORS) >= 25 and online <= set(MUTATORS) <= set(book.taxonomy.items)


@pytest.mark.parametrize("half", ["open", "sealed"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("item", MUTATORS)
def test_fault_and_control_differ_equal_seeds_give_equal_talks_and_what_was_there_stays(item, language, half):
    faulty, again = (planted(item, language, half, True) for _ in range(2))
    control = planted(item, language, half, False)
    assert faulty.made() == again.made() and faulty.made() != control.made()
    assert 0 < faulty.since < len(faulty.turns) and faulty.since == control.since
    before = [turn["content"] for turn in talk(language)["turns"]][: faulty.since]
    assert all(new["content"].startswith(old) for new, old in zip(faulty.turns, before, strict=False))


def test_the_table_counts_what_was_found():
    made = [
        Planted("PAY.over_limit", "en", "x", faulty, one.since, one.made())
        for faulty in (True, False)
        for seed in range(4)
        for one in [planted("PAY.over_limit", "en", "open", faulty, seed)]
    ]
    hits = found(made)
    assert [bool(some) for some in hits] == [True] * 4 + [False] * 4
    table = {line.split("|")[1].strip(): line for line in lines(made, [*hits[:3], [], ["x"], *hits[5:]])}
    assert "| 4 | 0.750" in table["PAY.over_limit"] and table["PAY.over_limit"].endswith("| 4 | 1 |")
    assert "not planted, not measured" in table["UND.demand_misread"]


def test_a_hit_nobody_has_read_is_counted_and_judged_by_nobody():
    first, second, third = (Hit("REP.verbatim.001", "star", row, 3) for row in range(3))
    text = report([first, second, third], Counter(star=10), {first: "yes", second: "no", Hit("X", "star", 9, 9): "no"})
    assert "| REP.verbatim.001 | 3 | star 3 | 2 | 0 | 0.500" in text


def test_readings_hold_known_rules_and_no_text():
    ids = {entry.rule.id for entry in load_rulebook(RULES).entries}
    read = readings()
    assert len(read) > 100 and {hit.rule_id for hit in read} <= ids
    assert set(read.values()) <= {"yes", "no", "undecided"}
