"""Numbers that follow from others by arithmetic: totals, differences, so many times a price.

    stated 174, two passengers; "total $348" follows; "$86 more" follows from 214 and 128

Only where the words nearby say that something was computed, so that a wrong price does not pass as the sum of others.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Final

import re2

_CUE: Final = re2.compile(
    r"(?i)total|\bsum\b|differ|refund|additional|extra|remain|balance|sav(?:e|ing)|\bdue\b|owe|charg|combin|altogether"
    r"|\beach\b|\bper\b|[=×+]|\bmore\b|\bless\b|cheap|price|cost|fare|amount|\bpa(?:y|id)|credit|\bleft\b|hours?\b"
    r"|合计|共|总|差|退|余|剩|每|各|还需|应付|补|省"
)
_BEFORE, _AFTER = 120, 40
"""Characters around a number in which the words must stand."""
_MAX_TIMES: Final = 12
_MAX_TERMS: Final = 9
_MAX_OPERANDS: Final = 400
"""Of the input, the latest; pairs of them are looked up in a set, so the cost is linear in them."""


def cued(text: str, start: int, end: int) -> bool:
    """Whether the words around say that a number was computed."""
    return (
        _CUE.search(text[max(0, start - _BEFORE) : start]) is not None
        or _CUE.search(text[end : end + _AFTER]) is not None
    )


def derivable(wanted: Collection[Decimal], stated: Sequence[Decimal], known: Sequence[Decimal]) -> set[Decimal]:
    """Those of the wanted numbers that follow from numbers stated beside them, or from two of the input.

    `stated`: what the text says in order and the input holds; what was derived counts as stated from then on.
    """
    found = set[Decimal]()
    operands = set(stated)
    input_ = set(list(dict.fromkeys(reversed(known)))[:_MAX_OPERANDS]) | operands
    times = {int(n) for n in operands if n == int(n) and 2 <= n <= _MAX_TIMES} | {2}
    while new := {
        number
        for number in set(wanted) - found
        if _follows(number, operands, times)
        or _run(number, stated)
        or _run(number, sorted(found))
        or _follows(number, input_ | operands, times)
    }:
        found |= new
        operands |= new
    return found


def _follows(number: Decimal, operands: set[Decimal], times: set[int]) -> bool:
    """A sum, a difference or a multiple."""
    if any(number - one in operands or one - number in operands for one in operands if one and one != number):
        return True
    return any(number / n in operands for n in times)


def _run(number: Decimal, stated: Sequence[Decimal]) -> bool:
    """The sum of numbers that stand one after the other."""
    for first in range(len(stated)):
        total = Decimal(0)
        for one in stated[first : first + _MAX_TERMS]:
            total += one
            if total == number:
                return True
    return False
