"""All patterns of personal data, the most specific first, in the groups by which texts are chosen to be looked at.

What one pattern has taken, the next does not see. A group's prefilter is made of what triggers its patterns, so a text
that passes none holds nothing that `refinery.text.personal.spans` finds. Several small automata are faster than one:
the states of one over all would not stay in the processor's cache.
"""

from typing import Final

from refinery.text.folding import ZERO_WIDTH
from refinery.text.kinds import addresses, keys, money, names, network, papers, phones
from refinery.text.kinds.shape import Pattern

GROUPS: Final[tuple[tuple[Pattern, ...], ...]] = (
    (*network.PATTERNS, *money.PATTERNS[:1], *papers.PATTERNS, *money.PATTERNS[1:], *phones.PATTERNS),
    papers.CUED,
    (*phones.CUED, *network.CUED, *money.CUED),
    addresses.PATTERNS,
    names.PATTERNS,
)
"""What is told by its shape; by a cue and digits (two, for one automaton over both takes three times as long); places;
names of people."""
ORDER: Final[tuple[Pattern, ...]] = (
    *network.PATTERNS,
    *money.PATTERNS[:1],
    *papers.PATTERNS,
    *papers.CUED,
    *addresses.PATTERNS,
    *money.PATTERNS[1:],
    *phones.PATTERNS,
    *phones.CUED,
    *network.CUED,
    *money.CUED,
    *names.PATTERNS,
)
DECOYS: Final = network.DECOYS

_SEVEN_DIGITS = "[0-9](?:[-. ()]{0,4}[0-9]){6}"
_SHAPES = (
    _SEVEN_DIGITS,
    *(pattern.trigger for pattern in GROUPS[0] if pattern.trigger),
    phones.PATTERNS[-1].regex,
)
_ODD = "[\u00a0\u2002-\u2015\u202f\u2212\u3000（）]"
REWRITTEN: Final = (
    r"\\(?:u[0-9a-fA-F]{4}|[nrtbf\"/])"
    f"|[{ZERO_WIDTH}０-９Ａ-Ｚａ-ｚ＠．＋－]"
    f"|{_ODD}[^0-9A-Za-z㐀-鿿\\x00]{{0,3}}[0-9A-Za-z]|[0-9A-Za-z][^0-9A-Za-z㐀-鿿\\x00]{{0,2}}{_ODD}"
    "|[\u00a0\u2002\u2003\u2009\u202f\u3000][㐀-鿿]"
)
"""What folding changes where it matters: a text with any of these may read otherwise than it is written."""
FOLDED_FIRST: Final = (("：", ":"), ("＝", "="), ("＃", "#"))
"""What links a cue to its value in so many texts that all would read otherwise: folded before the prefilters look."""
PREFILTERS: Final = (
    "|".join(_SHAPES),
    *("|".join(f"(?:{pattern.trigger or pattern.regex})" for pattern in group) for group in GROUPS[1:]),
    keys.CANDIDATE,
    REWRITTEN,
)
"""A prefilter a group, one for keys of JSON, and one for what must be folded first, which counts for all."""
