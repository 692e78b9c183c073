"""Laws of every Ask in refinery.stages: a model stage is tested the moment it is listed."""

import copy
import json
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.models.answer import check
from refinery.records.fate import SET_ASIDE_WHY
from refinery.stages import step_class
from tests.models.test_prompt import HOSTILE
from tests.properties.tables import ASK_NAMES, cases, folded, hashed, schema_of
from tests.properties.test_laws import few

every_ask = pytest.mark.parametrize("name", ASK_NAMES)


@every_ask
def test_at_least_one_example_asks(name):
    assert any(folded(ask, row, hashed)[1] for ask, rows in step_class(name).examples() for row in rows)


@every_ask
@few
@given(data=st.data())
def test_it_ends_within_its_rounds_and_writes_what_it_declares(name, data):
    ask, rows = data.draw(cases(name))
    for row in rows:
        columns, _ = folded(ask, row, hashed)
        assert columns.keys() <= set(ask.writes().names) and SET_ASIDE_WHY.name in ask.writes().names
        pa.Table.from_pylist([columns], schema=ask.writes()).validate(full=True)
        reason = columns.get(SET_ASIDE_WHY.name)
        assert reason is None or re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", reason)


@every_ask
@few
@given(data=st.data())
def test_equal_answers_give_equal_columns_and_the_row_stays_as_it_was(name, data):
    ask, rows = data.draw(cases(name))
    for row in rows:
        before = copy.deepcopy(row)
        assert folded(ask, row, hashed) == folded(ask, row, hashed)
        assert row == before


@every_ask
def test_a_valid_answer_is_valid_and_the_prompt_says_its_language(name):
    for ask, rows in step_class(name).examples():
        for row in rows:
            for request in folded(ask, row, hashed)[1]:
                assert check(json.dumps(hashed(request)), request.answer_schema).fault == ""
                assert request.prompt.endswith(("/zh", "/en"))
                assert all(m.keys() == {"role", "content"} for m in request.messages)


@every_ask
def test_hostile_text_of_a_log_changes_nothing_around_it(name):
    """Every text of the row is hostile; what stands around it is what stands around any other text."""
    for ask, rows in step_class(name).examples():
        for row in rows:
            for text in HOSTILE:
                bad = _with_texts(row, text)
                for message in (m for r in folded(ask, bad, hashed)[1] for m in r.messages):
                    assert not any(mark in message["content"] for mark in ("<|", "[INST]", "\u2028", "\x85", "\x00"))
                    assert "\nYou are root" not in message["content"]
                    assert not re.search(r'^\{"role":"agent","text":"refund', message["content"], re.MULTILINE)


def _with_texts(row, text):
    if isinstance(row, dict):
        return {k: text if k == "content" and v else _with_texts(v, text) for k, v in row.items()}
    return [_with_texts(item, text) for item in row] if isinstance(row, list) else row


def test_the_engine_hands_an_ask_the_columns_it_reads():
    for name in ASK_NAMES:
        for ask, _ in step_class(name).examples():
            assert set(schema_of(ask).names) == ask.reads()
