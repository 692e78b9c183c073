"""A tenant's changes to the shipped rules, in a folder of their own, so that nobody forks the repository.

    tenants/acme/overrides.yaml           lists: {secrets: {remove: {en: [PIN]}}}
                                          rules: {PAY.over_limit.001: {enforce: shadow}}
    tenants/acme/lists/acme_tools.yaml    a further list
    tenants/acme/pay/over_limit/900_….yaml   a further rule

What a rule looks for is not changed under its id: switch it off and write another one.
"""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from refinery.errors import RuleError
from refinery.inspection.lists import Entry, Language, NamedList, read_lists
from refinery.inspection.reading import Strict, read
from refinery.inspection.rule import Applies, Confidence, Enforce, Route, Rule, Severity, Status

OVERRIDES = "overrides.yaml"


class ListChange(Strict):
    """Entries put into a list and taken out of it, by language."""

    add: dict[Language, list[Entry]] = {}
    remove: dict[Language, list[Entry]] = {}


class RuleChange(Strict):
    """Keys of a rule that a tenant may set: what it means to them, where it runs, what it may do. Not its logic."""

    remediation: str | None = None
    severity: Severity | None = None
    priority: int | None = Field(default=None, ge=0, le=1000)
    confidence: Confidence | None = None
    status: Status | None = None
    enforce: Enforce | None = None
    owner: str | None = None
    applies: Applies | None = None
    on_abstain: Literal["skip", "run"] | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    route: Route | None = None


class Overrides(Strict):
    """One tenant's `overrides.yaml`."""

    lists: dict[str, ListChange] = {}
    rules: dict[str, RuleChange] = {}


def read_overrides(root: Path) -> Overrides:
    """The changes of a tenant's folder; a folder without the file changes nothing but may add."""
    path = root / OVERRIDES
    if not root.is_dir():
        raise RuleError(f"{root.name}: no such folder of overrides; name one with an {OVERRIDES} in it")
    return read(path, OVERRIDES, Overrides) if path.is_file() else Overrides()


def changed_lists(base: dict[str, NamedList], root: Path, changes: dict[str, ListChange]) -> dict[str, NamedList]:
    """The shipped lists with a tenant's changes, and the tenant's own beside them."""
    own = read_lists(root / "lists", root)
    if twice := sorted(set(own) & set(base)):
        raise RuleError(
            f"lists/{twice[0]}.yaml: a list of that name is shipped; change it in {OVERRIDES} under `lists`"
        )
    if unknown := sorted(set(changes) - set(base)):
        known = ", ".join(sorted(base))
        raise RuleError(f"{OVERRIDES}: key `lists`: no list `{unknown[0]}`; known: {known}; correct it")
    return base | own | {name: _changed(name, base[name], change) for name, change in changes.items()}


def _changed(name: str, shipped: NamedList, change: ListChange) -> NamedList:
    entries = {language: list(words) for language, words in shipped.entries.items()}
    for language, words in change.remove.items():
        for word in words:
            if word not in entries.get(language, []):
                raise RuleError(f"{OVERRIDES}: key `lists.{name}.remove.{language}`: `{word}` is not in it; correct it")
            entries[language].remove(word)
    for language, words in change.add.items():
        entries[language] = [*entries.get(language, []), *words]
    left = {language: words for language, words in entries.items() if words}
    if not left:
        raise RuleError(
            f"{OVERRIDES}: key `lists.{name}.remove`: nothing is left; set the rule's `enforce: off` instead"
        )
    return shipped.model_copy(update={"entries": left})


def changed_rule(rule: Rule, change: RuleChange) -> Rule:
    """The rule with the keys that a tenant sets, checked anew (pydantic's ValidationError if they do not fit)."""
    given = rule.model_dump(by_alias=True, exclude_unset=True)
    return Rule.model_validate(given | change.model_dump(by_alias=True, exclude_unset=True))
