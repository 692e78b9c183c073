"""Faults planted into replies: values that stand nowhere in the input, and values of something else in the input.

Written apart from the validators, with patterns of its own; nothing here reads what they find.
"""

import random
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

NUMBER: Final = re.compile(
    r"(?<![\w.,:/#@+(-])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w:/-])|(?<![\w.,:/#@+(-])\d+(?:\.\d+)?(?![\w:/-]|[.,]\d)"
)
_ANY_NUMBER: Final = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_MARK: Final = re.compile(r"[.)]\s|[.)]\\|\.\*| ?min\b|\s*[ap]\.?m", re.IGNORECASE)
ID: Final = re.compile(r"(?<![\w-])(?=[\w#]*\d)(?=[\w#]*[A-Za-z_])#?\w{4,}(?![\w-])")
_MEASURE: Final = re.compile(r"\d+[a-zA-Z]{1,4}")
_MONTHS: Final = "January February March April May June July August September October November December".split()
_DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ISO: Final = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)\b")
_MONTH_DAY: Final = re.compile(rf"\b({'|'.join(_MONTHS)}) (\d{{1,2}})\b")
_WEEKDAY: Final = re.compile(rf"\b({'|'.join(_DAYS)})\b")
_IMPLIED: Final = re.compile(
    r"every ?day|daily|each day|weekday|weekend|days a week|day ?(?:-|to|through|thru|until) ?\w+day", re.IGNORECASE
)
TIME: Final = re.compile(r"\b(\d{1,2}):(\d\d)\b|\b(\d{1,2}) ?([ap]m)\b", re.IGNORECASE)
_WORDS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty"
).split()
_HAN: Final = dict(zip("一二三四五六七八九十两", (*range(1, 11), 2), strict=True))
KINDS: Final = ("number", "id", "date", "time")
_TRIES: Final = 200


class Plant(NamedTuple):
    """A reply with one value replaced, and where that stands now."""

    kind: str
    text: str
    start: int
    end: int
    was: str


def wrong(text: str, kind: str, given: str, chance: random.Random) -> Plant | None:
    """One value of the kind that stands in the input, replaced by one of its shape that does not."""
    spans = [found for found in _spans(text, kind) if _stands(found, kind, given)]
    if not spans:
        return None
    found = chance.choice(spans)
    for _ in range(_TRIES):
        new = _REPLACED[kind](found, given, chance)
        if new:
            return _planted(text, kind, found.start(), found.end(), new)
    return None


def renamed(text: str, names: Iterable[str], given: str, others: list[str], chance: random.Random) -> Plant | None:
    """One of the names that stand in the text, replaced by another that shares no word with the input."""
    spans = [m for name in names for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)]
    low = set(re.findall(r"\w+", given.lower()))
    if not spans:
        return None
    found = chance.choice(spans)
    for other in chance.sample(others, len(others)):
        if not set(re.findall(r"\w+", other.lower())) & low:
            return _planted(text, "name", found.start(), found.end(), other)
    return None


def swapped(text: str, documents: list[str], chance: random.Random) -> Plant | None:
    """A value of one record, replaced by what another record of the input has in the same field."""
    leaves: dict[tuple[str, ...], set[str]] = {}
    for document in documents:
        if document.lstrip().startswith(("{", "[")):
            try:
                _leaves(orjson.loads(document), (), leaves)
            except orjson.JSONDecodeError:
                continue
    choices = []
    for kind in ("number", "time", "date"):
        for found in _spans(text, kind):
            for held in leaves.values():
                if kind == "number" and not _telling(found[0]):
                    continue
                mine = [v for v in held if _same(found, kind, v)]
                if mine and (rest := sorted(v for v in held if not _same(found, kind, v))):
                    choices.append((kind, found, rest))
    if not choices:
        return None
    kind, found, rest = chance.choice(choices)
    return _planted(text, kind, found.start(), found.end(), _shaped(found, kind, chance.choice(rest)))


def of_another(text: str, own: str, others: list[str], chance: random.Random) -> Plant | None:
    """A value of the passage that a reply rests on, replaced by one of another passage of the input."""
    choices = []
    for kind in ("number", "time"):
        for found in _spans(text, kind):
            if _stands(found, kind, own):
                rest = sorted({m[0] for other in others for m in _spans(other, kind) if not _stands(m, kind, own)})
                choices += [(kind, found, new) for new in rest]
    if not choices:
        return None
    kind, found, new = chance.choice(choices)
    return _planted(text, kind, found.start(), found.end(), new)


def _planted(text: str, kind: str, start: int, end: int, new: str) -> Plant:
    return Plant(kind, text[:start] + new + text[end:], start, start + len(new), text[start:end])


def _spans(text: str, kind: str) -> list[re.Match[str]]:
    if kind == "date":
        return [found for pattern in (_ISO, _MONTH_DAY, _WEEKDAY) for found in pattern.finditer(text)]
    if kind == "time":
        return list(TIME.finditer(text))
    if kind == "id":
        return [found for found in ID.finditer(text) if not _MEASURE.fullmatch(found[0])]
    dates = [found.span() for found in _MONTH_DAY.finditer(text)]
    return [
        found
        for found in NUMBER.finditer(text)
        if not _MARK.match(text, found.end()) and not any(a <= found.start() < b for a, b in dates)
    ]


@lru_cache(4)
def _low(text: str) -> str:
    return text.lower()


