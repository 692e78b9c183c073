"""Recall and precision on the labelled set, by kind and language; the table is in benchmarks/."""

import json
from collections import Counter

import pytest

from refinery.text.placeholders import Placeholders
from tests.text.personal.labelled import LANGUAGES, structured, texts
from tests.text.personal.score import Score, score

KINDS = {
    "PHONE", "EMAIL", "CN_ID", "CARD", "NAME", "SSN", "PASSPORT", "PLATE", "IBAN", "IP", "ACCOUNT", "PIN", "BIRTH_DATE",
    "ADDRESS", "HANDLE",
}  # fmt: skip


@pytest.fixture(scope="module")
def result() -> Score:
    return score(texts())


def test_every_kind_is_measured_in_both_languages(result):
    assert {(row.kind, row.language) for row in result.rows} == {(k, lang) for k in KINDS for lang in LANGUAGES}
    assert all(row.num >= 100 for row in result.rows)


def test_98_of_a_hundred_values_are_found_as_their_kind_in_each_language(result):
    assert {row[:2]: round(row.recall, 3) for row in result.rows if row.recall < 0.98} == {}


def test_98_of_a_hundred_masks_cover_nothing_but_a_value_of_their_kind(result):
    assert {row[:2]: round(row.precision, 3) for row in result.rows if row.precision < 0.98} == {}


def test_texts_full_of_orders_amounts_dates_and_times_lose_fewer_than_5_in_a_thousand_turns(result):
    rates = {language: 1000 * masks / num for language, (num, masks) in result.plain.items()}
    assert rates.keys() == set(LANGUAGES)
    assert all(rate < 5 for rate in rates.values()), rates


def test_values_in_the_json_of_tools_are_gone_and_it_stays_json():
    num, left = Counter[str](), []
    for one in structured():
        out = Placeholders().mask(one.text)
        json.loads(out)
        for kind, value in one.values:
            num[kind] += 1
            left += [(kind, one.text)] if value in out or f"[{kind}_" not in out else []
    assert sum(num.values()) > 400
    assert len(left) <= 0.02 * sum(num.values()), left[:5]


def test_json_of_tools_without_personal_values_stays_as_it_is():
    plain = [one.text for one in structured() if not one.values]
    changed = [text for text in plain if Placeholders().mask(text) != text]
    assert len(plain) >= 100
    assert changed == []
