"""Keeps the breaker's state through a restart: what is answered was written to the journal before.

Turns in which nothing was found, of scopes whose circuits are all closed, are written together, at most CLEAN of them
at a time: a kill can lose that many from the denominators, and never a finding.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from refinery.inspection.breaker import Breakers, Scope, View
from refinery.inspection.breaker_policy import Policy
from refinery.inspection.rule import Severity
from refinery.storage.journal import Event, Journal

CLEAN: Final = 100
_COUNTED: Final = frozenset({"report", "reflect", "block"})
"""What a rule may do for its findings to move a circuit; those of a rule in shadow are written and no more."""


class Found(NamedTuple):
    """One finding, as the journal keeps it. `judged`: on the turn that is decided on, not on an earlier one."""

    turn_idx: int
    item: str
    rule_id: str
    severity: Severity
    enforce: str
    judged: bool


class Request(NamedTuple):
    """Which request it is (a hash of its id), and whose turn it brings."""

    key: str
    scope: Scope


@dataclass(frozen=True)
class Standing:
    """What the circuits say of one request."""

    circuits: tuple[View, ...]
    inspector: View


class Keeper:
    """The breakers of one folder. Every method writes before it counts; StorageError where it cannot, and no count."""

    def __init__(self, policy: Policy, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        """Takes over what the journal holds."""
        self._clock, self._breakers, self._journal = clock, Breakers(policy), journal
        self._clean: dict[Scope, int] = {}
        """Turns without a finding that are counted and not written yet, all of one step of the window."""
        self._clean_at = 0.0
        state, events = self._journal.recover()
        if state is not None:
            self._breakers.load(state)
        for event in events:
            self._count(event)
        self._journal.rotate(self._breakers.dump())

    @property
    def num_unreadable(self) -> int:
        """Lines of the journal that were cut short."""
        return self._journal.num_unreadable

    def look(self, request: Request) -> Standing:
        """How things stand for a request; nothing is counted."""
        at = self._clock()
        circuits = self._breakers.views(request.scope, request.key, at)
        return Standing(tuple(circuits), self._breakers.inspector(request.key, at))

    def turn(self, request: Request, found: Sequence[Found], version: str) -> Standing:
        """An agent turn was inspected; these are its findings, and those of the turns before it."""
        if not found and self._breakers.quiet(request.scope):
            self._count_clean(request.scope)
        else:
            told = {"found": [one._asdict() for one in found], "ruleset_version": version}
            self._write({"kind": "turn", "at": self._now(), **_told(request), **told})
        return self.look(request)

    def failed(self, request: Request, why: str) -> Standing:
        """The inspector gave no answer for a request."""
        self._write({"kind": "failed", "at": self._now(), **_told(request), "why": why})
        return self.look(request)

    def tripped(self) -> list[tuple[Scope, View]]:
        """Every circuit of an item that is not closed."""
        return list(self._breakers.tripped(self._clock()))

    def sync(self) -> None:
        """Puts what was written on the disk itself; may be called from another thread."""
        self._journal.sync()

    def close(self) -> None:
        """Writes what is left and lets another process have the folder."""
        self._flush()
        self._journal.close()

    def _now(self) -> float:
        return self._breakers.now(self._clock())

    def _count_clean(self, scope: Scope) -> None:
        at = self._now()
        if sum(self._clean.values()) >= CLEAN or self._breakers.step(self._clean_at) != self._breakers.step(at):
            self._flush()
        self._clean[scope] = self._clean.pop(scope, 0) + 1  # in the order of the last turn, as they are counted again
        self._clean_at = at
        self._breakers.turns(scope, 1, {}, "", at)

    def _flush(self) -> None:
        if self._clean:
            scopes = [[*scope, num] for scope, num in self._clean.items()]
            self._journal.append({"kind": "clean", "at": self._clean_at, "scopes": scopes})
            self._clean = {}

    def _write(self, event: Event) -> None:
        self._flush()
        self._journal.append(event)
        self._count(event)
        if self._journal.full:
            self._journal.rotate(self._breakers.dump())

    def _count(self, event: Event) -> None:
        at = event["at"]
        if event["kind"] == "clean":
            for model_version, scenario, num in event["scopes"]:
                self._breakers.turns(Scope(model_version, scenario), num, {}, "", at)
        elif event["kind"] == "failed":
            self._breakers.inspected(1, 1, event["request"], at)
        else:
            scope = Scope(event["model_version"], event["scenario"])
            self._breakers.turns(scope, 1, _items(event["found"]), event["request"], at)


def _told(request: Request) -> dict[str, Any]:
    return {"request": request.key, **request.scope._asdict()}


def _items(found: Sequence[dict[str, Any]]) -> dict[str, Severity]:
    """The items that move a circuit. Findings stand gravest first, so the first one of an item says how grave."""
    counted = [one for one in found if one["judged"] and one["enforce"] in _COUNTED]
    return {one["item"]: one["severity"] for one in reversed(counted)}
