"""What is to be done with a turn: the gravest finding on it, the circuits that hold it, the inspector's own state."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from refinery.guard.request import Asked
from refinery.inspection.breaker_keeper import Standing
from refinery.inspection.breaker_policy import Action, Policy, strictest

Finding = dict[str, Any]


class Decision(NamedTuple):
    """The action, and what asked for it: a rule's id, an item whose circuit holds the turn, or `inspector`."""

    action: Action
    because: str | None


def decide(policy: Policy, asked: Asked, findings: Sequence[Finding], standing: Standing, failed: bool) -> Decision:
    """The strictest of what is asked for; among equals a finding before a circuit, and the gravest finding first."""
    wanted = [(_of_finding(policy, found, asked.reflected), found["rule_id"]) for found in judged(asked, findings)]
    wanted += [(policy.of(view.item, view.severity).open, view.item) for view in standing.circuits if view.holds]
    if failed:
        wanted.append((policy.inspector.action, "inspector"))
    action = strictest([action for action, _ in wanted])
    because = next((because for asked_for, because in wanted if asked_for == action), None)
    return Decision(action, because if action != "pass" or failed else None)


def judged(asked: Asked, findings: Sequence[Finding]) -> list[Finding]:
    """The findings on the turns that are judged, gravest first."""
    return [found for found in findings if found["turn_idx"] in asked.judged]


def remediation(asked: Asked, findings: Sequence[Finding]) -> str | None:
    """What a model is told to do better, a line for each rule that is not in shadow; None where there is nothing."""
    told = [found["remediation"] for found in judged(asked, findings) if found["enforce"] not in ("off", "shadow")]
    return "\n".join(dict.fromkeys(told)) or None


def _of_finding(policy: Policy, found: Finding, reflected: bool) -> Action:
    """What the policy wants, as far as the rule may go: only `block` may do more than have the model reflect."""
    limits = policy.of(found["item"], found["severity"])
    wanted: Action = limits.reflected if reflected else limits.finding
    if found["enforce"] == "block" or wanted == "pass":
        return wanted
    return "reflect" if found["enforce"] == "reflect" and not reflected else "pass"
