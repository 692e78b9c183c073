"""Reverse validation as executable checks: every fact of a reply or a chain of thought is found in its input.

    input "Parking is 10 GBP per day at the Inn."   reply "Parking at the Inn is 20 GBP." -> number not_in_input

Report section 2.4.1: generated chains are validated in reverse, every fact found in the input. What can be computed is
checked here, before any model is asked: numbers, ids, dates, times and names, and that a value belongs to what it is
said of.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import re2

from refinery.grounding.binding import foreign, misplaced
from refinery.grounding.derived import computed, derivable
from refinery.grounding.evidence import Evidence
from refinery.grounding.names import Lexicon
from refinery.grounding.records import pair_sums
from refinery.grounding.values import Value, claims, examples
from refinery.text.folding import fold

Reason = Literal["not_in_input", "bound_elsewhere"]
_NEXT: Final = re2.compile(
    r"(?i)tomorrow|yesterday|next (?:day|morning)|day (?:after|before)|following day|overnight|\+1"
    r"|明天|昨天|次日|第二天|前一天"
)
_AT: Final = re2.compile(
    r"(?i)(?:\b(?:at|from|to|til|till|until|between|and|by|opens?|closes?|after|before|thru|through|starts?|is)|-)\s*$"
)
_TO: Final = re2.compile(r"(?i)\s?(?:-|to |til)\s?\d")
_NO_UNIT: Final = re2.compile(
    r"(?i)\s*(?:$|[^\w\s%]|(?:to|til|till|until|and|on|every\w*|daily|in|at|when|during|am|pm|a|p|o)\b|(?:mon|tue|wed|thu|fri|sat|sun))"
)
_OPEN: Final = re2.compile(r"\([A-Za-z]{0,20}[/-]?$")
_CODE: Final = re2.compile(r"[\w ,./-]{0,20}\(([A-Z]{3,4})\)")
_ABOUT: Final = re2.compile(r"(?i)(?:~|≈|\babout|around|approx\w*\.?|roughly|nearly|up to|约|大约|左右)[^\w\n]{0,3}$")
MAX_NAMES: Final = 300
"""Looked at in one text: each is compared with all words of the input."""
SMALL: Final = 10
"""Counts up to it, written as words, are let pass where things are counted, and not stated, in the input."""


class Fault(NamedTuple):
    """A value or name (`kind`: number, time, date, id, name) that does not rest on the input; span of folded text.

    Not `certain`: an amount that may follow from others by sums not tried here, an estimate, a value bound by
    nearness of words. Such a text is undecided, and a matter for a model.
    """

    reason: Reason
    kind: str
    start: int
    end: int
    certain: bool


def passed(found: Iterable[Fault]) -> bool | None:
    """True where nothing was found, False where a certain fault was, None (undecided) where only others were."""
    certain = [fault.certain for fault in found]
    return False if any(certain) else None if certain else True


def faults(text: str, evidence: Evidence, lexicon: Lexicon) -> list[Fault]:
    """All that the text states and the input does not, in order; none where everything was found."""
    folded = fold(text).text
    given = examples(text)
    missing = _unfounded(folded, claims(text), evidence)
    found = [Fault("not_in_input", v.kind, v.start, v.end, not _may_follow(folded, v)) for v in missing]
    found += [name for name in _names(text, evidence, lexicon) if not any(a <= name.start < b for a, b in given)]
    held = [v for v in claims(text) if not any(v.start == fault.start for fault in found)]
    wrong = foreign(text, held, evidence.records, evidence.free) + misplaced(text, held, evidence.passages)
    found += {Fault("bound_elsewhere", v.kind, v.start, v.end, False) for v in wrong}
    return sorted(found, key=lambda fault: fault.start)


def _unfounded(text: str, claimed: list[Value], evidence: Evidence) -> list[Value]:
    missing = [
        v
        for v in claimed
        if not evidence.holds(v, _hour(text, v)) and not _counts(v) and not _next_day(text, v, evidence)
    ]
    amounts = {a for v in missing if (a := _amount(v)) is not None and computed(text, v.start, v.end)}
    if amounts:
        numbers = [Decimal(next(iter(v.forms))) for v in claimed if v.kind == "number" and v not in missing]
        spoken = {form for v in claimed if v.kind == "id" for form in v.forms}
        implied = evidence.implied | pair_sums(evidence.records, spoken)
        derived = derivable(amounts, numbers, implied, evidence.cents)
        missing = [value for value in missing if _amount(value) not in derived]
    return missing


def _may_follow(text: str, value: Value) -> bool:
    """Whether the number may be computed or estimated from others."""
    if _amount(value) is None:
        return False
    return (
        computed(text, value.start, value.end)
        or _ABOUT.search(text[max(0, value.start - 20) : value.start]) is not None
    )


def _hour(text: str, value: Value) -> bool:
    """Whether the words around a number say that it may be an hour: "opens at 5", "5 to 11"."""
    before, after = text[max(0, value.start - 12) : value.start], text[value.end : value.end + 12]
    return bool((_AT.search(before) or _TO.match(after)) and _NO_UNIT.match(after))


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
    for name in lexicon.names(text)[:MAX_NAMES]:
        if evidence.lacks(name) and not _glosses(folded, name.start, name.end, evidence):
            yield Fault("not_in_input", "name", name.start, name.end, True)


def _glosses(text: str, start: int, end: int, evidence: Evidence) -> bool:
    """Whether it stands in or before brackets beside a name of the input: "Seattle (SEA)" for either of the two."""
    before, after = text[:start].rstrip(), text[end:]
    if code := _CODE.match(after):
        return evidence.has_word(code[1])
    inside = _OPEN.search(before)
    beside = before[: inside.start()].split()[-1:] if inside else []
    return bool(beside) and beside[0][:1].isupper() and evidence.has_word(beside[0])
