"""The log formats that are known; an adapter is one small module that turns a record into the native log form."""

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from refinery.errors import ParseError, PlanError

FORMATS = {
    "native": "refinery.intake.native",
    "star": "refinery.intake.star",
    "stc3": "refinery.intake.stc3",
    "tau": "refinery.intake.tau",
    "taskmaster": "refinery.intake.taskmaster",
    "sharegpt": "refinery.intake.sharegpt",
    "otel": "refinery.intake.otel",
    "langfuse": "refinery.intake.langfuse",
}
"""The word that a plan uses -> the module, imported on use; `auto` tries them in this order."""


_END: Final = object()
_noted: ContextVar[list[tuple[str, object]] | None] = ContextVar("noted", default=None)
_HELD_BYTES: Final = 4 * 2**20

Place = TypeVar("Place")
Told = tuple[Place, object, dict[str, Any] | ParseError]
"""Where a record stood, the record (bytes where it could not be parsed), and its native form or why it is refused."""


class Adapter(Protocol):
    """What a format's module holds; what it cannot read it refuses by ParseError, with no log text in it."""

    FORMAT: str

    @staticmethod
    def matches(record: object) -> bool:
        """Whether this first record of a file is of this format; never raises."""

    @staticmethod
    def records(document: object) -> Iterator[object]:
        """The conversation records of one parsed JSON document."""

    @staticmethod
    def native(record: object) -> dict[str, Any]:
        """The record in the native log form (shared keys: see `refinery.intake.native`)."""


@cache
def adapter(name: str) -> Adapter:
    """The adapter of a format; raises PlanError with the known words."""
    if name not in FORMATS:
        raise PlanError(f"unknown log format {name!r}; known: {', '.join(['auto', *FORMATS])}")
    return cast(Adapter, import_module(FORMATS[name]))


def detect(document: object) -> Adapter:
    """The adapter of the first record of a document that one claims; raises ParseError("unknown_format")."""
    readers = [(candidate, _records(candidate, document)) for candidate in map(adapter, FORMATS)]
    while readers:
        left = []
        for candidate, records in readers:  # record by record, so that a document is not read to its end by each
            record = next(records, _END)
            if record is not _END and candidate.matches(record):
                if (found := _noted.get()) is not None:
                    found.append((candidate.FORMAT, document if isinstance(document, dict) else record))
                return candidate
            left += [] if record is _END else [(candidate, records)]
        readers = left
    raise _unknown()


@contextlib.contextmanager
def noted() -> Iterator[list[tuple[str, object]]]:
    """The formats that are detected inside the block, each with the document, or the record in a list, that told."""
    found: list[tuple[str, object]] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def _records(candidate: Adapter, document: object) -> Iterator[object]:
    with contextlib.suppress(ParseError):
        yield from candidate.records(document)


class Lines(Generic[Place]):
    """Reads the parsed lines of one file or member; the format is that of the first line that an adapter claims.

    Lines before it are held, `_HELD_BYTES` of them at most, so that each is refused for the reason that it would have
    been refused for behind it. Beyond that, and where no line is claimed, they are of no known format.
    """

    def __init__(self, stated: Adapter | None) -> None:
        self._use = stated
        self._held: list[tuple[Place, object, ParseError | None]] = []
        self._num_bytes = 0

    def read(self, place: Place, line: object, num_bytes: int) -> Iterable[Told[Place]]:
        """What one more line gives, and before it the lines held, if now their format is known."""
        if self._use is not None:
            return _natives(self._use, place, line)
        with contextlib.suppress(ParseError):
            self._use = detect(line)
        return self._hold(place, line, num_bytes, None)

    def refuse(self, place: Place, line: object, num_bytes: int, error: ParseError) -> Iterable[Told[Place]]:
        """A line that could not be parsed, in its order among those held."""
        return self._hold(place, line, num_bytes, error) if self._held else [(place, line, error)]

    def rest(self) -> Iterator[Told[Place]]:
        """What is still held, read or refused."""
        held, self._held, self._num_bytes = self._held, [], 0
        for place, line, error in held:
            if error is None and self._use is not None:
                yield from _natives(self._use, place, line)
            else:
                yield place, line, error or _unknown()

    def _hold(self, place: Place, line: object, num_bytes: int, error: ParseError | None) -> Iterable[Told[Place]]:
        self._held.append((place, line, error))
        self._num_bytes += num_bytes
        return self.rest() if self._use is not None or self._num_bytes > _HELD_BYTES else ()


def _natives(use: Adapter, place: Place, line: object) -> list[Told[Place]]:
    """The conversations of one line: one, but for formats whose lines hold many."""
    found: list[Told[Place]] = []
    try:
        for record in use.records(line) if isinstance(line, dict) else (line,):
            try:
                found.append((place, record, use.native(record)))
            except ParseError as error:
                found.append((place, record, error))
    except ParseError as error:
        found.append((place, line, error))
    return found


def _unknown() -> ParseError:
    return ParseError("unknown_format", f"none of {', '.join(FORMATS)} reads it; state `format` in the plan")
