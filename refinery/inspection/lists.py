"""Named lists of words, patterns and tools, and the linear (RE2) patterns made from them."""

from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
import re2
from pydantic import Field

from refinery.errors import RuleError
from refinery.inspection.reading import Strict, read
from refinery.inspection.rule import ListName

Entry = Annotated[str, Field(min_length=1)]
_MACRO = r"<<([a-z0-9_]+(?:\.[a-z]+)?)>>"
MAX_PROGRAM = 10_000
"""Measured: at 32,744 states (8 MB, RE2's default) the fast search gave up on the first line."""


class NamedList(Strict):
    """One file of rules/lists. `any`: entries of no language, such as tool names."""

    kind: Literal["keywords", "patterns", "tools"]
    description: str
    entries: dict[Literal["zh", "en", "any"], Annotated[list[Entry], Field(min_length=1)]] = Field(min_length=1)

    @property
    def all(self) -> list[str]:
        """The entries of all languages."""
        return [entry for entries in self.entries.values() for entry in entries]


class Lists:
    """All named lists of a rule folder, by name."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._lists = {
            path.stem: read(path, path.relative_to(root).as_posix(), NamedList)
            for path in sorted(folder.glob("*.yaml"))
        }

    def names(self, given: list[str] | ListName, kind: str, where: str) -> list[str]:
        """The entries stated in the rule, or those of the list it names."""
        if isinstance(given, list):
            if not given or not all(given):
                raise RuleError(f"{where}: an empty list or word finds nothing or everything; add words")
            return given
        found = self._lists.get(given.name)
        if found is None or found.kind != kind:
            known = sorted(name for name, listed in self._lists.items() if listed.kind == kind)
            raise RuleError(
                f"{where}: no list `{given.name}` of kind {kind}; known: {', '.join(known)}; correct or add it"
            )
        return found.all

    def keywords(self, given: list[str] | ListName, where: str) -> str:
        """One pattern that finds any of the words, whole words where they are written in Latin letters."""
        return checked(alternatives(self.names(given, "keywords", where)), where)

    def patterns(self, given: str | ListName, where: str) -> list[str]:
        """The pattern, or those of the list it names, with each macro `<<LIST>>` or `<<LIST.en>>` put in its place."""
        parts = [given] if isinstance(given, str) else self.names(given, "patterns", where)
        return [checked(self._expanded(part, where, ()), where) for part in parts]

    def _expanded(self, pattern: str, where: str, inside: tuple[str, ...]) -> str:
        for name in sorted(set(re2.findall(_MACRO, pattern))):
            if name in inside:
                raise RuleError(f"{where}: list `{name}` contains itself; take <<{name}>> out of it")
            pattern = pattern.replace(f"<<{name}>>", self._macro(name, where, (*inside, name)))
        return pattern

    def _macro(self, macro: str, where: str, inside: tuple[str, ...]) -> str:
        """The list as one group: words taken literally, patterns as they are, macros in them put in too."""
        name, _, language = macro.partition(".")
        found = self._lists.get(name)
        if found is None or found.kind == "tools":
            known = sorted(name for name, listed in self._lists.items() if listed.kind != "tools")
            raise RuleError(f"{where}: no list `{name}` for <<{macro}>>; known: {', '.join(known)}; correct or add it")
        entries = (
            found.all if not language else [e for key, some in found.entries.items() if key == language for e in some]
        )
        if not entries:
            raise RuleError(
                f"{where}: list `{name}` has no `{language}`; known: {', '.join(found.entries)}; correct it"
            )
        if found.kind == "keywords":
            return alternatives(entries)
        return "(?:" + "|".join(self._expanded(part, where, inside) for part in entries) + ")"


def checked(pattern: str, where: str) -> str:
    """The pattern, if RE2 takes it (so it is linear), Arrow's too, and it is small enough to stay fast."""
    options = re2.Options()
    options.log_errors, options.case_sensitive = False, False
    try:
        size = re2.compile(pattern, options).programsize
        pc.match_substring_regex(pa.array([""]), pattern=pattern, ignore_case=True)
    except (re2.error, pa.ArrowInvalid) as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise RuleError(
            f"{where}: RE2 refuses the pattern ({said}); RE2 is linear and knows no look-around, no back-reference "
            "and no repetition above 1000; write the pattern without them"
        ) from error
    if size > MAX_PROGRAM:
        raise RuleError(
            f"{where}: the pattern has {size} states with its lists put in, more than {MAX_PROGRAM}, above which RE2 "
            "runs out of memory for its fast search; make it several patterns of a list, or name one language of a list"
        )
    return pattern


def alternatives(words: list[str]) -> str:
    """`(?:a|b)` with the words taken literally, longest first, bounded where their ends are Latin letters or digits."""
    return "(?:" + "|".join(_bounded(word) for word in sorted(words, key=lambda w: (-len(w), w))) + ")"


def _bounded(word: str) -> str:
    edges = [r"\b" if end.isascii() and (end.isalnum() or end == "_") else "" for end in (word[0], word[-1])]
    return f"{edges[0]}{re2.escape(word)}{edges[1]}"
