"""Whether a value is said of what it belongs to: HAT139's price of HAT139, the Inn's check-out time of the Inn.

Records: a line that speaks of a record and states a value that this record lacks, but that another one holds in the
same field, says it of the wrong one. Passages: among those that state a value of the same kind, the one whose words
are nearest to the sentence must state this one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from math import log
from typing import Final, NamedTuple

import re2

from refinery.grounding.names import plain
from refinery.grounding.records import Field, Record, keys
from refinery.grounding.values import Value, values
from refinery.text.folding import fold

_WORD: Final = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’]*|[\u3400-\u9fff]")
_SENTENCE: Final = re2.compile(r"[^.!?。！？\n]*(?:[.!?][^\s][^.!?。！？\n]*)*")
_STEM: Final = 5
_MIN_NEARER: Final = 1.4
"""How many times nearer the best passage must be than the best one that states the value."""
_LINES_BACK: Final = 4
_NAME_BEFORE: Final = 24
_COMPARED_BEFORE: Final = 50
_COMPARED: Final = re2.compile(
    r"(?i)\b(?:originally|original|previous|previously|earlier|vs|instead|constraint|cheapest)\b[^\n]*$"
    r"|原|之前|此前|目前|当前"
)
_COMMON: Final = frozenset(
    "a an the of and or to in on at for is are was be it its this that there you your they their we our i have has had"
    " do does not no yes with from by per any can will would like if as so but more else help anything".split()
)


class Passage(NamedTuple):
    """A piece of knowledge: the stems of its words, and its values by kind."""

    stems: frozenset[str]
    forms: dict[str, frozenset[str]]


def passage(text: str) -> Passage:
    """A text as a passage."""
    forms: dict[str, set[str]] = {}
    for value in values(text):
        forms.setdefault(value.kind, set()).update(value.forms)
    return Passage(stems(text), {kind: frozenset(held) for kind, held in forms.items()})


def stems(text: str) -> frozenset[str]:
    """The beginnings of the words of a text, without the commonest ones; each Chinese character."""
    return frozenset(word[:_STEM] for word in map(plain, _WORD.findall(text)) if word not in _COMMON)


def misplaced(text: str, claimed: Iterable[Value], passages: Sequence[Passage]) -> list[Value]:
    """Values that a passage states, while another one, nearer to their sentence, states another value of the kind."""
    holding = Counter(stem for one in passages for stem in one.stems)
    weight = {stem: log(1 + len(passages) / count) for stem, count in holding.items()}
    folded, found = fold(text).text, list[Value]()
    for value in claimed:
        rivals = [one for one in passages if value.kind in one.forms]
        about = stems(_around(folded, value))
        if len(rivals) < 2 or not about:
            continue
        near = [
            (sum(weight[s] for s in about & one.stems), bool(value.forms & one.forms[value.kind])) for one in rivals
        ]
        best, own = max(score for score, _ in near), max((score for score, held in near if held), default=None)
        if own is not None and best > _MIN_NEARER * own:
            found.append(value)
    return found


def _around(text: str, value: Value) -> str:
    """The sentence in which a value stands, without it."""
    for match in _SENTENCE.finditer(text):
        if match.start() <= value.start < match.end():
            return f"{text[match.start() : value.start]} {text[value.end : match.end()]}"
    return ""


def foreign(text: str, claimed: Sequence[Value], records: Sequence[Record], free: Set[str]) -> list[Value]:
    """Values of other records than the one spoken of, or of another field of it than the one named.

    Only where the record's own value of the field does not stand nearby: else the two are compared.
    `free`: forms that stand in the input outside of records (the customer said it, the policy states it).
    """
    folded = fold(text).text
    by_anchor: dict[str, list[Record]] = {}
    elsewhere: dict[Field, set[str]] = {}
    for record in records:
        for anchor in record.anchors:
            by_anchor.setdefault(anchor, []).append(record)
        for field, held in record.fields.items():
            elsewhere.setdefault(field, set()).update(*map(keys, held))
    found = list[Value]()
    for value in claimed if by_anchor else ():
        own = keys(value)
        about = [r for anchor in _spoken_of(folded, value, claimed) for r in by_anchor.get(anchor, ())]
        if (
            value.kind == "id"
            or not about
            or _COMPARED.search(folded[max(0, value.start - _COMPARED_BEFORE) : value.start])
        ):
            continue
        start, end = _block(folded, value)
        said = {key for other in claimed if start <= other.start < end for key in keys(other)}
        if any(own & record.forms() for record in about):
            wrong = _misnamed(folded, value, about, said)
        else:
            wrong = not own & free and any(
                own & elsewhere.get(field, set()) and not any(keys(one) & said for one in held)
                for record in about
                for field, held in record.fields.items()
            )
        if wrong:
            found.append(value)
    return found


def _block(text: str, value: Value) -> tuple[int, int]:
    """The value's line with one before and one after."""
    start, end = text.rfind("\n", 0, value.start), text.find("\n", value.end)
    start = text.rfind("\n", 0, start) + 1 if start > 0 else 0
    after = text.find("\n", end + 1) if end >= 0 else -1
    return start, after if after >= 0 else len(text)


def _misnamed(text: str, value: Value, about: Sequence[Record], said: set[str]) -> bool:
    """Whether another field of the record is named right before the value, whose own value does not stand nearby."""
    before = text[max(0, value.start - _NAME_BEFORE) : value.start].rpartition("\n")[2].lower()
    after = text[value.end : value.end + _NAME_BEFORE].partition("\n")[0].lower()
    for record in about:
        fields = {field: held for field, held in record.fields.items() if any(one.kind == value.kind for one in held)}
        own = {field for field, held in fields.items() if _any(held, keys(value))}
        cues = _cues(fields)
        named = {cue: (place + len(cue), len(cue)) for cue in cues if (place := before.rfind(cue)) >= 0}
        last = max(named, key=lambda cue: named[cue], default=None)
        if own and last and not cues[last] & own:
            theirs = [one for field in cues[last] for one in fields[field]]
            return not any(keys(one) & said for one in theirs) and not any(
                cue in after for cue, of in cues.items() if of & own
            )
    return False


def _cues(fields: Iterable[Field]) -> dict[str, set[Field]]:
    """Words that tell a field from the others of its record: its name, and beginnings of words that it alone has."""
    words = {field: set(re.findall(r"[a-z]+", field[-1].lower())) for field in fields}
    held = Counter(word[:_STEM] for of in words.values() for word in of)
    found: dict[str, set[Field]] = {}
    for field, of in words.items():
        found.setdefault(field[-1].replace("_", " ").lower(), set()).add(field)
        for word in of:
            if len(word) >= _STEM and held[word[:_STEM]] == 1:
                found.setdefault(word[:_STEM], set()).add(field)
    return found


def _any(held: tuple[Value, ...], own: set[str]) -> bool:
    return any(keys(one) & own for one in held)


def _spoken_of(text: str, value: Value, claimed: Sequence[Value]) -> list[str]:
    """Ids in the value's line, or in the nearest of the lines before it that has any."""
    start, end = text.rfind("\n", 0, value.start) + 1, text.find("\n", value.start)
    end = len(text) if end < 0 else end
    header = text[start:end].rstrip(" *_").endswith((":", "："))
    for _ in range(1 if header else _LINES_BACK):
        if ids := [form for one in claimed if one.kind == "id" and start <= one.start < end for form in one.forms]:
            return ids
        if not start or not text[start:end].strip():
            return []
        end, start = start - 1, text.rfind("\n", 0, start - 1) + 1
    return []
