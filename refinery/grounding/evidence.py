"""What a reply may rest on: knowledge, tool results, what was said before; asked whether it holds a value or a name.

Values are compared as what they mean: 7 pm is held by 19:00, May 26 by 2024-05-26, a Friday by Monday-Saturday.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import re2

from refinery.grounding.binding import Passage, passage
from refinery.grounding.derived import implied
from refinery.grounding.names import Name, plain
from refinery.grounding.records import Record, keys, records
from refinery.grounding.values import Value, values
from refinery.text.folding import fold

_WORD: Final = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’]*")
_DAY: Final = "mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_DAY_SPAN: Final = re2.compile(rf"(?i)\b({_DAY})s?\b\s*(?:-|to|thru|through|until|till|and)\s*\b({_DAY})s?\b")
_ALL_DAYS: Final = re2.compile(r"(?i)\b(?:every ?day|each day|daily|all week|(?:7|seven) days|24/7)\b|每天|每日|全天")
_WORK_DAYS: Final = re2.compile(r"(?i)\b(?:weekdays?|week days?)\b|工作日")
_WEEKEND: Final = re2.compile(r"(?i)\bweekends?\b|周末")
_LAST_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ORDER: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Evidence:
    """Texts added one after the other; a reply that came before counts as input of those after it."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._forms: dict[str, set[str]] = {"number": set(), "time": set(), "date": set(), "id": set()}
        self._dates_without_year = set[str]()
        self._years = set[str]()
        self._words = set[str]()
        self._raw: list[str] = []
        self._joined: str | None = None
        self.cents: list[Decimal] = []
        """Amounts with cents, the latest last."""
        self.records: list[Record] = []
        self.passages: list[Passage] = []
        self.free = set[str]()
        """Forms, with their kind, that stand outside of records and that the agent did not bring up itself."""
        self.implied = set[Decimal]()
        """Sums over the records of the input."""
        for text in texts:
            self.add(text)

    def add(self, text: str, own: bool = False) -> None:
        """Takes a text in; JSON is read as text and as records. `own`: the agent itself said it."""
        folded = fold(text).text
        found = records(text)
        self.records += found
        for value in values(text):
            self._forms[value.kind] |= value.forms
            if not found and not own:
                self.free |= keys(value)
            if value.kind == "number" and value.surface[-3:-2] == ".":
                self.cents += map(Decimal, value.forms)
            if value.kind == "date":
                full = {form for form in value.forms if form.count("-") == 2}
                self._years |= {form.partition("-")[0] for form in full}
                self._dates_without_year |= set() if full else value.forms
        self._words |= {plain(word) for word in _WORD.findall(folded.replace("_", " "))}
        self._forms["date"] |= _covered_days(folded)
        self.implied.update(implied(text))
        self._raw.append(folded.lower())
        self._joined = None

    def add_passage(self, text: str) -> None:
        """Takes in a piece of knowledge; its values belong to what its words are about."""
        self.add(text)
        self.passages.append(passage(text))

    def holds(self, value: Value, hour: bool = False) -> bool:
        """Whether the input states the value, however it is written there; `hour`: a number that may be one."""
        if value.kind == "date":
            return self._holds_date(value)
        if value.forms & self._forms[value.kind]:
            return True
        if value.kind == "number":
            return any(self._holds_number(form, hour) for form in value.forms)
        if value.kind == "time":
            return any(_hours(minutes) & self._forms["number"] for minutes in value.forms)
        return any(self._holds_id(form) for form in value.forms)

    def _holds_id(self, form: str) -> bool:
        """As it stands, or, where dashes tie it to other words, in those of its parts that have digits."""
        parts = [part for part in re.split("[-_]", form) if any(map(str.isdigit, part))]
        return form in self._text() or (
            len(parts) < form.count("-") + form.count("_") + 1 and all(part in self._text() for part in parts)
        )

    def near_date(self, value: Value) -> bool:
        """Whether the input holds the day before or after."""
        days = [tuple(map(int, form.split("-")[-2:])) for form in value.forms if "-" in form]
        return any(f"{month}-{day}" in self._forms["date"] for one in days for month, day in _beside(*one))

    def _holds_date(self, value: Value) -> bool:
        full = {form for form in value.forms if form.count("-") == 2}
        years = {form.partition("-")[0] for form in full}
        alone = value.forms & self._dates_without_year and (not years or years & self._years)
        return bool((full or value.forms) & self._forms["date"] or alone)

    def _holds_number(self, form: str, hour: bool) -> bool:
        """A number may be an hour (at 5), a time without its colon (1300), or the digits of an id (ending in 7238)."""
        if form.isdigit() and int(form) <= 24:
            return hour and bool({str(int(form) * 60), str((int(form) + 12) % 24 * 60)} & self._forms["time"])
        if len(form) == 4 and form.isdigit():
            minutes = str(int(form[:2]) * 60 + int(form[2:]))
            return minutes in self._forms["time"] or any(one.endswith(form) for one in self._forms["id"])
        return False

    def has_word(self, word: str) -> bool:
        """Whether the input holds the word as it stands."""
        return plain(word) in self._words

    def lacks(self, name: Name) -> list[str]:
        """The words of a name that the input does not hold, slips of spelling and abbreviations allowed for."""
        if "".join(name.parts) in self._words:
            return []
        return [part for part in name.parts if not self._holds_word(part)]

    def _holds_word(self, word: str) -> bool:
        if word in self._words or word.removesuffix("s") in self._words or f"{word}s" in self._words:
            return True
        if not word.isascii() or any(map(str.isdigit, word)):
            return word in self._text()
        return any(_near(word, other) for other in self._words) or self._abbreviates(word)

    def _abbreviates(self, word: str) -> bool:
        """AmEx for American Express, wifi for Wi-Fi: beginnings of words that follow each other, joined."""
        if len(word) < 3 or word[:2] not in self._text():
            return False
        return any(re2.search(rf"\b{a}[a-z]*[^a-z0-9]{{0,2}}{b}", self._text()) for a, b in _halves(word))

    def _text(self) -> str:
        if self._joined is None:
            self._joined = "\n".join(self._raw)
        return self._joined


