"""All patterns of personal data, the most specific first, and what a text must hold to be looked at.

What one pattern has taken, the next does not see. The prefilter is made of each kind's own part: a text that passes
none of them holds nothing that `refinery.text.personal.spans` finds.
"""

from refinery.text.folding import REWRITTEN, ZERO_WIDTH
from refinery.text.kinds import addresses, keys, money, names, network, papers, phones
from refinery.text.kinds.shape import Pattern

_IBAN, *_MONEY = money.PATTERNS
PATTERNS: tuple[Pattern, ...] = (
    *network.DECOYS,
    *network.PATTERNS,
    _IBAN,
    *papers.PATTERNS,
    *addresses.PATTERNS,
    *(p for p in _MONEY if p.kind == "CARD"),
    *phones.PATTERNS,
    *(p for p in _MONEY if p.kind != "CARD"),
    *names.PATTERNS,
)
_DIGIT = "[0-9０-９]"
_BETWEEN = f"[-. ()\t\u00a0\u2002-\u2015\u202f\u2212\u3000．（）－{ZERO_WIDTH}]"
CANDIDATE = "|".join(
    (
        f"{_DIGIT}(?:{_BETWEEN}{{0,8}}{_DIGIT}){{6}}",
        REWRITTEN,
        *network.CANDIDATES,
        *papers.CANDIDATES,
        *money.CANDIDATES,
        *phones.CANDIDATES,
        *addresses.CANDIDATES,
        *names.CANDIDATES,
        keys.CANDIDATE,
    )
)
"""Any of these: seven digits close together, what reads otherwise than it is written, cues that need no digit."""
DIGIT = "[0-9]"
WITH_DIGIT = "|".join((*network.WITH_DIGIT, *papers.WITH_DIGIT, *money.WITH_DIGIT))
"""Cues that count only where the text holds a digit too."""
