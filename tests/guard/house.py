"""A guard in this process: small rules, a moving clock, and a client that speaks ASGI to it."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import yaml

from refinery.guard.guard import Guard, Here
from refinery.guard.http import Application
from refinery.guard.metrics import Metrics
from refinery.guard.rules import Rules
from refinery.guard.settings import Settings, load_settings
from refinery.inspection.breaker_keeper import Keeper
from refinery.storage.journal import Journal
from tests.inspection.talks import changed, folder

LIMITS = {"min_turns": 5, "max_share": 0.2, "open_seconds": 60.0, "canary_share": 0.5, "canary_turns": 3}
ACTS = {"finding": "block", "reflected": "hand_to_human", "open": "fall_back"}
BREAKER: dict[str, Any] = {
    "window_seconds": 600.0,
    "max_scopes": 20,
    "severities": {
        "critical": LIMITS | ACTS,
        "major": LIMITS | ACTS | {"finding": "reflect", "reflected": "block"},
        "minor": LIMITS | ACTS | {"finding": "reflect", "reflected": "pass"},
        "info": LIMITS | ACTS | {"finding": "pass", "reflected": "pass"},
    },
    "inspector": LIMITS | {"timeout_seconds": 30.0, "fails": "closed", "closed": "hand_to_human"},
}
HITS = [{"turns": [{"role": "assistant", "content": text}], "expect": {"turn": 0}} for text in ("whatever", "随便")]
MISSES = [{"turns": [{"role": "assistant", "content": text}]} for text in ("of course", "好的")]


def rule(**changes: Any) -> dict[str, Any]:
    """A rule that may have the model reflect, and triggers on `whatever` and `随便`."""
    return changed(enforce="reflect", tests={"hits": HITS, "misses": MISSES}, **changes)


def rules(path: Path, *more: dict[str, Any]) -> Path:
    """A folder with that rule, and more."""
    return folder(path, rule(), *more)


def write_settings(tmp_path: Path, breaker: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A settings file over `tmp_path/rules`, which is made where it is not there."""
    if not (tmp_path / "rules").exists():
        rules(tmp_path / "rules")
    told = {"rules": str(tmp_path / "rules"), "state": str(tmp_path / "state"), "breaker": BREAKER | (breaker or {})}
    path = tmp_path / "guard.yaml"
    path.write_text(yaml.safe_dump(told | changes, allow_unicode=True), encoding="utf-8")
    return path


class House:
    """One guard with its journal; `clock` is set by the test."""

    def __init__(self, tmp_path: Path, breaker: dict[str, Any] | None = None, **changes: Any) -> None:
        self.settings: Settings = load_settings(write_settings(tmp_path, breaker, **changes))
        self.clock = 1_000.0
        state = Path(self.settings.state)
        self.keeper = Keeper(self.settings.breaker, Journal(state / "journal", patience=0.2), lambda: self.clock)
        watched = Rules(Path(self.settings.rules), state)
        self.guard = Guard(self.settings, watched, Here(self.keeper), Metrics("r1"))
        self.application = Application(self.guard)

    def close(self) -> None:
        """Lets another house have the folder."""
        self.guard.close()
        self.keeper.close()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """One request; the body comes in pieces of 1,000 bytes."""
        return asyncio.run(self.asked(method, path, body, **headers))

    async def asked(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """The same, inside a loop."""
        pieces = [body[i : i + 1_000] for i in range(0, len(body), 1_000)] or [b""]
        sent = list[dict[str, Any]]()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        named = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": named}
        await self.application(scope, receive, send)
        return sent[0]["status"], sent[1]["body"]

    def post(self, value: Any) -> dict[str, Any]:
        """An answer to a JSON value; the test fails where it is refused."""
        status, body = self.ask("POST", "/inspect", orjson.dumps(value))
        assert status == 200, body
        return dict(orjson.loads(body))

    def refused(self, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
        """A refusal's status and what it says."""
        status, said = self.ask("POST", "/inspect", body, **headers)
        return status, orjson.loads(said)


def talk(reply: str, **more: Any) -> dict[str, Any]:
    """A conversation of one reply."""
    messages = [{"role": "user", "content": "我的餐还没到, where is it?"}, {"role": "assistant", "content": reply}]
    return {"messages": messages, "model_version": "bot-1", "scenario": "配送"} | more