def _beside(month: int, day: int) -> list[tuple[int, int]]:
    """The day before and the day after, in any year."""
    last = _LAST_DAYS[month - 1]
    before = (month, day - 1) if day > 1 else ((month - 2) % 12 + 1, _LAST_DAYS[(month - 2) % 12])
    return [before, (month, day + 1) if day < last else (month % 12 + 1, 1)]


def _halves(word: str) -> list[tuple[str, str]]:
    return [(word[:i], word[i:]) for i in range(2, len(word) - 1)]


def _hours(minutes: str) -> set[str]:
    hour, rest = divmod(int(minutes), 60)
    return {str(hour), str(hour % 12 or 12)} if not rest else set()


def _covered_days(text: str) -> set[str]:
    """Days that the text means without naming them: Wednesday is among Monday-Saturday."""
    found = set[int]()
    for span in _DAY_SPAN.finditer(text):
        first, last = (_ORDER.index(day[:3].lower()) for day in (span[1], span[2]))
        if "and" not in span[0].lower():
            found |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    if _ALL_DAYS.search(text):
        found |= set(range(7))
    if _WORK_DAYS.search(text):
        found |= set(range(5))
    if _WEEKEND.search(text):
        found |= {5, 6}
    return {f"day{day}" for day in found}


def _near(word: str, other: str) -> bool:
    """One slip in a word of five letters, two in one of eight."""
    most = 0 if len(word) < 5 else 1 if len(word) < 8 else 2
    if not most or abs(len(word) - len(other)) > most or word[0] != other[:1]:
        return False
    return _distance(word, other) <= most


def _distance(left: str, right: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
