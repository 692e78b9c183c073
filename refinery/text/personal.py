"""Personal data in Chinese and English text: where it stands, of which kind, and what two spellings have in common.

    spans("我的电话13812345678谢谢") -> [(4, 15, "PHONE")]

What each kind is, and what is left on purpose, stands in `refinery.text.kinds`.
"""

import re
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import re2

from refinery.text.folding import BLANK, fold
from refinery.text.kinds import papers, phones
from refinery.text.kinds.shape import (
    ACCOUNT,
    ADDRESS,
    BIRTH_DATE,
    CARD,
    CN_ID,
    EMAIL,
    HANDLE,
    IBAN,
    IP,
    NAME,
    PASSPORT,
    PHONE,
    PIN,
    PLATE,
    SSN,
    digits,
)
from refinery.text.patterns import CANDIDATE, DIGIT, PATTERNS, WITH_DIGIT

KINDS: Final = (
    PHONE, EMAIL, CN_ID, CARD, NAME, SSN, PASSPORT, PLATE, IBAN, IP, ACCOUNT, PIN, BIRTH_DATE, ADDRESS, HANDLE
)  # fmt: skip
PLACEHOLDER: Final = rf"\[({'|'.join(KINDS)})_([0-9]{{1,9}})\]"
_PLACEHOLDER = re.compile(PLACEHOLDER)


class Span(NamedTuple):
    """`text[start:end]` is personal data of this kind."""

    start: int
    end: int
    kind: str


_MAX_SWEEPS = 8
_BEFORE, _AFTER = 360, 120
"""Bytes of the surroundings that a check is given."""


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = 64 * 2**20
    return options


def _all_at_once() -> re2.Set:
    """All patterns, or what triggers them, in one automaton."""
    patterns = re2.Set.SearchSet(_options())
    for pattern in PATTERNS:
        patterns.Add(pattern.trigger or pattern.regex)
    patterns.Compile()
    return patterns


_ANY = _all_at_once()
_COMPILED = [(pattern.kind, re2.compile(pattern.regex, _options()), pattern.holds) for pattern in PATTERNS]


def candidates(values: pa.Array) -> pa.BooleanArray:
    """Strings -> which may hold personal data (null: false). Never false where `spans` finds something."""
    found = pc.match_substring_regex(values, CANDIDATE)
    rest = pc.and_(pc.match_substring_regex(values, DIGIT), pc.invert(found))
    cued = pc.and_(rest, pc.match_substring_regex(values, WITH_DIGIT))
    return pc.fill_null(pc.or_(found, cued), False)


def spans(text: str) -> list[Span]:
    """Where personal data stands, in order, without overlap; offsets are characters of `text`.

    Placeholders that the text holds already are passed over, so what was masked once is not masked again.
    """
    folded = fold(text)
    plain = folded.text
    if "[" in plain and "_" in plain:
        plain = _PLACEHOLDER.sub(lambda held: BLANK * len(held[0]), plain)
    line = plain.encode("utf-8", "replace")
    found = _found(line)
    if not found:
        return []
    if len(line) != len(plain):
        found = _characters(line, found)
    return [Span(*folded.span(start, end), kind) for start, end, kind in found]


def _found(line: bytes) -> list[tuple[int, int, str]]:
    """Spans in bytes of UTF-8, in order."""
    found = list[tuple[int, int, str]]()
    for _ in range(_MAX_SWEEPS):  # a value gone may uncover its neighbour: 13812345678.4111111111111111
        before = len(found)
        for index in sorted(_ANY.Match(line) or ()):
            kind, pattern, holds = _COMPILED[index]
            taken = list(_values(pattern, holds, line))
            found += [(start, end, kind) for start, end in taken]
            line = _blanked(line, taken) if taken else line
        if len(found) == before:
            break
    return sorted(one for one in found if one[2])


def _values(pattern: re2._Regexp, holds, line: bytes):
    position = 0
    while match := pattern.search(line, position):
        start, end = match.span(1)
        part: tuple[int, int] | None = (start, end)
        if holds:
            part = _part(holds, line, start, end)
        if part:
            yield part
            position = max(part[1], start + 1)
        else:
            position = start + 1
        while position < len(line) and 0x80 <= line[position] < 0xC0:
            position += 1


def _part(holds, line: bytes, start: int, end: int) -> tuple[int, int] | None:
    value = line[start:end].decode("utf-8", "replace")
    before = line[max(0, start - _BEFORE) : start].decode("utf-8", "ignore")
    after = line[end : end + _AFTER].decode("utf-8", "ignore")
    held = holds(value, before, after)
    if held is None:
        return None
    first, last = held
    return start + len(value[:first].encode()), start + len(value[:last].encode())


def _blanked(line: bytes, taken: list[tuple[int, int]]) -> bytes:
    edges = [0, *(edge for span in taken for edge in span), len(line)]
    kept = [line[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    gaps = [b"\0" * (end - start) for start, end in taken]
    return b"".join(part for pair in zip(kept, [*gaps, b""], strict=True) for part in pair)


def _characters(line: bytes, found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Bytes to characters, in one pass."""
    moved, position, char = list[tuple[int, int, str]](), 0, 0
    for start, end, kind in found:
        char += len(line[position:start].decode())
        begin, char, position = char, char + len(line[start:end].decode()), end
        moved.append((begin, char, kind))
    return moved


def normalised(kind: str, value: str) -> str:
    """What two ways to write one value have in common: digits without 86 or +1; text without case and gaps."""
    plain = fold(value).text.strip()
    if kind == CN_ID:
        return papers.identity(plain)
    if kind == PHONE and digits(plain):
        return phones.normalised(plain)
    if kind in (CARD, SSN, PIN) and digits(plain):
        return digits(plain) if not re.search("[A-Za-z]", plain) else plain
    if kind in (IBAN, PLATE, PASSPORT, ACCOUNT):
        return re.sub("[ ·•.-]", "", plain).upper()
    if kind == BIRTH_DATE:
        return "-".join(part.lstrip("0") for part in re.findall("[0-9]+|[A-Za-z]{3,}", plain.casefold()))
    if kind in (NAME, ADDRESS):
        return " ".join(re.sub("[,.]", " ", plain.casefold()).split())
    return plain.casefold()
