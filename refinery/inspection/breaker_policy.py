"""What a finding leads to, and when a circuit opens and closes: one YAML file, read strictly.

severities: {critical: {finding: block, reflected: hand_to_human, open: fall_back, min_turns: 50, …}, …}
items: {COMP.over_promise: {open: hand_to_human}}        only what differs from its severity
"""

from collections.abc import Collection
from functools import cached_property
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from refinery.errors import RuleError
from refinery.inspection.reading import Strict
from refinery.inspection.rule import GRAVITY, Severity

Action = Literal["pass", "reflect", "block", "fall_back", "hand_to_human"]
ACTIONS: Final[tuple[Action, ...]] = ("pass", "reflect", "block", "fall_back", "hand_to_human")
"""From mildest to strictest; of several the strictest is done."""
Diversion = Literal["block", "fall_back", "hand_to_human"]


class Limits(Strict):
    """When a circuit opens, and how it finds out whether it may close."""

    min_turns: int = Field(ge=1)
    """Turns in the window below which a circuit never opens."""
    max_share: float = Field(ge=0, lt=1)
    """Share of turns with a finding that is still borne, in the window and among the canaries."""
    open_seconds: float = Field(gt=0)
    canary_share: float = Field(gt=0, le=1)
    """Share of requests let through while half open."""
    canary_turns: int = Field(ge=1)
    """Canaries after which a circuit that bore them closes."""


class Severe(Limits):
    """What a severity (or an item) leads to."""

    finding: Action
    """What one finding leads to, as far as its rule may (`enforce`)."""
    reflected: Literal["pass", "block", "fall_back", "hand_to_human"]
    """The same, where the turn is a second try after a reflection."""
    open: Diversion
    """What every turn gets while the circuit is open."""


class Change(Strict):
    """What an item does otherwise than its severity says."""

    finding: Action | None = None
    reflected: Literal["pass", "block", "fall_back", "hand_to_human"] | None = None
    open: Diversion | None = None
    min_turns: int | None = Field(default=None, ge=1)
    max_share: float | None = Field(default=None, ge=0, lt=1)
    open_seconds: float | None = Field(default=None, gt=0)
    canary_share: float | None = Field(default=None, gt=0, le=1)
    canary_turns: int | None = Field(default=None, ge=1)


class Inspector(Limits):
    """The circuit of the inspector itself: errors and timeouts are its findings."""

    timeout_seconds: float = Field(gt=0)
    fails: Literal["open", "closed"]
    """open: a turn that could not be inspected passes; closed: it gets `closed`."""
    closed: Diversion = "hand_to_human"

    @property
    def action(self) -> Action:
        """What a turn gets that was not inspected."""
        return "pass" if self.fails == "open" else self.closed


class Policy(Strict):
    """The whole file."""

    window_seconds: float = Field(gt=0)
    max_scopes: int = Field(ge=1)
    """Pairs of model version and scenario kept in memory and on disk; the longest unseen gives way."""
    severities: dict[Severity, Severe]
    items: dict[str, Change] = {}
    inspector: Inspector

    @model_validator(mode="after")
    def _all_severities(self) -> Self:
        missing = [name for name in GRAVITY if name not in self.severities]
        if missing:
            raise ValueError(f"`severities` lacks {', '.join(missing)}; give each its line")
        return self

    @cached_property
    def _merged(self) -> dict[tuple[str, Severity], Severe]:
        return {
            (item, severity): Severe.model_validate(base.model_dump() | change.model_dump(exclude_none=True))
            for item, change in self.items.items()
            for severity, base in self.severities.items()
        }

    def of(self, item: str, severity: Severity) -> Severe:
        """The item's line, else that of the severity."""
        return self._merged.get((item, severity)) or self.severities[severity]


def check_items(policy: Policy, items: Collection[str], where: str) -> None:
    """RuleError where the policy names an item that the taxonomy does not know."""
    for item in policy.items:
        if item not in items:
            raise RuleError(f"{where}.items.{item}`: unknown item; known: {', '.join(items)}; correct or remove it")


def strictest(actions: Collection[Action]) -> Action:
    """The strictest of the actions; `pass` where there is none."""
    return max(actions, key=ACTIONS.index, default="pass")
