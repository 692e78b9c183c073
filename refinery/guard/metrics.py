"""The service's figures for Prometheus. No label is taken from a request, so their number is bounded."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from refinery.guard.decision import Finding
from refinery.inspection.breaker import Scope, View
from refinery.inspection.breaker_policy import ACTIONS, Action

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Of one replica; each is scraped as a series of its own (label `replica`)."""

    def __init__(self, replica: str) -> None:
        self._registry = CollectorRegistry()
        self._replica = replica
        self._answers = self._counter("guard_answers", "Turns answered, by what is to be done", "action")
        self._refused = self._counter("guard_refused", "Requests refused, by reason", "reason")
        self._findings = self._counter("guard_findings", "Findings on judged turns", "item", "severity", "enforce")
        self._failed = self._counter("guard_inspector_failures", "Turns that were not inspected", "why")
        self._reloads = self._counter("guard_rule_loads", "Rule sets looked at after a change", "outcome")
        self._seconds = Histogram(
            "guard_seconds", "Seconds from body to answer", ["replica"], registry=self._registry, buckets=_BUCKETS
        )
        self._circuits = Gauge("guard_circuits", "Circuits that are not closed", ["replica", "state"],
                               registry=self._registry)  # fmt: skip
        for action in ACTIONS:
            self._answers.labels(replica, action)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, ["replica", *labels], registry=self._registry)

    def answered(self, action: Action, findings: Iterable[Finding], seconds: float) -> None:
        """One turn was answered."""
        self._answers.labels(self._replica, action).inc()
        self._seconds.labels(self._replica).observe(seconds)
        for found in findings:
            self._findings.labels(self._replica, found["item"], found["severity"], found["enforce"]).inc()

    def refused(self, reason: str) -> None:
        """One request was refused."""
        self._refused.labels(self._replica, reason).inc()

    def failed(self, why: str) -> None:
        """One turn was not inspected."""
        self._failed.labels(self._replica, why).inc()

    def loaded(self, outcome: str) -> None:
        """Changed rules were looked at: `serving` or `refused`."""
        self._reloads.labels(self._replica, outcome).inc()

    def text(self, tripped: Sequence[tuple[Scope, View]]) -> bytes:
        """Prometheus' text form."""
        for state in ("open", "half_open"):
            num = sum(view.state == state for _, view in tripped)
            self._circuits.labels(self._replica, state).set(num)
        return generate_latest(self._registry)
