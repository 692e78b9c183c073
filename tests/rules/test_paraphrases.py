"""Faults in other words than the rules' own examples: most are found, in both languages."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from refinery.inspection.inspect import inspect_table
from tests.inspection.talks import POLICIES, RULES, asked, row, said, talks

HERE = Path(__file__).parent
AT_LEAST = 0.95
KNOWN = {"order": {"id": "55120", "status": "processing", "amount": 60.0}}
USER = {"user": {"name": "[NAME_1]", "phone": "[PHONE_1]", "city": "Denver"}}
DUE = {"compensation": {"due": True, "amount": 10.0, "limit": 20.0, "paid": False}}


def talk(context: str, language: str, line: str) -> dict[str, Any]:
    """The line as the agent's last reply, after a customer's turn in its language."""
    zh = language == "zh"
    first = asked("我的外卖一直没有送到，怎么回事" if zh else "My food has not come yet, what is going on here?")
    match context:
        case "plain":
            return row(first, said(line))
        case "with_knowledge":
            known = {
                "role": "system",
                "content": "退款沿原支付方式退回。" if zh else "Refunds go back the way they came.",
            }
            return row(known, first, said(line))
        case "customer_gave":
            given = "订单号是20260501889，我叫周小满，电话[PHONE_1]，邮箱[EMAIL_1]"
            english = "It is order 20260501889. My name is Lena Alder, phone [PHONE_1], mail [EMAIL_1]"
            return row(asked(given if zh else english), said(line))
        case "compensation_due":
            return row(first, said(line), signals=[{"turn_idx": 0, **DUE}])
        case "verified":
            return row(first, said(line), signals=[{"turn_idx": 0, "identity": {"verified": True}}])
        case "refund_wished" | "order_processing":
            return row(first, said(line), signals=[{"turn_idx": 0, **KNOWN, **(USER if context[0] == "o" else {})}])
    raise ValueError(context)


def lines() -> list[tuple[str, str, str, dict[str, Any]]]:
    """(item, language, line, conversation)."""
    groups = yaml.safe_load((HERE / "paraphrases.yaml").read_text(encoding="utf-8"))
    return [
        (group["item"], language, line, talk(group["context"], language, line))
        for group in groups
        for language in ("en", "zh")
        for line in group[language]
    ]


def missed() -> list[tuple[str, str, str]]:
    """Lines in which the item is not found."""
    asked_for = lines()
    found = inspect_table(talks(*(made for *_, made in asked_for)), RULES, POLICIES)["findings"].to_pylist()
    pairs = zip(asked_for, found, strict=True)
    return [(i, lang, line) for (i, lang, line, _), some in pairs if i not in {finding["item"] for finding in some}]


def test_nearly_all_are_found_in_both_languages():
    num, left = Counter(language for _, language, *_ in lines()), missed()
    for language in ("en", "zh"):
        of_language = [line for _, found, line in left if found == language]
        assert len(of_language) <= (1 - AT_LEAST) * num[language], of_language
