"""Names in a text: capitalised words that are no common words, and names that the business knows, in any case.

    "The Andrews Hotel takes AMEX" -> Andrews Hotel, AMEX        "grand plaza hotel does not" -> grand plaza hotel

What is common is learned from the business's own documents: a word that they write in lower case.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import ahocorasick
import re2

from refinery.text.folding import fold
from refinery.text.normalise import has_han, normalise

_TOKEN: Final = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’]*")
_SEQUENCE: Final = re2.compile(r"[A-ZÀ-Þ][\wÀ-ÿ'’]*(?:(?: (?:of|the|and|de|la) | & |[-&/ ])[A-ZÀ-Þ][\wÀ-ÿ'’]*)*")
_QUOTED: Final = re2.compile(r"《([^《》]{2,30})》|「([^「」]{2,30})」")
_MIN_COMMON: Final = 2
_MIN_HAN_NAME: Final = 3
_SMALL: Final = frozenset(
    "a an the of and de la at on for by in to or i it's im ill ive id ok pm am s no yes not would can could may shall"
    " should will do does did is are was were have has what which where when who how why please let if your you we they"
    " mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday weekdays jan"
    " feb mar apr jun jul aug sep sept oct nov dec january february march april june july august september october"
    " november december usd gbp eur cny rmb est pst edt pdt utc gmt sms pdf qr cpu usb eta dob zip faq"
    " url otp atm gps iata".split()
)
"""Never names: what ties a name together, begins a question, or is read as a date or a currency."""


class Name(NamedTuple):
    """A name and its span in the folded text; `parts`: the words of it that the input must hold, lower case."""

    parts: tuple[str, ...]
    start: int
    end: int


class Lexicon:
    """What a business writes: its common words, and the names of what it deals with."""

    def __init__(self, texts: Iterable[str], names: Iterable[str] = ()) -> None:
        counts = Counter(word for text in texts for word in _TOKEN.findall(text) if word.islower())
        self.common = frozenset(plain(w) for w, n in counts.items() if n >= _MIN_COMMON) | _SMALL
        self._names = ahocorasick.Automaton()
        for name in names:
            key = _spaced(name)
            if (
                len(key.split()) > 1
                or not set(key.split()) <= self.common
                or has_han(key)
                and len(key) >= _MIN_HAN_NAME
            ):
                self._names.add_word(key, key)
        if len(self._names):
            self._names.make_automaton()

    def names(self, text: str) -> list[Name]:
        """Names in order of their kind: capitalised, quoted, known."""
        folded = fold(text).text
        found = [name for match in _SEQUENCE.finditer(folded) if (name := self._capitalised(folded, match))]
        for match in _QUOTED.finditer(folded):
            found.append(Name(((match[1] or match[2]).lower(),), match.start(), match.end()))
        return found + self._known(folded)

    def _capitalised(self, text: str, match: "re2._Match") -> Name | None:
        words = [word for word in map(plain, _TOKEN.findall(match[0])) if len(word) > 1 and word not in _SMALL]
        if _begins(text, match.start()) and words[:1] == [plain(match[0].split(" ")[0])]:
            words = words[1:]
        words = [word for word in words if len(set(word)) > 1]  # XXXX, YYYY-MM-DD
        rare = [word for word in words if word not in self.common]
        if "_" in match[0] or _heading(text, match.start(), match.end()):
            return None
        parts = words if len(words) > 1 and not _label(text, match.end()) else rare
        return Name(tuple(dict.fromkeys(parts)), match.start(), match.end()) if parts else None

    def _known(self, text: str) -> list[Name]:
        """The longest known names, at the ends of words."""
        if not len(self._names):
            return []
        spaced = _same_length(text)
        found = list[Name]()
        for end, key in self._names.iter_long(spaced):
            start = end + 1 - len(key)
            if _edge(spaced, start - 1) and _edge(spaced, end + 1) or has_han(key):
                parts = (key,) if has_han(key) else tuple(w for w in key.split() if w not in _SMALL)
                found.append(Name(parts, start, end + 1))
        return found


def plain(word: str) -> str:
    """A word without its case and accents, and without 's."""
    word = word.lower().replace("’", "'")
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return word.removesuffix("'s").replace("'", "")


def _spaced(name: str) -> str:
    return " ".join(_same_length(normalise(name)).split())


def _same_length(text: str) -> str:
    """Lower case, marks as spaces, every character where it was."""
    return "".join(c.lower() if c.isalnum() and len(c.lower()) == 1 else " " for c in text)


def _edge(text: str, at: int) -> bool:
    return not (0 <= at < len(text)) or not text[at].isalnum()


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, line or item begins there."""
    before = text[:at].rstrip(" \"'“‘(*_>`#-•–")
    return not before or before[-1] in ".!?:;\n。！？：；|→}]/" or before[-1] == ")" and before[-2:-1].isalnum()


def _heading(text: str, start: int, end: int) -> bool:
    """Whether it heads a part of the reply: `### Summary`, `**Refund Calculation**:`."""
    bold = text[:start].endswith("**") and text[end:].startswith(("**:", ":**", "**："))
    return bold or text[:start].rpartition("\n")[2].lstrip().startswith("#")


def _label(text: str, end: int) -> bool:
    """Whether it is a label or a JSON key: what it says comes after its colon."""
    return text[end : end + 40].partition("\n")[0].lstrip("*_\"' ").startswith((":", "："))
