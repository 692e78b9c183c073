"""What makes a unit unfit to be used: parts missing, leaning on another place, or saying what another says already.

A unit that fails stays in the base, set aside with the reason:

    no_background, no_question, no_solution, unfinished_solution   it is not complete
    points_outside, leans_on_another                               it is not independent
    duplicate_unit                                                 it is there already (`duplicate_of`)
"""

import re
from collections.abc import Iterable
from typing import Final

from refinery.knowledge.sentences import leans, points_outside
from refinery.knowledge.unit import Unit
from refinery.records.knowledge import QUESTION_ANSWER
from refinery.text.normalise import has_han, normalise, words

_UNFINISHED: Final = re.compile(
    r"(?:[:：,，、;；]|\b(?:and|or|the|a|of|to|with|for)|\bTBD|\bTODO|待补充|待定)\s*$", re.IGNORECASE
)
_MIN_UNITS: Final = 5
"""Words or Chinese characters from which an answer says by itself what it says; "Yes." is another answer elsewhere."""
_HAN_OR_WORD: Final = re.compile("[\u3400-\u9fff]|[^\\W\u3400-\u9fff]+")
_ARTICLES: Final = frozenset({"a", "an", "the"})


def checked(units: Iterable[Unit]) -> list[Unit]:
    """The units in order, those that are unfit set aside."""
    found = [unit.aside(why) if (why := _fault(unit)) else unit for unit in units]
    return _without_duplicates(found)


def _fault(unit: Unit) -> str | None:
    if not unit.solution.strip():
        return "no_solution"
    if not unit.background.strip():
        return "no_background"
    if not any(question.strip() for question in unit.questions):
        return "no_question"
    if _UNFINISHED.search(unit.solution):
        return "unfinished_solution"
    if points_outside(unit.solution):
        return "points_outside"
    # An answer may begin with "It is": its question says what is meant.
    return "leans_on_another" if unit.kind != QUESTION_ANSWER and leans(unit.solution) else None


def _without_duplicates(units: list[Unit]) -> list[Unit]:
    """The first that says something where it applies stays; compared word by word, articles and marks aside."""
    known: dict[tuple[object, ...], Unit] = {}
    found = list[Unit]()
    for unit in units:
        first = unit
        if not unit.set_aside_why:
            parts = _parts(unit.solution)
            asked = () if len(parts) >= _MIN_UNITS else tuple(map(normalise, unit.questions))
            first = known.setdefault((unit.scope, unit.kind, unit.background, asked, parts), unit)
        found.append(unit if first is unit else unit.aside("duplicate_unit", first.unit_id))
    return found


def _parts(text: str) -> tuple[str, ...]:
    """Words and Chinese characters in order: one word more or less ("cancelled", "modified") is another unit."""
    text = normalise(text)
    return tuple(
        word for word in (_HAN_OR_WORD.findall(text) if has_han(text) else words(text)) if word not in _ARTICLES
    )
