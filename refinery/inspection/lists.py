"""Named lists of words, patterns and tools, and the patterns made from them."""

from pathlib import Path
from typing import Annotated, Literal

import re2
from pydantic import Field

from refinery.errors import RuleError
from refinery.inspection.conditions import ListName
from refinery.inspection.patterns import alternatives, checked, options
from refinery.inspection.reading import Strict, read

Entry = Annotated[str, Field(min_length=1)]
Kind = Literal["keywords", "patterns", "tools"]
Language = Literal["zh", "en", "any"]
_MACRO = r"<<([a-z0-9_]+(?:\.[a-z]+)?)>>"


class NamedList(Strict):
    """One file of rules/lists. `any`: entries of no language, such as tool names."""

    kind: Kind
    description: str
    entries: dict[Language, Annotated[list[Entry], Field(min_length=1)]] = Field(min_length=1)

    @property
    def all(self) -> list[str]:
        """The entries of all languages."""
        return [entry for entries in self.entries.values() for entry in entries]


def read_lists(folder: Path, root: Path) -> dict[str, NamedList]:
    """All lists of a folder, by name."""
    return {
        path.stem: read(path, path.relative_to(root).as_posix(), NamedList) for path in sorted(folder.glob("*.yaml"))
    }


class Lists:
    """All named lists of a rule repository, by name. Remembers which were used."""

    def __init__(self, lists: dict[str, NamedList]) -> None:
        self._lists = lists
        self.used: set[str] = set()

    @property
    def unused(self) -> list[str]:
        """Lists that nothing has named so far."""
        return sorted(set(self._lists) - self.used)

    def names(self, given: list[str] | ListName, kind: Kind, where: str) -> list[str]:
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
        self.used.add(given.name)
        return [name for entry in found.all for name in (self._nested(entry, where) if kind == "tools" else [entry])]

    def _nested(self, entry: str, where: str) -> list[str]:
        """A tool, or the tools of the list that `<<LIST>>` names."""
        return self.names(ListName(list=entry[2:-2]), "tools", where) if re2.fullmatch(_MACRO, entry) else [entry]

    def keywords(self, given: list[str] | ListName, where: str) -> list[str]:
        """The words in lower case; in Latin letters they are found as whole words, in either case."""
        return list(dict.fromkeys(word.lower() for word in self.names(given, "keywords", where)))

    def patterns(self, given: str | ListName, where: str) -> list[str]:
        """The pattern, or those of the list it names, with each macro `<<LIST>>` or `<<LIST.en>>` put in its place."""
        parts = [given] if isinstance(given, str) else self.names(given, "patterns", where)
        return [checked(self._expanded(part, where, ()), where) for part in parts]

    def captures(self, given: str | ListName, where: str) -> list[str]:
        """Patterns that each have a group which holds what is asked for."""
        found = self.patterns(given, where)
        if not all(re2.compile(pattern, options()).groups for pattern in found):
            raise RuleError(f"{where}: a pattern without a group; put what it captures into ( and )")
        return found

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
        self.used.add(name)
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
