"""Typed placeholders, numbered by type inside one conversation: [PHONE_1], [NAME_2].

    holders = Placeholders([(NAME, "张伟")])
    holders.mask("张伟 13812345678")      -> "[NAME_1] [PHONE_1]"
    holders.mask("+86 138-1234-5678")    -> "[PHONE_1]"

Numbers go by first sight. A log that already holds "[PHONE_3]" is `reserve`d first, and new phones start at 4: what
the log called PHONE_3 is never mixed with a number of ours. What a cue names in one text ("my name is Ann Lee") is
`learn`ed first, and found where no cue stands.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from refinery.text.json_text import is_json, map_json
from refinery.text.kinds.keys import kind_of
from refinery.text.kinds.shape import NAME
from refinery.text.known import Known, learnt, occurrences, spellings
from refinery.text.personal import ALL, KEYS, PLACEHOLDER, glance, keyed_values, normalised, spans

_PLACEHOLDER = re.compile(PLACEHOLDER)


Found = tuple[int, int, str]
"""Start, end and kind of a value in a text."""


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
        self._known: dict[str, Known] = {}
        self._told = set[tuple[str, str]]()
        self._longest_first: list[Known] = []
        for kind, value in sorted(known, key=lambda one: (-len(one[1]), one)):
            self._know(kind, value.strip())
        self._sort()

    def reserve(self, text: str) -> None:
        """Keep clear of the placeholders that the text already holds; call before the first `mask`."""
        for kind, number in _PLACEHOLDER.findall(text):
            self._reserved[kind] = max(self._reserved[kind], int(number))

    def learn(self, text: str, before: str = "", json_only: bool = False, groups: int = ALL) -> None:
        """Looks for values in a text, so that `mask` finds them in all texts; call for each before the first `mask`."""
        size = len(self._known)
        self._learn(text, before, json_only, groups)
        if len(self._known) > size:
            self._sort()

    @property
    def knows(self) -> bool:
        """Whether any value is to be looked for."""
        return bool(self._known)

    def mentions(self, text: str) -> bool:
        """Whether a value that is known may stand in the text."""
        for known in self._longest_first:  # noqa: SIM110 (twice as fast as any)
            if known.literal in text:
                return True
        return False

    def field(self, text: str, kind: str) -> str:
        """A field that is personal by its nature: all of it is masked, unless it is blank or masked already."""
        if not text.strip() or _PLACEHOLDER.fullmatch(text.strip()):
            return text
        return self._placeholder(kind, self._normal(kind, text))

    def mask(self, text: str, before: str = "", json_only: bool = False, groups: int = ALL) -> str:
        """The text with placeholders; JSON stays JSON.

        `before` is what names the text (a JSON key). `json_only`: the text is JSON by its column, so a bare number
        or string is too; other text counts as JSON only if it is an object or a list. `groups` are the bits that
        the prefilter gave the text: with none, only known values are looked for.
        """
        marks = self._marks(text, before, groups) if groups else []
        marks = sorted(self._with_known(marks, text)) if self._known else marks
        if not (json_only or text.lstrip()[:1] in ("{", "[")):
            return self._replaced(text, marks) if marks else text
        if _by_value(text):
            worth = marks or (groups and glance(text))
            return (
                map_json(text, partial(self.mask, groups=groups))
                if worth and is_json(text)
                else self._replaced(text, marks)
            )
        if not marks or not is_json(text):
            return self._replaced(text, marks) if marks else text
        changed = self._replaced(text, marks, json=True)
        return changed if is_json(changed) else map_json(text, partial(self.mask, groups=groups))

    def _learn(self, text: str, before: str, json_only: bool = False, groups: int = ALL) -> str:
        as_json = json_only or text.lstrip()[:1] in ("{", "[")
        if as_json and _by_value(text) and glance(text) and is_json(text):
            return map_json(text, self._learn)
        for start, end, kind in found_in(text, before, groups):
            if learnt(kind, text[start:end]):
                self._know(kind, text[start:end].strip())
        return text

    def _replaced(self, text: str, marks: list[_Mark], json: bool = False) -> str:
        """The text with placeholders for the marks; a whole number of JSON becomes a string."""
        parts, position = [], 0
        for start, end, kind, value in marks:
            holder = self._placeholder(kind, value)
            bare = json and text[end : end + 1] != '"' and _is_bare(text[:start].rstrip()[-1:], text[end:].lstrip()[:1])
            parts += [text[position:start], f'"{holder}"' if bare else holder]
            position = end
        return "".join([*parts, text[position:]])

    def _placeholder(self, kind: str, value: str) -> str:
        numbers = self._numbers[kind]
        return f"[{kind}_{numbers.setdefault(value, self._reserved[kind] + len(numbers) + 1)}]"

    def _normal(self, kind: str, text: str) -> str:
        known = self._known.get(text.strip())
        return known.value if known and known.kind == kind else normalised(kind, text)

    def _marks(self, text: str, before: str, groups: int) -> list[_Mark]:
        """What the patterns find, in order, and what a key says of its value."""
        found = found_in(text, before, groups)
        return [_Mark(start, end, kind, self._normal(kind, text[start:end])) for start, end, kind in found]

    def _with_known(self, marks: list[_Mark], text: str) -> Iterator[_Mark]:
        """What patterns find by shape, then what is known, then names behind their cue: none over another."""
        taken = [(mark.start, mark.end) for mark in marks if mark.kind != NAME]
        yield from (mark for mark in marks if mark.kind != NAME)
        for known in self._longest_first:
            if known.literal in text:
                for start, end in occurrences(text, known):
                    if _apart(start, end, taken):
                        taken.append((start, end))
                        yield _Mark(start, end, known.kind, known.value)
        yield from (mark for mark in marks if mark.kind == NAME and _apart(mark.start, mark.end, taken))

    def _know(self, kind: str, value: str) -> None:
        if (kind, value) in self._told:
            return
        self._told.add((kind, value))
        for known in spellings(kind, value):
            self._known.setdefault(known.literal, known)

    def _sort(self) -> None:
        self._longest_first = sorted(self._known.values(), key=lambda known: (-len(known.literal), known))


def _apart(start: int, end: int, taken: Sequence[tuple[int, int] | Found]) -> bool:
    return all(end <= one[0] or one[1] <= start for one in taken)


_NESTED = re.compile(r'(?:[^\\]|^)"\s*[{\[]')


def _by_value(text: str) -> bool:
    """Whether JSON text must be read value by value: JSON stands in its strings, or any character may be escaped."""
    return "\\" in text and ("\\u" in text or bool(_NESTED.search(text)))


def _is_bare(left: str, right: str) -> bool:
    """Whether JSON has a value that is no string between these characters."""
    return left in ("", ":", "[", ",") and right in ("", ",", "]", "}")


def _unmasked(text: str) -> str:
    return _PLACEHOLDER.sub("", text) if "_" in text else text


@lru_cache(maxsize=8192)
def found_in(text: str, before: str, groups: int) -> tuple[Found, ...]:
    """What patterns find in a text that is called `before`, and what the keys of JSON say of their values.

    Cached: agents and tools say the same in many conversations.
    """
    named = f'"{before}": "' if before else ""
    shift, found = len(named), spans(named + text, groups)
    marks = [(start - shift, end - shift, kind) for start, end, kind in found if start >= shift]
    keyed = list[Found]()
    if before and (kind := kind_of(before, _unmasked(text))):
        keyed.append((0, len(text), kind))
    elif groups & KEYS and '"' in text and ":" in text:
        for key, value, start, end in keyed_values(text):
            if kind := kind_of(key, _unmasked(value)):
                keyed.append((start, end, kind))
    keyed = [one for one in keyed if not _covered(text, one, marks)] if keyed else keyed
    if not keyed:
        return tuple(marks)
    return tuple(sorted([*(mark for mark in marks if _apart(mark[0], mark[1], keyed)), *keyed]))


def _covered(text: str, value: Found, marks: list[Found]) -> bool:
    """Whether marks leave no letter and no digit of a value, or reach beyond it."""
    inside = [mark for mark in marks if mark[0] < value[1] and value[0] < mark[1]]
    held = {i for start, end, _ in inside for i in range(start, end)}
    beyond = any(start < value[0] or value[1] < end for start, end, _ in inside)
    return beyond or all(i in held or not text[i].isalnum() for i in range(value[0], value[1]))
