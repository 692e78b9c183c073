"""Prompts as versioned files with typed slots: what comes from a log can fill a slot, and never leave it.

A prompt is a folder that holds zh.md and en.md. A file's first line says its name and version, `<!-- judge_v1 -->`
(a worker's copy lies elsewhere); then come the system message, a line `---`, and the user message, or this alone. A
slot says its type: `${history:records}`. A dollar sign itself is written `$$`.

    records   JSON values of any content, each on a line of its own, in which nothing opens or closes anything
    record    one such value
    items     words of our own (tools, item names): letters, digits and plain punctuation, or an error
    number    a number
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Final, NamedTuple

import orjson

from refinery.errors import PlanError, StageError

NOTHING: Final = {"zh": "无", "en": "none"}
"""What an empty part says, by language; its keys are the languages a prompt is written in."""
HAN_SHARE_AT_LEAST: Final = 0.3
"""Chinese when Han characters over Han characters plus Latin words reach this (names and models are often Latin)."""
HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
LATIN: Final = re.compile("[A-Za-z]+")

_UNSAFE = {c: f"\\u{ord(c):04x}" for c in "<\x85\u2028\u2029"}  # `<|im_end|>` and the like; line breaks outside ASCII
_MARKER: Final = re.compile(r"\[(?=/?[A-Z_]+\])")  # `[INST]`, `[/TOOL_RESULTS]`; placeholders hold a digit
_NAME: Final = re.compile("<!-- ([a-z][a-z0-9_]*_v[0-9]+) -->")
_ITEM: Final = re.compile(r"[\w .,:;/()+%'-]+")


def encode(value: object) -> str:
    """Compact JSON on one line, in which no text can start a line or spell a chat template's `<|marker|>`."""
    text = orjson.dumps(value).decode()
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return text


def fence(value: object) -> str:
    """As `encode`, and no `[MARKER]` either: text of a log on its way into a slot."""
    return _MARKER.sub(r"\\u005b", encode(value))


def language_of(num_han: int, num_latin: int) -> str:
    """The language in which to ask about a text with so many Han characters and Latin words."""
    return "zh" if num_han / max(1, num_han + num_latin) >= HAN_SHARE_AT_LEAST else "en"


def prompt_files(prompt: Path) -> dict[str, Path]:
    """A prompt's folder -> its file by language."""
    return {language: prompt / f"{language}.md" for language in NOTHING}


def _items(values: list[str]) -> str:
    for value in values:
        if not _ITEM.fullmatch(value):
            raise StageError(f"a slot of type items takes words of our own, and one of {len(values)} is none")
    return "\n".join(f"- {value}" for value in values)


def _number(value: float) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StageError(f"a slot of type number takes a number and not {type(value).__name__}")
    return str(value)


_TYPES: Final[dict[str, Callable[[Any], str]]] = {
    "records": lambda values: "\n".join(fence(value) for value in values),
    "record": fence,
    "items": _items,
    "number": _number,
}


class Slots(Template):
    """A message whose only slots are `${name:type}`."""

    idpattern = "(?!)"  # a bare $name is no slot
    braceidpattern = "[a-z_]+:[a-z]+"
    flags = re.ASCII


class Prompt(NamedTuple):
    """One language's file: its messages, by role, and the types of its slots."""

    name: str
    language: str
    parts: tuple[tuple[str, Slots], ...]
    slots: Mapping[str, str]

    def messages(self, **values: object) -> tuple[dict[str, str], ...]:
        """The chat messages; raises StageError where a slot is missing, unknown, or given what its type refuses."""
        if values.keys() != self.slots.keys():
            raise StageError(f"prompt {self.name} has the slots {sorted(self.slots)} and was given {sorted(values)}")
        texts = {f"{n}:{kind}": _TYPES[kind](values[n]) or NOTHING[self.language] for n, kind in self.slots.items()}
        return tuple({"role": role, "content": part.substitute(texts)} for role, part in self.parts)


@cache
def load(prompt: Path) -> Mapping[str, Prompt]:
    """A prompt's files by language; PlanError where one is missing, misshapen, or has other slots than the other."""
    found = {language: _read(prompt, language, path) for language, path in prompt_files(prompt).items()}
    kinds = {language: dict(p.slots) for language, p in found.items()}
    if len({tuple(sorted(slots.items())) for slots in kinds.values()}) > 1:
        raise PlanError(f"prompt {prompt.name}: its languages have different slots: {kinds}")
    return found


def _read(prompt: Path, language: str, path: Path) -> Prompt:
    if not path.is_file():
        raise PlanError(f"no prompt file {path}: a prompt is a folder with zh.md and en.md")
    head, _, text = path.read_text("utf-8").partition("\n")
    if not (named := _NAME.fullmatch(head)):
        raise PlanError(f"{prompt.name}/{path.name}: its first line is its name and version, <!-- name_v1 -->")
    system, mark, user = text.partition("\n---\n")
    texts = (("system", system), ("user", user)) if mark else (("user", system),)
    parts = tuple((role, Slots(text.strip("\n"))) for role, text in texts)
    slots: dict[str, str] = {}
    for _, part in parts:
        if not part.is_valid():
            raise PlanError(f"{prompt.name}/{path.name}: a slot is ${{name:type}}, and a dollar sign is written $$")
        for slot in part.get_identifiers():
            name, _, kind = slot.partition(":")
            if kind not in _TYPES or slots.setdefault(name, kind) != kind:
                raise PlanError(f"{prompt.name}/{path.name}: slot {slot!r}; known types: {', '.join(_TYPES)}")
    return Prompt(f"{named[1]}/{language}", language, parts, slots)
