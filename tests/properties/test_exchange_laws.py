"""Laws of every Exchange in refinery.stages: what reducers decide does not depend on how the rows were cut."""

import pickle

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.engine.exchange import decide
from refinery.stage import ROW, Exchange
from refinery.stages import step_class
from tests.properties.tables import EXCHANGE_NAMES, narrow_cases, schema_of, table
from tests.properties.test_laws import few, holds, image

every_exchange = pytest.mark.parametrize("name", EXCHANGE_NAMES)
FIRST_COMES_FIRST = {"intake.identity"}
"""Exchanges that say that they decide by input order; the others decide by what stands in the rows."""


def decided(exchange: Exchange, rows: pa.Table, reducers: int = 1) -> dict[int, dict]:
    """What each row got, by its number."""
    return {row.pop(ROW.name): row for row in decide(exchange, rows, reducers).to_pylist()}


@every_exchange
def test_some_example_row_gets_a_value(name):
    for exchange, rows in step_class(name).examples():
        found = decided(exchange, table(exchange, rows))
        assert any(holds(value) for row in found.values() for value in row.values())


@every_exchange
@few
@given(data=st.data())
def test_a_row_is_decided_once_at_most_and_only_if_it_came(name, data):
    exchange, rows = data.draw(narrow_cases(name))
    came = table(exchange, rows)
    found = decide(exchange, came)
    numbers = found[ROW.name].to_pylist()
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(came[ROW.name].to_pylist())
    assert found.schema.field(ROW.name).type == ROW.type
    assert found.select(exchange.writes().names).schema.equals(exchange.writes())
    found.validate(full=True)


@every_exchange
@few
@given(data=st.data())
def test_many_reducers_decide_together_what_one_decides(name, data):
    exchange, rows = data.draw(narrow_cases(name))
    whole = table(exchange, rows)
    assert decided(exchange, whole, data.draw(st.integers(2, 64))) == decided(exchange, whole)


@every_exchange
@few
@given(data=st.data())
def test_the_order_of_the_input_decides_nothing_unless_the_exchange_says_so(name, data):
    exchange, rows = data.draw(narrow_cases(name))
    if name in FIRST_COMES_FIRST:
        return
    order = data.draw(st.permutations(range(len(rows))))
    numbers = table(exchange, rows)[ROW.name].to_pylist()
    once, again = decided(exchange, table(exchange, rows)), decided(exchange, table(exchange, [rows[i] for i in order]))
    assert {i: once.get(numbers[i]) for i in order} == {i: again.get(numbers[at]) for at, i in enumerate(order)}


@every_exchange
@few
@given(data=st.data())
def test_the_input_stays_as_it_was_and_slices_chunks_and_copies_decide_the_same(name, data):
    exchange, rows = data.draw(narrow_cases(name))
    whole = table(exchange, rows)
    before, found = image(whole), decided(exchange, whole)
    assert image(whole) == before
    middle = data.draw(st.integers(0, len(rows)))
    chunks = pa.concat_tables([whole.slice(0, middle), whole.slice(middle)])
    assert decided(exchange, chunks) == decided(exchange, chunks.combine_chunks()) == found
    after_others = pa.concat_tables([whole.slice(0, middle), whole]).combine_chunks().slice(middle)
    assert decided(exchange, after_others) == found
    assert decided(pickle.loads(pickle.dumps(exchange)), whole) == found


@every_exchange
def test_no_rows_give_no_decisions_of_the_same_types(name):
    for exchange, _ in step_class(name).examples():
        for empty in (schema_of(exchange).empty_table(), table(exchange, [])):
            found = decide(exchange, empty)
            assert found.num_rows == 0
            assert found.select(exchange.writes().names).schema.equals(exchange.writes())
