"""Personal data in Chinese and English text: where it stands, of which kind, and what two spellings have in common.

    spans("我的电话13812345678谢谢") -> [(4, 15, "PHONE")]

What each kind is, and what is left on purpose, stands in `refinery.text.kinds`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from refinery.text.folding import BLANK, fold
from refinery.text.kinds import asked, keys, papers, phones
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
    Check,
    Pattern,
    digits,
)
from refinery.text.patterns import DECOYS, FOLDED_FIRST, GROUPS, ORDER, PREFILTERS
from refinery.text.scan import Texts

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
SHAPES: Final = 1
CUED: Final = 2 + 4
KEYS: Final = 1 << len(GROUPS)
ALL: Final = 2 * KEYS - 1
ASKED: Final = 2 * KEYS
"""Bits: what is told by its shape alone, by a cue and digits, keys of JSON, all groups of patterns and keys; from
ASKED on, what a text was asked for (`questions`)."""


def _options(*, never_capture: bool = False) -> re2.Options:
    options = re2.Options()
    options.max_mem, options.never_capture = 64 * 2**20, never_capture
    return options


class _Compiled(NamedTuple):
    kind: str
    regex: re2._Regexp
    holds: Check | None


class _Group(NamedTuple):
    """What triggers the patterns of a group, in one automaton; its answers are places in ORDER."""

    triggers: re2.Set
    places: tuple[int, ...]


def _group(patterns: tuple[Pattern, ...]) -> _Group:
    triggers = re2.Set.SearchSet(_options())
    for pattern in patterns:
        triggers.Add(pattern.trigger or pattern.regex)
    triggers.Compile()
    return _Group(triggers, tuple(ORDER.index(pattern) for pattern in patterns))


def _compiled(pattern: Pattern) -> _Compiled:
    return _Compiled(pattern.kind, re2.compile(pattern.regex, _options()), pattern.holds)


_GROUPS = [_group(patterns) for patterns in GROUPS]
_ORDER = [_compiled(pattern) for pattern in ORDER]
_DECOYS = [_compiled(pattern) for pattern in DECOYS]
_PREFILTERS = [re2.compile(regex, _options(never_capture=True)) for regex in PREFILTERS]
_ASKED = [_compiled(pattern) for pattern in asked.PATTERNS]
_QUESTION = re2.compile(asked.QUESTION, _options(never_capture=True))
_KEYED = re2.compile(keys.KEYED, _options())
_KEYED_AT_ALL = re2.compile(keys.CANDIDATE, _options())


def candidates(values: pa.Array, groups: int = ALL) -> npt.NDArray[np.uint16]:
    """Strings -> a bit for each of these groups of patterns that may find something (null: 0)."""
    for wide, plain in FOLDED_FIRST:
        values = pc.replace_substring(values, wide, plain)
    flags, texts = np.zeros(len(values), np.uint16), Texts(values)
    *mine, folded = _PREFILTERS
    for bit, prefilter in enumerate(mine):
        if groups & 1 << bit:
            flags[texts.matching(prefilter)] |= 1 << bit
    flags[texts.matching(folded)] |= groups
    return flags


def questions(values: pa.Array) -> npt.NDArray[np.uint16]:
    """Texts of one side -> the bits that an answer of the other side is looked through for (null: 0)."""
    flags = np.zeros(len(values), np.uint16)
    places = Texts(values).matching(_QUESTION)
    for place, text in zip(places.tolist(), values.take(pa.array(places)).to_pylist(), strict=True):
        flags[place] = asked.asks(text) * ASKED
    return flags


def glance(text: str) -> bool:
    """Whether any pattern may stand in the text, or, where it is JSON, a key whose values are personal."""
    line = _line(fold(text).text)
    return any(group.triggers.Match(line) for group in _GROUPS) or _KEYED_AT_ALL.search(line) is not None


def keyed_values(text: str) -> Iterator[tuple[str, str, int, int]]:
    """(key, value, start, end) of the values in JSON text that their keys may make personal."""
    for match in _KEYED.finditer(text.encode("ascii") if text.isascii() else text):
        group = 2 if match.span(2)[0] >= 0 else 3
        key, value = (part.decode() if isinstance(part, bytes) else part for part in (match[1], match[group]))
        yield key, fold(value).text, *match.span(group)


def spans(text: str, groups: int = ALL) -> list[Span]:
    """Where personal data stands, in order, without overlap; offsets are characters of `text`.

    Placeholders that the text holds already are passed over, so what was masked once is not masked again. `groups`
    are the bits that `candidates` gave the text.
    """
    if groups in (0, KEYS):
        return []
    folded = fold(text)
    line = _line(folded.text)
    found = _found(line, groups)
    if not found:
        return []
    if len(line) != len(folded.text):
        found = _characters(line, found)
    return [Span(*folded.span(start, end), kind) for start, end, kind in found]


def _line(plain: str) -> bytes:
    if "[" in plain and "_" in plain:
        plain = _PLACEHOLDER.sub(lambda held: BLANK * len(held[0]), plain)
    return plain.encode("utf-8", "replace")


def _found(line: bytes, groups: int) -> list[tuple[int, int, str]]:
    """Spans in bytes of UTF-8, in order."""
    found = list[tuple[int, int, str]]()
    decoys = _DECOYS if groups & (SHAPES | CUED) else []
    for _ in range(_MAX_SWEEPS):  # a value gone may uncover its neighbour: 13812345678.4111111111111111
        before = len(found)
        triggered = sorted(_triggered(line, groups))
        looked = (*decoys, *(_ORDER[place] for place in triggered)) if triggered else ()
        for one in (*looked, *_answering(groups)) if groups >= ASKED else looked:
            taken = list(_values(one, line))
            found += [(start, end, one.kind) for start, end in taken if one.kind]
            line = _blanked(line, taken) if taken else line
        decoys = []
        if len(found) == before:
            break
    return sorted(found)


def _answering(groups: int) -> Iterator[_Compiled]:
    kinds = {kind for bit, kind in enumerate(asked.KINDS) if groups // ASKED >> bit & 1}
    yield from (one for one in _ASKED if one.kind in kinds)


def _triggered(line: bytes, groups: int) -> Iterator[int]:
    for bit, group in enumerate(_GROUPS):
        if groups >> bit & 1:
            yield from (group.places[index] for index in group.triggers.Match(line) or ())


def _values(one: _Compiled, line: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while match := one.regex.search(line, position):
        start, end = match.span(1)
        part = _part(one.holds, line, start, end) if one.holds else (start, end)
        if part:
            yield part
        position = max(part[1], start + 1) if part else start + 1
        while position < len(line) and 0x80 <= line[position] < 0xC0:
            position += 1


def _part(holds: Check, line: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The part of a match that holds, which is never empty."""
    value = line[start:end].decode("utf-8", "replace")
    before = line[max(0, start - _BEFORE) : start].decode("utf-8", "ignore")
    after = line[end : end + _AFTER].decode("utf-8", "ignore")
    held = holds(value, before, after)
    if held is None or held[0] >= held[1]:
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
    plain = (value if value.isascii() and "\\" not in value else fold(value).text).strip()
    return _NORMALS[kind](plain) if kind in _NORMALS else plain.casefold()


def _without_gaps(plain: str) -> str:
    return re.sub("[ ·•.-]", "", plain).upper()


def _in_words(plain: str) -> str:
    return " ".join(re.sub("[,.]", " ", plain.casefold()).split())


def _day(plain: str) -> str:
    return "-".join(part.lstrip("0") for part in re.findall("[0-9]+|[a-z]{3,}", plain.casefold()))


def _number(plain: str) -> str:
    return plain if re.search("[A-Za-z]", plain) or not digits(plain) else digits(plain)


_NORMALS: Final[dict[str, Callable[[str], str]]] = {
    CN_ID: papers.identity,
    PHONE: lambda plain: phones.normalised(plain) if digits(plain) else plain.casefold(),
    **dict.fromkeys((CARD, SSN, PIN), _number),
    **dict.fromkeys((IBAN, PLATE, PASSPORT, ACCOUNT), _without_gaps),
    **dict.fromkeys((NAME, ADDRESS), _in_words),
    BIRTH_DATE: _day,
}
