"""Reverse validation as executable checks: every fact of a reply or a chain of thought is found in its input.

    input "Parking is 10 GBP per day at the Inn."   reply "Parking at the Inn is 20 GBP." -> number not_in_input

Report section 2.4.1: generated chains are validated in reverse, every fact found in the input. What can be computed is
checked here, before any model is asked: numbers, ids, dates, times and names, and that a value belongs to what it is
said of.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import re2

from refinery.grounding.derived import cued, derivable
from refinery.grounding.evidence import Evidence
from refinery.grounding.names import Lexicon
from refinery.grounding.values import Value, claims, examples
from refinery.text.folding import fold

Reason = Literal["not_in_input", "bound_elsewhere"]
_NEXT: Final = re2.compile(
    r"(?i)tomorrow|yesterday|next (?:day|morning)|day (?:after|before)|following day|overnight|\+1|明天|昨天|次日|第二天|前一天"
)
SMALL: Final = 10
"""Counts up to it, written as words, are let pass where things are counted, and not stated, in the input."""


class Fault(NamedTuple):
    """A value or name (`kind`: number, time, date, id, name) that does not rest on the input; span of folded text."""

    reason: Reason
    kind: str
    start: int
    end: int


def faults(text: str, evidence: Evidence, lexicon: Lexicon) -> list[Fault]:
    """All that the text states and the input does not, in order; none where everything was found."""
    folded = fold(text).text
    given = examples(text)
    found = [Fault("not_in_input", v.kind, v.start, v.end) for v in _unfounded(folded, claims(text), evidence)]
    found += [name for name in _names(text, evidence, lexicon) if not any(a <= name.start < b for a, b in given)]
    return sorted(found, key=lambda fault: fault.start)


def _unfounded(text: str, claimed: list[Value], evidence: Evidence) -> list[Value]:
    missing = [v for v in claimed if not evidence.holds(v) and not _counts(v) and not _next_day(text, v, evidence)]
    amounts = {v: _amount(v) for v in missing if _amount(v) is not None and cued(text, v.start, v.end)}
    if amounts:
        numbers = [Decimal(next(iter(v.forms))) for v in claimed if v.kind == "number" and v not in missing]
        derived = derivable(amounts.values(), numbers, evidence.numbers)
        missing = [value for value in missing if amounts.get(value) not in derived]
    return missing


def _amount(value: Value) -> Decimal | None:
    """A number, or five or six digits that may be one."""
    (form, *_) = value.forms
    if value.kind == "number" or (value.kind == "id" and form.isdigit() and len(form) <= 6):
        return Decimal(form)
    return None


def _next_day(text: str, value: Value, evidence: Evidence) -> bool:
    """A day that follows from another of the input, where the words say so: "tomorrow (May 16)"."""
    if value.kind != "date":
        return False
    around = text[max(0, value.start - 40) : value.end + 20]
    return _NEXT.search(around) is not None and evidence.near_date(value)


def _counts(value: Value) -> bool:
    """A small count in words ("your two orders"): what was counted stands in the input, and its number does not."""
    return value.kind == "number" and value.surface.isalpha() and int(next(iter(value.forms))) <= SMALL


def _names(text: str, evidence: Evidence, lexicon: Lexicon) -> Iterator[Fault]:
    folded = fold(text).text
    for name in lexicon.names(text):
        if evidence.lacks(name) and not _glosses(folded, name.start, name.end, evidence):
            yield Fault("not_in_input", "name", name.start, name.end)


def _glosses(text: str, start: int, end: int, evidence: Evidence) -> bool:
    """Whether it only spells out a code of the input that stands beside it: "Seattle (SEA)", "SEA (Seattle)"."""
    before, after = text[:start].rstrip(), text[end:].lstrip()
    if after.startswith("("):
        code = after[1:].partition(")")[0]
    elif before.endswith("("):
        code = before[:-1].split()[-1] if before[:-1].split() else ""
    else:
        return False
    return code.isupper() and code.isalpha() and len(code) <= 4 and evidence.has_word(code)
