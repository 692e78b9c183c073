"""Tables for the laws: each step's example rows, mixed by hypothesis, typed as when the step gets them."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from refinery.intake.rows import ROWS
from refinery.plan import extend
from refinery.stage import ROW, Ask, Exchange, Request, Stage, Step, Transform
from refinery.stages import STAGES, step_class

Row = dict[str, Any]
STAGE_NAMES = [name for name in STAGES if issubclass(step_class(name), Stage)]
ASK_NAMES = [name for name in STAGES if issubclass(step_class(name), Ask)]
EXCHANGE_NAMES = [name for name in STAGES if issubclass(step_class(name), Exchange)]
MAX_ROWS = 12
_TIMES = [None, datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)]


@cache
def known() -> pa.Schema:
    """All columns that intake and any step write; raises PlanError where two give one name two types."""
    schema = pa.schema([ROW, *ROWS])
    for name in STAGES:
        for step, _ in step_class(name).examples():
            schema = extend(schema, step.adds(), name)
    return schema


@cache
def opened(stage: Stage) -> Transform:
    """The stage, opened once for all tests."""
    return stage.open()


def schema_of(step: Step) -> pa.Schema:
    """The columns that the engine hands the step, in the engine's order."""
    names = [f.name for f in known() if f.name in step.reads()]
    return pa.schema([known().field(n) for n in ([ROW.name] if isinstance(step, Exchange) else []) + names])


def table(step: Step, rows: list[Row]) -> pa.Table:
    """Rows of the columns read, as the engine hands them over; for an Exchange numbered, five rows a shard."""
    numbered = [{**row, ROW.name: (i // 5 << 32) | i % 5} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(numbered, schema=schema_of(step)).combine_chunks()


def folded(ask: Ask, row: Row, model: Callable[[Request], Any]) -> tuple[Row, list[Request]]:
    """A row's columns when the model answers so, and all that was asked, round by round; fails if it never ends."""
    asked: dict[str, Request] = {}

    def answers(request: Request) -> Any:
        return model(request) if request.key("m") in asked else None

    for _ in range(ask.max_rounds + 1):
        found = ask.fold(row, answers)
        if isinstance(found, dict):
            return found, list(asked.values())
        new = {request.key("m"): request for request in found}
        assert new.keys() - asked.keys(), "a fold asks for something that it has not got"
        asked.update(new)
    raise AssertionError(f"{ask.name} still asks after {ask.max_rounds} rounds")


def hashed(request: Request) -> Any:
    """A valid answer to any request, drawn by the request's own hash."""
    return _instance(request.answer_schema, random.Random(request.key("m")))


def _instance(schema: dict[str, Any], chance: random.Random) -> Any:
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kind = chance.choice(schema["type"]) if isinstance(schema["type"], list) else schema["type"]
    low, high = schema.get("minimum", 0), schema.get("maximum", 1)
    made: dict[str, Callable[[], Any]] = {
        "object": lambda: {name: _instance(inner, chance) for name, inner in schema["properties"].items()},
        "array": lambda: [_instance(schema["items"], chance) for _ in range(chance.randint(0, 2))],
        "integer": lambda: chance.randint(low, high),
        "number": lambda: chance.uniform(low, high),
        "boolean": lambda: chance.random() < 0.5,
        "string": lambda: chance.choice(["因为", "because"]),
        "null": lambda: None,
    }
    return made[kind]()


@st.composite
def cases(draw: st.DrawFn, name: str, min_size: int = 0) -> tuple[Step, list[Row]]:
    """A step and up to twelve of its example rows, repeated, in any order, some with lists or structs null."""
    step, rows = draw(st.sampled_from(step_class(name).examples()))
    nested = [f.name for f in schema_of(step) if pa.types.is_nested(f.type) and f.name in ROWS.names]
    blank = st.sets(st.sampled_from(nested), max_size=1) if nested else st.just(set[str]())
    picked = draw(st.lists(st.tuples(st.sampled_from(rows), blank), min_size=min_size, max_size=MAX_ROWS))
    return step, [_blanked(row, names) for row, names in picked]


@st.composite
def narrow_cases(draw: st.DrawFn, name: str) -> tuple[Exchange, list[Row]]:
    """An exchange and rows whose every column is drawn on its own; ids that are not the key are unique."""
    step, rows = draw(st.sampled_from(step_class(name).examples()))
    assert isinstance(step, Exchange)
    pools = {f: _TIMES if f == "created_at" else [row[f] for row in rows] for f in step.reads()}
    row = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in pools.items()})
    found = draw(st.lists(row, max_size=MAX_ROWS))
    if getattr(step, "key", None) != "conversation_id":
        ids = draw(st.permutations([f"{i:032x}" for i in range(len(found))]))
        found = [{**row, "conversation_id": i} for row, i in zip(found, ids, strict=True)]
    return step, found


def _blanked(row: Row, names: set[str]) -> Row:
    """The row with these columns null; what a step wrote beside the turns (policies, findings) goes with them."""
    beside = {n for n in row if n not in ROWS.names} if "turns" in names else set[str]()
    nested = {n for n in beside if pa.types.is_nested(known().field(n).type)}
    return {n: None if n in names | nested else value for n, value in row.items()}
