"""Tool results as records: which values belong to which order, flight or item, and under which name.

{"flight_number": "HAT139", "prices": {"economy": 114}} -> record of hat139: ("prices", "economy") -> 114
"""

from collections.abc import Iterable, Iterator, Set
from decimal import Decimal
from itertools import combinations
from typing import Any, Final, NamedTuple

import orjson

from refinery.grounding.values import Value, values

_MAX_RECORDS: Final = 4_000
_MAX_ANCHOR: Final = 60
_MAX_PAIRED: Final = 12

Field = tuple[str, ...]


class Record(NamedTuple):
    """One object: the ids by which it is spoken of, and its values by field, those of objects without ids included."""

    anchors: frozenset[str]
    fields: dict[Field, tuple[Value, ...]]

    def forms(self) -> frozenset[str]:
        """All that its values may be read as, kinds apart."""
        return frozenset(key for held in self.fields.values() for value in held for key in keys(value))


def keys(value: Value) -> set[str]:
    """Forms with their kind, so that 7 o'clock is not the number 420."""
    return {f"{value.kind} {form}" for form in value.forms}


def records(document: str) -> list[Record]:
    """The records of a JSON document, outer ones first; none where it is no JSON."""
    if not document.lstrip().startswith(("{", "[")):
        return []
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        return []
    return [record for _, record in zip(range(_MAX_RECORDS), _of(found, ()), strict=False)]


def _of(value: Any, key: Field) -> Iterator[Record]:  # noqa: ANN401 (any JSON)
    if isinstance(value, list):
        for inner in value:
            yield from _of(inner, ())
    elif isinstance(value, dict):
        own = {form for text in (*key, *_strings(value)) for form in _ids(text)}
        if own:
            yield Record(frozenset(own), dict(_fields(value, ())))
        for name, inner in value.items():
            yield from _of(inner, (name,))


def _strings(value: dict[str, Any]) -> Iterator[str]:
    return (v for v in value.values() if isinstance(v, str) and len(v) <= _MAX_ANCHOR)


def _ids(text: str) -> Iterator[str]:
    for value in values(text):
        if value.kind == "id":
            yield from value.forms


def _fields(value: dict[str, Any], path: Field) -> Iterator[tuple[Field, tuple[Value, ...]]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            if not any(True for text in (name, *_strings(inner)) for _ in _ids(text)):
                yield from _fields(inner, (*path, name))
        elif isinstance(inner, int | float | str) and not isinstance(inner, bool):
            if held := tuple(v for v in values(str(inner)) if v.kind != "id"):
                yield (*path, name), held


def pair_sums(found: Iterable[Record], spoken: Set[str]) -> set[Decimal]:
    """What two records spoken of have together in one field: two flights' fares, two items' prices."""
    by_field: dict[Field, dict[str, set[Decimal]]] = {}
    for record in found:
        for anchor in record.anchors & spoken:
            for field, held in record.fields.items():
                numbers = {Decimal(form) for value in held if value.kind == "number" for form in value.forms}
                by_field.setdefault(field, {}).setdefault(anchor, set()).update(numbers)
    return {
        one + other
        for anchors in by_field.values()
        for left, right in combinations(list(anchors.values())[:_MAX_PAIRED], 2)
        for one in left
        for other in right
    }
