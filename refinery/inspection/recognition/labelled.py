"""Sentences of agents with the policies that they show, to train a head on: phrases of ours, and labelled turns."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError, field_validator

from refinery.errors import RuleError
from refinery.inspection.reading import Strict, read

EXAMPLES = "policy_examples.yaml"


class Labelled(NamedTuple):
    """A text and the policies that it shows, sorted; none where it shows none."""

    text: str
    policies: tuple[str, ...]


class Group(Strict):
    """Sentences, one a line, that all show the same policies."""

    policies: list[str]
    en: str = ""
    zh: str = ""

    @field_validator("policies")
    @classmethod
    def _once(cls, policies: list[str]) -> list[str]:
        if len(set(policies)) < len(policies):
            raise ValueError("a policy stands twice; keep it once")
        return policies


class Examples(Strict):
    """A file of phrases (rules/policy_examples.yaml)."""

    groups: list[Group]


class _Turn(Strict):
    text: str
    policies: list[str]


def phrases(path: Path, known: Iterable[str]) -> list[Labelled]:
    """The phrases of a file in order; RuleError where a policy is unknown or a sentence stands twice."""
    known, found = set(known), dict[str, Labelled]()
    for group in read(path, path.name, Examples).groups:
        if unknown := sorted(set(group.policies) - known):
            raise RuleError(f"{path.name}: unknown policy {unknown[0]}; known: {', '.join(sorted(known))}; correct it")
        for line in [*group.en.splitlines(), *group.zh.splitlines()]:
            if line in found:
                raise RuleError(f"{path.name}: a sentence of {group.policies} stands twice; keep it once: {line!r}")
            found[line] = Labelled(line, tuple(sorted(group.policies)))
    return list(found.values())


def turns(path: Path, known: Iterable[str]) -> list[Labelled]:
    """Labelled turns, JSON lines of text and policies; RuleError names the line that is not so, and no text of it."""
    known, found = set(known), []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            turn = _Turn.model_validate_json(line)
        except ValidationError:
            raise RuleError(f'{path.name}:{number}: a labelled turn is {{"text": "…", "policies": ["…"]}}') from None
        if not known.issuperset(turn.policies):
            raise RuleError(f"{path.name}:{number}: unknown policy; known: {', '.join(sorted(known))}; correct it")
        found.append(Labelled(turn.text, tuple(sorted(set(turn.policies)))))
    return found


def held_out(text: str) -> bool:
    """Whether a phrase belongs to the fifth that measures and does not train: decided by the text alone."""
    return hashlib.blake2b(text.encode(), digest_size=4).digest()[0] % 5 == 0
