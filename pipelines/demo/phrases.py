"""Turns the phrase files into sentences: a template's {slots} are facts of one conversation or words of a list."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import yaml

from pipelines.demo.personal import Numbers

HERE = Path(__file__).parent
SLOT = re.compile(r"\{(\w+)\}")
TRAP_SLOTS = {"serial": "order_id", "order": "order_id", "date": "date", "clock": "time", "amount": "amount"}
"""Facts that look like personal data and are none, and the name of their type in the list of decoys."""


@dataclass(frozen=True)
class Phrases:
    """One language's file: words by slot, acts common to all scenarios, acts and knowledge of each scenario."""

    language: str
    words: dict[str, list[str]]
    aside: list[str]
    warm: list[str]
    acts: dict[str, list[str]]
    personal: dict[str, list[str]]
    scenarios: dict[str, dict[str, list[str]]]

    @property
    def glue(self) -> str:
        """What stands between two sentences."""
        return "" if self.language == "zh" else " "

    def money(self, amount: float) -> str:
        """An amount as people of the language write it."""
        return f"{amount:g}元" if self.language == "zh" else f"${amount:.2f}"


def load(language: str) -> Phrases:
    """The phrases of a language: zh or en."""
    return Phrases(language=language, **yaml.safe_load((HERE / f"{language}.yaml").read_text(encoding="utf-8")))


class Plot(NamedTuple):
    """A way a conversation may run: its scenario, the order's status at the start, and its acts."""

    scenario: str
    status: str
    acts: list[str]


def load_plots() -> list[Plot]:
    """All plots of all scenarios."""
    plots = []
    for name, scenario in yaml.safe_load((HERE / "plots.yaml").read_text(encoding="utf-8")).items():
        for acts in scenario["plots"]:
            status = "shipped" if "ring" in acts else scenario["status"]  # a rider who is called has the food
            plots.append(Plot(name, status, acts.split()))
    return plots


@dataclass
class Voice:
    """Speaks for one conversation: knows its facts, and never uses a template twice in it."""

    rng: Random
    phrases: Phrases
    scenario: str
    facts: dict[str, str]
    used: set[str] = field(default_factory=set)

    def say(self, act: str) -> str:
        """A sentence for the act: the scenario's own templates before those common to all."""
        own = self.phrases.scenarios[self.scenario]
        return self.pick(own[act] if act in own else self.phrases.acts[act])

    def pick(self, templates: list[str]) -> str:
        """One template not used yet, filled in."""
        template = self.rng.choice([t for t in templates if t not in self.used] or templates)
        self.used.add(template)
        return self.fill(template)

    def fill(self, template: str) -> str:
        """The template with all slots filled; filled text may hold slots in turn."""
        while "{" in template:
            template = SLOT.sub(self._slot, template)
        if self.phrases.language == "en":
            template = template[:1].upper() + template[1:]
        return template

    def _slot(self, match: re.Match[str]) -> str:
        name = match[1]
        return self.facts[name] if name in self.facts else self.rng.choice(self.phrases.words[name])


def draw_facts(
    rng: Random, phrases: Phrases, numbers: Numbers, when: datetime
) -> tuple[dict[str, str], dict[str, float]]:
    """What is true in a conversation that begins at local time `when`: texts by slot, and the amounts as numbers."""
    words, zh = phrases.words, phrases.language == "zh"
    dish, other = rng.sample(words["dish"], 2)
    amount = round(rng.uniform(18, 160), 1) if zh else round(rng.uniform(9, 65), 2)
    part, comp = round(amount * rng.uniform(0.3, 0.8), 1), float(rng.randrange(3, 16) if zh else rng.randrange(2, 9))
    money = {"amount": amount, "back": part, "comp": comp, "due": comp, "limit": comp + rng.randrange(0, 9)}
    day, minutes = f"{when:%Y-%m-%d}", rng.randrange(20, 76)
    surname, title, street = (rng.choice(words[key]) for key in ("surname", "title", "street"))
    number, unit = rng.randrange(2, 99), rng.randrange(1, 20)
    facts = {
        "order": numbers.order(phrases.language, day),
        "serial": numbers.order(phrases.language, day),
        "shop": rng.choice(words["shop"]),
        "dish": dish,
        "other": other,
        "city": rng.choice(words["city"]),
        "name": f"{surname}{title}" if zh else f"{title} {surname}",
        "rider": rng.choice(words["nick"]),
        "address": f"{street}{number}号{unit}单元" if zh else f"{number} {street}, unit {unit}",
        "minutes": str(minutes),
        "km": f"{rng.randrange(4, 48) / 10}",
        "date": day,
        "clock": f"{when - timedelta(minutes=minutes + 30):%H:%M:%S}",
        "eta": f"{when + timedelta(minutes=rng.randrange(6, 40)):%H:%M}",
    }
    return facts | {key: phrases.money(value) for key, value in money.items()}, money
