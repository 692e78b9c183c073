"""The shapes that work takes: Stage (row-local), Exchange (by key), Ask (of a model); Source lives in intake.

A stage IS its parameters: YAML validates straight into one, it pickles to a worker, and name, version, parameters
and the content of every file that a parameter names hash to its fingerprint. Nobody drops a row: a stage returns
new columns for the rows it got, `set_aside_why` among them if it may set rows aside.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from refinery.records.fate import RAW_ANSWERS, SET_ASIDE_ERROR

Transform = Callable[[pa.Table], pa.Table]
"""Live rows with the columns a stage reads, chunks combined -> as many rows, in order, with the columns it writes."""


ROW: Final = pa.field("_row", pa.int64())
"""Shard number in the upper, row in the lower 32 bits."""
KEY: Final = pa.field("_key", pa.uint64())
"""Records of one key meet in one reducer, which holds a range of keys."""

Contents = dict[str, dict[str, bytes]]
"""By parameter that is a path: name below it ("./name" for a file itself) -> bytes."""


class Step(BaseModel):
    """What Stage and Exchange share: a name, a version, frozen parameters and a fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """`family.file`: the word in plans, ledger and notebooks."""
    version: ClassVar[int]
    """Raised when the meaning of the output changes; a golden-row hash test catches a forgotten raise."""

    @abstractmethod
    def reads(self) -> frozenset[str]:
        """Columns needed; the step is given these and no others."""

    @abstractmethod
    def writes(self) -> pa.Schema:
        """Columns added or replaced."""

    def adds(self) -> pa.Schema:
        """Columns that the engine puts on the rows: those that the step writes."""
        return self.writes()

    @classmethod
    @abstractmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """Instances with rows (dicts of the columns read, none missing) for the law tests; at least one row is hit."""

    movable: ClassVar[frozenset[str]] = frozenset()
    """Parameters that may change without making another run: the run's work that they do not shape is taken over."""

    def parameters(self) -> dict[str, Any]:
        """The parameters but for paths, whose content counts and not their place."""
        return {k: v for k, v in self.model_dump().items() if not isinstance(v, Path)}

    def contents(self) -> Contents:
        """What the paths among the parameters hold now; hidden and backup files and README.md are passed over."""
        return {key: _content(value) for key, value in self if isinstance(value, Path)}

    def fingerprint(self, contents: Contents | None = None, parameters: dict[str, Any] | None = None) -> str:
        """Hex hash of name, version, parameters (all by default), and names and content of their files (read now)."""
        parameters = self.parameters() if parameters is None else parameters
        digest = hashlib.blake2b(
            orjson.dumps([self.name, self.version, parameters], option=orjson.OPT_SORT_KEYS), digest_size=16
        )
        for key, files in (self.contents() if contents is None else contents).items():
            for name, data in files.items():
                named = f"{key}/{name}".encode()
                digest.update(hashlib.blake2b(named).digest() + hashlib.blake2b(data).digest())
        return digest.hexdigest()


