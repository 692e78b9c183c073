"""Text cut into the smallest statements that stand on their own, in Chinese and English.

    "Basic economy cannot be modified. This is strict. Other cabins can." -> [first two together, third]

A statement that leans on the one before ("otherwise", "this", "否则", "该") stays with it.
"""

import re
from typing import Final

_ENDS: Final = re.compile(r"[。！？]+[”」』）\"')]*|[.!?]+[\"'”’)\]*]*(?=\s+[^a-z\s]|\s*$)|\n+")
_ABBREVIATION: Final = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|no|mr|mrs|ms|dr|st)|\b[A-Za-z])\.$", re.IGNORECASE)
_LEANS_EN: Final = (
    "otherwise this that these those they it its he she such then also but so however therefore thus hence instead"
    " and or nor yet still likewise similarly conversely additionally furthermore moreover in-that-case in-this-case"
    " in-particular for-example e.g i.e if-so if-not as-such the-same both neither either"
)
_LEANS_ZH: Final = (
    "否则 此 这 该 其 它 他 她 但 因此 所以 同时 并且 而且 另外 此外 然后 如是 若否"
    " 若是 例如 即 也 且 不过 然而 上述 前述 以上 除此"
)
_LEANS: Final = re.compile(
    r"\W*(?:(?:" + "|".join(w.replace("-", r"\W+") for w in _LEANS_EN.split()) + r")\b|"
    f"(?:{'|'.join(_LEANS_ZH.split())}))",
    re.IGNORECASE,
)
_POINTS: Final = re.compile(
    r"\b(?:see|as|mentioned|described|listed|shown|stated|outlined)\s+(?:above|earlier|previously)\b|\bsame as above\b"
    r"|\bsee (?:the )?(?:section|chapter|appendix|previous|next)\b|同上|如上所述|见上文|参见上|详见第|上一条|前一条"
    r"|(?:\bbelow|\bas follows|见下文|如下所示|如下)\W*$",
    re.IGNORECASE,
)
_QUOTES: Final = re.compile(r"(?P<open>(?:(?<=\s)|^)['\"“‘「『(])|(?P<close>['\"”’」』)](?=\W|$))")
_MAX_QUOTE: Final = 400


def statements(text: str) -> list[str]:
    """The statements of a text, in order; joined by spaces they are the text again, white space aside."""
    found = list[str]()
    for sentence in _sentences(text):
        if found and leans(sentence):
            found[-1] = f"{found[-1]}{'' if found[-1][-1] in '。！？' else ' '}{sentence}"
        else:
            found.append(sentence)
    return found


def leans(sentence: str) -> bool:
    """Whether it begins with a word that means what was said before it."""
    return _LEANS.match(sentence) is not None


def points_outside(text: str) -> bool:
    """Whether it sends the reader to another place of the document."""
    return _POINTS.search(text) is not None


def _sentences(text: str) -> list[str]:
    found, start = list[str](), 0
    for end in _ENDS.finditer(text):
        if end[0][0] == "." and _ABBREVIATION.search(text, start, end.start() + 1):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    whole = list[str]()
    for part in (*found, text[start:].strip()):
        if whole and part and _inside_quotes(whole[-1]):
            whole[-1] += f" {part}"
        elif part:
            whole.append(part)
    return whole


def _inside_quotes(text: str) -> bool:
    """Whether a quotation or bracket is still open at the end."""
    depth = 0
    for mark in _QUOTES.finditer(text):
        depth = depth + 1 if mark["open"] else max(0, depth - 1)
    return depth > 0 and len(text) < _MAX_QUOTE
