"""The shipped rules as a whole: every item is covered, every rule is shown, in both languages."""

from pathlib import Path

import pytest
import yaml

from refinery.inspection.inspect import inspect_table, run_tests
from refinery.inspection.rulebook import Entry, load_rulebook
from refinery.text.normalise import has_han
from tests.inspection.talks import POLICIES, RULES, talks
from tests.rules.test_paraphrases import talk

BOOK = load_rulebook(RULES)
ONLINE = [entry for entry in BOOK.entries if entry.rule.where != "offline"]
OFFLINE = [entry for entry in BOOK.entries if entry.rule.where != "online"]
MAX_ALARMS = 0.01


def test_every_item_that_is_meant_to_have_an_online_rule_has_one():
    meant = {
        f"{name}.{item}"
        for name, category in BOOK.taxonomy.categories.items()
        for item, about in category.items.items()
        if about.online
    }
    assert {entry.rule.item for entry in ONLINE} == meant and len(meant) == 21


def test_every_item_has_an_offline_rule_that_asks_in_both_languages():
    assert {entry.rule.item for entry in OFFLINE} == set(BOOK.taxonomy.items)
    assert all(entry.rule.llm and set(entry.rule.llm.asks) == {"zh", "en"} for entry in OFFLINE)


@pytest.mark.parametrize("entry", BOOK.entries, ids=lambda entry: entry.rule.id)
def test_a_rule_has_two_hits_and_two_misses_in_both_languages(entry: Entry):
    for examples in (entry.rule.tests.hits, entry.rule.tests.misses):
        texts = [turn.content for example in examples for turn in example.turns if turn.content]
        assert len(examples) >= 2 and any(t.isascii() for t in texts) and any(map(has_han, texts))


def test_every_online_rule_does_as_its_examples_say():
    trials = run_tests(RULES)
    assert [trial for trial in trials if not trial.passed] == []
    assert {trial.kind for trial in trials} == {"hits", "misses", "known_misses"}
    assert {trial.rule_id for trial in trials} == {entry.rule.id for entry in ONLINE}


def test_no_list_lies_unused():
    assert BOOK.unused_lists == []


def test_no_rule_does_more_than_its_evidence_allows():
    """What was measured stands in CHANGELOG; a rule that nobody has reviewed on real talks stays in shadow."""
    acting = {entry.rule.id for entry in BOOK.entries if entry.rule.enforce not in ("off", "shadow")}
    assert acting == {
        "COMP.privacy_disclosure.001",
        "PAY.over_limit.001",
        "SOL.irreversible_without_precondition.001",
    }


def test_sentences_that_are_no_fault_are_left_alone():
    groups = yaml.safe_load((Path(__file__).parent / "benign.yaml").read_text(encoding="utf-8"))
    lines = [(c, lang, line) for c, group in groups.items() for lang in ("en", "zh") for line in group[lang]]
    found = inspect_table(talks(*(talk(*line) for line in lines)), RULES, POLICIES)["findings"].to_pylist()
    alarms = [(line, [f["rule_id"] for f in some]) for line, some in zip(lines, found, strict=True) if some]
    assert len(lines) > 150 and len(alarms) <= MAX_ALARMS * len(lines), alarms


def test_every_gate_is_cheap():
    """A rule that starts with a big pattern makes every reply pay for it."""
    from refinery.inspection.patterns import program_size

    for entry in ONLINE:
        for gate in entry.detector.gates if entry.detector else ():
            assert gate.literal or sum(map(program_size, gate.parts)) <= 400, entry.rule.id
