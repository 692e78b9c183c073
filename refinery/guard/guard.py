"""One request from body to answer: read, inspect, write down, decide. No HTTP here, and no Ray."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from refinery.guard.decision import decide, judged, remediation
from refinery.guard.inspection import Desk, Inspected
from refinery.guard.metrics import Metrics
from refinery.guard.request import Asked, asked
from refinery.guard.rules import Rules
from refinery.guard.settings import Settings
from refinery.inspection.breaker import Scope, View
from refinery.inspection.breaker_keeper import Found, Keeper, Request, Standing
from refinery.intake.redact import redact_text

_LOG: Final = logging.getLogger("refinery.guard")


class Keeping(Protocol):
    """Who holds the breaker: this process, or an actor that all replicas ask."""

    async def look(self, request: Request) -> Standing:
        """How things stand; nothing is counted."""

    async def turn(self, request: Request, found: list[Found], version: str) -> Standing:
        """Writes down and counts an inspected turn."""

    async def failed(self, request: Request, why: str) -> Standing:
        """Writes down and counts a turn that could not be inspected."""

    async def tripped(self) -> list[tuple[Scope, View]]:
        """Every circuit that is not closed."""


class Here:
    """The breaker in this process."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def look(self, request: Request) -> Standing:
        """How things stand; nothing is counted."""
        return self._keeper.look(request)

    async def turn(self, request: Request, found: list[Found], version: str) -> Standing:
        """Writes down and counts an inspected turn."""
        return self._keeper.turn(request, found, version)

    async def failed(self, request: Request, why: str) -> Standing:
        """Writes down and counts a turn that could not be inspected."""
        return self._keeper.failed(request, why)

    async def tripped(self) -> list[tuple[Scope, View]]:
        """Every circuit that is not closed."""
        return self._keeper.tripped()


class Guard:
    """Answers requests by the rules that serve at the moment."""

    def __init__(self, settings: Settings, rules: Rules, keeping: Keeping, metrics: Metrics) -> None:
        self.settings, self.metrics, self.keeping = settings, metrics, keeping
        self._rules, self._policy = rules, settings.breaker
        self._desk = Desk(rules.start())
        self._started = time.time()

    async def answer(self, body: bytes) -> dict[str, Any]:
        """The answer to a body. ParseError: it cannot be read. StorageError: nothing can be written down now."""
        started = time.perf_counter()
        this = asked(body, self.settings.max_body_bytes, datetime.now(UTC).date().isoformat())
        inspected, failed = await self._inspected(this)
        request = Request(this.key, inspected.scope if inspected else _scope(this))
        if inspected and this.has_turn:
            standing = await self.keeping.turn(request, _found(this, inspected), inspected.version)
        elif failed in ("error", "timeout"):
            standing = await self.keeping.failed(request, failed)
        else:
            standing = await self.keeping.look(request)
        return self._told(this, inspected, failed, standing, time.perf_counter() - started)

    async def _inspected(self, this: Asked) -> tuple[Inspected | None, str | None]:
        """What was found, or why nothing was looked for: `error`, `timeout`, or `open` (the inspector's circuit)."""
        standing = await self.keeping.look(Request(this.key, Scope(None, None)))
        if standing.inspector.holds:
            return None, "open"
        waiting = asyncio.wrap_future(self._desk.ask(this.row))
        try:
            return await asyncio.wait_for(waiting, self._policy.inspector.timeout_seconds), None
        except TimeoutError:
            return None, "timeout"
        except Exception as error:  # a fault of ours: it opens the inspector's circuit, and is named without its words
            _LOG.error("inspection broke: %s", type(error).__name__)
            return None, "error"

    def _told(
        self, this: Asked, inspected: Inspected | None, failed: str | None, standing: Standing, seconds: float
    ) -> dict[str, Any]:
        findings = inspected.findings if inspected else []
        decision = decide(self._policy, this, findings, standing, failed is not None)
        self.metrics.answered(decision.action, judged(this, findings), seconds)
        if failed:
            self.metrics.failed(failed)
        return {
            "request": this.key,
            "action": decision.action,
            "because": decision.because,
            "remediation": remediation(this, findings),
            "findings": findings,
            "judged_from": this.judged.start,
            "ruleset_version": self._desk.inspection.version if inspected is None else inspected.version,
            "breaker": [view._asdict() for view in standing.circuits],
            "inspector": {
                "inspected": inspected is not None,
                "why": failed,
                "state": standing.inspector.state,
                "fails": self._policy.inspector.fails,
            },
        }

    def reload(self) -> None:
        """Looks at the rules folder; a new set takes over between two requests. For a thread of its own."""
        refused = self._rules.refused
        found = self._rules.look()
        if found is not None:
            self._desk.inspection = found
            self.metrics.loaded("serving")
            _LOG.info("rules %s serve now", found.version)
        elif self._rules.refused != refused:
            self.metrics.loaded("refused")
            _LOG.error("changed rules are refused, %s go on: %s", self._desk.inspection.version, self._rules.refused)

    async def health(self) -> dict[str, Any]:
        """What serves, and what is wrong with what does not."""
        standing = await self.keeping.look(Request("", Scope(None, None)))
        refused = self._rules.refused
        return {
            "status": "ok" if refused is None and standing.inspector.state == "closed" else "degraded",
            "ruleset_version": self._desk.inspection.version,
            "rules_refused": refused,
            "inspector": standing.inspector.state,
            "circuits_open": sum(view.state == "open" for _, view in await self.keeping.tripped()),
            "seconds_up": round(time.time() - self._started, 3),
        }

    def close(self) -> None:
        """Ends the inspecting thread."""
        self._desk.close()


def _found(this: Asked, inspected: Inspected) -> list[Found]:
    keys = ("turn_idx", "item", "rule_id", "severity", "enforce")
    return [
        Found(**{key: one[key] for key in keys}, judged=one["turn_idx"] in this.judged) for one in inspected.findings
    ]


def _scope(this: Asked) -> Scope:
    """Of a turn that was not inspected, and so not masked with its conversation."""
    labels = (this.row["model_version"], this.row["scenario"])
    return Scope(*(label and redact_text(label) for label in labels))
