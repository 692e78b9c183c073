"""Normal forms of text: for comparison only, the text itself is never changed by them."""

import re
import unicodedata

from refinery.text.folding import ZERO_WIDTH

_INVISIBLE = re.compile(f"[{ZERO_WIDTH}\u2061-\u2064\u206a-\u206f]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def normalise(text: str) -> str:
    """One spelling for what reads the same: NFKC, case folded, nothing invisible, white space collapsed and trimmed.

    `normalise("Ｏrder　１２３ ")` is `"order 123"`; applied twice it changes nothing more.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def has_han(text: str) -> bool:
    """Whether the text holds a Chinese character, so that characters and not words are its units."""
    return _HAN.search(text) is not None


def words(text: str) -> list[str]:
    """Runs of letters and digits, in order; `don't` is one word."""
    return _WORD.findall(text)


def shingles(text: str, size: int) -> set[str]:
    """All substrings of `size` characters; a shorter text that is not empty is one shingle of its own."""
    if len(text) <= size:
        return {text} if text else set()
    return {text[i : i + size] for i in range(len(text) - size + 1)}
