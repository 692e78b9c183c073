"""The circuit breaker: one circuit for each model version, scenario and item, and one for the inspector itself.

    closed     turns pass; over `max_share` of `min_turns` or more turns in the window have the finding: open
    open       every turn of the model version in the scenario is diverted; after `open_seconds`: half open
    half open  a share of requests, by the hash of their id, pass as canaries; the others are diverted.
               More findings among the canaries than are borne: open. `canary_turns` canaries: closed, window empty

Pure: no clock, no file, no randomness. The same events in the same order make the same state, so that a journal of
events is the state. Time never runs back: an earlier time counts as the latest one seen.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from refinery.inspection.breaker_policy import Limits, Policy
from refinery.inspection.rule import GRAVITY, Severity

State = Literal["closed", "open", "half_open"]
STEPS: Final = 20
"""A window moves in steps of a twentieth, so that a circuit is 21 small rows at most, however many turns come."""
INSPECTOR: Final = "inspector"


class Scope(NamedTuple):
    """Whose turns are counted together."""

    model_version: str | None
    scenario: str | None


class View(NamedTuple):
    """A circuit as a request met it. `until`: epoch seconds at which an open one becomes half open."""

    item: str
    severity: Severity
    state: State
    holds: bool
    num_turns: int
    num_findings: int
    until: float | None


def is_canary(request: str, share: float) -> bool:
    """Whether the request is let through a half-open circuit: by its id alone, the same on every machine."""
    digest = hashlib.blake2b(request.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


class Window:
    """Turns and findings of the last STEPS steps: [step, turns, findings] of each in which a turn came."""

    def __init__(self, rows: Iterable[Sequence[int]] = ()) -> None:
        self.rows = deque(list(row) for row in rows)

    def count(self, step: int, num: int, found: int) -> None:
        """Adds turns of the present step, and forgets the steps that lie too far back."""
        if not self.rows or self.rows[-1][0] != step:
            self.rows.append([step, 0, 0])
        self.rows[-1][1] += num
        self.rows[-1][2] += found
        while self.rows[0][0] <= step - STEPS:
            self.rows.popleft()

    def totals(self, step: int) -> tuple[int, int]:
        """Turns and findings, seen from a step."""
        rows = [row for row in self.rows if row[0] > step - STEPS]
        return sum(row[1] for row in rows), sum(row[2] for row in rows)


@dataclass
class Circuit:
    """Counts and state of one circuit. `severity`: the gravest with which its item was found."""

    severity: Severity
    state: State = "closed"
    since: float = 0.0
    num_canaries: int = 0
    num_bad_canaries: int = 0
    window: Window = field(default_factory=Window)

    def stands(self, now: float, limits: Limits) -> State:
        """The state at a time: an open circuit becomes half open by time alone."""
        over = self.state == "open" and now >= self.since + limits.open_seconds
        return "half_open" if over else self.state

    def observe(self, num: int, found: int, canary: bool, now: float, limits: Limits, step: int) -> None:
        """`num` turns were inspected, `found` of them have the item."""
        self.state = self.stands(now, limits)
        if self.state == "closed":
            self.window.count(step, num, found)
            turns, findings = self.window.totals(step)
            if turns >= limits.min_turns and findings > limits.max_share * turns:
                self._turn("open", now)
        elif self.state == "half_open" and canary:
            self.num_canaries += num
            self.num_bad_canaries += found
            if self.num_bad_canaries > limits.max_share * limits.canary_turns:
                self._turn("open", now)
            elif self.num_canaries >= limits.canary_turns:
                self._turn("closed", now)

    def view(self, item: str, request: str, now: float, limits: Limits, step: int) -> View:
        """The circuit as a request meets it; nothing is changed."""
        state = self.stands(now, limits)
        holds = state == "open" or (state == "half_open" and not is_canary(request, limits.canary_share))
        until = self.since + limits.open_seconds if state == "open" else None
        counts = self.window.totals(step) if state == "closed" else (self.num_canaries, self.num_bad_canaries)
        return View(item, self.severity, state, holds, *counts, until)

    def _turn(self, state: State, since: float) -> None:
        self.state, self.since = state, since
        self.num_canaries = self.num_bad_canaries = 0
        self.window = Window()


class Breakers:
    """All circuits, bounded in number: a scope has one circuit an item, and `max_scopes` scopes are kept."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._now = 0.0
        self._turns: dict[Scope, Window] = {}
        """All turns of a scope, for items that were not found yet; the scope seen last comes last."""
        self._circuits: dict[Scope, dict[str, Circuit]] = {}
        self._inspector = Circuit("critical")

    def now(self, clock: float) -> float:
        """The clock's time, or that of the last event where the clock ran back."""
        return max(self._now, clock)

    def step(self, now: float) -> int:
        """The step of the window in which a time lies."""
        return int(now // (self.policy.window_seconds / STEPS))

    def quiet(self, scope: Scope) -> bool:
        """Whether the scope is known, and every circuit that a turn of it meets is closed."""
        circuits = [self._inspector, *self._circuits.get(scope, {}).values()]
        return scope in self._turns and all(circuit.state == "closed" for circuit in circuits)

    def turns(self, scope: Scope, num: int, found: Mapping[str, Severity], request: str, clock: float) -> None:
        """`num` agent turns of a scope were inspected; one of them (`num` is 1 then) may have items."""
        now = self._now = self.now(clock)
        step = self.step(now)
        self._see(scope)
        circuits = self._circuits[scope]
        for item, severity in found.items():
            if item not in circuits:  # the turns before had no finding
                circuits[item] = Circuit(severity, window=Window(self._turns[scope].rows))
            circuits[item].severity = max(circuits[item].severity, severity, key=GRAVITY.__getitem__)
        for item, circuit in circuits.items():
            limits = self.policy.of(item, circuit.severity)
            canary = is_canary(request, limits.canary_share)
            circuit.observe(num, int(item in found), canary, now, limits, step)
        self._turns[scope].count(step, num, 0)
        self.inspected(num, 0, request, clock)

    def inspected(self, num: int, failed: int, request: str, clock: float) -> None:
        """The inspector was asked `num` times; `failed` of them it gave no answer."""
        now, limits = self.now(clock), self.policy.inspector
        self._now = now
        canary = is_canary(request, limits.canary_share)
        self._inspector.observe(num, failed, canary, now, limits, self.step(now))

    def inspector(self, request: str, clock: float) -> View:
        """The inspector's own circuit; where it holds, the request is not inspected."""
        now = self.now(clock)
        return self._inspector.view(INSPECTOR, request, now, self.policy.inspector, self.step(now))

    def views(self, scope: Scope, request: str, clock: float) -> list[View]:
        """The circuits of a scope that are not closed or have findings in their window, by item."""
        now = self.now(clock)
        found = [
            circuit.view(item, request, now, self.policy.of(item, circuit.severity), self.step(now))
            for item, circuit in sorted(self._circuits.get(scope, {}).items())
        ]
        return [view for view in found if view.state != "closed" or view.num_findings]

    def tripped(self, clock: float) -> Iterator[tuple[Scope, View]]:
        """Every circuit that is not closed."""
        for scope in list(self._circuits):
            for view in self.views(scope, "", clock):
                if view.state != "closed":
                    yield scope, view

    def _see(self, scope: Scope) -> None:
        """Makes the scope the last one seen; where there are too many, the longest unseen one gives way."""
        self._turns[scope] = self._turns.pop(scope, Window())
        self._circuits.setdefault(scope, {})
        if len(self._turns) > self.policy.max_scopes:
            others = [other for other in self._turns if other != scope]
            calm = (one for one in others if all(c.state == "closed" for c in self._circuits[one].values()))
            gone = next(calm, others[0])
            del self._turns[gone], self._circuits[gone]

    def dump(self) -> dict[str, Any]:
        """The state as JSON."""
        scopes = [
            [*scope, list(total.rows), {item: _dumped(circuit) for item, circuit in self._circuits[scope].items()}]
            for scope, total in self._turns.items()
        ]
        inspector, seconds = _dumped(self._inspector), self.policy.window_seconds
        return {"now": self._now, "window_seconds": seconds, "inspector": inspector, "scopes": scopes}

    def load(self, state: Mapping[str, Any]) -> None:
        """The state that `dump` gave; the counts of a window of another length are left out."""
        same = state["window_seconds"] == self.policy.window_seconds
        self._now, self._inspector = state["now"], _loaded(state["inspector"], same)
        for model_version, scenario, total, circuits in state["scopes"][-self.policy.max_scopes :]:
            scope = Scope(model_version, scenario)
            self._turns[scope] = Window(total if same else ())
            self._circuits[scope] = {item: _loaded(circuit, same) for item, circuit in circuits.items()}


def _dumped(circuit: Circuit) -> dict[str, Any]:
    return vars(circuit) | {"window": list(circuit.window.rows)}


def _loaded(state: Mapping[str, Any], counts: bool) -> Circuit:
    return Circuit(**{**state, "window": Window(state["window"] if counts else ())})
