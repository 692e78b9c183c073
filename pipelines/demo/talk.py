"""Plays one plot into messages: customer, agent, tool calls and their results.

A plot is a list of acts, such as `open track found agree refund refunded thank`. An act is spoken by the customer, or
is a tool call of the agent followed by its result, or is the agent's words.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from pipelines.demo.personal import Numbers
from pipelines.demo.phrases import Phrases, Plot, Voice, draw_facts

Record = dict[str, Any]

CUSTOMER = frozenset("open detail push agree confirm wait scam hesitate thank".split())
TOOLS = {
    "track": "order.track",
    "refund": "refund.create",
    "pay": "compensation.pay",
    "cancel": "order.cancel",
    "address": "address.update",
    "invoice": "invoice.issue",
    "ticket": "ticket.create",
}
THANKS = {True: "thank_yes", False: "thank_no", None: "thank_meh"}


@dataclass
class Talk:
    """One conversation while it is played; `marks` holds the turn at which each act was played last."""

    voice: Voice
    money: dict[str, float]
    status: str
    satisfied: bool | None
    messages: list[Record] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)

    @property
    def rng(self) -> Random:
        """The generator shared by everything drawn."""
        return self.voice.rng

    def play(self, plot: list[str]) -> None:
        """Append the messages of all acts, after the system message."""
        phrases = self.voice.phrases
        known = self.rng.sample(phrases.scenarios[self.voice.scenario]["knowledge"], 2)
        self.voice.facts["knowledge"] = phrases.glue.join(known)
        self._add("system", self.voice.say("system"))
        for act in plot:
            self.marks[act] = len(self.messages)
            if act in CUSTOMER:
                self._customer(act)
            elif act in TOOLS:
                self._call(act)
            else:
                self._agent(act)

    def _add(self, role: str, content: str | None, **rest: Any) -> None:  # noqa: ANN401 - JSON values
        self.messages.append({"role": role, "content": content, **rest})

    def _customer(self, act: str) -> None:
        text = self.voice.say(THANKS[self.satisfied] if act == "thank" else act)
        if self.rng.random() < 0.6:
            text += self.voice.phrases.glue + self.voice.pick(self.voice.phrases.aside)
        self._add("user", text)

    def _agent(self, act: str) -> None:
        text = self.voice.say(act)
        if act not in ("safe", "bye") and self.rng.random() < 0.5:
            text = self.voice.pick(self.voice.phrases.warm) + self.voice.phrases.glue + text
        self._add("assistant", text)

    def _call(self, act: str) -> None:
        """The agent calls the act's tool, with or without a word, and the tool answers."""
        text = self.voice.say("look" if act == "track" else "doing") if self.rng.random() < 0.6 else None
        call_id, name = f"call_{len(self.messages)}", TOOLS[act]
        arguments, result = _tool(self, act)
        function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
        self._add("assistant", text, tool_calls=[{"id": call_id, "type": "function", "function": function}])
        self._add("tool", json.dumps(result, ensure_ascii=False), tool_call_id=call_id)


def _tool(talk: Talk, act: str) -> tuple[Record, Record]:
    """Arguments and result of an act's call, besides the order number that both carry."""
    facts, money = talk.voice.facts, talk.money
    on_road = {"rider": facts["rider"], "rider_km": float(facts["km"]), "eta": facts["eta"]}
    place = on_road if talk.status == "shipped" else {"items": [facts["dish"], facts["other"]]}
    back, comp, address = {"amount": money["back"]}, {"amount": money["comp"]}, {"address": facts["address"]}
    calls: dict[str, tuple[Record, Record]] = {
        "track": ({}, {"status": talk.status, "shop": facts["shop"]} | place),
        "refund": (back, {"status": "processing"} | back),
        "pay": (comp, {"status": "paid"} | comp),
        "cancel": ({}, {"status": "cancelled"}),
        "address": (address, {"status": "saved"} | address),
        "invoice": ({"amount": money["amount"]}, {"status": "issued", "serial": facts["serial"]}),
        "ticket": ({"about": facts["rider"]}, {"status": "open"}),
    }
    order = {"order_id": facts["order"]}
    arguments, result = calls[act]
    return order | arguments, order | result


def start(rng: Random, phrases: Phrases, numbers: Numbers, when: datetime, plot: Plot) -> Talk:
    """A talk with its facts drawn and nothing said yet."""
    facts, money = draw_facts(rng, phrases, numbers, when)
    if plot.scenario in ("refund", "cancel_order"):  # all of the order, not one dish
        money["back"] = money["amount"]
        facts["back"] = facts["amount"]
    voice = Voice(rng, phrases, plot.scenario, facts)
    return Talk(voice, money, plot.status, satisfied=True)
