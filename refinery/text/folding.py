"""Folds the ways to write one character (full width, odd dashes, zero width, escapes) to one, with the way back."""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

_WIDE = "０１２３４５６７８９＠．＋（）－：＝＃"
_PLAIN = "0123456789@.+()-:=#"
_DASHES = "‐‑‒–—―−"
_SPACES = "\u00a0\u2002\u2003\u2009\u202f\u3000"
_FOLDED = {
    **dict(zip(_WIDE, _PLAIN, strict=True)),
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys(_SPACES, " "),
    **{chr(code): chr(code - 0xFEE0) for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))},
}
_TABLE = str.maketrans(_FOLDED)
_FOLDABLE = re.compile("[" + "".join(map(re.escape, _FOLDED)) + "]")
ZERO_WIDTH = "\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff"
"""Inside of a character class: soft hyphen, zero-width spaces and joiners, direction marks, byte order mark."""
_INVISIBLE = re.compile(f"[{ZERO_WIDTH}]")
_UNEVEN = re.compile(rf'\\+(?:u([0-9a-fA-F]{{4}})|([nrtbf"/]))|\\\\+|[{ZERO_WIDTH}]')
_SHORT = {"n": "\n", "r": "\n", "t": " ", "b": " ", "f": " ", '"': '"', "/": "/"}

BLANK = "\0"
"""Stands where something was that must neither match nor join what is left and right of it."""


class Folded(NamedTuple):
    """Folded text. From character `marks[i]` on, character c stands at `places[i] + (c - marks[i])` of the original.

    `units[i]`: how many characters of the original the one at `marks[i]` stands for. `marks` is empty if none moved.
    """

    text: str
    marks: list[int]
    places: list[int]
    units: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the folded text (not empty) -> the span of the original."""
        if not self.marks:
            return start, end
        first, last = bisect_right(self.marks, start) - 1, bisect_right(self.marks, end - 1) - 1
        begin = self.places[first] + start - self.marks[first]
        at = self.places[last] + end - 1 - self.marks[last]
        return begin, at + (self.units[last] if end - 1 == self.marks[last] else 1)


@lru_cache(maxsize=8)
def fold(text: str) -> Folded:
    r"""Full width to ASCII, odd dashes and spaces to plain, zero width gone, escapes such as `\n` and `\u8bdd` read.

    Escapes are read because a cut JSON line is plain text here, and because JSON writes any character as one: in
    `\u7535\u8bdd\u0031\u0033…` a telephone is called one. However many backslashes stand before one, it is read.
    """
    if not text.isascii() and _FOLDABLE.search(text):
        text = text.translate(_TABLE)
    if "\\" not in text and (text.isascii() or not _INVISIBLE.search(text)):
        return Folded(text, [], [], [])
    parts, marks, places, units, position, size = list[str](), [0], [0], [1], 0, 0
    for found in _UNEVEN.finditer(text):
        parts.append(text[position : found.start()])
        char = _read(found)
        size += found.start() - position
        if char:
            marks.append(size)
            places.append(found.start())
            units.append(found.end() - found.start())
            parts.append(char)
            size += 1
        position = found.end()
        marks.append(size)
        places.append(position)
        units.append(1)
    parts.append(text[position:])
    return Folded("".join(parts), marks, places, units)


def _read(found: re.Match[str]) -> str:
    """The character that an escape stands for; nothing for what has no width."""
    if found[1]:
        char = chr(int(found[1], 16)).translate(_TABLE)
        return BLANK if "\ud800" <= char <= "\udfff" or char == "\0" else "" if _INVISIBLE.match(char) else char
    return _SHORT[found[2]] if found[2] else "" if found[0][0] != "\\" else "\\"
