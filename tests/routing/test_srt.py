"""Table 2: all 27 cells against an expectation written out by hand."""

import pickle

import pyarrow as pa
import pytest

from refinery.records.conversation import OUTCOME
from refinery.routing.srt import TABLE, USAGES, SelfRefinement, usage_of

T, F, N = True, False, None
BY_HAND = {
    (T, T, T): ("good", None),
    (T, T, F): ("bad", None),
    (T, T, N): ("pending", "pending"),
    (T, F, T): ("bad", None),
    (T, F, F): ("bad", None),
    (T, F, N): ("bad", None),
    (T, N, T): ("pending", "pending"),
    (T, N, F): ("pending", "pending"),
    (T, N, N): ("pending", "pending"),
    (F, T, T): ("unused", "solution_incorrect"),
    (F, T, F): ("unused", "solution_incorrect"),
    (F, T, N): ("unused", "solution_incorrect"),
    (F, F, T): ("unused", "solution_incorrect"),
    (F, F, F): ("unused", "solution_incorrect"),
    (F, F, N): ("unused", "solution_incorrect"),
    (F, N, T): ("unused", "solution_incorrect"),
    (F, N, F): ("unused", "solution_incorrect"),
    (F, N, N): ("unused", "solution_incorrect"),
    (N, T, T): ("pending", "pending"),
    (N, T, F): ("pending", "pending"),
    (N, T, N): ("pending", "pending"),
    (N, F, T): ("pending", "pending"),
    (N, F, F): ("pending", "pending"),
    (N, F, N): ("pending", "pending"),
    (N, N, T): ("pending", "pending"),
    (N, N, F): ("pending", "pending"),
    (N, N, N): ("pending", "pending"),
}


def route(outcomes):
    table = pa.table({"outcome": pa.array(outcomes, OUTCOME)})
    out = SelfRefinement().open()(table)
    assert out.schema == SelfRefinement().writes()
    return [tuple(row.values()) for row in out.to_pylist()]


def outcome(cell):
    return dict(zip(("solution", "satisfied", "quality"), cell, strict=True), votes=None)


@pytest.mark.parametrize("cell", BY_HAND)
def test_each_of_the_27_cells_is_routed_as_table_2_says(cell):
    assert route([outcome(cell)]) == [BY_HAND[cell]]


def test_a_batch_of_all_cells_keeps_its_order():
    assert route([outcome(cell) for cell in BY_HAND]) == list(BY_HAND.values())
    assert len(BY_HAND) == len(USAGES) == 27


def test_the_rows_of_the_table_are_disjoint_and_complete():
    for cell in BY_HAND:
        matching = [row for row in TABLE if all(c == "any" or c is v for c, v in zip(row[:3], cell, strict=True))]
        assert [row[3] for row in matching] == [usage_of(*cell)]


def test_any_includes_undecided():
    assert route([outcome((T, F, N)), outcome((F, N, N))]) == [("bad", None), ("unused", "solution_incorrect")]


@pytest.mark.parametrize("cell", [(N, T, T), (N, F, F), (T, N, F), (T, T, N)])
def test_an_undecided_verdict_is_set_aside_as_pending_and_never_guessed(cell):
    assert route([outcome(cell)]) == [("pending", "pending")]


def test_a_conversation_without_an_outcome_is_undecided_in_all_three():
    assert route([None, outcome((T, T, T)), None]) == [("pending", "pending"), ("good", None), ("pending", "pending")]


def test_verdicts_under_a_null_outcome_are_not_read():
    verdicts = [pa.array([True]) for _ in range(3)]
    hidden = pa.StructArray.from_arrays(
        [*verdicts, pa.nulls(1, OUTCOME.field("votes").type)], fields=list(OUTCOME), mask=pa.array([True])
    )
    out = SelfRefinement().open()(pa.table({"outcome": hidden}))
    assert out.column("usage").to_pylist() == ["pending"]


def test_only_pending_and_unused_are_set_aside():
    assert {usage for usage, why in route([outcome(cell) for cell in BY_HAND]) if why is None} == {"good", "bad"}


def test_an_empty_table_keeps_its_columns():
    assert route([]) == []


def test_a_slice_is_routed_as_its_rows_are():
    table = pa.table({"outcome": pa.array([outcome(cell) for cell in BY_HAND], OUTCOME)})
    run = SelfRefinement().open()
    assert run(table.slice(5, 9)).equals(run(table).slice(5, 9))


def test_the_stage_pickles_with_its_fingerprint():
    stage = SelfRefinement()
    assert pickle.loads(pickle.dumps(stage)).fingerprint() == stage.fingerprint()
