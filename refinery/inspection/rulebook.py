"""The rule repository as one checked object: taxonomy, named lists and rules, in order of inspection.

A folder is right as a whole, or RuleError says what is wrong, a line for each thing. Rules lie in
`category/item/SEQ_name.yaml`; `rules/README.md` tells authors what may stand in them.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from refinery.errors import RuleError
from refinery.inspection.detection import Detector
from refinery.inspection.lists import Lists, read_lists
from refinery.inspection.overrides import (
    OVERRIDES,
    Overrides,
    RuleChange,
    changed_lists,
    changed_rule,
    read_overrides,
)
from refinery.inspection.policies import POLICIES, PolicyList
from refinery.inspection.prompts import PROMPTS, Prompts
from refinery.inspection.reading import read
from refinery.inspection.recognition.labelled import EXAMPLES
from refinery.inspection.rule import GRAVITY, Rule
from refinery.inspection.taxonomy import Issues, Taxonomy

TAXONOMY, ISSUES, LISTS = "taxonomy.yaml", "preference_issues.yaml", "lists"


@dataclass(frozen=True)
class Entry:
    """A rule with its priority filled in, the file it stands in, and its detector (None: asked of a model only)."""

    rule: Rule
    shown: str
    detector: Detector | None

    @property
    def order(self) -> tuple[int, int, str]:
        """Gravest first: severity, then priority, then id."""
        return (-GRAVITY[self.rule.severity], -(self.rule.priority or 0), self.rule.id)


@dataclass(frozen=True)
class Rulebook:
    """All rules in order of inspection, and the version that findings carry."""

    entries: tuple[Entry, ...]
    taxonomy: Taxonomy
    issues: Issues
    unused_lists: list[str]
    version: str


def load_rulebook(root: Path, overrides: Path | None = None) -> Rulebook:
    """Read and check everything under `root`, and a tenant's folder laid over it."""
    taxonomy = read(root / TAXONOMY, TAXONOMY, Taxonomy)
    policies = set(read(root / POLICIES, POLICIES, PolicyList).policies)
    issues = read(root / ISSUES, ISSUES, Issues)
    listed, changes, roots = read_lists(root / LISTS, root), Overrides(), [root]
    if overrides is not None:
        changes, roots = read_overrides(overrides), [root, overrides]
        listed = changed_lists(listed, overrides, changes.lists)
    shelf = _Shelf(taxonomy, policies, Lists(listed), Prompts(root), changes.rules)
    entries, wrong = [], []
    for place in roots:
        for path in rule_files(place):
            try:
                entries.append(shelf.entry(path, place))
            except RuleError as error:
                wrong.append(str(error))
    wrong += _loose_ends(entries, issues, taxonomy, changes)
    if wrong:
        raise RuleError("\n".join(wrong))
    ordered = tuple(sorted(entries, key=lambda entry: entry.order))
    return Rulebook(ordered, taxonomy, issues, shelf.lists.unused, ruleset_version(*roots))


def rule_files(root: Path) -> list[Path]:
    """Every YAML file that is no table, list or prompt, so that a file put in a wrong place is refused."""
    tables = {root / name for name in (TAXONOMY, POLICIES, ISSUES, OVERRIDES, EXAMPLES)}
    found = [path for path in [*root.rglob("*.yaml"), *root.rglob("*.yml")] if path not in tables]
    return sorted(path for path in found if path.relative_to(root).parts[0] not in (LISTS, PROMPTS))


def ruleset_version(*roots: Path) -> str:
    """Hex hash (32 characters) of every rule, list, policy, taxonomy and prompt file: relative path and content."""
    digest = hashlib.blake2b(digest_size=16)
    for number, root in enumerate(roots):
        for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
            relative = path.relative_to(root)
            if path.is_file() and path.name != "README.md" and not any(part.startswith(".") for part in relative.parts):
                content = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
                digest.update(f"{number or ''}{relative.as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Shelf:
    """What a rule is checked against."""

    taxonomy: Taxonomy
    policies: set[str]
    lists: Lists
    prompts: Prompts
    changes: dict[str, RuleChange]

    def entry(self, path: Path, root: Path) -> Entry:
        """The rule of a file, as the tenant wants it, with its detector."""
        shown = path.relative_to(root).as_posix()
        rule = read(path, shown, Rule)
        place = self.taxonomy.place(rule.item, f"{shown}: key `id`")
        _at_home(rule, shown)
        if rule.id in self.changes:
            rule = self._changed(rule)
        self._known_policies(rule, shown)
        if rule.llm is not None:
            self.prompts.check(rule.llm, f"{shown}: key `llm`")
        detector = Detector(rule.detect, self.lists, shown) if rule.detect is not None else None
        if rule.priority is None:
            rule = rule.model_copy(update={"priority": GRAVITY[rule.severity] - place})
        return Entry(rule, shown, detector)

    def _changed(self, rule: Rule) -> Rule:
        try:
            return changed_rule(rule, self.changes[rule.id])
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise RuleError(f"{OVERRIDES}: key `rules.{rule.id}`: {said}") from error

    def _known_policies(self, rule: Rule, shown: str) -> None:
        clauses = rule.detect.let.items() if rule.detect else []
        named = {f"detect.let.{name}.policy": clause.policy or [] for name, clause in clauses}
        for key, names in ({"applies.policies.any": rule.applies.policies.any} | named).items():
            for policy in names:
                if policy not in self.policies:
                    known = ", ".join(sorted(self.policies))
                    raise RuleError(f"{shown}: key `{key}`: unknown policy {policy}; known: {known}; correct it")


def _at_home(rule: Rule, shown: str) -> None:
    category, item, seq = rule.id.split(".")
    home = f"{category.lower()}/{item}/{seq}_"
    if not shown.startswith(home) or shown.count("/") != 2:
        raise RuleError(f"{shown}: id {rule.id} belongs in {home}NAME.yaml; move the file or correct the id")


def _loose_ends(entries: list[Entry], issues: Issues, taxonomy: Taxonomy, changes: Overrides) -> list[str]:
    """What is wrong between files: ids used twice, rules named that do not exist, issues over unknown items."""
    ids = Counter(entry.rule.id for entry in entries)
    wrong = [f"{e.shown}: id {e.rule.id} stands in two files; give one a new id" for e in entries if ids[e.rule.id] > 1]
    wrong += [
        f"{entry.shown}: key `related`: no rule {other}; correct or remove it"
        for entry in entries
        for other in entry.rule.related
        if other not in ids
    ]
    wrong += [f"{OVERRIDES}: key `rules`: no rule {other}; correct it" for other in changes.rules if other not in ids]
    wrong += [
        f"{ISSUES}: key `issues.{name}.items`: unknown item {item}; known: {', '.join(taxonomy.items)}; correct it"
        for name, issue in issues.issues.items()
        for item in issue.items
        if item not in taxonomy.items
    ]
    return wrong
