"""Puts around a played talk what the systems know and the log adds: signals, participants, calls, outcome."""

from typing import Any

from pipelines.demo.talk import Record, Talk

Outcome = tuple[bool | None, bool | None, bool | None]

OUTCOMES: list[tuple[Outcome, int]] = [
    ((True, True, True), 46),  # good
    ((True, True, False), 8),  # bad: quality
    ((True, False, True), 7),  # bad: satisfaction
    ((True, False, None), 5),  # bad
    ((False, False, False), 9),  # unused
    ((False, True, None), 4),  # unused
    ((None, True, True), 5),  # pending
    ((True, None, None), 5),  # pending
    ((True, True, None), 3),  # pending
]
"""(solution, satisfied, quality) and weight, by mission.md Table 2; 8 more in 100 have no outcome."""

MODELS = ["serve-7b-2026.03", "serve-7b-2026.04", "serve-32b-2026.04"]
RISKS = [("low", "regular orders"), ("low", "new device"), ("medium", "three refunds this month")]


def signals(talk: Talk, identity: str) -> list[Record]:
    """Timed signals of the talk. `identity`: proper, or a fault: false, absent or late (known after the refund)."""
    rng, facts, money, marks = talk.rng, talk.voice.facts, talk.money, talk.marks
    currency = "CNY" if talk.voice.phrases.language == "zh" else "USD"
    order = {"id": facts["order"], "status": talk.status, "amount": money["amount"], "currency": currency}
    tier = rng.choice(["regular", "silver", "gold"])
    user = {"id": f"u{rng.randrange(10**7):07}", "name": facts["name"], "city": facts["city"], "tier": tier}
    first: Record = {"channel": rng.choice(["app", "app", "web", "phone"]), "user": user, "order": order}
    later = _identity(talk, identity, first)
    later.append(_from(0, "order_center", first))
    if rng.random() < 0.3:
        level, reason = rng.choice(RISKS)
        later.append(_from(0, "risk_control", {"risk": {"level": level, "reason": reason}}, rng.random() < 0.5))
    if "pay" in marks:
        due = {"amount": money["due"], "limit": money["limit"], "currency": currency, "paid": False}
        known = {"compensation": {"due": True, "reason": talk.voice.scenario} | due}
        later.append(_from(1, "compensation_center", known))
    if "cancel" in marks:
        later.append(_from(marks["cancel"] + 1, "order_center", {"order": order | {"status": "cancelled"}}))
    if "refund" in marks:
        state = {"refund": {"status": "processing", "amount": money["back"]}}
        later.append(_from(marks["refund"] + 1, "refund_center", state))
    return sorted(later, key=lambda s: int(s["turn_idx"]))


def _from(turn_idx: int, source: str, known: Record, adopted: bool = True) -> Record:
    return {"turn_idx": turn_idx, "source": source, "adopted": adopted, **known}


def _identity(talk: Talk, identity: str, first: Record) -> list[Record]:
    """States the identity in the first signal, and returns the later signal that changes it, if there is one."""
    marks, verified = talk.marks, {"identity": {"verified": True, "method": "app_confirm"}}
    if identity == "absent":
        return []
    if identity == "proper" and "confirm" not in marks:
        first["identity"] = {"verified": True, "method": "login"}
        return []
    first["identity"] = {"verified": False}
    if identity == "false":
        return []
    turn_idx = marks["confirm"] if identity == "proper" else marks["thank"]
    return [_from(turn_idx, "identity_center", verified)]


def _shape_signals(talk: Talk, known: list[Record]) -> list[Record] | Record | None:
    """Mostly the list; where nothing changes over time sometimes one object for the whole talk, or none at all."""
    if {"confirm", "refund", "cancel"} & talk.marks.keys() or talk.rng.random() < 0.6:
        return known
    if "pay" not in talk.marks and talk.rng.random() < 0.2:
        return None
    merged: Record = {}
    for signal in known:
        merged |= signal
    return {key: value for key, value in merged.items() if key not in ("turn_idx", "source", "adopted")}


def _attachments(talk: Talk) -> list[Record]:
    """An image with a caption or a voice message with a transcript, at the customer's first turn."""
    uri = f"s3://demo-logs/{talk.voice.phrases.language}/{talk.rng.randrange(10**6):06}"
    image, voice = {"type": "image", "uri": uri + ".jpg"}, {"type": "voice", "uri": uri + ".amr"}
    if talk.rng.random() < 0.7:
        return [{"turn_idx": 1, **image, "caption": talk.voice.say("caption")}]
    return [{"turn_idx": 1, **voice, "transcript": talk.voice.say("transcript")}]


def _sub_agents(talk: Talk) -> list[Record]:
    """The adviser whose signal the agent adopted before it paid, and sometimes one that it did not need."""
    agents = []
    if "pay" in talk.marks:
        due = {"compensation": {"due": True, "amount": talk.money["due"], "limit": talk.money["limit"]}}
        agents.append({"turn_idx": 1, "name": "compensation_adviser", "mode": "tool", "signals": due, "adopted": True})
    if talk.rng.random() < 0.2:
        mood = {"mood": talk.rng.choice(["calm", "upset"])}
        agents.append({"turn_idx": 1, "name": "mood_watch", "mode": "tool", "signals": mood, "adopted": False})
    return agents


def _outbound(talk: Talk) -> list[Record]:
    """The agent's call to the rider."""
    facts = talk.voice.facts
    call: dict[str, Any] = {"turn_idx": talk.marks["ring"], "request": talk.voice.say("request")}
    call["parameters"] = {"to": "rider", "name": facts["rider"], "order_id": facts["order"]}
    outcome = {"rider_km": float(facts["km"]), "eta": facts["eta"]}
    return [call | {"execution": "answered", "outcome": outcome, "report": f"{facts['rider']}: {facts['eta']}"}]


def _participants(talk: Talk, agents: list[Record]) -> list[Record]:
    facts = talk.voice.facts
    roles = [("customer", facts["name"]), ("agent", f"agent-{talk.rng.randrange(40):02}"), ("merchant", facts["shop"])]
    if {"ring", "ticket"} & talk.marks.keys():
        roles.append(("rider", facts["rider"]))
    roles += [("sub_agent", agent["name"]) for agent in agents]
    return [{"role": role, "name": name} for role, name in roles]


def dress(talk: Talk, conversation_id: str, created_at: str | int, outcome: Outcome | None, identity: str) -> Record:
    """The log record of a played talk."""
    rng, agents = talk.rng, _sub_agents(talk)
    record: Record = {"conversation_id": conversation_id, "created_at": created_at, "messages": talk.messages}
    record["signals"] = _shape_signals(talk, signals(talk, identity))
    record["scenario"] = talk.voice.scenario if rng.random() < 0.9 else None
    record["model_version"] = rng.choice(MODELS) if rng.random() < 0.5 else None
    record["self_sampled"] = True if record["model_version"] and rng.random() < 0.4 else None
    record["participants"] = _participants(talk, agents)
    record["sub_agents"] = agents or None
    record["outbound_calls"] = _outbound(talk) if "ring" in talk.marks else None
    record["attachments"] = _attachments(talk) if "detail" in talk.marks and rng.random() < 0.35 else None
    record["outcome"] = dict(zip(("solution", "satisfied", "quality"), outcome, strict=True)) if outcome else None
    record["queue"] = rng.choice(["meals", "groceries", "night"])
    record["client"] = {"app": f"{rng.randrange(8, 11)}.{rng.randrange(20)}", "locale": talk.voice.phrases.language}
    return {key: value for key, value in record.items() if value is not None}
