"""One batch through the stages: the engine keeps the rows, filters the live ones and isolates the row that breaks."""

import traceback
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from refinery.errors import StageError
from refinery.ledger import Counts, count, merge
from refinery.records.fate import FATE, SET_ASIDE_BY, SET_ASIDE_WHY, STAGE_FAULT
from refinery.stage import Stage, Transform


def put(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with the column added or replaced."""
    where = table.schema.get_field_index(name)
    return table.append_column(name, column) if where < 0 else table.set_column(where, name, column)


def split(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Live rows, and rows that are set aside."""
    live = pc.is_null(table[SET_ASIDE_WHY.name])
    if pc.all(live).as_py() is not False:
        return table, table.slice(0, 0)
    return table.filter(live), table.filter(pc.invert(live))


def through(table: pa.Table, stages: tuple[Stage, ...], first_step: int) -> tuple[pa.Table, list[pa.Table], Counts]:
    """Live rows through all stages -> those live at the end, those set aside at each stage, and the counts."""
    dead, counts = [], []
    for step, stage in enumerate(stages, first_step):
        table = apply(stage, table.combine_chunks())
        table, gone = split(table)
        if gone.num_rows:
            dead.append(gone)
        counts += [count(step, stage.name, "set_aside", gone), count(step, stage.name, "live", table)]
    return table, dead, merge(counts)


def apply(stage: Stage, table: pa.Table) -> pa.Table:
    """Live rows with the stage's columns; rows on which it raised are set aside as `stage_fault`."""
    written = _written(stage, table.select([n for n in table.column_names if n in stage.reads()]))
    for name in written.column_names:
        table = put(table, name, written[name])
    if SET_ASIDE_WHY.name in written.column_names:
        by = pc.if_else(pc.is_valid(table[SET_ASIDE_WHY.name]), stage.name, pa.scalar(None, pa.string()))
        table = put(table, SET_ASIDE_BY.name, by)
    return table


def _written(stage: Stage, table: pa.Table) -> pa.Table:
    """The stage's columns for these rows. The one catch-all of the house: a fault costs the row it is in."""
    if not table.num_rows:
        return _empty(stage.writes(), 0)
    transform = _transform(stage)  # outside: a stage that cannot be opened stops the run, and no row is blamed
    try:
        result = transform(table)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (any fault of any stage costs one row, never a batch)
        if table.num_rows == 1:
            return _fault(stage, error)
        half = table.num_rows // 2
        parts = [_written(stage, part.combine_chunks()) for part in (table.slice(0, half), table.slice(half))]
        return pa.concat_tables(parts, promote_options="default")
    if result.num_rows != table.num_rows or not result.schema.equals(stage.writes()):
        raise StageError(
            f"stage {stage.name!r} returned {result.num_rows} rows of {result.schema.names} for {table.num_rows} rows; "
            f"it declares {stage.writes().names}, a row each"
        )
    return result


def _empty(schema: pa.Schema, rows: int) -> pa.Table:
    return pa.Table.from_arrays([pa.nulls(rows, f.type) for f in schema], schema=schema)


def _fault(stage: Stage, error: Exception) -> pa.Table:
    """Null columns and the fault's kind and place; its message may hold log text and is left out."""
    table = _empty(stage.writes(), 1)
    for field, value in zip(FATE, (stage.name, STAGE_FAULT, place_of(error)), strict=True):
        table = put(table, field.name, pa.array([value], field.type))
    return table


def place_of(error: Exception) -> str:
    """Kind and place of an error, without its words."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"


@lru_cache(maxsize=64)
def _transform(stage: Stage) -> Transform:
    """The stage opened once a process, not once a task; its files lie in a folder named by their content."""
    return stage.open()
