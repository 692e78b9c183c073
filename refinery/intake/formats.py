"""The log formats that are known; an adapter is one small module that turns a record into the native log form."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from refinery.errors import ParseError, PlanError

FORMATS = {
    "native": "refinery.intake.native",
    "star": "refinery.intake.star",
    "stc3": "refinery.intake.stc3",
    "tau": "refinery.intake.tau",
    "taskmaster": "refinery.intake.taskmaster",
}
"""The word that a plan uses -> the module, imported on use; `auto` tries them in this order."""


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
    """The adapter whose records these are; raises ParseError("unknown_format")."""
    for name in FORMATS:
        candidate = adapter(name)
        try:
            first = next(iter(candidate.records(document)), None)
        except ParseError:
            continue
        if first is not None and candidate.matches(first):
            return candidate
    raise ParseError("unknown_format", f"none of {', '.join(FORMATS)} reads it; state `format` in the plan")
