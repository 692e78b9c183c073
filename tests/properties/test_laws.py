"""Laws of every Stage in refinery.stages: a new stage is tested the moment it is listed."""

import pickle
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.engine.bundle import Bundle
from refinery.engine.exchange import decide
from refinery.records.fate import SET_ASIDE_WHY
from refinery.stage import Ask
from refinery.stages import STAGES, step_class
from tests.properties.tables import STAGE_NAMES, cases, folded, hashed, known, opened, schema_of, table

few = settings(max_examples=15, deadline=None, derandomize=True, database=None)
every_step = pytest.mark.parametrize("name", STAGES)
every_stage = pytest.mark.parametrize("name", STAGE_NAMES)


def image(rows: pa.Table) -> bytes:
    """All bytes of a table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def holds(value: Any) -> bool:
    """Whether anything was said: neither null nor a list of nothing."""
    return any(map(holds, value)) if isinstance(value, list) else value is not None


def test_a_column_has_one_type_whoever_writes_it():
    assert known().names


@every_step
def test_the_word_of_a_plan_is_the_name_of_the_class(name):
    assert step_class(name).name == name


@every_step
def test_example_rows_hold_the_columns_read_and_no_others(name):
    for step, rows in step_class(name).examples():
        assert rows
        assert all(row.keys() == step.reads() for row in rows)


@every_step
def test_a_step_is_its_parameters_so_that_a_raised_version_or_a_changed_file_is_another_step(name, monkeypatch):
    for step, _ in step_class(name).examples():
        before = step.fingerprint()
        assert step.fingerprint() == before
        monkeypatch.setattr(type(step), "version", type(step).version + 1)
        assert step.fingerprint() != before
        monkeypatch.undo()


@every_step
def test_a_step_on_another_machine_is_the_same_step(name):
    for step, rows in step_class(name).examples():
        there = Bundle.of(pickle.loads(pickle.dumps(step))).unpack()
        assert pickle.loads(pickle.dumps(step)) == step
        assert there.fingerprint() == step.fingerprint()
        if isinstance(step, Ask):
            assert [folded(there, row, hashed) for row in rows] == [folded(step, row, hashed) for row in rows]
            continue
        run = (lambda s, t: s.open()(t)) if name in STAGE_NAMES else decide
        assert run(there, table(step, rows)).equals(run(step, table(step, rows)))


@every_stage
def test_at_least_one_example_row_is_hit(name):
    for stage, rows in step_class(name).examples():
        given_rows = table(stage, rows)
        found = opened(stage)(given_rows)
        before, after = given_rows.to_pylist(), found.to_pylist()
        changed = [{k: v for k, v in new.items() if old.get(k) != v} for old, new in zip(before, after, strict=True)]
        assert any(holds(value) for row in changed for value in row.values())


@every_stage
@few
@given(data=st.data())
def test_no_row_is_lost_and_exactly_the_declared_columns_come_back(name, data):
    stage, rows = data.draw(cases(name))
    found = opened(stage)(table(stage, rows))
    assert found.num_rows == len(rows)
    assert found.schema.equals(stage.writes())
    found.validate(full=True)


@every_stage
@few
@given(data=st.data())
def test_a_row_gets_what_it_would_get_alone_whoever_stands_beside_it(name, data):
    stage, rows = data.draw(cases(name))
    alone = [opened(stage)(table(stage, [row])).to_pylist()[0] for row in rows]
    assert opened(stage)(table(stage, rows)).to_pylist() == alone


@every_stage
@few
@given(data=st.data())
def test_the_input_stays_as_it_was_and_the_same_input_gives_the_same_again(name, data):
    stage, rows = data.draw(cases(name))
    given_rows = table(stage, rows)
    before = image(given_rows)
    found = opened(stage)(given_rows)
    assert image(given_rows) == before
    assert opened(stage)(given_rows).equals(found)
    assert stage.open()(given_rows).equals(found)


@every_stage
@few
@given(data=st.data())
def test_a_slice_and_chunks_put_together_give_what_the_plain_rows_give(name, data):
    stage, rows = data.draw(cases(name, min_size=2))
    start = data.draw(st.integers(1, len(rows)))
    plain, tail = table(stage, rows), table(stage, rows[start:])
    chunks = pa.concat_tables([plain.slice(0, start), plain.slice(start)]).combine_chunks()
    assert opened(stage)(chunks).equals(opened(stage)(plain))
    assert opened(stage)(plain.slice(start)).to_pylist() == opened(stage)(tail).to_pylist()


@every_stage
def test_an_empty_table_keeps_its_columns(name):
    for stage, _ in step_class(name).examples():
        no_chunks = schema_of(stage).empty_table()
        for empty in (no_chunks, no_chunks.combine_chunks(), table(stage, [])):
            assert opened(stage)(empty).schema.equals(stage.writes())
            assert opened(stage)(empty).num_rows == 0


@every_stage
def test_what_lies_behind_a_null_is_not_seen(name):
    for stage, examples in step_class(name).examples():
        rows = examples * 2  # the first row is hidden, and the same one further down is not
        plain = table(stage, rows)
        nested = [f.name for f in plain.schema if pa.types.is_nested(f.type)]
        hidden, gone = plain, table(stage, [rows[0] | dict.fromkeys(nested), *rows[1:]])
        for column in nested:
            place = plain.schema.get_field_index(column)
            hidden = hidden.set_column(place, plain.schema.field(place), _first_hidden(plain[column].chunk(0)))
        assert hidden.to_pylist() == gone.to_pylist()
        assert opened(stage)(hidden).to_pylist() == opened(stage)(gone).to_pylist()


def _first_hidden(column: pa.Array) -> pa.Array:
    """The column with its first row null, that row's values still in the buffers."""
    validity = pa.array([i > 0 and column[i].is_valid for i in range(len(column))]).buffers()[1]
    is_list = pa.types.is_list(column.type)
    children = [column.values] if is_list else [column.field(i) for i in range(len(column.type))]
    buffers = [validity, column.buffers()[1]] if is_list else [validity]
    return pa.Array.from_buffers(column.type, len(column), buffers, children=children)


@every_stage
@few
@given(data=st.data())
def test_a_reason_is_a_snake_case_noun_that_a_chart_can_show(name, data):
    stage, rows = data.draw(cases(name))
    if SET_ASIDE_WHY.name in stage.writes().names:
        reasons = opened(stage)(table(stage, rows))[SET_ASIDE_WHY.name].drop_null().to_pylist()
        assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", reason) for reason in reasons)