def _content(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {f"./{path.name}": path.read_bytes()}
    found = ((p.relative_to(path), p) for p in sorted(path.rglob("*")) if p.is_file())
    return {name.as_posix(): p.read_bytes() for name, p in found if not _passed_over(name)}


def _passed_over(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts) or name.name.endswith("~") or name.name == "README.md"


class Stage(Step):
    """Row-local work: table to table, fused with its neighbours into one pass."""

    @abstractmethod
    def open(self) -> Transform:
        """On the worker, once a task: load what is heavy and return the transform."""


class Round(ABC):
    """One exchange of records over all shards: mappers send them, and the reducer of their key finds something.

    Rounds follow each other; each is done, booked and taken over by a restart on its own. What a round finds is by
    row (a column `_row`; the next round is given those rows alone) or a list for all mappers of later rounds.
    """

    name: ClassVar[str]
    by_row: ClassVar[bool] = True
    weight: ClassVar[int] = 1
    """Narrow rows (of about 50 bytes) that reducers hold for each row given to `send`, about."""

    def __init__(self, step: "Exchange") -> None:
        self.step = step

    @abstractmethod
    def reads(self) -> frozenset[str]:
        """Columns of the rows; empty for a round of one reducer over all that the round before found."""

    def parameters(self) -> dict[str, Any]:
        """What of the step's parameters shapes this round: a restart takes over a round that has equal ones."""
        return self.step.parameters()

    @abstractmethod
    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Live rows (with `_row`), and what each earlier round found for them or for all -> records with `_key`.

        `_key` is uint64 and evenly spread; any number of records a row. No rows give no records of the same types.
        """

    @abstractmethod
    def find(self, records: pa.Table) -> pa.Table:
        """All records of some keys, in the order of the input -> what is found, sorted by `_row` where it is by row."""


_NOTES: Final = b"notes"


def noted(table: pa.Table, what: str, num: int) -> pa.Table:
    """The table with a note for whoever runs it: that `num` rows `what`; nothing where there are none."""
    return table.replace_schema_metadata({_NOTES: orjson.dumps([what, num])}) if num else table


def note_of(table: pa.Table) -> tuple[str, int] | None:
    """The note that a table carries."""
    found = (table.schema.metadata or {}).get(_NOTES)
    return None if found is None else tuple(orjson.loads(found))


class Exchange(Step):
    """Work that needs all rows: rounds of records, by key, between mappers and reducers.

    The last round finds `_row` (unique) with the columns written, for those rows that get a value. The engine joins
    them on; where a column is there already, null leaves it as it was.
    """

    dead_rows: ClassVar[bool] = False
    """Whether rows that are set aside already take part."""

    @abstractmethod
    def rounds(self) -> tuple[Round, ...]:
        """The rounds, in order."""

    def reads(self) -> frozenset[str]:
        """What the rounds read."""
        return frozenset().union(*(each.reads() for each in self.rounds()))


class ByKey(Exchange):
    """An exchange of one round: all rows that share the value of one column are decided together."""

    key: ClassVar[str]
    """The column that brings rows together; it holds hex digests."""

    @abstractmethod
    def reads(self) -> frozenset[str]:
        """Columns needed, the key among them."""

    @abstractmethod
    def reduce(self, table: pa.Table) -> pa.Table:
        """All rows of some keys, in input order: the columns read and `_row` -> `_row` and the columns written."""

    def rounds(self) -> tuple[Round, ...]:
        """The one round."""
        return (_Keyed(self),)


class _Keyed(Round):
    """Sends each row as it is, and lets the exchange reduce."""

    name = "rows"
    step: ByKey

    def reads(self) -> frozenset[str]:
        return self.step.reads()

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        rows = rows.select([ROW.name, *sorted(self.step.reads())])
        return rows.append_column(KEY, key_of(array(rows.combine_chunks(), self.step.key)))

    def find(self, records: pa.Table) -> pa.Table:
        return self.step.reduce(records.drop_columns([KEY.name])).sort_by(ROW.name)


def key_of(digests: pa.Array) -> pa.Array:
    """Hex digests -> their first 16 digits as uint64."""
    heads = pc.cast(pc.utf8_slice_codeunits(digests, 0, 16), pa.binary(16))
    digits = np.frombuffer(heads.buffers()[1] or b"", np.uint8)[: 16 * len(heads)].reshape(-1, 16).astype(np.uint64)
    values = np.where(digits >= ord("a"), digits - np.uint64(ord("a") - 10), digits - np.uint64(ord("0")))
    return pa.array(np.bitwise_or.reduce(values << np.arange(60, -1, -4, dtype=np.uint64), axis=1))


class Request(NamedTuple):
    """One question to a model: chat messages, the JSON schema of its answer, the prompt's name, the vote's number.

    The prompt's name ends with its language: `judge_v1/zh`.
    """

    messages: tuple[dict[str, str], ...]
    answer_schema: dict[str, Any]
    prompt: str
    vote: int = 0

    def key(self, identity: str) -> str:
        """32 hex characters: equal questions to one model under the same parameters (`identity`) are asked once."""
        body = orjson.dumps([identity, *self], option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(body, digest_size=16).hexdigest()


Answers = Callable[[Request], Any]
"""The model's answer as a JSON value that is valid under the request's schema, or None where it was not asked yet.

An answer that is no JSON or breaks its schema is asked for once more, with the fault named. A second one, and a
question to which no answer came, set the row aside: a fold never sees them.
"""


class Ask(Step):
    """A model stage: a pure fold, done again after each round of answers until it needs no more.

    Votes and adjudication are rounds, not code in clients. A row that still misses answers after `max_rounds` rounds,
    each with its repair, is set aside as `unanswered`, so `set_aside_why` is always among the columns written.
    """

    max_rounds: ClassVar[int]
    model: str
    """The word under `models` in the plan."""

    @abstractmethod
    def fold(self, row: dict[str, Any], answers: Answers) -> dict[str, Any] | list[Request]:
        """One live row with the columns read -> the columns written, or the requests that are missing."""

    def adds(self) -> pa.Schema:
        """What the stage writes, and why a row was set aside, with the model's own words."""
        written: pa.Schema = self.writes()
        return pa.unify_schemas([written, pa.schema([SET_ASIDE_ERROR, RAW_ANSWERS])])


def array(table: pa.Table, name: str) -> pa.Array:
    """The named column as one contiguous array (a transform's input has its chunks combined)."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
