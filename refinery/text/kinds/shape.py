r"""What one pattern of personal data is, and the pieces that many patterns share.

Every pattern is for RE2, so none takes more than linear time. None uses `\b`: digits stand glued to Chinese
characters. Group 1 is the value; what must stand left and right of it is matched too. Text is folded before
(`refinery.text.folding`); NUL stands where something was taken already, and no piece here matches across it.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

Check = Callable[[str, str, str], tuple[int, int] | None]
"""(value, up to 120 characters before it, up to 40 behind it) -> the part of the value that holds, or None."""

PHONE, EMAIL, CN_ID, CARD, NAME = "PHONE", "EMAIL", "CN_ID", "CARD", "NAME"
SSN, PASSPORT, PLATE, IBAN, IP = "SSN", "PASSPORT", "PLATE", "IBAN", "IP"
ACCOUNT, PIN, BIRTH_DATE, ADDRESS, HANDLE = "ACCOUNT", "PIN", "BIRTH_DATE", "ADDRESS", "HANDLE"
NONE = ""
"""The kind of what looks like personal data and is none (a UUID): taken out before the others look, never masked."""


class Pattern(NamedTuple):
    """One way a kind is written: `regex` with the value in group 1, and what no regex can say."""

    kind: str
    regex: str
    holds: Check | None = None
    trigger: str = ""
    """A cheaper pattern that every text with a match holds, for the one automaton of all patterns."""


HAN = "[㐀-鿿]"
FROM, TO = "(?:^|[^0-9])", "(?:$|[^0-9])"
LOOSE = "(?:^|[^0-9.-]|[^0-9][.-])"
"""Left of a number that is not a fraction nor a further part of a longer number."""
NO_WORD = "(?:^|[^0-9A-Za-z_.]|[^0-9][.])"
WORD_START, WORD_END = "(?:^|[^0-9A-Za-z_])", "(?:$|[^0-9A-Za-z_])"
GAP = "[ .-]{0,3}"
_PUNCTUATION = r"""[ \t\n:=#"'“”‘’(（\[【「：,，、*_-]"""
LINK = rf"(?:{_PUNCTUATION}|号码?|编号|是|为|(?:number|num|no|is|was|are|it's|id|of)[.]?[^0-9A-Za-z\x00])*"
"""What may stand between a cue and its value, in both languages."""

ORDER_CUE = (
    r"(?i)(?:order|tracking|waybill|shipment|parcel|invoice|transaction|reference|receipt|booking|ticket|case|item|sku"
    r"|upc|ean|isbn|barcode"
    r"|订单|单号|运单|快递|物流|流水|交易|发票|货号|型号|条码|商品编?号)"
    r"""(?:[\s:=#"'(\[：＝“”「」_.-]|number|num|no|is|was|编|号|码|为|是|id|s)*"""
    "(?:[A-Za-z]{0,3}[0-9][0-9-]{3,24}[ ]?[,、，和&][ ]?(?:and[ ])?|[A-Za-z]{0,3}[0-9][0-9-]{3,24}[ ]and[ ])*$"
)
"""A bare number right behind this, or behind others that are, is an order or an article, no card and no landline."""
_IS_ORDER = re.compile(ORDER_CUE)

UNIT = re.compile(
    r"(?i)[ ]?(?:元|块|万|%|％|次|秒|分|位|天|小时|个|人|条|件|点|岁|年|月|日|积分|米|公里|兆|[gmkt]b?(?:[^a-z]"
    r"|$)|kg|km"
    r"|times|tries|attempts|seconds?|secs?|minutes?|mins?|hours?|days?|weeks?|months?|years?|digits?|letters?|points?"
    r"|percent|dollars?|usd|eur|rmb|cny|miles?|items?|people|characters?)(?:[^A-Za-z]|$)|[ ]?(?:%|％)"
)
"""Right behind a number this makes it a quantity."""
_GOES_ON = re.compile(r"[.,:/-]?[0-9]")


def whole(value: str) -> tuple[int, int]:
    """All of the value."""
    return 0, len(value)


def called_order(before: str) -> bool:
    """Whether the words right before say that a number is an order."""
    return bool(_IS_ORDER.search(before))


def quantity(after: str) -> bool:
    """Whether what stands behind a number makes it an amount, a count, a date or a part of a longer number."""
    return bool(UNIT.match(after) or _GOES_ON.match(after))


def digits(value: str) -> str:
    """The ASCII digits of a value."""
    return "".join(char for char in value if "0" <= char <= "9")
