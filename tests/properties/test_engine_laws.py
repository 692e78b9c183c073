"""Laws of the engine over every Stage: no row is lost, dead rows are left alone, a fault costs the row it is in."""

import re
from typing import ClassVar

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SerializeAsAny

from refinery.engine.batch import apply, through
from refinery.errors import RuleError
from refinery.intake.rows import ROWS
from refinery.records.fate import SET_ASIDE_BY, SET_ASIDE_ERROR, SET_ASIDE_WHY, STAGE_FAULT
from refinery.stage import Stage
from refinery.stages import step_class
from tests.properties.tables import STAGE_NAMES, cases, known
from tests.properties.test_laws import few

every_stage = pytest.mark.parametrize("name", STAGE_NAMES)
WORDS = "what the customer said"
LINE = "source_line"


class Fragile(Stage):
    """Another stage that breaks on any batch in which one of some log lines stands."""

    name: ClassVar[str] = "tests.fragile"
    version: ClassVar[int] = 1
    inner: SerializeAsAny[Stage]
    lines: frozenset[int]

    def reads(self):
        return self.inner.reads() | {LINE}

    def writes(self):
        return self.inner.writes()

    @classmethod
    def examples(cls):
        return []

    def open(self):
        transform = self.inner.open()

        def break_or_do(rows):
            if self.lines & set(rows[LINE].to_pylist()):
                raise ValueError(WORDS)
            return transform(rows.drop_columns([LINE]))

        return break_or_do


def conversations(stage: Stage, rows: list) -> pa.Table:
    """Whole live conversations, a log line each, that hold the rows' columns."""
    names = [f.name for f in known() if f.name in ROWS.names or f.name in stage.reads()]
    held = [{"source": "logs", "conversation_id": f"{i:032x}", **row, LINE: i} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(held, schema=pa.schema([known().field(n) for n in names]))


def lines(parts: list) -> list[int]:
    return sorted(line for part in parts for line in part[LINE].to_pylist())


@every_stage
@few
@given(data=st.data())
def test_rows_in_are_rows_live_plus_rows_set_aside_by_name_and_reason(name, data):
    stage, rows = data.draw(cases(name))
    live, dead, counts = through(conversations(stage, rows), (stage,), 3)
    assert lines([live, *dead]) == list(range(len(rows)))
    assert live[SET_ASIDE_WHY.name].null_count == live[SET_ASIDE_BY.name].null_count == live.num_rows
    for part in dead:
        assert part[SET_ASIDE_WHY.name].null_count == 0
        assert set(part[SET_ASIDE_BY.name].to_pylist()) == {stage.name}
        assert part[SET_ASIDE_ERROR.name].null_count == part.num_rows
    assert sum(counts.values()) == len(rows)
    assert {(line.step, line.stage) for line in counts} <= {(3, stage.name)}


@every_stage
def test_what_a_stage_sees_are_the_columns_it_reads(name):
    for stage, rows in step_class(name).examples():
        whole = conversations(stage, rows)
        assert stage.open()(whole.select([n for n in whole.column_names if n in stage.reads()])).equals(
            apply(stage, whole).select(stage.writes().names)
        )


@every_stage
def test_a_later_stage_leaves_dead_rows_as_they_are(name):
    for stage, rows in step_class(name).examples():
        whole = conversations(stage, rows)
        live, dead, _ = through(whole, (stage,), 1)
        broken = Fragile(inner=stage, lines=frozenset(range(len(rows))))
        none, later, _ = through(whole, (stage, broken), 1)
        assert none.num_rows == 0
        assert lines(later[len(dead) :]) == lines([live])
        assert all(one.equals(same) for one, same in zip(dead, later, strict=False))


@every_stage
@few
@given(data=st.data())
def test_a_fault_costs_the_row_it_is_in_and_says_kind_and_place_and_no_log_text(name, data):
    stage, rows = data.draw(cases(name, min_size=1))
    bad = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1, max_size=2))
    whole = conversations(stage, rows)
    found = apply(Fragile(inner=stage, lines=frozenset(bad)), whole)
    calm = apply(stage, whole).select(stage.writes().names).to_pylist()
    assert lines([found]) == list(range(len(rows)))
    for i, row in enumerate(found.to_pylist()):
        if i in bad:
            assert (row[SET_ASIDE_BY.name], row[SET_ASIDE_WHY.name]) == ("tests.fragile", STAGE_FAULT)
            assert re.fullmatch(r"ValueError at test_engine_laws\.py:\d+", row[SET_ASIDE_ERROR.name])
            assert WORDS not in str(row)
        else:
            assert row[SET_ASIDE_ERROR.name] is None
            assert {n: row[n] for n in stage.writes().names} == calm[i]


@every_stage
def test_no_rows_give_no_rows_of_the_same_columns(name):
    for stage, rows in step_class(name).examples():
        some, none = conversations(stage, rows), conversations(stage, [])
        assert apply(stage, none).schema.equals(apply(stage, some).schema)


class Unopened(Stage):
    """A stage whose rules cannot be loaded."""

    name: ClassVar[str] = "test.unopened"
    version: ClassVar[int] = 1

    def reads(self) -> frozenset[str]:
        return frozenset({"a"})

    def writes(self) -> pa.Schema:
        return pa.schema([("b", pa.string())])

    @classmethod
    def examples(cls):
        return []

    def open(self):
        raise RuleError("rules/x.yaml: unknown key")


def test_a_stage_that_cannot_be_opened_stops_the_run_and_no_row_is_blamed():
    with pytest.raises(RuleError, match="unknown key"):
        apply(Unopened(), pa.table({"a": ["x", "y"]}))
