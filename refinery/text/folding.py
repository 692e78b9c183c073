"""Folds the ways to write one character (full width, odd dashes, zero width) to one, with the way back to offsets."""

import re
from typing import NamedTuple

_WIDE = "０１２３４５６７８９＠．＋（）－"
_PLAIN = "0123456789@.+()-"
_DASHES = "‐‑‒–—―−"
_SPACES = "\t\u00a0\u2002\u2003\u2009\u202f\u3000"
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
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|[nrtbf"/\\])')

BLANK = "\0"
"""Stands where something was that must neither match nor join what is left and right of it."""


class Folded(NamedTuple):
    """Folded text; `offsets[i]` is where its character i stands in the original, `None` if nothing moved."""

    text: str
    offsets: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the folded text (not empty) -> the span of the original."""
        return (start, end) if self.offsets is None else (self.offsets[start], self.offsets[end - 1] + 1)


def fold(text: str) -> Folded:
    r"""Full width to ASCII, odd dashes and spaces to plain ones, escapes such as `\n` and `\u8bdd` blanked.

    Escapes are blanked because a cut JSON line is plain text here: in `\u753513812345678` the phone starts after
    `\u7535`, and in `\nann@x.com` the address does not start with n.
    """
    if not text.isascii() and _FOLDABLE.search(text):
        text = text.translate(_TABLE)
    if "\\" in text:
        text = _ESCAPE.sub(lambda match: BLANK * len(match[0]), text)
    if text.isascii() or not _INVISIBLE.search(text):
        return Folded(text, None)
    offsets = [i for i, char in enumerate(text) if not _INVISIBLE.match(char)]
    return Folded("".join(text[i] for i in offsets), offsets)
