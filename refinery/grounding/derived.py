"""Amounts that follow from others by arithmetic: totals, differences, so many times a price.

    stated 174, two passengers; "total $348" follows; "$86 more" follows from 214 and 128

Only amounts, and only where the words nearby say that something was computed, so that a wrong price does not pass as
the sum of others.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson
import re2

_COMPUTED: Final = (
    r"total|\bsum\b|differ|refund|additional|extra|remain|balance|sav(?:e|ing)|\bdue\b|owe|charg|combin|altogether|collect|worth|certificate"
    r"|合计|共|总|差|退|余|剩|还需|应付|补|省"
)
_BEFORE: Final = re2.compile(rf'(?i)(?:{_COMPUTED}|[=→+]|\bnet\b|leaving|(?:per|amount)[a-z_]*":)[^\n]{{0,80}}$')
_AFTER: Final = re2.compile(
    rf"(?i)^[^\n]{{0,20}}(?:{_COMPUTED}|\bmore\b|\bless\b|cheaper|\boff\b|\bleft\b"
    r"|\(?\$?\d+ (?:per|each|[x×])\b|\(\$?\d+(?:\.\d+)? ?[+×])"
)
_MONEY_BEFORE: Final = re2.compile(r'(?:[$€£¥=+→-]|USD|RMB|"\w*":)\s*-?\s*$')
_MONEY_AFTER: Final = re2.compile(r"(?i)^\s*(?:[元块]|dollars?|usd|gbp|eur|cny|rmb|yuan|pounds?)")
_WINDOW: Final = 100
_MAX_TIMES: Final = 12
_MAX_TERMS: Final = 9
_MAX_CENTS: Final = 300


def computed(text: str, start: int, end: int) -> bool:
    """Whether a number is an amount of money, and the words around it say that it was computed."""
    before, after, number = text[max(0, start - _WINDOW) : start], text[end : end + _WINDOW], text[start:end]
    money = number[-3:-2] == "." or _MONEY_BEFORE.search(before) or _MONEY_AFTER.search(after)
    return bool(money and (_BEFORE.search(before) or _AFTER.search(after)))


def derivable(
    wanted: Collection[Decimal], stated: Sequence[Decimal], implied: Collection[Decimal], cents: Sequence[Decimal]
) -> set[Decimal]:
    """Those of the wanted numbers that follow from numbers stated beside them.

    `stated`: what the text says in order and the input holds; what was derived counts as stated from then on.
    `implied`: sums over the records of the input. `cents`: amounts of the input that are no round numbers, so that one
    of them and one that is stated hardly give a third by chance.
    """
    found = set[Decimal]()
    operands = set(stated)
    times = {int(n) for n in operands if n == int(n) and 2 <= n <= _MAX_TIMES}
    odd = set(cents[-_MAX_CENTS:])
    while new := {
        number
        for number in set(wanted) - found
        if number in implied
        or _follows(number, operands, operands, times)
        or (number % 1 and _follows(number, operands, odd, times))
        or _run(number, stated)
        or _run(number, sorted(found))
    }:
        found |= new
        operands |= new
    return found


def implied(document: str) -> Iterator[Decimal]:
    """Sums that a JSON document means: of one field over a list, also times the length of a list beside it."""
    if not document.lstrip().startswith(("{", "[")):
        return
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        return
    yield from _sums(found)


def _sums(value: Any) -> Iterator[Decimal]:  # noqa: ANN401 (any JSON)
    if isinstance(value, dict):
        lists = {key: inner for key, inner in value.items() if isinstance(inner, list)}
        for key, inner in lists.items():
            lengths = {len(other) for name, other in lists.items() if name != key} | {1}
            yield from (total * n for total in _totals(inner) for n in lengths if n)
        for inner in value.values():
            yield from _sums(inner)
    elif isinstance(value, list):
        yield from _totals(value)
        for inner in value:
            yield from _sums(inner)


def _totals(records: Iterable[Any]) -> Iterator[Decimal]:
    rows = [record for record in records if isinstance(record, dict)]
    for key in rows[0] if rows else ():
        numbers = [row.get(key) for row in rows]
        if all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
            yield sum((Decimal(str(n)) for n in numbers), Decimal(0))


def _follows(number: Decimal, some: set[Decimal], others: set[Decimal], times: set[int]) -> bool:
    """A sum or difference of one of each, or a multiple of one."""
    if any(number - one in others or one - number in others or number + one in others for one in some if one):
        return True
    return any(number / n in some for n in times)


def _run(number: Decimal, stated: Sequence[Decimal]) -> bool:
    """The sum of numbers that stand one after the other."""
    for first in range(len(stated)):
        total = stated[first]
        for one in stated[first + 1 : first + _MAX_TERMS]:
            total += one
            if total == number:
                return True
    return False
