"""Typed placeholders, numbered by type inside one conversation: [PHONE_1], [NAME_2].

    holders = Placeholders([(NAME, "张伟")])
    holders.mask("张伟 13812345678")      -> "[NAME_1] [PHONE_1]"
    holders.mask("+86 138-1234-5678")    -> "[PHONE_1]"

Numbers go by first sight. A log that already holds "[PHONE_3]" is `reserve`d first, and new phones start at 4: what
the log called PHONE_3 is never mixed with a number of ours.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from refinery.text.json_text import is_json, map_json
from refinery.text.kinds.shape import CARD, CN_ID, EMAIL, PHONE, digits
from refinery.text.personal import normalised, spans

NAME = "NAME"
KINDS = (PHONE, EMAIL, CN_ID, CARD, NAME)
PLACEHOLDER = rf"\[({'|'.join(KINDS)})_([0-9]{{1,9}})\]"
_PLACEHOLDER = re.compile(PLACEHOLDER)
_ROLE_WORDS = frozenset(
    "user customer client guest agent assistant bot system admin merchant rider driver unknown none null "
    "用户 客户 顾客 买家 卖家 商家 骑手 客服 坐席 机器人 系统 匿名 匿名用户 未知".split()
)
"""Stand in name fields where no name is known: masked there, left alone in other texts."""


class _Known(NamedTuple):
    literal: str
    edges: str
    kind: str
    value: str


class _Mark(NamedTuple):
    start: int
    end: int
    kind: str
    value: str


class Placeholders:
    """One conversation's numbering. `known`: (kind, value) of the fields that are personal by their nature."""

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._numbers: dict[str, dict[str, int]] = defaultdict(dict)
        self._reserved: dict[str, int] = defaultdict(int)
        found = {entry for kind, value in known for entry in _literals(kind, value.strip())}
        self._known = sorted(found, key=lambda entry: (-len(entry.literal), entry))

    def reserve(self, text: str) -> None:
        """Keep clear of the placeholders that the text already holds; call before the first `mask`."""
        for kind, number in _PLACEHOLDER.findall(text):
            self._reserved[kind] = max(self._reserved[kind], int(number))

    def field(self, text: str, kind: str) -> str:
        """A field that is personal by its nature: all of it is masked, unless it is blank or masked already."""
        if not text.strip() or _PLACEHOLDER.fullmatch(text.strip()):
            return text
        return self._placeholder(kind, normalised(kind, text))

    def mask(self, text: str, before: str = "", json_only: bool = False) -> str:
        """The text with placeholders; JSON stays JSON.

        `before` is what names the text (a JSON key). `json_only`: the text is JSON by its column, so a bare number
        or string is too; other text counts as JSON only if it is an object or a list.
        """
        marks = sorted(self._marks(text, before))
        if not marks and not any(known.literal in text for known in self._known):
            return text
        if (json_only or text.lstrip()[:1] in ("{", "[")) and is_json(text):
            return map_json(text, self.mask)
        parts, position = [], 0
        for start, end, kind, value in marks:
            parts += [text[position:start], self._placeholder(kind, value)]
            position = end
        return "".join([*parts, text[position:]])

    def _placeholder(self, kind: str, value: str) -> str:
        numbers = self._numbers[kind]
        return f"[{kind}_{numbers.setdefault(value, self._reserved[kind] + len(numbers) + 1)}]"

    def _marks(self, text: str, before: str) -> Iterator[_Mark]:
        shift = len(before) + 2 if before else 0
        found = spans(f"{before}: {text}" if before else text)
        taken = [(start - shift, end - shift) for start, end, _ in found if start >= shift]
        for start, end, kind in found:
            if start >= shift:
                value = text[start - shift : end - shift]
                yield _Mark(start - shift, end - shift, kind, normalised(kind, value))
        for literal, edges, kind, value in self._known:
            for start, end in _occurrences(text, literal, edges):
                if all(end <= left or right <= start for left, right in taken):
                    taken.append((start, end))
                    yield _Mark(start, end, kind, value)


def _literals(kind: str, value: str) -> Iterator[_Known]:
    """How a known value may stand in other texts: as it is, and as JSON writes it in ASCII."""
    too_short = len(value) < 2 if kind == NAME else len(digits(value)) < 7
    if too_short or value.casefold() in _ROLE_WORDS or _PLACEHOLDER.fullmatch(value):
        return
    for literal in {value, json.dumps(value)[1:-1]}:
        yield _Known(literal, value[0] + value[-1], kind, normalised(kind, value))


def _occurrences(text: str, literal: str, edges: str) -> Iterator[tuple[int, int]]:
    start = text.find(literal)
    while start >= 0:
        end = start + len(literal)
        if not (_joined(text[start - 1 : start], edges[0]) or _joined(edges[1], text[end : end + 1])):
            yield start, end
        start = text.find(literal, end)


def _joined(left: str, right: str) -> bool:
    """Both sides of an edge are letters or digits of one word (Chinese has no such words): Al is not in Also."""
    return all(side < "\u2e80" and (side.isalnum() or side == "_") for side in (left, right))
