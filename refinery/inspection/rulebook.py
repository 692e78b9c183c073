"""The rule repository as one checked object: taxonomy, named lists and rules, in order of inspection.

A folder is right as a whole, or RuleError says what is wrong, a line for each thing. Rules lie in
`category/item/SEQ_name.yaml`; `rules/README.md` tells authors what may stand in them.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from refinery.errors import RuleError
from refinery.inspection.detection import Detector
from refinery.inspection.lists import Lists
from refinery.inspection.policies import POLICIES, PolicyList
from refinery.inspection.reading import read
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
    version: str


def load_rulebook(root: Path) -> Rulebook:
    """Read and check everything under `root`."""
    taxonomy = read(root / TAXONOMY, TAXONOMY, Taxonomy)
    policies = read(root / POLICIES, POLICIES, PolicyList)
    issues = read(root / ISSUES, ISSUES, Issues)
    lists = Lists(root / LISTS, root)
    entries, wrong = [], []
    for path in rule_files(root):
        try:
            entries.append(_entry(path, root, taxonomy, set(policies.policies), lists))
        except RuleError as error:
            wrong.append(str(error))
    wrong += _loose_ends(entries, issues, taxonomy)
    if wrong:
        raise RuleError("\n".join(wrong))
    return Rulebook(tuple(sorted(entries, key=lambda entry: entry.order)), taxonomy, issues, ruleset_version(root))


def rule_files(root: Path) -> list[Path]:
    """Every YAML file that is no table and no list, so that a file put in a wrong place is refused, not overlooked."""
    tables = {root / TAXONOMY, root / POLICIES, root / ISSUES}
    found = [*root.rglob("*.yaml"), *root.rglob("*.yml")]
    return sorted(path for path in found if path not in tables and path.parent != root / LISTS)


def ruleset_version(root: Path) -> str:
    """Hex hash (32 characters) of every rule, list, policy, taxonomy and prompt file: relative path and content."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        relative = path.relative_to(root)
        if path.is_file() and path.name != "README.md" and not any(part.startswith(".") for part in relative.parts):
            content = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
            digest.update(f"{relative.as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _entry(path: Path, root: Path, taxonomy: Taxonomy, policies: set[str], lists: Lists) -> Entry:
    shown = path.relative_to(root).as_posix()
    rule = read(path, shown, Rule)
    place = taxonomy.place(rule.item, f"{shown}: key `id`")
    category, item, seq = rule.id.split(".")
    home = f"{category.lower()}/{item}/{seq}_"
    if not shown.startswith(home) or shown.count("/") != 2:
        raise RuleError(f"{shown}: id {rule.id} belongs in {home}NAME.yaml; move the file or correct the id")
    for policy in rule.applies.policies.any:
        if policy not in policies:
            known = ", ".join(sorted(policies))
            raise RuleError(f"{shown}: key `applies.policies.any`: unknown policy {policy}; known: {known}; correct it")
    if rule.llm is not None and not (root / rule.llm.prompt).is_file():
        raise RuleError(f"{shown}: key `llm.prompt`: no file {rule.llm.prompt} in the rules folder; add it")
    detector = Detector(rule.detect, lists, shown) if rule.detect is not None else None
    if rule.priority is None:
        rule = rule.model_copy(update={"priority": GRAVITY[rule.severity] - place})
    return Entry(rule, shown, detector)


def _loose_ends(entries: list[Entry], issues: Issues, taxonomy: Taxonomy) -> list[str]:
    """What is wrong between files: ids used twice, related rules that do not exist, issues over unknown items."""
    ids = Counter(entry.rule.id for entry in entries)
    wrong = [f"{e.shown}: id {e.rule.id} stands in two files; give one a new id" for e in entries if ids[e.rule.id] > 1]
    wrong += [
        f"{entry.shown}: key `related`: no rule {other}; correct or remove it"
        for entry in entries
        for other in entry.rule.related
        if other not in ids
    ]
    wrong += [
        f"{ISSUES}: key `issues.{name}.items`: unknown item {item}; known: {', '.join(taxonomy.items)}; correct it"
        for name, issue in issues.issues.items()
        for item in issue.items
        if item not in taxonomy.items
    ]
    return wrong
