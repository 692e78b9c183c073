"""Code points as they are compared: NFKC, case folded, accents off; UTF-8 bytes to folded code points in one scan.

    "Ｏrder　№１２é" -> o r d e r ␣ n o 1 2 e

For comparison only, and of single code points: an accent is dropped where it stands by itself and where it is part of
a letter, so that both spellings of é are e.
"""

import unicodedata
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from refinery.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]

PLANES: Final = 0x20000
"""Code points with an entry of their own; above lie Han characters, which fold to themselves."""
SEPARATOR, LETTER, DIGIT, HAN = 0, 1, 2, 3
"""Kinds of folded code points: what neither letters nor digits are separates; HAN is all that is written without
spaces between words (Chinese, kana)."""
CLASS: Final = 3
"""Mask of the kind; the bits above it are for others to set."""
_DROPPED: Final = 0xFFFFFFFF
_MORE: Final = 0x80000000
_MAX_MORE: Final = 4
ROOM: Final = 2
"""Code points that a byte folds to, at most."""
_IDENTICAL: Final = ((0x3041, 0x3097), (0x30A1, 0x30FB), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4))
"""Ranges that fold to themselves: no need to ask for each of 40,000."""


class Folding(NamedTuple):
    """By code point: `fold` its folded form (or where it stands in `more`: length, code points), `kind` its kind."""

    fold: Codes
    kind: Bytes
    more: Codes


@cache
def folding() -> Folding:
    """The tables, made once a process in about 80 ms."""
    fold, more = np.arange(PLANES, dtype=np.uint32), [0]
    plain = np.zeros(PLANES, bool)
    for start, end in _IDENTICAL:
        plain[start:end] = True
    for code in np.flatnonzero(~plain):
        text = _folded(chr(code))
        if len(text) == 1:
            fold[code] = ord(text)
        elif text:
            fold[code] = _MORE | len(more)
            more += [min(len(text), _MAX_MORE), *map(ord, text[:_MAX_MORE])]
        else:
            fold[code] = _DROPPED
    return Folding(fold, _kinds(plain), np.array(more, np.uint32))


def _folded(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf"):
        return char if category == "Mn" and not _accent(char) else ""
    if category[0] in "CZ" or category in ("Cn", "Co", "Cs"):
        return " "
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold())
    return unicodedata.normalize("NFC", "".join(part for part in parts if not _accent(part)))


def _accent(char: str) -> bool:
    """Marks on Latin, Greek and Cyrillic letters, and variation selectors; not the vowel signs of other scripts."""
    return "\u0300" <= char <= "\u036f" or "\ufe00" <= char <= "\ufe0f"


def _kinds(plain: npt.NDArray[np.bool_]) -> Bytes:
    kind = np.zeros(PLANES, np.uint8)
    kind[plain] = HAN
    kind[0xAC00:0xD7A4] = LETTER  # Hangul puts spaces between words
    for code in np.flatnonzero(~plain):
        category = unicodedata.category(chr(code))
        if category == "Nd":
            kind[code] = DIGIT
        elif category[0] in "LMN":
            kind[code] = LETTER
    kind[[0x3005, 0x3006, 0x3007, 0x30FC]] = HAN  # 々 〆 〇 ー
    return kind


@compiled
def fold_text(data: Bytes, start: int, end: int, fold: Codes, more: Codes, out: Codes, num: int) -> int:
    """Appends the folded code points of `data[start:end]` (valid UTF-8) to `out` from `num` on; where they end."""
    at = start
    while at < end:
        byte = np.uint32(data[at])
        if byte < 0x80:
            code, size = byte, 1
        elif byte < 0xE0:
            code, size = ((byte & np.uint32(0x1F)) << np.uint32(6)) | _tail(data, at + 1, end), 2
        elif byte < 0xF0:
            code = ((byte & np.uint32(0x0F)) << np.uint32(12)) | (_tail(data, at + 1, end) << np.uint32(6))
            code, size = code | _tail(data, at + 2, end), 3
        else:
            code = ((byte & np.uint32(0x07)) << np.uint32(18)) | (_tail(data, at + 1, end) << np.uint32(12))
            code, size = code | (_tail(data, at + 2, end) << np.uint32(6)) | _tail(data, at + 3, end), 4
        at += size
        folded = fold[code] if code < PLANES else code
        if folded < _MORE:
            out[num] = folded
            num += 1
        elif folded != _DROPPED:
            place = folded - np.uint32(_MORE)
            for i in range(more[place]):
                out[num] = more[place + np.uint32(1) + np.uint32(i)]
                num += 1
    return num


@compiled
def _tail(data: Bytes, at: int, end: int) -> Any:  # noqa: ANN401 (six bits as uint32)
    return np.uint32(data[at]) & np.uint32(0x3F) if at < end else np.uint32(0)
