"""The values that a text states: numbers, times of day, dates, ids; each with where it stands.

    "HAT271 leaves May 26 at 7pm for $1,074.50" -> id hat271 | date 5-26 | time 19:00 | number 1074.5
    "订单A88 三十分钟内送达，退20元"             -> id a88 | number 30 | number 20

Written otherwise they are the same value: 7 pm is 19:00 and 19:00:00, twenty is 20, 05/26 is May 26.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import re2

from refinery.grounding.numbers import NUMERALS, WORDS, numeral, spelled
from refinery.text.folding import fold

Kind = Literal["number", "time", "date", "id"]
Read = tuple[Kind, list[str]]


class Value(NamedTuple):
    """A value and its span in the folded text. `forms`: what it may be read as; two values agree if they share one.

    A time without am or pm is two of them; a date without a year is month and day.
    """

    kind: Kind
    forms: frozenset[str]
    start: int
    end: int
    surface: str


_MONTHS: Final = "january february march april may june july august september october november december".split()
_MONTH: Final = "|".join([*_MONTHS, *(f"{m[:3]}\\.?" for m in _MONTHS), "sept\\.?"])
_DAYS: Final = "monday tuesday wednesday thursday friday saturday sunday".split()
_HAN_UNITS: Final = "元块毛角分秒天日月年次件个份折条位人岁间晚米公里斤克小时钟倍成点号%％"
_ORDINAL: Final = "(?:st|nd|rd|th)"
_HALF: Final = r"(?:[ap]\.\s?m\.?|[ap]\s?m\b)"
_PATTERNS: Final = (
    ("web", r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://[^\s<>\"）)]+|www\.[^\s<>\"）)]+"),
    ("iso", r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"),
    (
        "span",
        rf"(?i:\b(?:{_MONTH})\s+\d{{1,2}}{_ORDINAL}?(?:(?:\s?-\s?|\s?&\s?|\sand\s|\sto\s)\d{{1,2}}{_ORDINAL}?\b)+(?:,?\s+\d{{4}}\b)?)",
    ),
    ("hanyear", r"(?:\d{4}年)?\d{1,2}月\d{1,2}[日号]?"),
    ("monthday", rf"(?i:\b(?:{_MONTH})\s+\d{{1,2}}{_ORDINAL}?\b(?:,?\s+\d{{4}}\b)?)"),
    ("daymonth", rf"(?i:\b\d{{1,2}}{_ORDINAL}?\s+(?:of\s+)?(?:{_MONTH})\b(?:,?\s+\d{{4}}\b)?)"),
    ("slash", r"\b\d{1,2}/\d{1,2}/\d{2,4}\b"),
    ("halfslash", r"\b\d{1,2}/\d{1,2}\b"),
    ("clock", rf"(?i:\d{{1,2}}[:：]\d{{2}}(?:[:：]\d{{2}})?(?:\s*{_HALF})?|\d{{1,2}}\.\d{{2}}\s*{_HALF})"),
    ("oclock", rf"(?i:\b\d{{1,2}}\s*(?:{_HALF}|o'?\s?clock\b))"),
    (
        "weekday",
        rf"(?i:\b(?:{'|'.join(_DAYS)})s?\b|\b(?:{'|'.join(d[:3] for d in _DAYS)}|tues|thurs|thur)\b)"
        "|(?:周|星期|礼拜)[一二三四五六日天]",
    ),
    ("hanclock", r"(?:凌晨|早上|上午|中午|下午|傍晚|晚上|今晚)?\d{1,2}[点时](?:\d{1,2}分?|半|整)?"),
    ("noon", r"(?i:\b(?:noon|midnight|midday)\b)"),
    ("phone", r"\+?\(?\d{3,4}\)?[-. ]\d{3,4}[-. ]?\d{4}\b|\(\d{3}\)\s?\d{3}[-. ]?\d{4}\b"),
    ("size", r"\b\d+(?:\.\d+)?(?:\s?[xX×*]\s?\d+(?:\.\d+)?)+"),
    ("id", r"#?\b[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)+\b|#?\b(?:[A-Za-z]+\d|\d+[A-Za-z])[A-Za-z0-9]*\b|#\d+\b"),
    ("number", r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"),
    ("words", rf"(?i:\b(?:{'|'.join(sorted(WORDS))})(?:(?:\s+and)?[\s-]+(?:{'|'.join(sorted(WORDS))}))*\b)"),
    ("han", rf"[{NUMERALS}]+分之[{NUMERALS}]+|[{NUMERALS}]+(?:[{_HAN_UNITS}]|小时|分钟|公里)"),
)
_PATTERN: Final = re2.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS))
_MEASURE: Final = re2.compile(r"^(\d{1,4})-?(?:[A-Za-z]{1,3}|[A-Z]?[a-z]+)$")
"""A number with its unit, as in 50MB, 2nd and 30-day; an id has digits after letters, or more of them."""
_KEY: Final = re2.compile(r'"[^"\n]*[a-z_][^"\n]*"\s*:')
_LABEL: Final = re2.compile(
    r"(?i)(?:\b(?:line|step|options?|point|part|note|pick|choose|no\.|nr\.) \(?|#)(\d{1,2})\b"
    r"|last (\d) digits|\((\d)[,)]"
)
_INLINE_MARK: Final = re2.compile(r"(?:^|[\s(])(\d{1,2})\)\s")
_EXAMPLE: Final = re2.compile(r"(?i)(?:\be\.g\.,?|for example,?|such as|例如|比如)[^\n.;)]{0,60}")
_LIST_MARK: Final = re2.compile(r"(?m)^\s*(?:[-*•]\s*)?(?:\*\*)?(\d{1,2})[.)、](?:\s|\*)")
_MARKS: Final = (_LIST_MARK, _LABEL, _INLINE_MARK)
_PARTS: Final = re2.compile(r"\d+(?:\.\d+)?")
_DIGITS: Final = re2.compile(r"\d+")
_WORD: Final = re2.compile(r"[a-z]+")


def values(text: str) -> list[Value]:
    """All values of a text, in order."""
    return [value for match in _PATTERN.finditer(fold(text).text) for value in _read(match) if value.forms]


def claims(text: str) -> list[Value]:
    """The values that a text claims: not those that number a list or a line, stand in a JSON key or give an example."""
    folded = fold(text).text
    marks = {
        max(found.span(i)[0] for i in range(1, 1 + pattern.groups))
        for pattern in _MARKS
        for found in pattern.finditer(folded)
    }
    spans = [found.span() for found in _KEY.finditer(folded)] + examples(text)
    return [v for v in values(text) if v.start not in marks and not any(a <= v.start < b for a, b in spans)]


def examples(text: str) -> list[tuple[int, int]]:
    """Spans that give an example and so claim nothing: "e.g. #W0000000"."""
    return [found.span() for found in _EXAMPLE.finditer(fold(text).text)]


def _read(found: Any) -> Iterator[Value]:  # noqa: ANN401 (re2's match)
    name, text, start, end = found.lastgroup, found[0], found.start(), found.end()
    if name == "size":
        for part in _PARTS.finditer(text):
            yield Value("number", frozenset({number(part[0])}), start + part.start(), start + part.end(), part[0])
        return
    for kind, forms in _READERS[name](text):
        yield Value(kind, frozenset(forms), start, end, text)


def number(text: str) -> str:
    """A written number in one spelling: 1,074.50 is 1074.5."""
    plain = format(Decimal(text.replace(",", "")), "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain.lstrip("0")) or "0"


def _web(text: str) -> Iterator[Read]:
    yield "id", [text.lower().rstrip(".,;:")]


def _phone(text: str) -> Iterator[Read]:
    yield "id", ["".join(filter(str.isdigit, text))]


def _plain_number(text: str) -> Iterator[Read]:
    yield ("id", [text]) if text.isdigit() and len(text) > 4 else ("number", [number(text)])


def _words(text: str) -> Iterator[Read]:
    words = _WORD.findall(text.lower())
    yield from (("number", [str(value)]) for value in (spelled(words) if words != ["one"] else ()))


def _han(text: str) -> Iterator[Read]:
    """三十分 is 30 and 百分之二十 is 20; 一个 and the like only mean "a"."""
    said = text.partition("分之")[2] or text
    value = numeral("".join(char for char in said if char in NUMERALS))
    if value is not None and not (text[0] == "一" and len(text) == 2):
        yield "number", [str(value)]


def _id(text: str) -> Iterator[Read]:
    body = text.lstrip("#")
    if unit := _MEASURE.search(body):
        yield "number", [number(unit[1])]
    elif not any(map(str.isalpha, body)):
        yield from (("number", [number(part)]) for part in _DIGITS.findall(body))
    elif (sum(map(str.isdigit, body)) > 1 or (len(body) > 3 and body.isupper())) and "000" not in body:
        yield "id", [body.lower()]


def _day(text: str) -> Iterator[Read]:
    yield "date", _dates(*map(int, _DIGITS.findall(text)))


def _day_or_month_first(text: str) -> Iterator[Read]:
    first, second, *year = map(int, _DIGITS.findall(text))
    full = [2000 + one if one < 100 else one for one in year]
    if text != "24/7":
        yield "date", [*_dates(*full, first, second), *_dates(*full, second, first)]


def _dates(*parts: int) -> list[str]:
    *year, month, day = parts
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return []
    return [f"{month}-{day}", *(f"{y}-{month}-{day}" for y in year)]


def _named_days(text: str) -> Iterator[Read]:
    if "may" in text and not any(mark in text for mark in ("st", "nd", "rd", "th")):  # "option 1 may"
        yield from (("number", [number(part)]) for part in _DIGITS.findall(text))
        return
    words = _WORD.findall(text.lower())
    month = next(at for at, name in enumerate(_MONTHS, 1) if any(len(w) > 2 and name.startswith(w[:3]) for w in words))
    days = [int(part) for part in _DIGITS.findall(text)]
    year = [days.pop()] if days[-1] > 31 else []
    yield from (("date", _dates(*year, month, day)) for day in days)


def _weekday(text: str) -> Iterator[Read]:
    place = next((at for at, name in enumerate(_DAYS) if text.lower().startswith(name[:3])), None)
    yield "date", [f"day{'一二三四五六'.find(text[-1]) % 7 if place is None else place}"]


def _clock(text: str) -> Iterator[Read]:
    yield "time", _times(text.lower())


def _times(text: str) -> list[str]:
    """Minutes of the day, both where am and pm are open."""
    if not any(map(str.isdigit, text)):
        return ["0"] if text == "midnight" else ["720"]
    parts = [int(part) for part in _DIGITS.findall(text)]
    hour, minute = parts[0], parts[1] if len(parts) > 1 else 30 if "半" in text else 0
    if hour > 24 or minute > 59:
        return []
    afternoon = any(mark in text for mark in ("下午", "晚", "傍晚")) or _half(text) == "p"
    morning = any(mark in text for mark in ("凌晨", "早上", "上午")) or _half(text) == "a"
    if afternoon or morning:
        return [str((hour % 12 + 12 * afternoon) * 60 + minute)]
    open_ = hour <= 12 and ":" in text or "点" in text or "clock" in text
    return [str(h * 60 + minute) for h in ({hour % 24, (hour + 12) % 24} if open_ and 1 <= hour <= 12 else {hour % 24})]


def _half(text: str) -> str:
    letters = "".join(filter(str.isalpha, text))
    return letters[0] if letters in ("am", "pm") else ""


_READERS: Final[dict[str, Callable[[str], Iterator[Read]]]] = {
    "web": _web,
    "iso": _day,
    "hanyear": _day,
    **dict.fromkeys(("monthday", "daymonth", "span"), _named_days),
    **dict.fromkeys(("slash", "halfslash"), _day_or_month_first),
    **dict.fromkeys(("clock", "oclock", "hanclock", "noon"), _clock),
    "id": _id,
    "phone": _phone,
    "number": _plain_number,
    "weekday": _weekday,
    "words": _words,
    "han": _han,
}
