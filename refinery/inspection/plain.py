"""Text in plain characters, so that full-width letters or invisible marks hide nothing from a pattern.

ＣＶＶ -> CVV      pass\u200bword -> password      a\u3000b -> a b
"""

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from refinery.inspection.turns import bools

_INVISIBLE: Final = [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF]
_PLAIN: Final[dict[int, str | None]] = {
    **{code: chr(code - 0xFEE0) for first, last in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A))
       for code in range(first, last + 1)},
    **dict.fromkeys(_INVISIBLE),
    **dict.fromkeys([0x0B, 0xA0, 0x202F, 0x3000, *range(0x2000, 0x200B)], " "),
    0x2018: "'", 0x2019: "'", 0x2010: "-", 0x2011: "-", 0x2212: "-", 0x017F: "s", 0x212A: "k",
}  # fmt: skip
"""Left as they are: Chinese punctuation and quotation marks, which patterns name."""
_STRANGE: Final = "[" + "".join(f"\\x{{{code:x}}}" for code in sorted(_PLAIN)) + "]"
_ONE: Final = re.compile("[" + "".join(map(chr, sorted(_PLAIN))) + "]")


def plain(texts: pa.StringArray) -> pa.StringArray:
    """The texts in plain characters; those that hold nothing strange (nearly all) are not touched, null stays null."""
    strange = bools(pc.match_substring_regex(texts, pattern=_STRANGE))
    if not strange.any():
        return texts
    mended = [
        _ONE.sub(lambda one: _PLAIN[ord(one[0])] or "", text) for text in texts.filter(pa.array(strange)).to_pylist()
    ]
    return pc.replace_with_mask(texts, pa.array(strange), pa.array(mended, pa.string()))


def is_plain(text: str) -> bool:
    """Whether `plain` leaves the text as it is."""
    return not any(ord(char) in _PLAIN for char in text)
