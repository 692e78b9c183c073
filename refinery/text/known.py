"""Values that a conversation is known to hold, as its other texts may write them, and where they stand there.

A field that is personal by its nature tells one (`signals.user.name`), and so does a cue in some text ("my name is
Ann Lee"): Ann alone, or ann lee in small letters, is then found where nothing names it.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from refinery.text.folding import fold
from refinery.text.kinds.name_words import NO_PERSON, UNSURE
from refinery.text.kinds.shape import (
    ACCOUNT,
    ADDRESS,
    BIRTH_DATE,
    HANDLE,
    NAME,
    PASSPORT,
    PHONE,
    PIN,
    SSN,
    digits,
    quantity,
)
from refinery.text.personal import PLACEHOLDER, normalised

LEARNT: Final = frozenset({NAME, ACCOUNT, ADDRESS, BIRTH_DATE, HANDLE, PASSPORT, PHONE, PIN, SSN})
"""Kinds that a cue names in one text and that stand without it in others. The rest is found by its shape anywhere."""
_LEAST_DIGITS: Final = {PHONE: 7, ACCOUNT: 5, PIN: 4, BIRTH_DATE: 5, SSN: 9, PASSPORT: 7}
_NAMES_NOBODY: Final = frozenset(
    "user customer client guest agent assistant bot system admin merchant rider driver unknown none null "
    "用户 客户 顾客 买家 卖家 商家 骑手 客服 坐席 机器人 系统 匿名 匿名用户 未知".split()
)
"""Stand in name fields where no name is known: masked there, left alone in other texts."""
_MASKED = re.compile(PLACEHOLDER)


class Known(NamedTuple):
    """A way to write a value; `edges` are its outer characters, `value` is what its placeholder goes by."""

    literal: str
    edges: str
    kind: str
    value: str


@lru_cache(maxsize=4096)
def spellings(kind: str, value: str) -> tuple[Known, ...]:
    """How a value may stand in other texts: as it is, as JSON writes it in ASCII, and parts of a name."""
    value = fold(value).text
    if not _telling(kind, value):
        return ()
    normal = normalised(kind, value)
    found = {value}
    words = value.split() if kind == NAME and value[0] < "\u2e80" else []
    if len(words) > 1:
        found |= {value.lower(), *(word.strip(".,") for word in words if _stands_alone(word.strip(".,")))}
    written = {(form, literal[0] + literal[-1]) for literal in found for form in (literal, json.dumps(literal)[1:-1])}
    return tuple(Known(form, edges, kind, normal) for form, edges in sorted(written))


def _telling(kind: str, value: str) -> bool:
    """Whether a value is told from other words and numbers by itself."""
    if value.casefold() in _NAMES_NOBODY or _MASKED.search(value):
        return False
    if kind == BIRTH_DATE and not re.search("(?:19|20)[0-9]{2}", value):
        return False
    return len(value) >= 2 if kind == NAME else len(digits(value)) >= _LEAST_DIGITS.get(kind, 0) and len(value) >= 4


def _stands_alone(word: str) -> bool:
    return len(word) > 2 and word[0].isupper() and word.casefold() not in UNSURE and word.casefold() not in NO_PERSON


def learnt(kind: str, value: str) -> bool:
    """Whether what a cue named is to be looked for elsewhere: not if it is a common word too."""
    if kind != NAME:
        return kind in LEARNT
    return bool(re.search("[ \u3400-\u9fff]", value)) or (
        _stands_alone(value) and value.casefold() not in _NAMES_NOBODY
    )


def occurrences(text: str, known: Known) -> Iterator[tuple[int, int]]:
    """Where the value stands in the text on its own, not inside of a word, a longer number or an amount."""
    first, last = known.edges[0], known.edges[-1]
    start = text.find(known.literal)
    while start >= 0:
        end = start + len(known.literal)
        if not (_joined(text[start - 1 : start], first) or _joined(last, text[end : end + 1])) and (
            known.kind == NAME or not _amount(text[max(0, start - 2) : start], text[end : end + 12])
        ):
            yield start, end
        start = text.find(known.literal, end)


def _joined(left: str, right: str) -> bool:
    """Both sides of an edge are letters or digits of one word (Chinese has no such words): Al is not in Also."""
    return all(side < "\u2e80" and (side.isalnum() or side == "_") for side in (left, right))


def _amount(left: str, right: str) -> bool:
    return bool(re.search("(?:[$€£¥￥]|[0-9][.,:/-])[ ]?$", left)) or quantity(right)
