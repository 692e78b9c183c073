"""The rule against asking for secrets stays silent where an agent merely speaks of one, in Chinese and English."""

from pathlib import Path

from refinery.inspection.inspect import inspect_table
from tests.inspection.talks import POLICIES, RULES, asked, row, said, talks

HERE = Path(__file__).parent


def lines(name: str) -> list[str]:
    return (HERE / name).read_text(encoding="utf-8").splitlines()


def fired(texts: list[str]) -> list[str]:
    findings = inspect_table(talks(*[row(asked("?"), said(text)) for text in texts]), RULES, POLICIES)[
        "findings"
    ].to_pylist()
    return [text for text, one in zip(texts, findings, strict=True) if one]


def test_it_never_fires_on_agents_who_speak_of_secrets_without_asking():
    texts = lines("speaks_of_secrets.txt")
    assert len(texts) > 200 and fired(texts) == []


def test_it_finds_nearly_all_ways_of_asking():
    texts = lines("asks_for_secrets.txt")
    missed = sorted(set(texts) - set(fired(texts)))
    assert len(missed) <= 0.05 * len(texts), missed


def test_a_customer_who_says_a_secret_is_no_fault_of_the_agent():
    out = inspect_table(talks(row(asked("Can I have your PIN? 请告诉我密码"), said("好的"))), RULES, POLICIES)
    assert out["findings"].to_pylist() == [[]]