@lru_cache(8)
def _numbers(text: str) -> frozenset[float]:
    low = _low(text)
    found = {float(x.replace(",", "")) for x in _ANY_NUMBER.findall(text)}
    found |= {float(i) for i, word in enumerate(_WORDS) if re.search(rf"\b{word}\b", low)}
    found |= {float(value) for char, value in _HAN.items() if char in text}
    for minutes in _minutes(text):
        found |= {float(minutes // 60), float(minutes // 60 % 12)}
    return frozenset(found)


@lru_cache(8)
def _dates(text: str) -> frozenset[tuple[int, int] | str]:
    named = {_date(found) for pattern in (_ISO, _MONTH_DAY) for found in pattern.finditer(text)}
    return frozenset(named | {day.lower() for day in _DAYS if day.lower() in _low(text)})


@lru_cache(8)
def _minutes(text: str) -> frozenset[int]:
    return frozenset(minute for found in TIME.finditer(text) for minute in _readings(found))


def _date(found: re.Match[str]) -> tuple[int, int] | str:
    if found.re is _ISO:
        return int(found[2]), int(found[3])
    return (_MONTHS.index(found[1]) + 1, int(found[2])) if found.re is _MONTH_DAY else found[1].lower()


def _readings(found: re.Match[str]) -> set[int]:
    if found[1]:
        at = int(found[1]) * 60 + int(found[2])
        return {at, (at + 720) % 1440}
    return {(int(found[3]) % 12 + 12 * (found[4].lower() == "pm")) * 60}


def _stands(found: re.Match[str], kind: str, given: str) -> bool:
    if kind == "number":
        return float(found[0].replace(",", "")) in _numbers(given)
    if kind == "id":
        return found[0].lower().lstrip("#") in _low(given)
    return _date(found) in _dates(given) if kind == "date" else bool(_readings(found) & _minutes(given))


def _other_number(found: re.Match[str], given: str, chance: random.Random) -> str | None:
    whole, _, cents = found[0].replace(",", "").partition(".")
    low, high = (10 ** (len(whole) - 1), 10 ** len(whole) - 1) if len(whole) > 1 else (1, 9)
    if high == 9 and not {float(n) for n in range(1, 10)} - _numbers(given):
        high = 99
    new = str(chance.randint(low, high)) + ("." + "".join(chance.choice("0123456789") for _ in cents) if cents else "")
    if float(new) in _numbers(given):
        return None
    head, dot, tail = new.partition(".")
    return f"{int(head):,}{dot}{tail}" if "," in found[0] else new


def _other_id(found: re.Match[str], given: str, chance: random.Random) -> str | None:
    chars = list(found[0])
    digits = [i for i, char in enumerate(chars) if char.isdigit()]
    for i in chance.sample(digits, min(2, len(digits))):
        chars[i] = chance.choice("0123456789")
    new = "".join(chars)
    return None if new.lower().lstrip("#") in _low(given) else new


def _other_date(found: re.Match[str], given: str, chance: random.Random) -> str | None:
    if found.re is _WEEKDAY:
        day = chance.choice(_DAYS)
        return None if _IMPLIED.search(given) or day.lower() in _dates(given) else day
    month, day_of_month = chance.randint(1, 12), chance.randint(1, 28)
    if (month, day_of_month) in _dates(given):
        return None
    iso = f"{found[1]}-{month:02d}-{day_of_month:02d}"
    return iso if found.re is _ISO else f"{_MONTHS[month - 1]} {day_of_month}"


def _other_time(found: re.Match[str], given: str, chance: random.Random) -> str | None:
    hour, minute = chance.randint(1, 12), chance.choice((0, 10, 15, 20, 30, 40, 45, 50))
    if found[1]:
        new = f"{hour:02d}:{minute:02d}" if len(found[1]) > 1 else f"{hour}:{minute:02d}"
    else:
        new = f"{hour}{' ' if ' ' in found[0] else ''}{found[4]}"
    at = TIME.match(new)
    hours = {float(h) for m in _readings(at) for h in (m // 60, m // 60 % 12)} if at else set()
    return None if not at or _readings(at) & _minutes(given) or hours & _numbers(given) else new


_REPLACED: Final[dict[str, Callable[[re.Match[str], str, random.Random], str | None]]] = {
    "number": _other_number,
    "id": _other_id,
    "date": _other_date,
    "time": _other_time,
}


def _leaves(value: object, path: tuple[str, ...], found: dict[tuple[str, ...], set[str]]) -> None:
    if isinstance(value, list):
        for inner in value:
            _leaves(inner, path, found)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _leaves(inner, (*path, "" if any(map(str.isdigit, name)) else name), found)
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        found.setdefault(path[-2:], set()).add(str(value))


def _same(found: re.Match[str], kind: str, leaf: str) -> bool:
    if kind == "number":
        try:
            return float(found[0].replace(",", "")) == float(leaf)
        except ValueError:
            return False
    if kind == "time":
        at = TIME.match(leaf)
        return bool(at and _readings(found) & _readings(at))
    at = _ISO.match(leaf)
    return bool(at and _date(found) == _date(at))


def _telling(number: str) -> bool:
    """An amount: small whole numbers equal fields that they have nothing to do with, and long ones are ids."""
    whole = number.replace(",", "").partition(".")
    return bool(whole[1]) or 20 < int(whole[0]) < 10**6


def _shaped(found: re.Match[str], kind: str, leaf: str) -> str:
    """Another record's value written as the one it replaces."""
    if kind == "date" and found.re is _MONTH_DAY and (at := _ISO.match(leaf)):
        return f"{_MONTHS[int(at[2]) - 1]} {int(at[3])}"
    if kind == "time" and found[3] and (at := TIME.match(leaf)) and at[1]:
        hour = int(at[1])
        return f"{hour % 12 or 12}{' ' if ' ' in found[0] else ''}{'pm' if hour > 11 else 'am'}"
    if kind == "number":
        return f"{float(leaf):,.2f}" if "." in found[0] else f"{float(leaf):,.0f}" if "," in found[0] else leaf
    return leaf[:10] if kind == "date" else leaf[: len(found[0])]
